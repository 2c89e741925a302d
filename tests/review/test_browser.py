"""The pages in a real Chromium: keys, touch, lost connections, markup that must stay text, three people at once."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from tests.review.browser import PHONE, Served, chromium, shown, wait_for
from tests.review.test_pages import Line, Report
from tests.review.test_presentation import png
from tests.review.test_security import BAD


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def served(world, browser):
    with Served(world, browser).up() as up:
        yield up
    assert up.problems == []


def labels(served):
    return [(key, value.get("label"), value.get("abstain", False)) for key, value in served.world.labels()]


def test_keys_answer_skip_undo_and_edit(served):
    served.ask(1, 2, 3, 4, 5)
    page = served.page("ann")
    wait_for(page, "r1")
    page.keyboard.press("1")
    wait_for(page, "r2")
    page.keyboard.press("0")
    wait_for(page, "r3")
    page.keyboard.press("Space")
    wait_for(page, "r4")
    page.keyboard.press("n")
    page.keyboard.type("brand new 12")
    page.keyboard.press("Enter")
    wait_for(page, "r5")
    assert labels(served) == [("e1", "spam", False), ("e2", None, True), ("e4", "brand new 12", False)]
    assert page.locator('[data-key="3"]').inner_text().split("\n")[-1] == "brand new 12"
    page.keyboard.press("Backspace")
    wait_for(page, "r4")
    assert "Taken back: brand new 12" in page.inner_text(".notice")
    page.keyboard.press("2")
    wait_for(page, "r5")
    assert labels(served)[3:] == [("e4", None, False), ("e4", "ham", False)]
    page.click('.past a:has-text("e1")')
    wait_for(page, "r1")
    assert page.get_attribute('[data-key="1"]', "aria-pressed") == "true"
    page.keyboard.press("2")
    wait_for(page, "r5")
    assert labels(served)[5:] == [("e1", "ham", False)]
    page.keyboard.press("1")
    wait_for(page, "r3")  # it was skipped, and nothing else is left
    page.keyboard.press("1")
    wait_for(page, None)
    assert "Nothing to do" in page.inner_text("h1")
    assert "6" in page.inner_text(".progress") or "5" in page.inner_text(".progress")


def test_what_the_model_guessed_shows_up_after_the_answer(served):
    served.ask(1, 2, guess=("eggs", 0.87, {"spam": 0.5}))
    page = served.page("ann")
    wait_for(page, "r1")
    assert "eggs" not in page.content()
    page.keyboard.press("1")
    wait_for(page, "r2")
    assert "model: eggs 87%" in page.inner_text(".past")
    assert "eggs" not in page.inner_text(".event")


def test_a_key_that_is_pressed_twice_or_held_answers_once(served):
    served.ask(*range(1, 8))
    page = served.page("ann")
    wait_for(page, "r1")
    page.keyboard.down("1")
    for _ in range(20):
        page.keyboard.down("1")  # repeats
    page.keyboard.up("1")
    page.keyboard.press("1")
    wait_for(page, "r2")
    page.evaluate("for (let n = 0; n < 5; n++) document.querySelector('[data-key=\"1\"]').click()")
    wait_for(page, "r3")
    assert len(labels(served)) == 2


def test_a_lost_connection_keeps_the_answer_and_sends_it_again(served):
    served.ask(1, 2)
    page = served.page("ann")
    wait_for(page, "r1")
    page.context.set_offline(True)
    page.keyboard.press("2")
    page.wait_for_selector("#banner:not([hidden])")
    assert "kept in this page" in page.inner_text("#banner")
    page.keyboard.press("1")  # nothing: one is on its way
    assert labels(served) == []
    page.context.set_offline(False)
    wait_for(page, "r2")
    assert page.locator("#banner").is_hidden()
    assert labels(served) == [("e1", "ham", False)]


def test_an_answer_whose_answer_was_lost_is_not_kept_twice(served):
    served.ask(1, 2, 3)
    page = served.page("ann")
    wait_for(page, "r1")
    lost = []

    def lose(route):
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)  # it arrived
            route.abort()

    page.route("**/answer", lose)
    page.keyboard.press("1")
    wait_for(page, "r2")
    assert lost == [200]
    assert labels(served) == [("e1", "spam", False)]
    lost.clear()
    page.route("**/undo", lose)
    page.keyboard.press("Backspace")
    wait_for(page, "r1")
    assert labels(served) == [("e1", "spam", False), ("e1", None, False)]


def test_who_is_logged_out_meanwhile_is_told_so(served):
    served.ask(1)
    page = served.page("ann")
    wait_for(page, "r1")
    served.world.people.remove("ann")
    page.keyboard.press("1")
    page.wait_for_selector("#banner.bad:not([hidden])")
    assert "not kept" in page.inner_text("#banner")
    assert labels(served) == []


def test_a_new_question_shows_up_by_itself(served):
    page = served.page("ann")
    assert "Nothing to do" in page.inner_text("h1")
    served.ask(1)
    wait_for(page, "r1")


def test_who_waits_is_told_when_there_is_no_connection(served):
    page = served.page("ann")
    wait_for(page, None)
    page.context.set_offline(True)
    page.wait_for_selector("#banner:not([hidden])")
    assert "No connection" in page.inner_text("#banner")
    page.context.set_offline(False)
    page.wait_for_selector("#banner", state="hidden")


def test_a_status_page_that_cannot_be_refreshed_says_so(served):
    page = served.page("ann")
    page.goto(f"{served.url}/status")
    page.context.set_offline(True)
    page.wait_for_selector("#banner:not([hidden])")
    assert "older" in page.inner_text("#banner")
    page.context.set_offline(False)
    page.wait_for_selector("#banner", state="hidden")


def test_a_link_that_was_cut_is_refused_in_words(served):
    page = served.page()
    page.goto(f"{served.url}/login#{served.world.tokens['ann'][:-3]}%f")
    page.click("[data-login] button")
    assert "nobody's" in page.inner_text(".notice.bad")


def test_the_token_in_a_link_leaves_the_address_and_is_never_sent_in_one(served):
    page = served.page()
    asked = []
    page.on("request", lambda request: asked.append((request.url, request.headers.get("referer", ""))))
    token = served.world.tokens["ann"]
    page.goto(f"{served.url}/login#{token}")
    page.wait_for_function("location.hash === ''")
    assert page.evaluate("history.length") <= 2
    page.click("[data-login] button")
    page.wait_for_selector(".stage")
    assert token not in json.dumps([each for each in asked if "#" not in each[0]])
    page.goto(f"{served.url}/login")
    page.wait_for_url(f"{served.url}/")


def test_help_opens_and_closes_by_keys(served):
    served.ask(1)
    page = served.page("ann")
    wait_for(page, "r1")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    assert "I don't know" in page.inner_text("dialog")
    page.keyboard.press("1")  # nothing: the page lies behind
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert labels(served) == []


def test_keys_can_be_switched_off_and_are_digits_in_every_language(served):
    served.ask(1, 2)
    page = served.page("ann")
    wait_for(page, "r1")
    page.keyboard.press("?")
    page.click("[data-keys]")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    assert labels(served) == []
    page.click("[data-help]")
    page.click("[data-keys]")
    page.keyboard.press("Escape")
    page.evaluate(  # as a French keyboard says it
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'é', code: 'Digit2', bubbles: true }))"
    )
    wait_for(page, "r2")
    assert labels(served) == [("e1", "ham", False)]


def test_more_than_nine_classes_are_found_by_typing(make_world, browser):
    names = [
        f"{colour} {fruit}" for colour in ("red", "green", "dark") for fruit in ("apple", "pear", "plum", "fig")
    ]
    with Served(make_world(classes=names), browser).up() as served:
        served.ask(1, 2, 3, 4, guess=(None, 0.0, {}))
        page = served.page("ann")
        wait_for(page, "r1")
        page.keyboard.press("/")
        page.keyboard.type("PLUM")
        visible = page.locator(".classes .class:visible").all_inner_texts()
        assert [each.split("\n")[-1] for each in visible] == ["red plum", "green plum", "dark plum"]
        page.keyboard.press("Enter")
        wait_for(page, "r2")
        page.keyboard.type("fig dar")  # a letter begins the search, words come in any order
        assert page.locator("[data-none]").is_hidden()
        page.keyboard.press("Enter")
        wait_for(page, "r3")
        page.keyboard.press("+")
        assert page.evaluate("document.activeElement.name") == "other"
        page.keyboard.press("Escape")
        page.keyboard.type("normal")  # a class to be found, although n is the key of a new one where there are few
        assert page.input_value("[data-filter]") == "normal"
        assert page.locator("[data-none]").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.type("gr")
        page.keyboard.press("Escape")
        assert page.locator(".classes .class:visible").count() == 12
        assert page.locator("[data-none]").is_hidden()
        page.keyboard.press("9")
        wait_for(page, "r4")
        assert [label for _, label, _ in labels(served)] == ["red plum", "dark fig", "dark apple"]
        assert served.problems == []


def test_without_scripts_everything_works_by_forms(served):
    served.ask(1, 2, 3)
    page = served.page(java_script_enabled=False)
    page.goto(f"{served.url}/login")
    page.fill("#token", served.world.tokens["ann"])
    page.click("[data-login] button")
    for press, next_one in (('[data-key="1"]', "r2"), ('[data-key="0"]', "r3"), ('[data-key="Backspace"]', "r2")):
        page.click(press)
        assert shown(page) == next_one
    page.click('[data-key=" "]')
    assert shown(page) == "r3"
    page.fill('[data-key="n"]', "brand new")
    page.click(".new button")
    assert shown(page) == "r2"
    assert labels(served)[-1] == ("e3", "brand new", False)


@pytest.mark.parametrize("is_dark", [False, True])
def test_on_a_phone_nothing_runs_over_the_edge_and_buttons_are_big(make_world, browser, is_dark):
    world = make_world(classes=["ham", "a class with quite a long name, longer than the others", 70 * "x"])
    features = {
        "photo": png(900, 300),
        "grid": [0, 1] * 32,
        "body": 200 * "long words ",
        "unbroken": 300 * "x",
        90 * "name": 1.0,
        "amount": 123_456_789.125,
        "see": "https://example.com/" + 300 * "y",
    }
    with Served(world, browser).up() as served:
        served.ask(1, features=features, event_id=200 * "i", guess=(None, 0.0, {}))
        served.ask(2)
        scheme = "dark" if is_dark else "light"
        page = served.page("lea", PHONE, is_mobile=True, has_touch=True, color_scheme=scheme)
        wait_for(page, "r1")
        for path in ("/", "/search?id=e1", "/upload", "/me", "/people", "/status", "/help"):
            page.goto(served.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
            for box in (each.bounding_box() for each in page.locator("main button:visible").all()):
                assert box["height"] >= 36, path
        page.goto(served.url)
        wait_for(page, "r1")
        for each in page.locator(".answers .class").all():
            box = each.bounding_box()
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= PHONE["height"]
        page.locator(".answers .class").first.tap()
        wait_for(page, "r2")
        assert served.problems == []


def test_words_stand_out_enough_from_what_is_behind_them(served):
    """WCAG AA: 4.5 to 1, in both schemes."""
    served.ask(1, 2)
    for scheme in ("light", "dark"):
        page = served.page("lea", color_scheme=scheme)
        if scheme == "light":
            wait_for(page, "r1")
            page.keyboard.press("2")
            wait_for(page, "r2")
        for path in ("/", "/me", "/status", "/upload", "/search?id=e1", "/help"):
            page.goto(served.url + path)
            assert page.evaluate(CONTRAST) == [], (scheme, path)
        page.context.close()


CONTRAST = """() => {
  const linear = x => x <= 10 ? x / 3295 : ((x / 255 + .055) / 1.055) ** 2.4;
  const light = c => { const v = c.map(linear); return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const behind = element => { for (let e = element; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > .5) return c; }
    return [255, 255, 255]; };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('.unseen, svg, .skip-link')) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) bad.push(`${e.className || e.tagName}: ${e.textContent.trim()} ${ratio.toFixed(2)}`);
  }
  return bad;
}"""


def test_who_cannot_see_hears_what_comes_next_and_finds_every_name(served):
    served.ask(1, 2)
    page = served.page("ann")
    wait_for(page, "r1")
    page.keyboard.press("2")
    wait_for(page, "r2")
    assert page.text_content("#spoken") == "Saved: ham. Event e2."
    assert page.evaluate("document.activeElement.id") == "what"
    assert page.evaluate(UNNAMED) == []
    page.goto(f"{served.url}/upload")
    assert page.evaluate(UNNAMED) == []


UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), button, a, img')].filter(e =>
  !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label') || e.alt)).map(e => e.outerHTML)"""


