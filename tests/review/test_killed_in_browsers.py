"""Three people in three browsers on one queue, and the page's process killed in mid-answer."""

import signal
from collections import Counter

from tests.connectors.topics import labels, request, send
from tests.integration.service import until
from tests.review.browser import chromium, shown
from tests.review.page import Page

QUESTIONS = 24
DOUBLES = 3
PEOPLE = ("ann", "bob", "eve")


def test_nothing_is_asked_twice_and_nothing_is_lost(tmp_path):
    with Page(tmp_path, sqlite={"path": str(tmp_path / "topics.db")}) as page, chromium() as browser:
        page.create_topics()
        records = [request(n, key=n) for n in range(QUESTIONS)]
        doubles = {f"request-{n}" for n in range(0, QUESTIONS, QUESTIONS // DOUBLES)}
        records = [
            record.replace(b'"reason"', b'"answers":2,"reason"') if f"request-{n}" in doubles else record
            for n, record in enumerate(records)
        ]
        send(page.config, page.config.topics.review_requests, records)
        tokens = {name: page.people.add(name, is_lead=False, expires=None) for name in PEOPLE}
        page.start(fail_point="answer-1-kept:4")
        windows = {name: enter(browser, page, token) for name, token in tokens.items()}
        points = iter(["answer-2-committed:4", "answer-1-kept:6", None])
        seen: dict[str, list[str]] = {name: [] for name in PEOPLE}
        answered_all = QUESTIONS + DOUBLES
        while sum(map(len, seen.values())) < answered_all:
            before = sum(map(len, seen.values()))
            for name, window in windows.items():
                if (request_id := shown(window)) is not None:
                    window.wait_for_timeout(250)  # a key that comes sooner after the last is taken for a bounce
                    window.keyboard.press(str(1 + len(seen[name]) % 2))
                    until(lambda w=window, r=request_id: moved_on(page, w, r, points), 40, "the next question")
                    seen[name].append(request_id)
            assert sum(map(len, seen.values())) > before, (seen, page.log.read_text()[-2_000:])
        assert page.kills >= 2, "it was never killed"
        found = until(lambda: len(labels(page.config)) >= answered_all and labels(page.config), 30, "all labels")
        assert page.stop() == 0
    asked = Counter(request_id for mine in seen.values() for request_id in mine)
    assert asked == {f"request-{n}": 1 + (f"request-{n}" in doubles) for n in range(QUESTIONS)}
    said = Counter((each["request_id"], each["annotator"]) for each in labels(page.config))
    assert said == {(request_id, name): 1 for name, mine in seen.items() for request_id in mine}, "once each"
    assert len(found) == answered_all


def enter(browser, page, token):
    window = browser.new_context().new_page()
    window.goto(f"{page.url}/login#{token}")
    window.click("[data-login] button")
    window.wait_for_selector(".stage")
    until(lambda: shown(window) is not None, 20, "a question")
    return window


def moved_on(page, window, request_id, points):
    """Tell whether a window shows something else than this; a page that was killed is started again."""
    if page.process.poll() is not None:
        assert page.process.returncode == -signal.SIGKILL
        page.kills += 1
        page.start(fail_point=next(points, None))
    window.wait_for_timeout(50)  # lets the window do its work
    return shown(window) != request_id and window.query_selector("[aria-busy]") is None
