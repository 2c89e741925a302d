"""Records what a real Label Studio answers, for the short tests: ``python -m tests.connectors.record URL TOKEN``.

Everything is made by the scenario itself, in a project of its own; what names people or times tokens is replaced.
"""

from __future__ import annotations

import http.server
import json
import re
import sys
import threading
import time
from pathlib import Path

import httpx

from streamssl.connectors.label_studio.client import FIELDS

FOLDER = Path(__file__).with_name("recorded")
CONFIG = (
    '<View><Text name="text" value="$text"/><Choices name="label" toName="text">'
    '<Choice value="spam"/><Choice value="ham"/></Choices></View>'
)


def choice(name):
    value = {"choices": [name]}
    return [{"from_name": "label", "to_name": "text", "type": "choices", "value": value}]


def task(number):
    return {
        "data": {"text": f"text {number}", "event_id": f"event-{number}"},
        "meta": {"streamssl": {"event_id": f"event-{number}", "request_id": f"request-{number}"}},
        "predictions": [{"model_version": "streamssl", "score": number / 10, "result": []}],
    }


def scrubbed(value):
    """Return a value without e-mail addresses and tokens."""
    text = re.sub(r"[\w.]+@[\w.]+", "ann@example.org", json.dumps(value))
    text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "header.claims.signature", text)
    return json.loads(text)


class Recorder:
    """Asks, and keeps what was answered under a name."""

    def __init__(self, url):
        self.http = httpx.Client(base_url=url, timeout=60)

    def ask(self, name, method, path, **options):
        answer = self.http.request(method, path, **options)
        body = answer.json() if answer.content else None
        if name:
            self.keep(name, {"method": method, "path": path, "status": answer.status_code, "body": body})
        return body

    def keep(self, name, value):
        (FOLDER / f"{name}.json").write_text(json.dumps(scrubbed(value), indent=1, sort_keys=True) + "\n")


def heard(port_box, bodies):
    """Serve Label Studio's webhooks on a free port, in a thread."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies[body["action"]] = {"headers": {"X-Streamssl-Secret": "..."}, "body": body}
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    port_box.append(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def record(url, token):
    FOLDER.mkdir(exist_ok=True)
    recorder = Recorder(url)
    recorder.ask("refused-token", "POST", "/api/token/refresh/", json={"refresh": "a.b.c"})
    access = recorder.ask("access-token", "POST", "/api/token/refresh/", json={"refresh": token})["access"]
    recorder.ask("unauthorised", "GET", "/api/projects/1")
    recorder.http.headers["Authorization"] = f"Bearer {access}"
    recorder.ask("no-such-project", "GET", "/api/projects/999999")
    settings = {
        "title": "Recorded",
        "label_config": CONFIG,
        "sampling": "Uncertainty sampling",
        "show_collab_predictions": False,
    }
    project = recorder.ask(None, "POST", "/api/projects", json=settings)["id"]
    ports, bodies = [], {}
    heard(ports, bodies)
    hook = {"url": f"http://127.0.0.1:{ports[0]}/", "project": project, "send_payload": True}
    recorder.ask(None, "POST", "/api/webhooks/", json=hook | {"send_for_all_actions": True})

    def tasks(name):
        query = json.dumps({"ordering": ["tasks:updated_at"]})
        params = {"project": project, "fields": "all", "include": FIELDS, "page_size": 100, "query": query}
        return recorder.ask(name, "GET", "/api/tasks", params=params)["tasks"]

    tasks("tasks-none")
    imports = f"/api/projects/{project}/import?return_task_ids=true"
    ids = recorder.ask("import", "POST", imports, json=[task(n) for n in range(4)])["task_ids"]
    recorder.ask("import-refused", "POST", imports, json=[{"data": {"other": "no text"}}])
    tasks("tasks-new")

    def annotate(number, **body):
        return recorder.ask(None, "POST", f"/api/tasks/{ids[number]}/annotations/", json=body)["id"]

    annotated = annotate(0, result=choice("spam"))
    annotate(1, result=[], was_cancelled=True)
    deleted = annotate(2, result=choice("ham"))
    tasks("tasks-annotated")
    recorder.ask(None, "PATCH", f"/api/annotations/{annotated}/", json={"result": choice("ham")})
    recorder.ask(None, "DELETE", f"/api/annotations/{deleted}/")
    tasks("tasks-changed")
    recorder.ask("users", "GET", "/api/users/")
    time.sleep(2)
    for action, body in bodies.items():
        recorder.keep(f"hook-{action.lower().replace('_', '-')}", body)


if __name__ == "__main__":
    record(*sys.argv[1:])