def test_markup_in_every_field_stays_text_in_a_browser(make_world, browser, tmp_path):
    guideline = tmp_path / "guideline.txt"
    guideline.write_text(BAD)
    world = make_world(classes=[BAD, *"abcdefghi"], guideline=str(guideline), event_link="https://example.com/{id}")
    features = {
        BAD: BAD,
        f"long{BAD}": 40 * BAD,
        f"number{BAD}": 1.5,
        f"see{BAD}": "https://example.com/?" + BAD.replace(" ", ""),
        f"photo{BAD}": f"data:image/png;base64,{png()}",
        "script": "javascript:alert(3)",
        "nested": {BAD: [BAD, {BAD: BAD}]},
    }

    def enter(person, data, name, now):
        return Report(1, 1, [Line(1, BAD, BAD), Line(2, BAD, None)])

    with Served(world, browser).up(upload=enter) as served:
        served.ask(
            1, request_id=BAD, event_id=BAD, features=features, guess=(BAD, 0.5, {BAD + "2": 1.0}), reason=BAD
        )
        served.ask(2, features={"x": BAD})
        page = served.page("lea")
        wait_for(page, BAD)
        ready = "document.querySelector('.pictures img').complete"
        page.wait_for_function(ready)
        assert page.evaluate("document.querySelector('.pictures img').naturalWidth") == 3
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type(BAD[:20])
        page.keyboard.press("Enter")
        wait_for(page, "r2")
        page.click(".past a")
        wait_for(page, BAD)
        page.keyboard.press("Backspace")
        page.wait_for_selector(".notice")
        for path in ("/search", "/me", "/people", "/status", "/help"):
            page.goto(served.url + path)
        page.goto(f"{served.url}/search")
        page.fill("#id", BAD)
        page.press("#id", "Enter")
        page.wait_for_selector("#other")
        page.fill("#other", BAD)
        page.press("#other", "Enter")
        page.wait_for_selector(".notice.said")
        page.goto(f"{served.url}/upload")
        page.set_input_files("#file", {"name": "a.csv", "mimeType": "text/csv", "buffer": b"x"})
        page.click(".primary")
        page.wait_for_selector(".report")
        assert "alert(1)" in page.inner_text(".report")
        assert served.problems == []


