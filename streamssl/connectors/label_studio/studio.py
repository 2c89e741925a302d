"""The loop that speaks with Label Studio: push what is asked, look what has been answered."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from streamssl.config import Config
from streamssl.connectors import outbox
from streamssl.connectors.backoff import Backoff
from streamssl.connectors.database import Database
from streamssl.connectors.label_studio import tasks
from streamssl.connectors.label_studio.answers import reconcile
from streamssl.connectors.label_studio.client import REQUEST_SECONDS, Away, Client, Refused
from streamssl.connectors.label_studio.payloads import Origin, Task, earlier, to_request, to_task
from streamssl.connectors.label_studio.tables import TABLES
from streamssl.connectors.records import LabelWriter
from streamssl.messages import Invalid
from streamssl.messages.mapped import Unwritable
from streamssl.transport.base import Record

log = logging.getLogger(__name__)

MOST_PUSHED = 100
"""Tasks of one import."""
MOST_READ = 200
"""Tasks of one answer."""
OVERLAP_SECONDS = 30.0
"""How far back a look begins, and for how long after the newest change: a change is dated before it can be seen."""
SETTLED_SECONDS = REQUEST_SECONDS
"""After this an import that was cut off has ended there, too."""
NOT_THE_BODY = frozenset({401, 403, 404})
"""Statuses by which a token or the project is refused, rather than tasks."""


class Studio:
    """One project of Label Studio and what is known of it here.

    Parameters
    ----------
    config
        Its section ``connectors.label_studio`` names a project and a token.
    client
        The project.
    database
        A connection of this loop's own.
    has_labels
        Set when a label has been put into the outbox.
    """

    def __init__(self, config: Config, client: Client, database: Database, has_labels: threading.Event) -> None:
        self._settings = config.connectors.label_studio
        self._writer = LabelWriter(config)
        self._client = client
        self._database = database
        self._has_labels = has_labels
        self._most_pushed = MOST_PUSHED
        self._cursor_since = time.monotonic()
        self._is_settled = False  # nothing dated before the cursor can still turn up

    def push(self) -> None:
        """Make tasks of the requests that wait.

        Raises
        ------
        Away, Refused
            When the project cannot be reached or does not let us in. What was pushed is kept.
        """
        if not self._resolve():
            return
        now = int(1_000 * time.time())
        if dropped := tasks.drop_expired(self._database, now):
            log.info("requests expired before they were pushed", extra={"requests": dropped})
        while push := tasks.begin(self._database, self._most_pushed, now):
            try:
                ids = self._client.import_tasks(push.bodies)
            except Refused as error:
                self._split(push, error)
                continue
            except Away:
                tasks.cut_off(self._database, int(1_000 * time.time()))
                raise
            tasks.pushed(self._database, push, ids)
            self._most_pushed = min(2 * self._most_pushed, MOST_PUSHED)
            log.info("requests pushed", extra={"requests": len(ids)})

    def look(self) -> int:
        """Read the tasks that have changed, and answer for them; return how many labels that led to.

        Raises
        ------
        Away, Refused
            When the project cannot be reached or does not let us in. What was read is kept.
        """
        cursor = self._database.fact("cursor")
        begin = None if cursor is None else earlier(cursor, 0 if self._is_settled else OVERLAP_SECONDS)
        is_late = time.monotonic() >= self._cursor_since + OVERLAP_SECONDS
        labels, most = 0, MOST_READ
        while True:
            page = [to_task(each, self._settings) for each in self._client.updated_since(begin, most)]
            labels += self._keep(page)
            if len(page) < most:
                self._move_cursor(cursor, is_late)
                return labels
            # Pages are not asked for by number: a change in between would move a task to a page already read.
            last = earlier(page[-1].updated_at, 0)
            if last == begin:
                most *= 2  # more tasks than this were changed in one microsecond
            begin = last

    def _keep(self, page: list[Task]) -> int:
        names = {each.user_id: self._name(each.user_id) for task in page for each in task.annotations}
        labels = 0
        with self._database.transaction():
            for task in page:
                labels += reconcile(
                    self._database, task, names.__getitem__, self._writer, self._settings.show_guess
                )
            if page:
                last = max(earlier(page[-1].updated_at, 0), self._database.fact("cursor") or "")
                self._database.remember("cursor", last)
        if labels:
            self._has_labels.set()
        return labels

    def _move_cursor(self, before: str | None, is_late: bool) -> None:
        if self._database.fact("cursor") != before:
            self._cursor_since, self._is_settled = time.monotonic(), False
        elif is_late:
            self._is_settled = True

    def _name(self, user_id: int) -> str:
        """Return the annotator that a user is. It stays, also when the e-mail address changes."""
        if found := self._database.rows("SELECT annotator FROM people WHERE user_id = ?", user_id):
            return str(found[0][0])
        name = f"label-studio-{user_id}"
        if self._settings.annotator == "email":
            with suppress(Refused):  # whose token may not see the users
                name = self._client.emails().get(user_id, name)
        with self._database.transaction():
            self._database.rows("INSERT OR IGNORE INTO people VALUES (?, ?)", user_id, name)
        return name

    def _resolve(self) -> bool:
        """Find out what has become of an import that was cut off; return whether pushing can go on."""
        left = tasks.unresolved(self._database)
        if left is None:
            return True
        if time.time() < left.since / 1_000 + SETTLED_SECONDS:
            return False  # it may still be at work there
        floor, found = left.floor, list[tuple[int, Origin]]()
        while page := self._client.made_after(floor, MOST_READ):
            read = [to_task(each, self._settings) for each in page]
            found += [(task.id, task.origin) for task in read if task.origin is not None]
            floor = read[-1].id
        adopted = tasks.resolve(self._database, found)
        log.info("an import had been cut off", extra={"found": adopted})
        return True

    def _split(self, push: tasks.Push, error: Refused) -> None:
        """Find the one task that the project refuses, and put it aside."""
        if error.status in NOT_THE_BODY:
            tasks.undone(self._database, push)
            raise error
        if len(push.request_ids) > 1:
            tasks.undone(self._database, push)
            self._most_pushed = max(1, len(push.request_ids) // 2)
        else:
            tasks.undone(self._database, push, "refused")
            log.error(
                "the project refuses a task, which is tried again at the next start: %s",
                error,
                extra={"request_id": push.request_ids[0]},
            )


def take_requests(config: Config, database: Database, records: list[Record]) -> None:
    """Keep the review requests of some records; what is none is said and passed over. Inside a transaction."""
    for record in records:
        try:
            tasks.keep(database, [to_request(record, config.connectors.label_studio)])
        except Invalid as error:
            log.error("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)


def run(
    config: Config, path: Path, stop: threading.Event, hint: threading.Event, has_labels: threading.Event
) -> None:
    """Push and look until told to stop; a Label Studio that is away is waited for.

    Parameters
    ----------
    path
        The connector's file.
    hint
        Set when there may be something to see: then it is looked for at once, not at the next poll.
    """
    settings = config.connectors.label_studio
    token = settings.token.get_secret_value() if settings.token else ""
    backoff = Backoff(stop)
    client = Client(settings.url, token, settings.project or 0)
    with closing(client), closing(Database(path, TABLES)) as database:
        tasks.try_refused_again(database)
        studio = Studio(config, client, database, has_labels)
        while not stop.is_set():
            hint.clear()
            try:
                labels = studio.look()
                studio.push()
                backoff.reset()
            except (Away, Refused, Unwritable) as error:
                backoff.wait(log, "waiting for Label Studio: %s", error)
                continue
            if labels:
                log.info("annotations read", extra={"labels": labels, "unsent": outbox.waiting(database)})
            hint.wait(settings.poll_seconds)
