"""What holds for every command: help, mistakes, exit codes, a quick start."""

import subprocess
import sys

import pytest

COMMANDS = (
    ["run"], ["replay"], ["label"], ["schema"], ["check-config"],
    ["topics", "create"], ["topics", "list"], ["dead-letters", "list"], ["dead-letters", "replay"],
    ["snapshots", "list"], ["snapshots", "inspect"], ["snapshots", "diff"],
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself(cli, command, flag):
    ended = cli(*command, flag)
    assert ended.code == 0
    assert f"Usage: streamssl {' '.join(command)}" in ended.out
    assert "--config" in ended.out or command == ["schema"]


def test_the_list_of_commands(cli):
    ended = cli("--help")
    assert ended.code == 0
    for command in COMMANDS:
        assert command[0] in ended.out


def test_an_unknown_command_is_a_mistake(cli):
    ended = cli("rnu")
    assert ended.code == 2
    assert "rnu" in ended.err


def test_version(cli):
    from streamssl import __version__

    assert cli("--version").out == f"streamssl {__version__}\n"


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from streamssl.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'numpy', 'numba', 'scipy', 'sklearn', 'matplotlib', 'kafka', 'river', 'pydantic', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["topics", "list", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["topics", "list", "--set", "kafka"], "--set kafka: it must read KEY=VALUE"),
        (["topics", "list", "--set", "kafka.grup_id=x"], "kafka.group_id"),
        (["replay", "nowhere.csv"], "nowhere.csv: there is no such file"),
        (["replay", "nowhere.csv", "--rate", "fast"], "--rate fast"),
        (["schema", "--topic", "evnts"], "did you mean 'event'?"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(cli, arguments, said):
    ended = cli(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert said in ended.err
    assert ended.err.startswith("streamssl: ")
    assert ended.err.count("\n") == 1


def test_a_file_where_a_folder_is_meant(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    ended = cli("schema", "--write", "file")
    assert (ended.code, ended.err) == (2, "streamssl: file: File exists\n")
