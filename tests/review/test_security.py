"""What the pages refuse: forged posts, tokens and cookies that were taken away, bodies without end, other hosts."""

import html
import http.client
import re
import socket
import threading
import time
from html.parser import HTMLParser

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from streamssl.connectors import listening
from streamssl.connectors.listening import read_body
from streamssl.review.app import review_app
from streamssl.review.doors import LONGEST_FORM
from tests.review.conftest import FROM_HERE, HOST, request_record

POSTS = ("/answer", "/skip", "/undo", "/renew", "/volunteer", "/upload", "/logout")
PAGES = (
    "/",
    "/search?id=e1",
    "/upload",
    "/me",
    "/people",
    "/status",
    "/help",
    "/picture?request=r1&field=0",
    "/here",
)
HOUR = 3_600_000

BAD = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}</textarea></title><!--"


def token_of(client):
    return re.search(r'name="token" value="([^"]+)"', client.get("/help").text)[1]


# Who is it ----------------------------------------------------------------------------------------------------


def test_nobody_gets_anywhere_without_a_cookie(world):
    world.ask(request_record(1))
    client = world.client()
    for path in PAGES:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert client.get(path, headers={"x-fragment": "1"}).status_code == 401
    for path in POSTS:
        assert client.post(path, data={"token": "x", "request_id": "r1", "label": "spam"}).status_code == 303
    assert world.labels() == []


@pytest.mark.parametrize("public_url", [None, "https://review.example.com"])
def test_the_cookie_is_for_this_site_and_no_script(make_world, public_url):
    world = make_world(public_url=public_url)
    client = TestClient(world.app(), base_url=public_url or HOST, headers=FROM_HERE, follow_redirects=False)
    answer = client.post("/login", data={"token": f" {world.tokens['ann']}\n"})
    assert answer.status_code == 303
    name, *rest = [each.strip() for each in answer.headers["set-cookie"].split(";")]
    secure = public_url is not None
    assert name.startswith("__Host-streamssl=" if secure else "streamssl=")
    assert {each.lower() for each in rest} == {"httponly", "path=/", "samesite=strict"} | (
        {"secure"} if secure else set()
    )
    assert ("strict-transport-security" in answer.headers) == secure
    assert client.get("/").status_code == 200
    assert world.tokens["ann"] not in answer.text + client.get("/").text


def test_a_token_that_is_taken_away_ends_what_was_begun_with_it(world):
    client = world.client("ann")
    assert client.get("/").status_code == 200
    world.people.remove("ann")
    assert client.get("/").status_code == 303
    assert world.client().post("/login", data={"token": world.tokens["ann"]}).status_code == 403


def test_a_new_token_ends_the_old_one(world):
    client = world.client("ann")
    new = world.people.add("ann", is_lead=False, expires=None)
    assert client.get("/").status_code == 303
    assert world.client().post("/login", data={"token": world.tokens["ann"]}).status_code == 403
    assert world.client().post("/login", data={"token": new}).status_code == 303


def test_a_token_that_has_ended_ends_the_session_too(world):
    world.tokens["ann"] = world.people.add("ann", is_lead=False, expires=world.clock.now + HOUR)
    client = world.client("ann")
    world.clock.now += HOUR - 1
    assert client.get("/").status_code == 200
    world.clock.now += 1
    assert client.get("/").status_code == 303
    assert world.client().post("/login", data={"token": world.tokens["ann"]}).status_code == 403


def test_a_cookie_ends_when_it_is_not_used(world):
    client = world.client("ann")
    for _ in range(3):
        world.clock.now += 11 * HOUR
        assert client.get("/").status_code == 200
    world.clock.now += 13 * HOUR
    assert client.get("/").status_code == 303


def test_logging_out_ends_the_cookie_also_where_it_was_copied(world):
    client = world.client("ann")
    copied = dict(client.cookies)
    assert client.post("/logout", data={"token": token_of(client)}).status_code == 303
    assert client.get("/").status_code == 303
    assert world.client().get("/", cookies=copied).status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "0" * 10_000, "é", "'; DROP TABLE sessions;--"])
def test_a_cookie_that_was_made_up_is_nobodys(world, cookie):
    answer = world.client().get("/", headers={"cookie": f"streamssl={cookie}".encode()})
    assert answer.status_code == 303


