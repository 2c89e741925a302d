"""The learner's whole state on disk, at one journal position.

A snapshot is a folder with two files: ``arrays.npz``, read without pickle, and ``manifest.json`` with the
format version, the sha256 of every array, and everything of the state that is not an array. It is written
under a temporary name, flushed to disk, then renamed: a snapshot is there whole or not at all. A damaged one is
refused with the reason, and the one before it is used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import orjson
from numpy.typing import NDArray

from streamssl.fail_points import reach

FORMAT = 7
"""Raised whenever an older reader would misread a snapshot."""


class Snapshot(NamedTuple):
    """A state at rest."""

    sequence: int
    """Journal sequence number of the next batch."""
    journal_position: int
    """Journal offset at which the replay begins."""
    document: dict[str, Any]
    """Everything that is not an array; JSON."""
    arrays: dict[str, NDArray[Any]]


class SnapshotDamaged(Exception):
    """The snapshot on disk is not what was written; the message names the file and what is wrong with it."""


class SnapshotStore:
    """The last few snapshots of one worker.

    Parameters
    ----------
    directory
        Folder of the snapshots; made when missing.
    keep
        How many are kept, at least 1.
    """

    def __init__(self, directory: Path, keep: int = 3) -> None:
        self.directory = directory
        self.keep = keep

    def names(self) -> list[str]:
        """Return the names of the complete snapshots, oldest first."""
        if not self.directory.is_dir():
            return []
        return sorted(path.name for path in self.directory.iterdir() if path.name.isdigit())

    def save(self, snapshot: Snapshot) -> str:
        """Write one snapshot, drop the oldest beyond `keep`, return the new one's name."""
        name = f"{snapshot.sequence:012d}"
        unfinished = self.directory / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with (unfinished / "arrays.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **snapshot.arrays)
            file.flush()
            os.fsync(file.fileno())
        with (unfinished / "manifest.json").open("wb") as file:
            manifest = _manifest(snapshot)
            file.write(orjson.dumps(manifest | {"seal": _seal(manifest)}, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        reach("snapshot-2-written")
        final = self.directory / name
        shutil.rmtree(final, ignore_errors=True)
        unfinished.rename(final)
        reach("snapshot-3-renamed")
        _flush_directory(self.directory)
        for old in self.names()[: -self.keep]:
            shutil.rmtree(self.directory / old)
        return name

    def manifest(self, name: str) -> dict[str, Any]:
        """Return what a snapshot's manifest says.

        Raises
        ------
        SnapshotDamaged
            When it cannot be read or is of another format.
        """
        path = self.directory / name / "manifest.json"
        try:
            manifest = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise SnapshotDamaged(f"{path}: cannot be read: {error}") from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            found = manifest.get("format") if isinstance(manifest, dict) else None
            raise SnapshotDamaged(f"{path}: format {found!r}; this version reads format {FORMAT}")
        if manifest.pop("seal", None) != _seal(manifest):
            raise SnapshotDamaged(f"{path}: differs from its checksum")
        return manifest

    def load(self, name: str) -> Snapshot:
        """Read one snapshot and check every array against its sha256.

        Raises
        ------
        SnapshotDamaged
            When anything is missing or differs.
        """
        manifest = self.manifest(name)
        path = self.directory / name / "arrays.npz"
        arrays: dict[str, NDArray[Any]] = {}
        try:
            with np.load(path, allow_pickle=False) as file:
                for array_name, expected in manifest["arrays"].items():
                    array = file[array_name]
                    if _sha256(array) != expected["sha256"]:
                        raise SnapshotDamaged(f"{path}: {array_name} differs from its checksum")
                    arrays[array_name] = array
            return Snapshot(manifest["sequence"], manifest["journal_position"], manifest["document"], arrays)
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise SnapshotDamaged(f"{path}: cannot be read: {error!r}") from error

    def age_seconds(self) -> float:
        """Return how long ago the newest snapshot was written; infinity when there is none."""
        names = self.names()
        if not names:
            return float("inf")
        written = (self.directory / names[-1] / "manifest.json").stat().st_mtime
        return max(0.0, datetime.now(UTC).timestamp() - written)


def _manifest(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "written": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "sequence": snapshot.sequence,
        "journal_position": snapshot.journal_position,
        "arrays": {
            name: {"sha256": _sha256(array), "dtype": str(array.dtype), "shape": list(array.shape)}
            for name, array in snapshot.arrays.items()
        },
        "document": snapshot.document,
    }


def _seal(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
