"""The real service as a process: start it, ask it, kill it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from streamssl.runtime.snapshots import SnapshotStore


def until(condition, seconds=60.0, what="the condition"):
    """Return the first true value of ``condition()``; fail when the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true within {seconds:.0f} s")


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """One worker under a configuration of its own.

    Parameters
    ----------
    directory
        Where configuration, state and log go.
    sections
        Of the configuration.
    """

    def __init__(self, directory: Path, **sections):
        self.port = free_port()
        self.config = directory / "streamssl.yaml"
        self.log = directory / "service.log"
        sections.setdefault("state", {"directory": str(directory / "state"), "snapshot_every_seconds": 1})
        sections.setdefault("metrics", {"port": self.port})
        self.config.write_text(yaml.safe_dump(sections))
        self.process = None
        self.program = ["-m", "streamssl"]

    def start(self, wait=True, fail_point=None):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "run", "--config", self.config],
                stdout=log,
                stderr=log,
                env=os.environ | ({"STREAMSSL_TEST_FAIL_POINT": fail_point} if fail_point else {}),
            )
        if wait:
            until(self.is_ready, 90, "ready")
        return self

    def get(self, path):
        """Return the status and the text of one of the service's pages; status 0 when nobody answers."""
        try:
            try:
                answer = urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):  # it was killed while it spoke
            return 0, ""

    def is_ready(self):
        assert self.process.poll() is None, self.log.read_text()[-3_000:]
        return self.get("/health/ready")[0] == 200

    def metric(self, name):
        """Return the sum over a metric's series, 0 when there is none. One that does not exist is a mistake."""
        status, text = self.get("/metrics")
        declared = [name, name.removesuffix("_count").removesuffix("_sum")]
        assert status != 200 or any(f"# TYPE {each} " in text for each in declared), f"there is no metric {name}"
        lines = text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.partition("{")[0].split(" ")[0] == name)

    def is_frozen(self):
        """Tell whether it was stopped by SIGSTOP."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def thaw(self):
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """End it as a power cut would, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, with_signal=signal.SIGTERM):
        """Ask it to end; return the exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(60)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def newest_snapshot(directory: Path, worker="worker-0"):
    """Return what is in the newest snapshot of a worker."""
    store = SnapshotStore(directory / worker / "snapshots")
    return store.load(store.names()[-1])
