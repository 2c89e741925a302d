"""A connector as a process: start it, kill it, read its log."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from tests.integration.service import until


class Connector:
    """``streamssl connect NAME`` under a configuration.

    Parameters
    ----------
    name
        ``label-studio`` or ``webhook``.
    folder
        Where its configuration and its log go.
    sections
        Of the configuration.
    """

    def __init__(self, name: str, folder: Path, sections):
        self.name = name
        self.config = folder / f"{name}.yaml"
        self.config.write_text(yaml.safe_dump(sections))
        self.log = folder / f"{name}.log"
        self.process = None

    def start(self, fail_point=None):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamssl", "connect", self.name, "--config", self.config],
                stdout=log,
                stderr=log,
                env=os.environ | ({"STREAMSSL_TEST_FAIL_POINT": fail_point} if fail_point else {}),
            )
        return self

    def url(self):
        """Return where it awaits webhooks, as it says itself."""
        found = until(lambda: re.findall(r'"url":"(http://[^"]+)"', self.log.read_text()), 30, "listening")
        return found[-1]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def ends(self):
        """Wait until it has ended by itself; return the exit code."""
        return self.process.wait(60)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
