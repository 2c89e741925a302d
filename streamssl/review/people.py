"""Who may enter, and by which token. The file holds digests only: who reads it cannot enter.

A token is 256 random bits, shown once when it is made; whoever has it is the person. The file is read again when it
changes, so that a token that is taken away ends at once, with all that was begun by it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamssl.config import Config
from streamssl.locks import Taken, sole_use

NAME = r"^[^\s/\\<>&\"'](?:[^\n\r\t<>&\"]{0,62}[^\s<>&\"])?$"


class PeopleError(Exception):
    """The file cannot be used, or a name cannot; the message says why."""


class Person(BaseModel):
    """Somebody who may enter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME, description="Goes into labels as their annotator.")
    is_lead: bool = Field(False, description="May see how everybody does, and upload in others' names.")
    token: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the token, hexadecimal.")
    expires: int | None = Field(None, description="When the token ends, ms since the epoch; null: never.")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    people: tuple[Person, ...] = ()


class People:
    """The file of those who may enter.

    Parameters
    ----------
    path
        A missing file is one without anybody.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_as_of: tuple[int, int, int] | None = None
        self._people: tuple[Person, ...] = ()

    def all(self) -> tuple[Person, ...]:
        """Return everybody, as the file says now.

        Raises
        ------
        PeopleError
            When the file cannot be read.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._read_as_of, self._people = None, ()
            return ()
        except OSError as error:
            raise PeopleError(f"{self.path}: {error.strerror}") from error
        as_of = (status.st_ino, status.st_mtime_ns, status.st_size)
        if as_of != self._read_as_of:
            try:
                self._people = _File.model_validate_json(self.path.read_bytes()).people
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(str(part) for part in first["loc"])
                raise PeopleError(f"{self.path}: {where and f'{where}: '}{first['msg']}") from error
            except OSError as error:
                raise PeopleError(f"{self.path}: {error.strerror}") from error
            self._read_as_of = as_of
        return self._people

    def by_token(self, token: str, now: int) -> Person | None:
        """Return whose token this is; None when it is nobody's, or has ended.

        Takes the same time whoever it is.
        """
        return self.by_digest(digest(token), now)

    def by_digest(self, token_digest: str, now: int) -> Person | None:
        """Return whose token has this digest; None when it is nobody's, or has ended."""
        found = None
        for person in self.all():
            if hmac.compare_digest(person.token, token_digest):
                found = person
        return None if found is None or (found.expires is not None and found.expires <= now) else found

    def add(self, name: str, *, is_lead: bool, expires: int | None) -> str:
        """Let somebody in, or give them another token in place of theirs; return the token.

        Raises
        ------
        PeopleError
            When the name cannot be used, or the file.
        """
        if not re.match(NAME, name):
            raise PeopleError(f'{name!r}: a name has 1 to 64 characters, none of < > & " and no space at its ends')
        token = secrets.token_urlsafe(32)
        person = Person(name=name, is_lead=is_lead, token=digest(token), expires=expires)
        with self._changing():
            self._write([*(each for each in self.all() if each.name != name), person])
        return token

    def remove(self, name: str) -> None:
        """Let somebody in no more.

        Raises
        ------
        PeopleError
            When there is nobody of that name, or the file cannot be used.
        """
        with self._changing():
            left = [each for each in self.all() if each.name != name]
            if len(left) == len(self.all()):
                raise PeopleError(f"there is nobody named {name!r}")
            self._write(left)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the file: of two who change what they have read, the second would undo the first's change."""
        # Not with_suffix: it may lie beside a file of the service's that differs in the suffix only.
        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            with sole_use(lock, f"{self.path} is being changed by another process"):
                self._read_as_of = None  # whatever is remembered, a change begins with what the file says
                yield
        except Taken as error:
            raise PeopleError(str(error)) from error
        except OSError as error:
            raise PeopleError(f"{lock}: {error.strerror}") from error

    def _write(self, people: list[Person]) -> None:
        beside = self.path.with_suffix(".new")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(_File(people=tuple(people)).model_dump_json(indent=1) + "\n")
            beside.replace(self.path)
        except OSError as error:
            raise PeopleError(f"{self.path}: {error.strerror}") from error
        self._read_as_of = None


def digest(token: str) -> str:
    """Return what is kept of a token or a cookie."""
    return hashlib.sha256(token.encode()).hexdigest()


def review_folder(config: Config) -> Path:
    """Return where the review service keeps its file, and by default the file of the people."""
    return Path(config.state.directory) / "review"


def people_file(config: Config) -> Path:
    """Return the file of those who may enter."""
    named = config.review_service.people
    return review_folder(config) / "people.json" if named is None else Path(named)