def test_guessing_tokens_has_to_wait_and_does_not_lock_out_for_long(world):
    client = world.client()
    tried = [client.post("/login", data={"token": f"guess {n}"}).status_code for n in range(12)]
    assert tried == [403] * 10 + [429] * 2
    answer = client.post("/login", data={"token": world.tokens["ann"]})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    world.clock.now += 60_000
    assert client.post("/login", data={"token": world.tokens["ann"]}).status_code == 303


# Forged posts -------------------------------------------------------------------------------------------------

ELSEWHERE = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": ""},
    {"sec-fetch-site": "cross-site", "origin": HOST},
    {"origin": "https://evil.example"},
    {"origin": "http://127.0.0.1:9468"},
    {"origin": "null"},
    {},
]


def bare(world, name):
    """Return a client with somebody's cookie, which says nothing of where a request comes from."""
    client = world.client(name)
    token = token_of(client)
    del client.headers["sec-fetch-site"]
    return client, token


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_a_post_from_elsewhere_is_refused_whatever_it_knows(world, headers):
    world.ask(request_record(1))
    client, token = bare(world, "ann")
    for path in (*POSTS, "/login"):
        data = {"token": token, "request_id": "r1", "label": "spam", "event_id": "e1", "other": "spam"}
        assert client.post(path, data=data, headers=headers).status_code == 403
    assert world.labels() == []
    assert client.get("/").status_code == 200


def test_a_browser_that_says_only_the_origin_is_believed_when_it_is_ours(world):
    world.ask(request_record(1))
    client, token = bare(world, "ann")
    data = {"token": token, "request_id": "r1", "label": "spam"}
    assert client.post("/answer", data=data, headers={"origin": HOST}).status_code == 303
    assert len(world.labels()) == 1


@pytest.mark.parametrize("token", [None, "", "x", "é", "0" * 64, "of bob"])
def test_a_form_without_the_sessions_token_is_refused(world, token):
    world.ask(request_record(1))
    client = world.client("ann")
    token = token_of(world.client("bob")) if token == "of bob" else token
    for path in POSTS:
        data = {"request_id": "r1", "label": "spam", "event_id": "e1"} | ({} if token is None else {"token": token})
        assert client.post(path, data=data).status_code == 403
    assert world.labels() == []
    assert client.get("/").status_code == 200


def test_looking_changes_nothing(world):
    client = world.client("ann")
    for path in POSTS:
        if path != "/upload":
            assert client.get(path).status_code == 405


def test_one_person_can_take_back_nothing_of_another(world):
    world.ask(request_record(1))
    ann, bob = world.client("ann"), world.client("bob")
    ann.post("/answer", data={"token": token_of(ann), "request_id": "r1", "label": "spam"})
    for path in ("/undo", "/volunteer"):
        bob.post(path, data={"token": token_of(bob), "number": "1", "request_id": "r1", "event_id": "e1"})
    assert len(world.labels()) == 1


# Hosts and headers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("public_url", "host", "is_ours"),
    [
        (None, "127.0.0.1:9465", True),
        (None, "localhost:9465", True),
        (None, "LOCALHOST:9465", True),
        (None, "[::1]:9465", True),
        (None, "127.0.0.1", False),
        (None, "127.0.0.1:80", False),
        (None, "evil.example:9465", False),
        (None, "evil.example", False),
        (None, "", False),
        ("https://review.example.com", "review.example.com", True),
        ("https://review.example.com", "Review.Example.com", True),
        ("https://review.example.com", "127.0.0.1:9465", False),
        ("https://review.example.com", "review.example.com.evil.org", False),
        ("https://review.example.com", "review.example.com:8443", False),
        ("http://review.example.com:8080", "review.example.com:8080", True),
    ],
)
def test_only_the_services_own_address_is_answered(make_world, public_url, host, is_ours):
    world = make_world(public_url=public_url)
    client = world.client()
    for path in ("/login", "/static/review.css", "/nowhere", "/api/anything"):
        assert (client.get(path, headers={"host": host}).status_code == 400) == (not is_ours)
    assert "evil" not in client.get("/login", headers={"host": host}).text