def test_the_policy_would_stop_what_slipped_through(served):
    """The second line: were markup not escaped, it could not run."""
    served.ask(1)
    page = served.page("ann")
    wait_for(page, "r1")
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', "
        '\'<img src=x onerror="document.title=1"><iframe srcdoc="x"></iframe>\')'
    )
    page.evaluate(
        "const s = document.createElement('script'); s.textContent = 'document.title = 2'; document.body.append(s)"
    )
    page.wait_for_timeout(300)
    assert page.title() == "Review · streamssl"
    assert any("blocked" in each for each in served.problems)
    served.problems.clear()


def test_another_site_can_send_nothing_and_frame_nothing(served):
    served.ask(1)
    page = served.page("ann")
    wait_for(page, "r1")
    elsewhere = served.url.replace("127.0.0.1", "localhost")
    token = page.get_attribute('[name="token"] >> nth=0', "value")
    page.route(
        "**/evil",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{served.url}/answer"><input name="token" value="{token}">'
            '<input name="request_id" value="r1"><input name="label" value="forged"></form>',
        ),
    )
    page.goto(f"{elsewhere}/evil")
    page.evaluate(
        "url => document.body.append(Object.assign(document.createElement('iframe'), { src: url }))", served.url
    )
    page.wait_for_timeout(500)
    assert page.frames[-1].url.startswith("chrome-error:")
    served.problems.clear()
    with page.expect_response("**/answer") as answer:
        page.evaluate("document.forms[0].submit()")
    assert answer.value.status == 403
    assert labels(served) == []


