"""A worker's /metrics, fetched from its address."""

from __future__ import annotations

import http.client
import time
import urllib.request

from streamssl.monitoring.scrape import Scrape

LONGEST_PAGE = 16_000_000
OF_A_WORKER = "streamssl_start_timestamp_seconds"
"""Metric that every worker has."""


class Silent(Exception):
    """Nothing usable came from the address; the message says what did."""


def read(url: str, within: float = 5.0, proof: str = OF_A_WORKER) -> Scrape:
    """Return one reading.

    Parameters
    ----------
    url
        Where the metrics are.
    within
        Seconds that the other side may be silent.
    proof
        A metric without which it is somebody else who answers.

    Raises
    ------
    Silent
        When there is no answer, or somebody else's.
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
    if proof not in scrape:
        who = "a worker's" if proof == OF_A_WORKER else "these"
        raise Silent(f"{url} answers, but not with {who} metrics")
    return scrape