def test_every_answer_has_the_headers(world):
    async def fails(request):
        raise RuntimeError("a secret of the inside")

    client = world.client("ann")
    app = review_app(world.site, [Route("/api/fails", fails)])
    other = TestClient(app, base_url=HOST)
    answers = [client.get(path) for path in (*PAGES, "/login", "/nowhere", "/static/nothing", "/static/review.js")]
    answers += [client.post("/answer"), client.get("/", headers={"host": "evil.example"})]
    answers += [other.get("/api/fails"), client.post("/answer", content=100_000 * b"x")]
    assert {each.status_code for each in answers} >= {200, 303, 400, 403, 404, 413, 500}
    for answer in answers:
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["img-src"] == policy["form-action"] == "'self'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        kept = "immutable" if answer.url.path == "/static/review.js" else "no-store"
        assert kept in answer.headers["cache-control"]
    assert other.get("/api/fails").json() == {"error": "something went wrong here; the log says what"}


def test_what_fails_inside_is_told_to_the_log_and_to_nobody_else(world, caplog):
    client = world.client("ann")
    world.desk.close()
    answer = client.get("/picture?request=r1&field=0")
    assert answer.status_code == 500
    assert "GET '/picture' failed" in caplog.text
    for word in ("Traceback", "sqlite", "closed", "streamssl/review"):
        assert word not in answer.text


def test_no_page_holds_a_script_or_a_style_of_its_own(world):
    world.ask(request_record(1))
    client = world.client("lea")
    for path in PAGES[:7]:
        page = client.get(path).text
        assert re.findall(r"<script(?! src=\"/static/)", page) == []
        assert re.findall(r"<style|style=|javascript:| on\w+=", page) == []


# Bodies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*POSTS, "/login", "/api/echo"])
@pytest.mark.parametrize("is_announced", [True, False])
def test_ten_megabytes_are_refused_before_they_are_read(world, path, is_announced):
    taken = []

    async def echo(request: Request):
        return JSONResponse({"length": len(await read_body(request, 100_000_000))})

    def parts():
        for n in range(160):
            taken.append(n)
            yield 65_536 * b"x"

    client = world.client("ann")
    app = review_app(world.site, [Route("/api/echo", echo, methods=["POST"])])
    other = TestClient(app, base_url=HOST, headers=FROM_HERE, cookies=dict(client.cookies))
    most = 8_000_000 if path == "/upload" else LONGEST_FORM
    kind = {"content-type": "application/x-www-form-urlencoded"}
    body = 160 * 65_536 * b"x" if is_announced else parts()
    answer = other.post(path, content=body, headers=kind, follow_redirects=False)
    assert answer.status_code == 413
    assert f"longer than {most:,}"[:14] in answer.text
    assert client.get("/").status_code == 200


def test_a_body_that_is_just_short_enough_is_taken(world):
    client = world.client("ann")
    frame = len("event_id=&other=spam&token=") + 64
    data = {"event_id": (LONGEST_FORM - frame) * "x", "other": "spam", "token": token_of(client)}
    assert client.post("/volunteer", data=data).status_code in (303, 409)
    assert client.post("/volunteer", data=data | {"event_id": data["event_id"] + "x"}).status_code == 413


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "9" * 40, "+5"])
def test_a_length_that_is_none_is_refused(world, length):
    answer = world.client("ann").post("/answer", content=b"x", headers={"content-length": length})
    assert answer.status_code == 413


def test_many_fields_and_a_broken_form_are_refused(world):
    client = world.client("ann")
    many = "&".join(f"f{n}=1" for n in range(2_000))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/answer", content=many, headers=kind).status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=x"}
    for body in (b"--x\r\nnonsense", b"--y\r\n\r\n", b""):
        assert client.post("/upload", content=body, headers=broken).status_code in (400, 403)
    assert client.post("/upload", content=b"x", headers={"content-type": "multipart/form-data"}).status_code in (
        400,
        403,
    )


