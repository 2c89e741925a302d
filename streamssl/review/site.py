"""What the pages of the review service work with."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from streamssl.config import Config, ReviewServiceSettings
from streamssl.review.desk import Desk
from streamssl.review.people import People, Person
from streamssl.review.sessions import Sessions
from streamssl.review.uploads import Report


def milliseconds() -> int:
    """Return the time, ms since the epoch."""
    return time.time_ns() // 1_000_000


def midnight(now: int) -> int:
    """Return when today began on this machine's clock, ms since the epoch."""
    today = datetime.fromtimestamp(now / 1_000).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return int(1_000 * today.timestamp())


class Site(NamedTuple):
    """What the pages of the review service work with."""

    config: Config
    desk: Desk
    people: People
    sessions: Sessions
    upload: Callable[[Person, bytes, str, int], Report] | None = None
    """`Uploads.enter`: whose labels, the file, its name, when. None: there is no page for uploads."""
    clock: Callable[[], int] = milliseconds
    """Ms since the epoch."""

    @property
    def settings(self) -> ReviewServiceSettings:
        """The section of the review service."""
        return self.config.review_service
