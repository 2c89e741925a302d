"""A worker's /metrics, fetched from its address."""

from __future__ import annotations

import http.client
import time
import urllib.request

from streamssl.monitoring.scrape import Scrape

LONGEST_PAGE = 16_000_000


class Silent(Exception):
    """Nothing usable came from the address; the message says what did."""


def read(url: str, within: float = 5.0) -> Scrape:
    """Return one reading.

    Parameters
    ----------
    url
        Where the metrics are.
    within
        Seconds that the other side may be silent.

    Raises
    ------
    Silent
        When there is no answer, or not that of a worker.
    """
    # Directly, whatever proxy the environment names: a worker's metrics are on the inside.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=within) as answer:
            text = answer.read(LONGEST_PAGE).decode()
    except (OSError, http.client.HTTPException) as error:
        raise Silent(f"{url} does not answer: {getattr(error, 'reason', None) or error}") from error
    except UnicodeDecodeError as error:
        raise Silent(f"{url} answers, but not with text") from error
    try:
        scrape = Scrape(text, time.time())
    except ValueError as error:
        raise Silent(f"{url} answers, but not with metrics") from error
    if "streamssl_start_timestamp_seconds" not in scrape:
        raise Silent(f"{url} answers, but not with a worker's metrics")
    return scrape
