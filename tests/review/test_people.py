"""Who may enter, and who is logged in."""

import subprocess
import sys
from contextlib import ExitStack
from functools import partial

import pytest

from streamssl.locks import sole_use
from streamssl.review.people import People, PeopleError, digest
from streamssl.review.sessions import Sessions
from tests.review.desks import HOUR, NOW, make_desk


@pytest.fixture
def people(tmp_path):
    return People(tmp_path / "review/people.json")


def test_a_token_is_its_persons_and_the_file_does_not_hold_it(people):
    token = people.add("ann", is_lead=True, expires=None)
    other = people.add("bob", is_lead=False, expires=None)
    assert people.by_token(token, NOW).name == "ann"
    assert people.by_token(token, NOW).is_lead
    assert people.by_token(other, NOW).name == "bob"
    assert people.by_token("", NOW) is None
    assert people.by_token(digest(token), NOW) is None, "who has read the file cannot enter"
    assert token not in people.path.read_text()
    assert people.path.stat().st_mode & 0o077 == 0


def test_another_token_takes_the_place_of_the_first(people):
    first = people.add("ann", is_lead=False, expires=None)
    second = people.add("ann", is_lead=False, expires=None)
    assert people.by_token(first, NOW) is None
    assert people.by_token(second, NOW).name == "ann"
    assert len(people.all()) == 1


def test_a_token_ends(people):
    token = people.add("ann", is_lead=False, expires=NOW)
    assert people.by_token(token, NOW - 1)
    assert people.by_token(token, NOW) is None


def test_a_change_of_the_file_counts_at_once(people):
    token = people.add("ann", is_lead=False, expires=None)
    elsewhere = People(people.path)
    assert elsewhere.by_token(token, NOW)
    people.remove("ann")
    assert elsewhere.by_token(token, NOW) is None
    people.path.unlink()
    assert elsewhere.all() == ()


def test_another_file_counts_whatever_its_clock_says(people):
    """A file system's clock may stand for some ms, and digests are of one length."""
    import os

    token = people.add("ann", is_lead=False, expires=None)
    elsewhere, as_of = People(people.path), people.path.stat().st_mtime_ns
    assert elsewhere.by_token(token, NOW)
    people.add("ann", is_lead=False, expires=None)
    os.utime(people.path, ns=(as_of, as_of))
    assert elsewhere.by_token(token, NOW) is None


ADD = """
import sys
from pathlib import Path
from streamssl.review.people import People
people = People(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(10):
    people.add(f"{sys.argv[2]}-{number}", is_lead=False, expires=None)
    people.add("for a moment", is_lead=False, expires=None)
people.remove(f"old-{sys.argv[2]}")
"""


def test_of_changes_at_once_none_is_lost(people):
    who = ["ann", "bob", "eve", "joe"]
    for name in who:
        people.add(f"old-{name}", is_lead=False, expires=None)
    with ExitStack() as stack:
        changing = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", ADD, str(people.path), name],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for name in who
        ]
        for process in changing:
            assert process.stdout.readline() == "ready\n"
        for process in changing:
            process.stdin.write("go\n")
            process.stdin.flush()
    assert [process.returncode for process in changing] == [0, 0, 0, 0]
    there = {person.name for person in people.all()}
    assert there == {f"{name}-{number}" for name in who for number in range(10)} | {"for a moment"}


def test_a_file_that_another_process_holds_is_named(people, monkeypatch):
    monkeypatch.setattr("streamssl.review.people.sole_use", partial(sole_use, within=0.1))
    with sole_use(people.path.with_name("people.json.lock"), ""):
        with pytest.raises(PeopleError, match="people.json is being changed by another process"):
            people.add("ann", is_lead=False, expires=None)
        assert people.all() == (), "reading waits for nobody"


