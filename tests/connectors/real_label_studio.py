"""A real Label Studio: installed into an environment of its own, started, killed, used as people use it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from tests.connectors.record import CONFIG, choice
from tests.integration.service import free_port, until

VERSION = "1.23.0"
LEAD = ("lead@example.org", "not-a-real-password")


def installed(folder: Path) -> Path:
    """Return the program in an environment below ``folder``, which is made when missing: 100 s, 1 GB."""
    environment = folder / f"label-studio-{VERSION}"
    program, ready = environment / "bin" / "label-studio", environment / "ready"
    if not ready.exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--clear", "--quiet", environment], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", f"label-studio=={VERSION}"],
            env=os.environ | {"VIRTUAL_ENV": str(environment)},
            check=True,
        )
        ready.touch()
    return program


class LabelStudio:
    """One Label Studio with one user."""

    def __init__(self, program: Path, folder: Path):
        self.program, self.folder = program, folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "label-studio.log"
        self.process = None
        self._access = None

    def start(self):
        quiet = {"COLLECT_ANALYTICS": "False", "LATEST_VERSION_CHECK": "False", "SENTRY_DSN": ""}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self.program, "start", "--internal-host", "127.0.0.1", "-p", str(self.port), "--no-browser"),
                    *("--data-dir", self.folder / "data", "--username", LEAD[0], "--password", LEAD[1]),
                ],
                stdout=log,
                stderr=log,
                env=os.environ | quiet | {"FRONTEND_SENTRY_DSN": "", "SSRF_PROTECTION_ENABLED": "false"},
            )
        until(self._answers, 240, "Label Studio")
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()[-3_000:]
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def personal_token(self):
        """Log in as the page does, and make a personal token."""
        with httpx.Client(base_url=self.url, timeout=30, headers={"Referer": self.url}) as browser:
            page = browser.get("/user/login/")
            form = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
            login = {"csrfmiddlewaretoken": form, "email": LEAD[0], "password": LEAD[1]}
            assert browser.post("/user/login/", data=login).status_code == 302
            answer = browser.post("/api/token/", headers={"X-CSRFToken": browser.cookies["csrftoken"]})
            return answer.json()["token"]

    def ask(self, method, path, token, **options):
        """Ask as a user with a token; fail when it is refused."""
        if self._access is None:
            answer = httpx.post(f"{self.url}/api/token/refresh/", json={"refresh": token}, timeout=30)
            self._access = answer.json()["access"]
        headers = {"Authorization": f"Bearer {self._access}"}
        answer = httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **options)
        if answer.status_code == 401:
            self._access = None
            return self.ask(method, path, token, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None


class Project:
    """A project, as those see it who label in it."""

    def __init__(self, studio: LabelStudio, token: str):
        self.studio, self.token = studio, token
        settings = {
            "title": "Reviews",
            "label_config": CONFIG,
            "sampling": "Uncertainty sampling",
            "show_collab_predictions": False,
        }
        self.id = self._ask("POST", "/api/projects", json=settings)["id"]

    def hook(self, url, secret):
        body = {"url": url, "project": self.id, "send_payload": True, "send_for_all_actions": True}
        self._ask("POST", "/api/webhooks/", json=body | {"headers": {"X-Streamssl-Secret": secret}})

    def tasks(self):
        """Return request id -> task, of all tasks."""
        params = {"project": self.id, "fields": "all", "page_size": 1000}
        found = self._ask("GET", "/api/tasks", params=params)["tasks"]
        by_request = {task["meta"]["streamssl"]["request_id"]: task for task in found}
        assert len(by_request) == len(found), "a request was pushed twice"
        return by_request

    def count(self):
        """Return how many tasks there are."""
        return self._ask("GET", "/api/tasks", params={"project": self.id, "page_size": 1})["total"]

    def next_task(self):
        return self._ask("GET", f"/api/projects/{self.id}/next")

    def annotate(self, task_id, name=None):
        body = {"result": choice(name)} if name else {"result": [], "was_cancelled": True}
        return self._ask("POST", f"/api/tasks/{task_id}/annotations/", json=body)["id"]

    def change(self, annotation_id, name):
        self._ask("PATCH", f"/api/annotations/{annotation_id}/", json={"result": choice(name)})

    def delete(self, annotation_id):
        self._ask("DELETE", f"/api/annotations/{annotation_id}/")

    def delete_all_of(self, task_ids):
        """Delete the annotations of some tasks as the data manager does."""
        body = {"selectedItems": {"all": False, "included": task_ids}}
        self._ask("POST", f"/api/dm/actions?id=delete_tasks_annotations&project={self.id}", json=body)

    def _ask(self, method, path, **options):
        return self.studio.ask(method, path, self.token, **options)
