"""What docs/security.md says that the service never does, held against the source of every module."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "streamssl"
SOURCES = sorted(PACKAGE.rglob("*.py"))

UNPICKLING = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "copyreg"}
REACHING_OUT = {
    *("subprocess", "multiprocessing", "pty", "urllib", "http", "requests", "httpx", "ftplib", "smtplib"),
    *("socket", "socketserver", "xmlrpc", "webbrowser", "ctypes", "asyncio"),
}
EVALUATING = {"eval", "exec", "compile", "__import__", "breakpoint"}
RUNNING = {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"}

MAY_REACH_OUT = {
    "connectors/label_studio/client.py": "speaks with Label Studio, at the address that is configured",
    "connectors/listening.py": "listens",
    "demo/service.py": "starts the service on this machine, and asks its probes",
    "monitoring/reading.py": "reads a worker's /metrics, at the address that its user names or that is configured",
    "runtime/health.py": "listens",
}


def trees():
    for path in SOURCES:
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())


def imported(tree):
    """Yield the first name of every module that is imported, wherever in the source.

    But for urllib.parse, which takes addresses apart and reaches nothing.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "urllib.parse":
            yield node.module.partition(".")[0]


def calls(tree):
    """Return (what the function belongs to, the function, the call); the first is empty for a plain name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield "", node.func.id, node
            elif isinstance(node.func, ast.Attribute):
                yield ast.unparse(node.func.value), node.func.attr, node


def dangers(name, tree):
    """Return what a module does that none should."""
    found = sorted(set(imported(tree)) & UNPICKLING)
    if name not in MAY_REACH_OUT:
        found += sorted(set(imported(tree)) & REACHING_OUT)
    for owner, function, call in calls(tree):
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if owner == "" and function in EVALUATING:
            found.append(function)
        if owner == "os" and (function in RUNNING or function.startswith(("exec", "spawn"))):
            found.append(f"os.{function}")
        if owner == "yaml" and function in ("unsafe_load", "full_load", "unsafe_load_all", "full_load_all"):
            found.append(f"yaml.{function}")
        if owner == "yaml" and function in ("load", "load_all") and keywords.get("Loader") != "_TextLoader":
            found.append(f"yaml.{function} with {keywords.get('Loader')}")
        if "allow_pickle" in keywords and keywords["allow_pickle"] != "False":
            found.append("allow_pickle")
    return found


def test_no_module_unpickles_evaluates_or_reaches_out():
    assert len(SOURCES) > 100
    assert {name: found for name, tree in trees() if (found := dangers(name, tree))} == {}


def test_the_loader_of_yaml_is_a_safe_one():
    import yaml

    from streamssl.config.loading import _TextLoader

    assert issubclass(_TextLoader, yaml.SafeLoader)
    with pytest.raises(yaml.YAMLError):
        yaml.load("!!python/object/apply:os.getcwd []", Loader=_TextLoader)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from pickle import loads",
        "import urllib.request",
        "import subprocess as s",
        "eval('1')",
        "os.system('ls')",
        "os.execv('a', [])",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_each_danger_would_be_found(source):
    assert dangers("engine/some.py", ast.parse(source))
