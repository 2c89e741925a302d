"""The pages as a browser without scripts sees them, and the parts that their script asks for."""

import re
from typing import NamedTuple

import pytest

from streamssl.engine.asking.draws import REASONS
from streamssl.monitoring.reading import Silent
from streamssl.monitoring.scrape import Scrape
from streamssl.review import queue
from streamssl.review.looks import fragment
from streamssl.review.reviewing import WHY
from streamssl.review.status import KEPT_EVERY_MS, READ_EVERY_MS, Watch, spark_paths
from streamssl.review.uploads import Uploads
from tests.review.conftest import NOW, request_record
from tests.review.test_presentation import png

FRAGMENT = {"x-fragment": "1"}
MINUTE = 60_000


def form_of(page):
    """Return the hidden fields of the page's answer form."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.split('action="/answer"')[1])
    return dict(fields[:3])


def shown(page):
    found = re.search(r'data-request="([^"]*)"', page)
    return found[1] if found else None


def send(client, path="/answer", **fields):
    """Send the answer form of the current page, as its script does."""
    form = form_of(client.get("/").text)
    return client.post(path, data=form | fields, headers=FRAGMENT)


def token_of(client):
    return re.search(r'name="token" value="([^"]+)"', client.get("/me").text)[1]


def test_questions_come_in_the_order_of_their_keys_and_answers_become_labels(world):
    world.ask(*(request_record(n) for n in (3, 1, 2)))
    client = world.client("ann")
    assert shown(client.get("/").text) == "r1"
    assert shown(send(client, label="spam").text) == "r2"
    assert shown(send(client, abstain="1").text) == "r3"
    done = send(client, other="  virus ")
    assert shown(done.text) is None
    assert "Nothing to do" in done.text
    said = [(key, value.get("label"), value.get("abstain"), value["annotator"]) for key, value in world.labels()]
    assert said == [("e1", "spam", None, "ann"), ("e2", None, True, "ann"), ("e3", "virus", None, "ann")]
    assert "virus" in [each.name for each in _classes(world)]


def _classes(world):
    from streamssl.review.reviewing import Reviewing

    return Reviewing(world.site).classes()


def test_without_scripts_the_forms_lead_back_to_the_page(world):
    world.ask(request_record(1), request_record(2))
    client = world.client("ann")
    form = form_of(client.get("/").text)
    answer = client.post("/answer", data=form | {"label": "ham"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = client.get("/")
    assert shown(page.text) == "r2"
    assert page.text.startswith("<!doctype html>")
    assert not client.get("/", headers=FRAGMENT).text.lstrip().startswith("<!doctype")
    assert client.post("/skip", data=form_of(page.text)).headers["location"] == "/"


def test_where_no_new_classes_are_wanted_there_is_no_place_for_one(make_world):
    world = make_world(classes=["ham", "ad"], new_classes=False)
    world.ask(request_record(1))
    client = world.client("ann")
    page = client.get("/").text
    assert 'name="other"' not in page
    answer = client.post("/answer", data=form_of(page) | {"other": "hamm"}, headers=FRAGMENT)
    assert (answer.status_code, shown(answer.text)) == (409, "r1")
    assert "There is no class &#39;hamm&#39;" in answer.text
    assert world.labels() == []


def test_the_same_answer_sent_twice_is_kept_once(world):
    world.ask(request_record(1), request_record(2))
    client = world.client("ann")
    form = form_of(client.get("/").text) | {"label": "spam"}
    answers = [client.post("/answer", data=form, headers=FRAGMENT) for _ in range(3)]
    assert [(each.status_code, shown(each.text)) for each in answers] == [(200, "r2")] * 3
    assert len(world.labels()) == 1


def test_undo_takes_back_and_brings_the_question_back_however_often_it_is_sent(world):
    world.ask(request_record(1), request_record(2), request_record(3))
    client = world.client("ann")
    send(client, label="spam")
    send(client, label="spam")
    undo = {"token": token_of(client), "number": "2", "request_id": "r2"}
    for _ in range(2):
        answer = client.post("/undo", data=undo, headers=FRAGMENT)
        assert (answer.status_code, shown(answer.text)) == (200, "r2")
        assert "Taken back" in answer.text
    assert [(key, value.get("label")) for key, value in world.labels()][2:] == [("e2", None)]
    assert shown(send(client, label="ham").text) == "r3"


def test_a_decision_is_opened_again_and_corrected(world):
    world.ask(request_record(1), request_record(2))
    client = world.client("ann")
    send(client, label="spam")
    page = client.get("/?request=r1").text
    assert "You said <strong><bdi>spam</bdi></strong>" in page
    assert form_of(page)["knows"] == "1"
    answer = client.post("/answer", data=form_of(page) | {"label": "ham"}, headers=FRAGMENT)
    assert shown(answer.text) == "r2"
    assert [value["label"] for _, value in world.labels()] == ["spam", "ham"]
    stale = client.post("/answer", data=form_of(page) | {"label": "other"}, headers=FRAGMENT)
    assert (stale.status_code, shown(stale.text)) == (409, "r1")
    assert "You have answered this in another window" in stale.text


def test_who_comes_second_is_told_and_gets_the_next_question(world):
    world.ask(request_record(1), request_record(2), request_record(3))
    ann, bob = world.client("ann"), world.client("bob")
    assert (shown(ann.get("/").text), shown(bob.get("/").text)) == ("r1", "r2")
    stolen = form_of(bob.get("/").text) | {"request_id": "r1", "label": "spam"}
    send(ann, label="ham")
    answer = bob.post("/answer", data=stolen, headers=FRAGMENT)
    assert (answer.status_code, shown(answer.text)) == (409, "r2")
    assert "Somebody else has answered this meanwhile" in answer.text
    assert [(value["annotator"], value["label"]) for _, value in world.labels()] == [("ann", "ham")]


def test_a_lease_ends_unless_it_is_renewed(world):
    world.ask(request_record(1))
    ann, bob = world.client("ann"), world.client("bob")
    renewal = {"token": form_of(ann.get("/").text)["token"], "request_id": "r1"}
    world.clock.now += 9 * MINUTE
    assert ann.post("/renew", data=renewal).status_code == 204
    world.clock.now += 9 * MINUTE
    assert shown(bob.get("/").text) is None
    world.clock.now += 2 * MINUTE
    assert shown(bob.get("/").text) == "r1"
    assert ann.post("/renew", data=renewal).status_code == 409
    assert ann.post("/renew", data=renewal | {"request_id": "nothing"}).status_code == 409


def test_who_waits_is_told_of_a_new_question_and_not_of_none(world):
    client = world.client("ann")
    assert "Nothing to do" in client.get("/").text
    assert client.get("/?wait=1", headers=FRAGMENT).status_code == 204
    world.ask(request_record(1))
    answer = client.get("/?wait=1", headers=FRAGMENT)
    assert (answer.status_code, shown(answer.text)) == (200, "r1")


@pytest.mark.parametrize("show_guess", ["after", "never", "before"])
def test_the_guess_is_in_the_page_when_it_may_be_seen_and_not_before(make_world, show_guess):
    world = make_world(show_guess=show_guess, classes=["ham"])
    world.ask(request_record(1, guess=("eggs", 0.87, {})), request_record(2, guess=("bacon", 0.5, {})))
    client = world.client("ann")
    page = client.get("/").text
    assert ("eggs" in page, "drawn by chance" in page) == ((show_guess == "before",) * 2)
    after = send(client, label="ham").text
    assert ("eggs" in after) == (show_guess != "never")
    assert ("bacon" in after) == (show_guess == "before")
    [(_, label)] = world.labels()
    assert label.get("seen_prediction", False) == (show_guess == "before")


def test_why_is_said_in_words_and_no_guess_is_none_of_nothing(world):
    world.ask(request_record(1, guess=(None, 0.0, {}), reason="cold-start"))
    world.ask(request_record(2, reason="of a later version"))
    client = world.client("ann")
    send(client, label="ham")
    page = client.get("/?request=r1").text
    assert "The model knew no class yet" in page
    assert "</span> asked because there were hardly any labels yet" in page
    send(client, label="ham")
    assert "asked because of a later version" in client.get("/?request=r2").text


def test_every_reason_has_words():
    assert set(WHY) == set(REASONS) - {""}


def test_what_waits_for_others_is_not_ones_own_to_do(world):
    client = world.client("ann")
    assert "waiting for others" not in client.get("/").text
    world.ask(request_record(1, answers=2), request_record(2))
    assert "waiting for others" not in client.get("/").text
    send(client, label="ham")
    page = send(client, label="ham").text
    assert re.search(r"<strong>1</strong> waiting for others", page)
    assert re.search(r"<strong>1</strong> waiting<", world.client("bob").get("/").text)


def test_classes_keep_their_keys_and_more_than_nine_have_a_filter(make_world):
    world = make_world(classes=[f"class {n}" for n in range(9)])
    world.ask(request_record(1, guess=(None, 0.0, {})))
    client = world.client("ann")
    page = client.get("/").text
    keys = re.findall(r'name="label" value="(class \d)" data-key="(\d)"', page)
    assert keys == [(f"class {n}", str(n + 1)) for n in range(9)]
    assert "data-filter" not in page
    world.ask(request_record(2, guess=("tenth", 0.5, {"tenth": 0.5})))
    page = client.get("/").text
    assert 'value="tenth">' in page
    assert "data-filter" in page


def test_nothing_said_is_nothing_kept(world):
    world.ask(request_record(1))
    client = world.client("ann")
    for fields in ({}, {"other": "   "}, {"label": ""}):
        answer = send(client, **fields)
        assert (answer.status_code, shown(answer.text)) == (422, "r1")
    assert world.labels() == []


@pytest.mark.parametrize("knows", ["", "x", "-1", "9" * 30])
def test_a_number_that_is_none_breaks_nothing(world, knows):
    world.ask(request_record(1))
    client = world.client("ann")
    assert send(client, label="spam", knows=knows).status_code in (200, 409)
    assert client.post("/undo", data={"token": token_of(client), "number": knows}).status_code in (200, 303)


def test_a_class_that_differs_in_capitals_only_is_no_new_one(make_world):
    world = make_world(classes=["benign", "Benign too", "US", "us"])
    world.ask(*(request_record(n) for n in (1, 2, 3)))
    client = world.client("ann")
    for typed in ("BENIGN", "us", "Us"):
        send(client, other=typed)
    assert [value["label"] for _, value in world.labels()] == ["benign", "us", "US"]


def test_a_question_that_is_gone_is_said_so(world):
    client = world.client("ann")
    answer = client.get("/?request=never")
    assert answer.status_code == 404
    assert "There is no such question" in answer.text


def test_progress_and_the_last_ten_decisions_stay_in_sight(world):
    world.ask(*(request_record(n) for n in range(14)))
    client = world.client("ann")
    for _ in range(12):
        page = send(client, label="ham").text
    assert "<strong>12</strong> answered today" in page
    assert re.findall(r'<bdi class="id">(e\d+)</bdi></span>', page) == [f"e{n}" for n in range(11, 1, -1)]
    assert page.count("≠") == 10


def test_what_is_usual_is_taken_from_as_many_questions_as_are_not_too_long(world, monkeypatch):
    world.ask(*(request_record(n, features={"text": 1_000 * "x"}) for n in range(30)))
    assert len(world.desk.latest(500)) == 30
    monkeypatch.setattr(queue, "LATEST_BYTES", 5_500)
    assert [each.request_id for each in world.desk.latest(500)] == [f"r{n}" for n in range(29, 24, -1)]
    monkeypatch.setattr(queue, "LATEST_BYTES", 500)
    assert world.desk.latest(500) == []


# Pictures, links, help ----------------------------------------------------------------------------------------


def test_pictures_have_an_address_of_their_own(world):
    world.ask(request_record(1, features={"note": "x", "photo": png(40, 30), "grid": [0, 1] * 32}))
    client = world.client("ann")
    page = client.get("/").text
    addresses = re.findall(r'<img src="([^"]+)"', page)
    assert addresses == ["/picture?request=r1&amp;field=1", "/picture?request=r1&amp;field=2"]
    for address in addresses:
        answer = client.get(address.replace("&amp;", "&"))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    for address in ("field=0", "field=99", "field=", "field=-1"):
        assert client.get(f"/picture?request=r1&{address}").status_code == 404
    assert client.get("/picture?request=r2&field=1").status_code == 404


def test_without_any_class_it_is_said_where_they_come_from(make_world):
    world = make_world(classes=[])
    world.ask(request_record(1, guess=(None, 0.0, {})), request_record(2, guess=(None, 0.0, {})))
    client = world.client("ann")
    assert "No class is known yet" in client.get("/").text
    assert "No class is known yet" not in send(client, other="spam").text


def test_when_it_was_is_said_with_its_time_zone(world):
    world.ask(request_record(1))
    assert "2027-01-01 08:00:00 UTC</time>" in world.client("ann").get("/").text


def test_links_lead_out_without_saying_where_from(make_world):
    world = make_world(event_link="https://siem.example.com/{id}?x={id}")
    world.ask(request_record(1, event_id="a/b?c&d", features={"see": "https://example.com/7"}))
    page = world.client("ann").get("/").text
    assert 'href="https://siem.example.com/a%2Fb%3Fc%26d?x=a%2Fb%3Fc%26d" target="_blank" rel="noopener' in page
    assert 'href="https://example.com/7" target="_blank" rel="noopener noreferrer"' in page


def test_pictures_elsewhere_are_allowed_by_the_configuration_only(make_world):
    world = make_world(image_hosts=["https://images.example.com"])
    world.ask(request_record(1, features={"photo": "https://images.example.com/7.png"}))
    answer = world.client("ann").get("/")
    assert '<img src="https://images.example.com/7.png" referrerpolicy="no-referrer"' in answer.text
    assert "img-src 'self' https://images.example.com;" in answer.headers["content-security-policy"]


def test_the_guideline_is_read_again_when_it_changes(make_world, tmp_path):
    path = tmp_path / "guideline.txt"
    world = make_world(guideline=str(path))
    client = world.client("ann")
    assert "cannot be read" in client.get("/help").text
    path.write_text("Spam is <b>what nobody wants</b>.")
    assert "Spam is &lt;b&gt;what nobody wants&lt;/b&gt;." in client.get("/help", headers=FRAGMENT).text
    path.write_text("Spam is what you say.")
    assert "Spam is what you say." in client.get("/help").text


def test_without_a_guideline_it_is_said_where_one_would_be(world):
    assert "There is none yet" in world.client("ann").get("/help").text


# Search, upload, reports --------------------------------------------------------------------------------------


def test_search_finds_ones_own_answers_only(world):
    world.ask(request_record(1, answers=2))
    ann, bob = world.client("ann"), world.client("bob")
    send(ann, label="secret of ann")
    assert "You said</span> <bdi>secret of ann" in ann.get("/search?id=e1").text
    page = bob.get("/search?id=e1").text
    # It is a class by now; whose is not said.
    assert "You have not answered it" in page
    assert not re.search(r"\bann\b", page.replace("secret of ann", ""))


def test_an_event_that_nobody_asked_about_can_be_labelled_and_taken_back(world):
    client = world.client("ann")
    token = token_of(client)
    answer = client.post("/volunteer", data={"token": token, "event_id": "e/7 &x", "other": "spam"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?id=e%2F7+%26x")
    page = client.get(answer.headers["location"]).text
    assert "You said <strong><bdi>spam</bdi></strong>" in page
    assert 'href="/search?id=e%2F7%20%26x"' in client.get("/").text or "e%2F7" in client.get("/").text
    number = re.search(r'name="number" value="(\d+)"', page)[1]
    client.post("/volunteer", data={"token": token, "event_id": "e/7 &x", "number": number})
    assert [(value["label"], "request_id" in value) for _, value in world.labels()] == [
        ("spam", False),
        (None, False),
    ]
    again = client.post("/volunteer", data={"token": token, "event_id": "e/7 &x", "number": number})
    assert (again.status_code, "Not kept" in again.text) == (409, True)
    assert client.post("/volunteer", data={"token": token, "event_id": "", "other": "spam"}).status_code == 409


class Line(NamedTuple):
    number: int
    text: str
    problem: str | None


class Report(NamedTuple):
    accepted: int
    refused: int
    lines: list


def test_an_uploaded_file_is_reported_line_by_line(world):
    taken = []

    def enter(person, data, name, now):
        taken.append((person.name, data, name, now))
        return Report(1, 1, [Line(3, "e2,<b>", "no <such> event"), Line(2, "e1,spam", None)])

    client = world.client("ann", upload=enter)
    file = {"file": ("my <labels>.csv", b"event_id,label\ne1,spam\n", "text/csv")}
    answer = client.post("/upload", data={"token": token_of(client)}, files=file)
    assert answer.status_code == 200
    assert taken == [("ann", b"event_id,label\ne1,spam\n", "my <labels>.csv", NOW)]
    for text in ("1 accepted", "1 refused", "e2,&lt;b&gt;", "no &lt;such&gt; event", "my &lt;labels&gt;.csv"):
        assert text in answer.text
    for files in ({}, {"file": ("empty.csv", b"", "text/csv")}):
        answer = client.post("/upload", data={"token": token_of(client)}, files=files)
        assert (answer.status_code, "Choose a file first" in answer.text) == (422, True)


def test_a_file_and_the_desk_are_one_thing(world):
    client = world.client("ann", upload=Uploads(world.desk, world.config).enter)
    data = b"event_id,label\ne1,spam\ne2,\xc3\xa9t\xc3\xa9\n,ham\n"
    file = {"file": ("labels.csv", data, "text/csv")}
    page = client.post("/upload", data={"token": token_of(client)}, files=file).text
    assert ("2 accepted" in page, "1 refused" in page) == (True, True)
    assert [(key, value["label"], value["annotator"]) for key, value in world.labels()] == [
        ("e1", "spam", "ann"),
        ("e2", "été", "ann"),
    ]


def test_a_file_that_is_too_long_is_refused(make_world):
    world = make_world(max_upload_bytes=1_000)
    client = world.client("ann", upload=lambda *_: pytest.fail("taken in"))
    for size in (1_001, 100_000):
        files = {"file": ("a.csv", size * b"x", "text/csv")}
        assert client.post("/upload", data={"token": token_of(client)}, files=files).status_code == 413


def test_what_was_uploaded_is_among_the_last_answers_without_a_guess(world):
    """Nobody had been shown it: who corrects the label then has not seen it either."""
    world.ask(request_record(1), request_record(2))
    Uploads(world.desk, world.config).enter(
        world.people.all()[0], b"event_id,label,request_id\ne1,ham,r1\n", "labels.csv", world.clock.now
    )
    client = world.client("ann")
    assert "model:" not in client.get("/").text
    send(client, request_id="r1", label="spam", knows="1")
    assert "seen_prediction" not in world.labels()[-1][1]
    assert "model:" in client.get("/").text
    send(client, request_id="r1", label="ham", knows="2")
    assert world.labels()[-1][1]["seen_prediction"] is True


def test_everybody_sees_their_own_report_and_leads_see_all(world):
    world.ask(request_record(1, answers=2), request_record(2))
    ann, bob, lea = (world.client(name) for name in ("ann", "bob", "lea"))
    send(ann, label="spam")
    send(bob, label="spam")
    send(ann, abstain="1")
    page = ann.get("/me").text
    assert "How you do, <bdi>ann</bdi>" in page
    assert "bob" not in page
    assert re.search(r"Same as a second person</dt><dd>1 <small>of 1", page)
    for path in ("/me", "/status", "/", "/search", "/help"):
        assert "/people" not in ann.get(path).text
    assert ann.get("/people").status_code == 403
    table = lea.get("/people").text
    assert [name in table for name in ("ann", "bob", "lea")] == [True] * 3
    world.people.remove("bob")
    assert "<bdi>bob</bdi>" in lea.get("/people").text


# Status -------------------------------------------------------------------------------------------------------

RELIABILITY = {"ann": 0.91, "bob": 0.64}
METRICS = """streamssl_start_timestamp_seconds 1.0
streamssl_consumer_lag_seconds {lag}
streamssl_live_accuracy_ratio{{who="learner",window="recent"}} 0.9
streamssl_live_accuracy_low_ratio{{who="learner",window="recent"}} 0.85
streamssl_live_accuracy_high_ratio{{who="learner",window="recent"}} 0.94
streamssl_live_accuracy_labels{{who="learner",window="recent"}} 70.0
"""


def test_how_right_the_learner_takes_people_to_be_is_shown_to_them_and_to_leads(world):
    from streamssl.review.app import review_app

    rows = "".join(
        f'streamssl_annotator_reliability_ratio{{annotator="{n}"}} {r}\n' for n, r in RELIABILITY.items()
    )
    watch = Watch(world.config, world.desk, lambda url: Scrape(METRICS.format(lag=0.0) + rows, 1.0))
    pages = {}
    for name, path in (("ann", "/me"), ("bob", "/me"), ("lea", "/people")):
        client = world.client(name)
        client.app = client._transport.app = review_app(world.site, watch=watch)
        pages[name] = client.get(path).text
    assert "91%" in pages["ann"]
    assert "64%" not in pages["ann"]
    assert "64%" in pages["bob"]
    assert "91%" in pages["lea"]
    assert "64%" in pages["lea"]
    assert pages["lea"].count("not known") == 1, "of lea herself the learner knows nothing"


def test_the_status_page_answers_as_top_does_and_draws_what_it_has_seen(world):
    from streamssl.review.app import review_app

    asked = []

    def fetch(url):
        asked.append(url)
        return Scrape(METRICS.format(lag=float(len(asked))), world.clock.now / 1_000)

    watch = Watch(world.config, world.desk, fetch)
    client = world.client("ann")
    client.app = review_app(world.site, watch=watch)
    client._transport.app = client.app
    world.ask(request_record(1))
    page = client.get("/status").text
    assert "90.0%<small>85.0% to 94.0%, 70 labels in it</small>" in page
    assert "questions waiting</dt><dd>1<small>" in page
    assert '<svg viewBox="-2' not in page
    client.get("/status")
    assert asked == ["http://127.0.0.1:9464/metrics"]
    world.clock.now += KEPT_EVERY_MS
    part = client.get("/status", headers=FRAGMENT).text
    assert part.count('class="line"') == 4
    assert part.count('class="band"') == 1
    assert 'aria-label="right over the last 5 s, now 90.0%"' in part


def test_a_learner_that_is_silent_is_said_so_and_its_last_answers_stay(world):
    answers = [Scrape(METRICS.format(lag=1.0), NOW / 1_000)]

    def fetch(url):
        if answers:
            return answers.pop()
        raise Silent(f"{url} does not answer: refused")

    watch = Watch(world.config, world.desk, fetch)
    assert 'class="well"' in _learner_part(watch.values(NOW))
    later = watch.values(NOW + READ_EVERY_MS)
    assert "does not answer" in later["silent"]
    assert [each.value for each in later["answers"]][:2] == ["1 s", "90.0%"]
    assert 'class="well"' not in _learner_part(later)


def _learner_part(values):
    return fragment("status_body.html", **values).split("The questions")[0]


def test_a_line_has_gaps_where_nothing_is_known():
    nan = float("nan")
    line, band = spark_paths([0, 1, 2, 3], [1, nan, 0, 1], [0, nan, 0, 0], [1, nan, 1, 1], (0, 1))
    assert line == "M0.0 0.0M160.0 48.0L240.0 0.0"
    assert band.startswith("M0.0 0.0L160.0 0.0")
    assert spark_paths([0, 1], [nan, nan]) == ("", "")
    assert "nan" not in spark_paths([5, 5], [0, 0])[0]
