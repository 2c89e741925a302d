"""The pictures in the docs, taken of the real pages: the demo's events, the real learner, the real review service.

    python -m tests.screenshots docs/pictures        # or: make screenshots; needs chromium

Two scripted people answer most of the questions by the API, so that there is something to see; a third one's
browser is looked at.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import orjson

from streamssl.demo.datasets import load
from streamssl.demo.run import page_settings
from streamssl.demo.stream import event_ids
from streamssl.transport import connect
from streamssl.transport.base import Message
from tests.integration.service import Service, until
from tests.review.browser import DESKTOP, PHONE, chromium
from tests.review.page import Page

RATE = 60
"""Events a second."""
SHARE = 0.3
EVENTS, LAST = 1_797, 150
"""How many, and how many of them come when nobody answers any more."""


def main() -> None:
    """Take every picture."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    chosen = load("digits", events=EVENTS, for_keys=True)
    truth = dict(zip(event_ids(chosen), (row.label for row in chosen.rows), strict=True))
    with tempfile.TemporaryDirectory() as work, ExitStack() as stack:
        sections = {"sqlite": {"path": f"{work}/topics.db"}}
        learner = Service(
            Path(work),
            **sections,
            review={"share": SHARE},
            learner={"twin": "all"},
            pseudo_labels={"precision": 0.8},
        )
        looks = {name: value for name, value in page_settings(chosen).items() if name in ("classes", "fields")}
        guideline = Path(work) / "guideline.txt"
        guideline.write_text(
            "Say which digit was meant.\n\nA seven with a bar is still a seven. Where two readings are equally"
            " good, say that you do not know: press 0."
        )
        looks |= {"guideline": str(guideline), "learner_metrics": f"http://127.0.0.1:{learner.port}/metrics"}
        page = stack.enter_context(Page(Path(work), **sections, review_service=looks))
        page.create_topics()
        page.start()
        stack.enter_context(learner)
        stop = threading.Event()
        for name in ("ann", "bob"):
            client = stack.enter_context(page.client(name))
            threading.Thread(target=answer, args=(client, truth, stop), daemon=True).start()
        events = list(zip(truth, (row.features for row in chosen.rows), strict=True))
        feed(page, events[:-LAST])
        until(lambda: 'streamssl_review_questions{state="open"} 0.0' in page.metrics(), 60, "all answered")
        stop.set()
        feed(page, events[-LAST:])
        browser = stack.enter_context(chromium())
        take(browser, page, folder, truth)
    evaluate(folder)


def evaluate(folder: Path) -> None:
    """Draw the curves of an evaluation, as its command does."""
    with tempfile.TemporaryDirectory() as output:
        command = ["evaluate", "phishing", "--rate", ".05", "--delay", "100", "--output", output]
        subprocess.run([sys.executable, "-m", "streamssl", *command], check=True, stdout=subprocess.DEVNULL)
        shutil.copy(Path(output) / "curves.png", folder / "evaluate.png")


def feed(page: Page, events: list[tuple[str, dict]]) -> None:
    """Send events, at a rate."""
    with closing(connect(page.config)) as transport, transport.producer() as producer:
        begun = time.monotonic()
        for number, (event_id, features) in enumerate(events):
            value = orjson.dumps({"id": event_id, "features": features})
            producer.send(Message(page.config.topics.events[0], event_id.encode(), value))
            if number % 10 == 0:
                producer.flush()
                time.sleep(max(0.0, begun + number / RATE - time.monotonic()))


def answer(client: httpx.Client, truth, stop: threading.Event) -> None:
    """Answer like a person who errs now and then; leave some questions to others."""
    n = 0
    while not stop.wait(0.06):
        with suppress(httpx.TransportError):  # a connection that had just been given up: again
            got = client.get("/api/questions/next")
            if got.status_code == 200:
                question, n = got.json(), n + 1
                right = truth[question["event_id"]]
                said = {"abstain": True} if n % 40 == 0 else {"label": "8" if n % 25 == 0 else right}
                client.post(f"/api/questions/{question['request_id']}/answer", json=said)


def take(browser, page: Page, folder: Path, truth) -> None:
    """Look at every page as a lead sees it."""
    token = page.people.add("lea", is_lead=True, expires=None)
    for name, size, dark in (("desktop", DESKTOP, False), ("phone", PHONE, True)):
        context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light")
        window = context.new_page()
        window.goto(f"{page.url}/login#{token}")
        if name == "desktop":
            window.screenshot(path=folder / "login.png")
        window.click("[data-login] button")
        until(lambda w=window: w.query_selector("[data-request]"), 60, "a question")
        for _ in range(3 if name == "desktop" else 0):
            event_id = window.inner_text("h1 .id")
            window.click(f'button.class[value="{truth[event_id]}"]')
            window.wait_for_timeout(500)
        window.screenshot(path=folder / f"review-{name}.png")
        if name == "desktop":
            window.keyboard.press("?")
            window.wait_for_timeout(300)
            window.screenshot(path=folder / "keys.png")
            for path in ("me", "people", "status"):
                window.goto(f"{page.url}/{path}")
                window.wait_for_timeout(6_000 if path == "status" else 500)
                window.screenshot(path=folder / f"{path}.png")
            window.goto(f"{page.url}/upload")
            file = folder / "labels.csv"
            file.write_text("event_id,label\ndigits-00007,7\ndigits-00008,\ndigits-00009,9,9\n")
            window.set_input_files("input[type=file]", file)
            window.click("main button")
            window.wait_for_timeout(500)
            window.screenshot(path=folder / "upload.png")
            file.unlink()
        context.close()


if __name__ == "__main__":
    main()
