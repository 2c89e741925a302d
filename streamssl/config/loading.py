"""Where the configuration comes from: defaults < file < environment < flags; and errors that say what to write."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from streamssl.config.base import Section
from streamssl.config.sections import Config

PREFIX = "STREAMSSL_"
"""What environment variables of ours begin with; ``__`` stands between a section and its key."""
TESTS_PREFIX = "STREAMSSL_TEST_"
BENCH_PREFIX = "STREAMSSL_BENCH_"
"""Variables that only tests and benchmarks read."""
SECRET_FILE_SUFFIX = "_file"
"""Of a variable that names a file which holds the value."""
KUBERNETES_LINK = re.compile(r"(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP|SCTP)(_.+)?)?)")
"""What Kubernetes adds to every container beside a Service named streamssl; none of it is a section and a key."""


class _TextLoader(yaml.SafeLoader):
    """YAML whose scalars stay text, but for null: the models know what is a number.

    Else ``off`` would be false, ``0123`` 83, and neither a password nor a worker id.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class ConfigError(Exception):
    """The configuration cannot be used; the message names the key, its place and the nearest valid one."""


def load_config(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read the configuration: defaults < file < environment < overrides.

    Parameters
    ----------
    path
        YAML (``.yaml``, ``.yml``) or TOML (``.toml``) file.
    overrides
        Dotted key -> value, as given by flags.

    Raises
    ------
    ConfigError
        When something in it cannot be used.
    """
    values: dict[str, Any] = {} if path is None else _read_file(path)
    places = dict.fromkeys(_leaves(values), str(path))
    for place, key, value in [*_environment(os.environ), *(("flag", k, v) for k, v in (overrides or {}).items())]:
        _put(values, key, value)
        places[key] = place
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(each, places) for each in error.errors())) from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else _yaml(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(values, dict | None):
        raise ConfigError(f"{path}: must hold keys and values, not {type(values).__name__}")
    return values or {}


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=_TextLoader)  # a SafeLoader


def _environment(environment: Mapping[str, str]) -> list[tuple[str, str, Any]]:
    """Return (variable, dotted key, value) of every variable that is meant for us."""
    found = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable.startswith((TESTS_PREFIX, BENCH_PREFIX)):
            continue
        name = variable.removeprefix(PREFIX)
        if "__" not in name and KUBERNETES_LINK.fullmatch(name):
            continue
        key = name.lower().replace("__", ".")
        if key.endswith(SECRET_FILE_SUFFIX):
            key = key.removesuffix(SECRET_FILE_SUFFIX)
            try:
                found.append((variable, key, Path(text).read_text(encoding="utf-8").strip()))
            except OSError as error:
                raise ConfigError(f"{variable}: {text}: cannot be read: {error.strerror}") from None
        else:
            found.append((variable, key, parse_value(text)))
    return found


def parse_value(text: str) -> Any:
    """Read a value of the environment or a flag: a list or object as YAML has it, null, else the very text.

    Examples
    --------
    >>> parse_value("[a, b]"), parse_value("0123"), parse_value("#1: x"), parse_value("null")
    (['a', 'b'], '0123', '#1: x', None)
    """
    if text in ("", "null"):
        return None
    if not text.startswith(("[", "{")):
        return text
    try:
        return _yaml(text)
    except yaml.YAMLError:
        return text


def _leaves(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for name, value in values.items():
        keys.append(f"{prefix}{name}")
        if isinstance(value, dict):
            keys += _leaves(value, f"{prefix}{name}.")
    return keys


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    *sections, name = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            inner = values[section] = {}
        values = inner
    values[name] = value


def _explain(error: Any, places: Mapping[str, str]) -> str:
    location = [str(part) for part in error["loc"]]
    key = ".".join(location)
    known_place = next((places[k] for k in (key, *_parents(key)) if k in places), "configuration")
    if error["type"] == "extra_forbidden":
        return f"{known_place}: unknown key {key}{_nearest(location)}"
    secret = any(path == tuple(location[: len(path)]) for path, field in _fields(Config) if _is_secret(field))
    given = "" if secret or error["type"] in ("missing", "value_error") else f", not {error['input']!r}"
    said = error["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
    problem = f"{said}{given}"
    return f"{known_place}: {key}: {problem}" if key else f"{known_place}: {problem}"


def _parents(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]


def _nearest(location: list[str]) -> str:
    valid = [".".join(path) for path, _ in _fields(Config)]
    key = ".".join(location)
    close = difflib.get_close_matches(key, valid, n=1, cutoff=0.5)
    if not close:
        same_section = [path for path in valid if path.rpartition(".")[0] == key.rpartition(".")[0]]
        return f"; valid here: {', '.join(same_section)}" if same_section else ""
    return f"; did you mean {close[0]}?"


def _fields(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        path = (*prefix, field.alias or name)
        yield path, field
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _fields(field.annotation, path)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))
