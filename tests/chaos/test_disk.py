"""The disk is full, read-only, or has lost or garbled what was written to it."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from streamssl.runtime.service import EXIT_FAILED
from tests.chaos.scene import Scene, scene
from tests.integration.service import until

MEGABYTES = 80


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own under the state directory."""
    state = tmp_path / "state"
    state.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", state], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small file system needs root: {mounted.stderr.strip()}")
    yield state
    subprocess.run(["umount", "--lazy", state], check=True)


def fill(file: Path) -> None:
    """Write until there is no space left."""
    with file.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(64 * 1024))
        except OSError as error:
            assert error.errno == errno.ENOSPC


@pytest.mark.timeout(300)
def test_a_full_disk_ends_the_service_with_a_word_and_loses_nothing(
    small_disk: Path, on_sqlite: dict[str, Any], tmp_path: Path
) -> None:
    with scene(on_sqlite, tmp_path, workers=1) as play:
        [service] = play.services
        service.start()
        play.has_gone_on()
        filler = small_disk / "filler"
        fill(filler)
        assert service.process.wait(60) == EXIT_FAILED
        assert "No space left on device" in service.log.read_text().splitlines()[-1]
        service.start(wait=False)
        assert service.process.wait(60) == EXIT_FAILED, "it is still full"
        filler.unlink()
        service.start()
        play.has_gone_on()
        play.check()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_read_only_disk_is_said(small_disk: Path, on_sqlite: dict[str, Any], tmp_path: Path) -> None:
    with scene(on_sqlite, tmp_path, workers=1) as play:
        [service] = play.services
        service.start()
        play.has_gone_on()
        service.kill()
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        service.start(wait=False)
        assert service.process.wait(60) == EXIT_FAILED
        assert "Read-only file system" in service.log.read_text().splitlines()[-1]
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        service.start()
        play.has_gone_on()
        play.check()


def flip_a_bit(home: Path) -> str:
    _change(_snapshots(home)[-1] / "arrays.npz", lambda data: _flipped(data, len(data) // 2))
    return "is refused"


def cut_short(home: Path) -> str:
    _change(_snapshots(home)[-1] / "manifest.json", lambda data: data[: len(data) // 2])
    return "is refused"


def of_an_older_format(home: Path) -> str:
    def older(data: bytes) -> bytes:
        return orjson.dumps(orjson.loads(data) | {"format": 3})

    for snapshot in _snapshots(home):
        _change(snapshot / "manifest.json", older)
    return "no snapshot is usable: the journal is replayed"


def without_pending_events(home: Path) -> str:
    for file in (home / "pending").iterdir():
        file.unlink()
    return "is refused"


def with_garbled_pending_events(home: Path) -> str:
    for file in (home / "pending").iterdir():
        _change(file, lambda data: _flipped(data, 100))
    return "is refused"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        of_an_older_format,
        without_pending_events,
        pytest.param(cut_short, marks=pytest.mark.long),
        pytest.param(with_garbled_pending_events, marks=pytest.mark.long),
    ],
)
def test_what_the_disk_has_lost_comes_back_from_the_topics(
    on_sqlite: dict[str, Any], tmp_path: Path, damage: Callable[[Path], str]
) -> None:
    with scene(on_sqlite, tmp_path, workers=1) as play:
        [service] = play.services
        service.start()
        until(lambda: len(_snapshots(_home(play))) >= 3, 60, "snapshots")
        service.kill()
        expected = damage(_home(play))
        service.start()
        assert expected in service.log.read_text()
        play.has_gone_on()
        play.check()


def _home(play: Scene) -> Path:
    return play.directory / "state" / "worker-0"


def _snapshots(home: Path) -> list[Path]:
    return sorted(path for path in (home / "snapshots").glob("*") if path.name.isdigit())


def _change(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes()))


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
