"""The review service as a process: start it, kill it, call it as a script would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import yaml

from streamssl.config import load_config
from streamssl.review.people import People, people_file
from streamssl.runtime.topics import check_topics, topic_specs
from streamssl.transport import connect
from tests.integration.service import free_port, until


class Page:
    """``streamssl review`` under a configuration.

    Parameters
    ----------
    folder
        Where its configuration, its state and its log go.
    sections
        Of the configuration, beside those that it needs.
    """

    def __init__(self, folder: Path, **sections):
        self.port = free_port()
        sections.setdefault("state", {"directory": str(folder / "state")})
        sections.setdefault("logging", {"format": "json"})
        section = sections.setdefault("review_service", {})
        section |= {"port": self.port, "metrics": {"port": free_port()}}
        self.sections = sections
        self.path = folder / "review.yaml"
        self.path.write_text(yaml.safe_dump(sections))
        self.config = load_config(self.path, {})
        self.people = People(people_file(self.config))
        self.log = folder / "review.log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.metrics_port = section["metrics"]["port"]
        self.metrics_url = f"http://127.0.0.1:{self.metrics_port}"
        self.process = None
        self.kills = 0

    def create_topics(self):
        with closing(connect(self.config)) as transport:
            transport.create_topics(topic_specs(self.config))
            check_topics(transport, self.config)

    def start(self, fail_point=None, wait=True):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMSSL_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamssl", "review", "--config", str(self.path)],
                stdout=log,
                stderr=log,
                env=environment | ({"STREAMSSL_TEST_FAIL_POINT": fail_point} if fail_point else {}),
            )
        if wait:
            until(self.is_up, 30, "the page")
        return self

    def is_up(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.metrics_url}/health/ready", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def metrics(self):
        return httpx.get(f"{self.metrics_url}/metrics", trust_env=False).text

    def client(self, name, lead=False):
        """Return a client of the API that has somebody's token."""
        token = self.people.add(name, is_lead=lead, expires=None)
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=10
        )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.kill()