def test_three_people_answer_everything_once_and_the_doubles_twice(served):
    n, doubles = 60, {f"r{number}" for number in range(5, 60, 10)}
    for number in range(n):
        served.ask(number, answers=2 if f"r{number}" in doubles else 1)
    pages = {name: served.page(name) for name in ("ann", "bob", "lea")}
    names, chance, seen = list(pages), random.Random(3), Counter()
    while names:
        name = chance.choice(names)
        page = pages[name]
        now = shown(page)
        if now is None:
            names.remove(name)
            continue
        seen[name, now] += 1
        before = page.evaluate("document.querySelector('.stage').dataset.seen = 'yes'")
        assert before == "yes"
        page.keyboard.press(chance.choice("1122 0") if chance.random() < 0.1 else chance.choice("12"))
        page.wait_for_selector(".stage:not([data-seen])")
        page.wait_for_timeout(210)
    said = [(value["request_id"], value["annotator"], value.get("label")) for _, value in served.world.labels()]
    assert len({each[:2] for each in said}) == len(said)  # nobody was asked twice
    looks = Counter(request_id for request_id, _, _ in said)
    classes = Counter(request_id for request_id, _, label in said if label is not None)
    assert set(looks) == {f"r{number}" for number in range(n)}  # none was lost
    for request_id in looks:
        wanted = 2 if request_id in doubles else 1
        assert classes[request_id] == wanted or looks[request_id] == 2, request_id  # "I don't know" is a look
        assert classes[request_id] <= wanted, request_id
    assert {name for _, name, _ in said} == set(pages)
