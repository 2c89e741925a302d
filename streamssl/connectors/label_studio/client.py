"""The few calls of Label Studio's HTTP API that the connector needs, as of version 1.23."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import httpx
import orjson

PERSONAL_SECONDS = 240.0
"""How long an access token is used; it is good for 300 s."""
REQUEST_SECONDS = 60.0
"""How long an answer may take: 1,000 tasks are imported in 1 to 7 s."""
FIELDS = "id,updated_at,meta,annotations,result,completed_by,was_cancelled"
"""Of tasks and their annotations: without this a task takes 1 kB and 18 ms, with it 100 bytes and 2 ms."""


class Away(Exception):
    """Nobody answers, or not well: the same request may be answered later. What it did is unknown."""


class Refused(Exception):
    """The request was understood and refused: nothing has been done.

    Parameters
    ----------
    status
        HTTP status, 400 to 499.
    message
        What was answered.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Client:
    """One project of one Label Studio.

    Parameters
    ----------
    url
        Where it answers.
    token
        A personal token (a JWT, by which short-lived access tokens are fetched) or a legacy one.
    project
        Number of the project.
    """

    def __init__(self, url: str, token: str, project: int) -> None:
        self._http = httpx.Client(
            base_url=url, timeout=httpx.Timeout(REQUEST_SECONDS, connect=5), follow_redirects=False
        )
        self._token = token
        self._project = project
        self._access = ""
        self._access_until = 0.0

    def project(self) -> dict[str, Any]:
        """Return the project's settings."""
        found: dict[str, Any] = self._ask("GET", f"api/projects/{self._project}")
        return found

    def import_tasks(self, bodies: Sequence[dict[str, Any]]) -> list[int]:
        """Make tasks; return their ids in order. Not idempotent.

        Raises
        ------
        Away
            When nobody knows whether they were made.
        Refused
            When none was made.
        """
        answer = self._ask(
            "POST", f"api/projects/{self._project}/import", {"return_task_ids": "true"}, list(bodies)
        )
        ids = [int(each) for each in answer.get("task_ids", ())]
        if len(ids) != len(bodies):
            raise Away(f"{len(bodies)} tasks were imported, and {len(ids)} ids came back")
        return ids

    def updated_since(self, moment: str | None, most: int) -> list[dict[str, Any]]:
        """Return the tasks that were changed at a moment or later, in the order of their changes.

        Deleting an annotation changes its task, too.
        """
        return self._tasks("updated_at", "greater_or_equal", "Datetime", moment, most)

    def made_after(self, task_id: int, most: int) -> list[dict[str, Any]]:
        """Return the tasks with a greater id, in order."""
        return self._tasks("id", "greater", "Number", task_id, most)

    def emails(self) -> dict[int, str]:
        """Return the e-mail addresses of the users that may be seen, by id."""
        answer = self._ask("GET", "api/users/")
        users = answer["results"] if isinstance(answer, dict) else answer
        return {int(user["id"]): user["email"] for user in users if user.get("email")}

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def _tasks(
        self, field: str, operator: str, kind: str, value: str | int | None, most: int
    ) -> list[dict[str, Any]]:
        query: dict[str, Any] = {"ordering": [f"tasks:{field}"]}
        if value is not None:
            items = [{"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}]
            query["filters"] = {"conjunction": "and", "items": items}
        answer = self._ask(
            "GET",
            "api/tasks",
            {
                "project": self._project,
                "fields": "all",
                "include": FIELDS,
                "page": 1,
                "page_size": most,
                "query": orjson.dumps(query).decode(),
            },
        )
        found: list[dict[str, Any]] = answer["tasks"]
        return found

    def _ask(self, method: str, path: str, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        for last in (False, True):
            headers = {"Authorization": self._authorisation()}
            answer = self._send(method, path, params=params, json=body, headers=headers)
            if answer.status_code != 401 or last:
                break
            self._access_until = 0.0  # taken back before its time
        return _parsed(answer)

    def _authorisation(self) -> str:
        if self._token.count(".") != 2:
            return f"Token {self._token}"
        if time.monotonic() >= self._access_until:
            answer = self._send("POST", "api/token/refresh/", json={"refresh": self._token})
            self._access = _parsed(answer)["access"]
            self._access_until = time.monotonic() + PERSONAL_SECONDS
        return f"Bearer {self._access}"

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Away(f"{type(error).__name__}: {error}") from error


def _parsed(answer: httpx.Response) -> Any:
    if answer.is_success:
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise Away(f"{answer.url.path} answered with something that is not JSON") from error
    message = f"{answer.request.method} {answer.url.path}: {answer.text[:300]}"
    if 400 <= answer.status_code < 500 and answer.status_code not in (408, 429):
        raise Refused(answer.status_code, message)
    raise Away(f"{answer.status_code}: {message}")
