"""A real Chromium, and the pages served to it by the process's own server."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import pytest

from streamssl.connectors.listening import listening
from streamssl.review.site import milliseconds
from tests.review.conftest import request_record

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
DAY = 86_400_000


@contextmanager
def chromium():
    """Yield a browser; skip the test where there is none, but for CI, where it fails."""
    path = shutil.which("chromium")
    missing = "" if path else "chromium is missing: apt-get install chromium"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "playwright is missing: pip install playwright"
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Served:
    """Pages in front of a desk, and people in front of the pages."""

    def __init__(self, world, browser):
        self.world, self.browser = world, browser
        self.problems = []
        """What went wrong in any page: scripts that ran or failed, dialogs, what the policy had to block."""
        self._contexts = []

    @contextmanager
    def up(self, **more):
        """Serve, with a clock that goes."""
        app = self.world.app(clock=milliseconds, **more)
        with listening(app, "127.0.0.1", 0) as port:
            self.url = f"http://127.0.0.1:{port}"
            try:
                yield self
            finally:
                for context in self._contexts:
                    context.close()

    def ask(self, *numbers, **given):
        """Ask about events that are open until tomorrow."""
        now = milliseconds()
        self.world.ask(*(request_record(n, **({"expires": now + DAY, "came": now} | given)) for n in numbers))

    def page(self, name=None, size=DESKTOP, **more):
        """Open the page, as somebody who has just logged in when they are named."""
        context = self.browser.new_context(viewport=size, **more)
        context.set_default_timeout(10_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", self._heard)
        if name is not None:
            page.goto(f"{self.url}/login#{self.world.tokens[name]}")
            page.click("[data-login] button")
            page.wait_for_selector(".stage")
            page.wait_for_load_state()  # its script listens to keys by then
        return page

    def _heard(self, message):
        if "Content Security Policy" in message.text or "Refused" in message.text:
            self.problems.append(f"blocked: {message.text}")


def shown(page):
    """Return the request that is shown; None: nothing to do."""
    return page.get_attribute(".stage", "data-request")


def wait_for(page, request_id):
    """Wait until a question is shown, and until a key is taken again."""
    page.wait_for_function(
        "id => document.querySelector('.stage')?.getAttribute('data-request') === id "
        "&& !document.querySelector('[aria-busy]')",
        arg=request_id,
    )
    page.wait_for_timeout(220)
