"""A small HTTP server that answers as the recorded Label Studio did, and fails when it is told to.

It keeps tasks and annotations in memory; the form of all that it says comes from `recorded/`.
"""

from __future__ import annotations

import copy
import http.server
import json
import socket
import threading
import time
from collections import deque
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

RECORDED = Path(__file__).with_name("recorded")
USERS = {1: "ann@example.org", 2: "bob@example.org"}
ACCESS = "header.claims.access"


def recorded(name):
    """Return one recorded answer: its status and its body."""
    return json.loads((RECORDED / f"{name}.json").read_text())


TASK = recorded("tasks-new")["body"]["tasks"][0]
ANNOTATION = next(t for t in recorded("tasks-annotated")["body"]["tasks"] if t["annotations"])["annotations"][0]
CHOICE = recorded("tasks-changed")["body"]["tasks"][2]["annotations"][0]["result"]


class StandIn:
    """Label Studio as it was recorded, with one project.

    Attributes
    ----------
    faults
        What goes wrong with the next requests, in order: None (nothing), ``"500"``, ``"cut"`` (the connection
        breaks before anything is done), ``"lost"`` (it is done, but the answer does not arrive), ``"slow"`` (it is
        done, and the answer comes too late).
    imports
        How many tasks each import has made.
    """

    def __init__(self, port=0):
        self.tasks, self.faults, self.imports, self.asked = {}, deque(), [], []
        self.hangs_for = 1.0
        self.refuses = lambda body: False
        self.token = "header.claims.refresh"
        self._ids, self._ticks, self._lock = 0, 0, threading.RLock()
        self._began, self._is_closed = time.time(), False
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                stand_in._handle(self)

            def do_POST(self):
                stand_in._handle(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._is_closed = True
        self.server.shutdown()
        self.server.server_close()

    # what people do

    def annotate(self, task_id, choice=None, user=1):
        """Annotate a task; without a choice it is skipped. Return the annotation's id."""
        with self._lock:
            annotation = copy.deepcopy(ANNOTATION) | {"id": self._id(), "completed_by": user}
            self._say(annotation, choice)
            self.tasks[task_id]["annotations"].append(annotation)
            self.tasks[task_id]["updated_at"] = self._now()
            return annotation["id"]

    def change(self, annotation_id, choice=None):
        with self._lock:
            task, annotation = self._find(annotation_id)
            self._say(annotation, choice)
            task["updated_at"] = self._now()

    def delete(self, annotation_id):
        with self._lock:
            task, annotation = self._find(annotation_id)
            task["annotations"].remove(annotation)
            task["updated_at"] = self._now()

    def annotation_ids(self):
        return [each["id"] for task in self.tasks.values() for each in task["annotations"]]

    def task_of(self, request_id):
        [found] = [t["id"] for t in self.tasks.values() if t["meta"]["streamssl"]["request_id"] == request_id]
        return found

    # what it answers

    def _handle(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        place = urlsplit(handler.path)
        self.asked.append(place.path)
        fault = self.faults.popleft() if self.faults else None
        if fault == "500":
            return self._answer(handler, 500, {"detail": "something went wrong"})
        if fault == "cut" or self._is_closed:  # a connection outlives the listener
            return self._cut(handler)
        with self._lock:
            status, value = self._reply(place.path, parse_qs(place.query), handler.headers, body)
        if fault == "lost":
            return self._cut(handler)
        if fault == "slow":
            time.sleep(self.hangs_for)
        return self._answer(handler, status, value)

    def _reply(self, path, params, headers, body):
        if path == "/api/token/refresh/":
            name = "access-token" if body["refresh"] == self.token else "refused-token"
            answer = recorded(name)
            if answer["status"] == 200:
                answer["body"]["access"] = ACCESS
            return answer["status"], answer["body"]
        if headers.get("Authorization") not in (f"Bearer {ACCESS}", "Token legacy"):
            return self._recorded("unauthorised")
        if path == "/api/users/":
            [user] = recorded("users")["body"]
            return 200, [user | {"id": number, "email": email} for number, email in USERS.items()]
        if path == "/api/tasks":
            return 200, {**recorded("tasks-none")["body"], "tasks": self._listed(params)}
        if path == "/api/projects/7/import":
            return self._import(body)
        return self._recorded("no-such-project")

    def _listed(self, params):
        query = json.loads(params["query"][0])
        [ordering] = query["ordering"]
        field = ordering.removeprefix("tasks:")
        found = sorted(self.tasks.values(), key=lambda task: (task[field], task["id"]))
        for item in query.get("filters", {}).get("items", ()):
            assert item["filter"] == f"filter:tasks:{field}"
            if item["type"] == "Datetime":  # any other form is a 500 there
                time.strptime(item["value"], "%Y-%m-%dT%H:%M:%S.%fZ")
            at_least = item["operator"] == "greater_or_equal"
            value = item["value"]
            found = [t for t in found if t[field] > value or (at_least and t[field] == value)]
        return copy.deepcopy(found[: int(params["page_size"][0])])

    def _import(self, bodies):
        if any(self.refuses(body) for body in bodies):
            return self._recorded("import-refused")
        answer = recorded("import")["body"]
        ids = []
        for body in bodies:
            task = copy.deepcopy(TASK) | {"id": self._id(), "meta": body["meta"], "updated_at": self._now()}
            self.tasks[task["id"]] = task
            ids.append(task["id"])
        self.imports.append(len(ids))
        return 201, answer | {"task_count": len(ids), "task_ids": ids}

    def _recorded(self, name):
        answer = recorded(name)
        return answer["status"], answer["body"]

    def _answer(self, handler, status, value):
        body = json.dumps(value).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _cut(self, handler):
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    def _id(self):
        self._ids += 1
        return self._ids

    def _now(self):
        """Return a time later than all before."""
        self._ticks += 1
        moment = self._began + self._ticks / 1_000
        fraction = f"{moment % 1:.6f}"[1:]
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + fraction + "Z"

    def _say(self, annotation, choice):
        result = copy.deepcopy(CHOICE) if choice else []
        for part in result:
            part["value"]["choices"] = [choice]
        annotation |= {"result": result, "was_cancelled": choice is None, "updated_at": self._now()}

    def _find(self, annotation_id):
        for task in self.tasks.values():
            for annotation in task["annotations"]:
                if annotation["id"] == annotation_id:
                    return task, annotation
        raise KeyError(annotation_id)
