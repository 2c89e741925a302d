"""Up to when everything has been read, with records that keep coming."""

import time

from streamssl.runtime.horizon import Horizon
from streamssl.transport.base import TransportError


def now():
    return int(time.time() * 1_000)


def test_a_moment_is_reached_once_all_that_was_there_is_read_though_more_has_come(embedded):
    worker = embedded.worker()
    embedded.write("labels", b"1", b"2", b"3")
    horizon = Horizon(worker)
    assert not horizon.is_noted
    before = now()
    horizon.look()
    after = now()
    assert horizon.is_noted
    assert horizon.lag["labels", 0] == 3
    assert horizon.reached() is None
    assert len(worker.poll(2, 0.1)) == 2
    assert horizon.reached() is None, "one is missing"
    embedded.write("labels", b"4")
    assert len(worker.poll(1, 0.1)) == 1
    assert before <= horizon.reached() <= after
    assert horizon.reached() is None, "it is told once"


def test_another_look_renews_the_lag_and_leaves_the_moment_that_is_waited_for(embedded):
    worker = embedded.worker()
    embedded.write("labels", b"1")
    horizon = Horizon(worker)
    horizon.look()
    noted = now()
    embedded.write("labels", b"2", b"3")
    time.sleep(0.01)
    horizon.look()
    assert horizon.lag["labels", 0] == 3
    assert len(worker.poll(1, 0.1)) == 1
    assert horizon.reached() <= noted, "else a stream that never pauses would never reach anything"


def test_what_was_noted_is_worth_nothing_when_partitions_have_moved(embedded):
    worker = embedded.worker()
    horizon = Horizon(worker)
    horizon.look()
    horizon.reset()
    assert not horizon.is_noted
    assert horizon.reached() is None


class Silent:
    """A worker whose server does not answer."""

    def ends(self):
        raise TransportError("nobody there")


def test_a_server_that_does_not_answer_reaches_nothing_and_is_said(caplog):
    horizon = Horizon(Silent())
    began = horizon.answered_at
    horizon.look()
    assert not horizon.is_noted
    assert horizon.answered_at == began
    assert "nobody there" in caplog.text
