"""Where the configuration comes from: defaults < file < environment < flags; and errors that say what to write."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from streamssl.config.sections import Config, Section

PREFIX = "STREAMSSL_"
"""What environment variables of ours begin with; ``__`` stands between a section and its key."""
TESTS_PREFIX = "STREAMSSL_TEST_"
BENCH_PREFIX = "STREAMSSL_BENCH_"
"""Variables that only tests and benchmarks read."""
SECRET_FILE_SUFFIX = "_file"
"""Of a variable that names a file which holds the value."""


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
        values = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(values, dict | None):
        raise ConfigError(f"{path}: must hold keys and values, not {type(values).__name__}")
    return values or {}


def _environment(environment: Mapping[str, str]) -> list[tuple[str, str, Any]]:
    """Return (variable, dotted key, value) of every variable that is meant for us."""
    found = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable.startswith((TESTS_PREFIX, BENCH_PREFIX)):
            continue
        key = variable.removeprefix(PREFIX).lower().replace("__", ".")
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
    """Read a value as YAML does: ``3`` is a number, ``[a, b]`` a list; what is not YAML is text."""
    try:
        return yaml.safe_load(text)
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
    given = "" if error["type"] in ("missing", "value_error") else f", not {error['input']!r}"
    return f"{known_place}: {key or 'configuration'}: {error['msg'].removeprefix('Value error, ')}{given}"


def _parents(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]


def _nearest(location: list[str]) -> str:
    valid = [".".join(path) for path in _valid_paths(Config, ())]
    key = ".".join(location)
    close = difflib.get_close_matches(key, valid, n=1, cutoff=0.5)
    if not close:
        same_section = [path for path in valid if path.rpartition(".")[0] == key.rpartition(".")[0]]
        return f"; valid here: {', '.join(same_section)}" if same_section else ""
    return f"; did you mean {close[0]}?"


def _valid_paths(model: type[BaseModel], prefix: tuple[str, ...]) -> list[tuple[str, ...]]:
    paths = []
    for name, field in model.model_fields.items():
        path = (*prefix, field.alias or name)
        paths.append(path)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            paths += _valid_paths(field.annotation, path)
    return paths