def test_a_file_that_cannot_be_read_lets_nobody_in(people):
    people.add("ann", is_lead=False, expires=None)
    people.path.write_text('{"people": [{"name": "ann", "token": "plain text"}]}')
    with pytest.raises(PeopleError, match="token"):
        people.all()
    people.path.write_text('{"people": [')
    with pytest.raises(PeopleError, match=r"people.json: Invalid JSON"):
        people.all()


def test_a_place_that_cannot_be_used_is_said_in_words(tmp_path):
    (tmp_path / "file").touch()
    people = People(tmp_path / "file/people.json")
    with pytest.raises(PeopleError, match="file"):
        people.all()
    people = People(tmp_path / "people.json")
    people.path.with_suffix(".new").mkdir()
    with pytest.raises(PeopleError, match="people"):
        people.add("ann", is_lead=False, expires=None)


@pytest.mark.parametrize("name", ["", "<b>", "a\nb", " a", "a ", "x" * 65, 'a"b'])
def test_names_that_cannot_be(people, name):
    with pytest.raises(PeopleError):
        people.add(name, is_lead=False, expires=None)


@pytest.mark.parametrize("name", ["a", "Ann Lee", "ann@example.org", "Zoë", "x" * 64])
def test_names_that_can_be(people, name):
    assert people.by_token(people.add(name, is_lead=False, expires=None), NOW).name == name


class TestSessions:
    @pytest.fixture
    def token(self, people):
        return people.add("ann", is_lead=False, expires=NOW + 48 * HOUR)

    @pytest.fixture
    def sessions(self, tmp_path, people, token):
        return Sessions(make_desk(tmp_path), people, idle_ms=HOUR)

    def test_a_token_is_exchanged_for_a_cookie(self, sessions, token):
        cookie = sessions.begin(token, NOW)
        assert sessions.find(cookie, NOW).person.name == "ann"
        assert sessions.begin("wrong", NOW) is None
        assert sessions.find(token, NOW) is None
        assert sessions.find(digest(cookie), NOW) is None, "who has read the file cannot enter"

    def test_it_ends_when_nothing_is_done(self, sessions, token):
        cookie = sessions.begin(token, NOW)
        for hours in (0.9, 1.8, 2.7):
            assert sessions.find(cookie, NOW + int(hours * HOUR)), "it was used less than an hour ago"
        assert sessions.find(cookie, NOW + int(3.8 * HOUR)) is None

    def test_it_does_not_outlive_a_clock_that_was_ahead(self, sessions, token):
        ahead = NOW + 40 * HOUR
        forgotten, used = sessions.begin(token, ahead), sessions.begin(token, ahead)
        assert sessions.find(used, ahead - HOUR), "what is in use goes on"
        assert sessions.find(used, ahead - 2 * HOUR)
        assert sessions.find(forgotten, NOW) is None

    def test_it_ends_with_its_token(self, sessions, people, token):
        cookie = sessions.begin(token, NOW)
        people.add("ann", is_lead=False, expires=None)
        assert sessions.find(cookie, NOW) is None, "a stolen token was replaced"

    def test_it_ends_when_the_token_does(self, people, tmp_path, token):
        sessions = Sessions(make_desk(tmp_path), people, idle_ms=100 * HOUR)
        cookie = sessions.begin(token, NOW)
        assert sessions.find(cookie, NOW + 47 * HOUR)
        assert sessions.find(cookie, NOW + 48 * HOUR) is None

    def test_log_out(self, sessions, token):
        cookie = sessions.begin(token, NOW)
        other = sessions.begin(token, NOW)
        sessions.end(cookie)
        assert sessions.find(cookie, NOW) is None
        assert sessions.find(other, NOW)

    def test_each_has_a_form_token_of_its_own(self, sessions, token):
        cookies = [sessions.begin(token, NOW) for _ in range(2)]
        forms = {sessions.find(cookie, NOW).form_token for cookie in cookies}
        assert len(forms) == 2
        assert not forms & set(cookies)
