"""From a key to the next question on the screen, with many questions open.

python -m tests.benchmarks review
python -m tests.benchmarks review --open 100000 --answers 300

In a real Chromium: from the key event to the first frame that shows the next question. The server alone: from a
post to its answer, over a kept connection. The desk alone: an answer and the next question, with their way to the
disk, which is part of all three.
"""

from __future__ import annotations

import argparse
import http.client
import random
import re
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from rich.console import Console
from rich.table import Table

from streamssl.config import load_config
from streamssl.connectors.listening import listening
from streamssl.review.app import review_app
from streamssl.review.decisions import Said
from streamssl.review.desk import Desk, take_requests
from streamssl.review.people import People
from streamssl.review.sessions import Sessions
from streamssl.review.site import Site, milliseconds
from tests.review.browser import DESKTOP, chromium
from tests.review.conftest import request_record

KINDS = ("numbers", "text", "pixels")
DAY = 86_400_000

SHOWN = """key => new Promise((done, failed) => {
  setTimeout(() => failed(new Error('not shown within 10 s')), 10000);
  const before = document.querySelector('.stage').dataset.request;
  const began = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  const look = () => {
    if (document.querySelector('.stage')?.dataset.request === before) return requestAnimationFrame(look);
    requestAnimationFrame(() => done(performance.now() - began));
  };
  requestAnimationFrame(look);
})"""


def features(kind: str, number: int, chance: random.Random) -> dict[str, object]:
    """Return features as reviewers see them: 20 numbers, a text of 2,000 characters, or 28 x 28 pixels."""
    if kind == "numbers":
        return {f"field_{n}": chance.lognormvariate(0, 1) for n in range(20)}
    if kind == "text":
        return {"subject": f"Ticket {number}", "body": 330 * "words "}
    return {"image": [chance.randrange(256) for _ in range(784)]}


class Bench:
    """A desk with many open questions, served."""

    def __init__(self, folder: Path, kind: str, n_open: int) -> None:
        self.config = load_config(
            None,
            {"state": {"directory": str(folder)}, "review_service": {"classes": ["a", "b", "c"]}},
        )
        self.desk = Desk(self.config, folder / "review.db", threading.Event())
        self.people = People(folder / "people.json")
        self.token = self.people.add("ann", is_lead=False, expires=None)
        now, chance = milliseconds(), random.Random(0)
        for begin in range(0, n_open, 5_000):
            records = [
                request_record(
                    n, features=features(kind, n, chance), key=chance.random(), came=now, expires=now + DAY
                )
                for n in range(begin, min(begin + 5_000, n_open))
            ]
            with self.desk.database() as database:
                take_requests(database, records)

    def app(self):
        """Return the pages."""
        sessions = Sessions(self.desk, self.people, DAY)
        return review_app(Site(self.config, self.desk, self.people, sessions))

    def at_the_desk(self, answers: int) -> list[float]:
        """Return how long the desk alone takes for an answer and the next question, ms."""
        times = []
        for _ in range(answers):
            item = self.desk.next("bob", milliseconds())
            assert item is not None
            began = time.perf_counter()
            self.desk.answer("bob", item.question.request_id, Said("a"), milliseconds())
            self.desk.next("bob", milliseconds())
            times.append(1_000 * (time.perf_counter() - began))
        return times

    def over_http(self, port: int, answers: int) -> list[float]:
        """Return how long a post takes over a kept connection, ms."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}

        def ask(method: str, path: str, body: str = "") -> tuple[str, http.client.HTTPMessage]:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.read().decode(), answer.headers

        _, given = ask("POST", "/login", urlencode({"token": self.token}))
        headers |= {"cookie": given["set-cookie"].split(";")[0], "x-fragment": "1"}
        page, _ = ask("GET", "/")
        times = []
        for _ in range(answers):
            form = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.split('action="/answer"')[1])
            body = urlencode(dict(form[:3]) | {"label": "a"})
            began = time.perf_counter()
            page, _ = ask("POST", "/answer", body)
            times.append(1_000 * (time.perf_counter() - began))
        connection.close()
        return times

    def in_a_browser(self, port: int, answers: int) -> list[float]:
        """Return how long it takes from a key to the next question on the screen, ms."""
        with chromium() as browser:
            page = browser.new_page(viewport=DESKTOP)
            page.goto(f"http://127.0.0.1:{port}/login#{self.token}")
            page.click("[data-login] button")
            page.wait_for_selector(".stage[data-request]")
            times = []
            for _ in range(answers):
                page.wait_for_timeout(210)  # what the page waits for, lest a key that bounces answers twice
                times.append(float(page.evaluate(SHOWN, "1")))
        return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", type=int, default=100_000, help="questions that are open")
    parser.add_argument("--answers", type=int, default=300, help="answers a way")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    given = parser.parse_args()
    table = Table(title=f"ms from an answer to the next question, {given.open:,} open", title_justify="left")
    for name in ("event", "measured", "p50", "p95", "p99", "worst"):
        table.add_column(name, justify="left" if name in ("event", "measured") else "right")
    for kind in given.kinds:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), kind, given.open)
            rows = [("desk", bench.at_the_desk(given.answers))]
            with listening(bench.app(), "127.0.0.1", 0) as port:
                rows.append(("server, over http", bench.over_http(port, given.answers)))
                rows.append(("browser, on the screen", bench.in_a_browser(port, given.answers)))
            for name, times in rows:
                shares = [*np.percentile(times, (50, 95, 99)), max(times)]
                table.add_row(kind, name, *(f"{each:.1f}" for each in shares))
            bench.desk.close()
    Console().print(table)


if __name__ == "__main__":
    main()