def test_a_body_that_does_not_come_is_given_up(world, monkeypatch):
    monkeypatch.setattr(listening, "BODY_SECONDS", 0.3)
    cookie = world.client("ann").cookies["streamssl"]
    with (
        listening.listening(world.app(), "127.0.0.1", 0) as port,
        socket.create_connection(("127.0.0.1", port)) as raw,
    ):
        raw.settimeout(10)
        head = (
            f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n"
            f"Cookie: streamssl={cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            "Content-Length: 1000\r\n\r\n"
        )
        raw.sendall(head.encode())

        def drip():
            for _ in range(20):
                try:
                    raw.sendall(b"x")
                except OSError:
                    return
                time.sleep(0.05)

        dripping = threading.Thread(target=drip)
        dripping.start()
        began = time.monotonic()
        assert raw.recv(100).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 5
        dripping.join()


def test_ten_megabytes_over_a_real_connection(world):
    cookie = world.client("ann").cookies["streamssl"]
    with listening.listening(world.app(), "127.0.0.1", 0) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.putrequest("POST", "/answer")
        for name, value in (
            ("Sec-Fetch-Site", "same-origin"),
            ("Cookie", f"streamssl={cookie}"),
            ("Content-Length", "10485760"),
        ):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert answer.getheader("connection") == "close"
        connection.close()


# Markup -------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, page):
        super().__init__()
        self.made, self.events = set(), []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.made.add(tag)
        self.events += [name for name, _ in attributes if name.startswith("on")]
        self.events += [
            value for name, value in attributes if name in ("href", "src") and "script:" in (value or "")
        ]


def test_markup_in_every_field_stays_text(make_world, tmp_path):
    guideline = tmp_path / "guideline.txt"
    guideline.write_text(BAD)
    world = make_world(classes=[BAD], guideline=str(guideline), show_guess="before", fields={f"see{BAD}": "link"})
    features = {
        BAD: BAD,
        f"long{BAD}": 30 * BAD,
        f"number{BAD}": 1.5,
        f"see{BAD}": "javascript:alert(1)",
        f"link{BAD}": "https://example.com/" + html.escape(BAD).replace(" ", ""),
        f"photo{BAD}": f"data:image/png;base64,{BAD}",
        "nested": {BAD: [BAD, {BAD: BAD}]},
    }
    record = request_record(
        1, request_id=BAD, event_id=BAD, features=features, guess=(BAD, 0.5, {BAD + "2": 0.5}), reason=BAD
    )
    world.ask(record, request_record(2))

    def enter(person, data, name, now):
        from tests.review.test_pages import Line, Report

        return Report(0, 1, [Line(1, BAD, BAD)])

    client = world.client("lea", upload=enter)
    token = token_of(client)
    pages = [client.get("/").text, client.get("/help").text, client.get("/search", params={"id": BAD}).text]
    form = {"token": token, "request_id": BAD, "label": BAD}
    pages.append(client.post("/answer", data=form, headers={"x-fragment": "1"}).text)
    pages.append(client.get("/", params={"request": BAD}).text)
    client.post("/volunteer", data={"token": token, "event_id": BAD, "other": BAD})
    pages.append(client.get("/search", params={"id": BAD}).text)
    pages.append(client.get("/people").text)
    pages.append(client.post("/upload", data={"token": token}, files={"file": (BAD, b"x", "text/csv")}).text)
    pages.append(client.post("/undo", data={"token": token, "number": "1", "request_id": BAD}).text)
    for page in pages:
        tags = Tags(page)
        assert tags.events == []
        assert "img" not in tags.made
        assert page.count("<script") == page.count('<script src="/static/review.js')
    assert "{{7*7}}" in pages[0]
    assert sum("&lt;script&gt;alert(1)" in page for page in pages) >= 8


def test_names_that_could_be_markup_cannot_enter(world):
    from streamssl.review.people import PeopleError

    with pytest.raises(PeopleError):
        world.people.add("<b>ann", is_lead=False, expires=None)


def test_a_file_of_people_that_cannot_be_read_lets_nobody_in_and_is_no_crash(world, caplog):
    ann = world.client("ann")
    assert ann.get("/").status_code == 200
    world.people.path.write_text('{"people": 1}')
    refused = ann.get("/")
    assert refused.status_code == 503
    assert "who may enter" in refused.text
    assert str(world.people.path) not in refused.text
    assert str(world.people.path) in caplog.text
    assert "Traceback" not in caplog.text
