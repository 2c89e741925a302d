"""The embedded file: several processes, kill -9, retention, members that slept."""

import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from streamssl.engine.batch import ranges
from streamssl.transport import sqlite_worker
from streamssl.transport.base import Fenced, Message, Subscription, TopicSpec, TransportError
from streamssl.transport.sqlite import SqliteTransport
from streamssl.transport.sqlite_log import SWEEP_ROWS, SqliteLog

HOUR_MS = 3_600_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "topics.db"


@pytest.fixture
def transport(path):
    with_topics = SqliteTransport(path)
    kept = {"retention.ms": str(HOUR_MS)}
    with_topics.create_topics([TopicSpec("events", 4, kept), TopicSpec("out"), TopicSpec("journal", 2)])
    yield with_topics
    with_topics.close()


def write(transport, topic, n, timestamp=None, key=None):
    with transport.producer() as producer:
        for i in range(n):
            producer.send(Message(topic, key or b"%d" % i, b"%d" % i), timestamp)


def live(transport, number=0):
    worker = transport.worker(Subscription(f"worker-{number}", "group", ("events",), (), "journal"))
    worker.fence()
    list(worker.read_journal())
    worker.join({})
    return worker


def process(code, path):
    """Start Python with `log` open on the file."""
    begin = f"from streamssl.transport.sqlite_log import *; log = SqliteLog(Path({str(path)!r}))\n"
    return subprocess.Popen([sys.executable, "-c", begin + code], stdout=subprocess.PIPE, text=True)


def killed_after_its_line(code, path):
    child = process(code, path)
    assert child.stdout.readline() == "now\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()


def test_what_was_committed_survives_a_kill(transport, path):
    code = "with log.transaction(): log.append([Message('out', b'k', b'v')])\nprint('now', flush=True); input()"
    killed_after_its_line(code, path)
    assert transport.offsets("out") == {0: (0, 1)}


def test_what_was_not_committed_does_not(transport, path):
    code = (
        "with log.transaction(): log.append([Message('out', b'k', b'v')]); print('now', flush=True); time.sleep(60)"
    )
    killed_after_its_line(code, path)
    assert transport.offsets("out") == {0: (0, 0)}
    write(transport, "out", 1)
    assert transport.offsets("out") == {0: (0, 1)}, "the dead process's lock is gone, and so is its record"


def test_processes_write_at_once_and_no_offset_is_given_twice(transport, path):
    code = "for i in range(100):\n with log.transaction(): log.append([Message('out', b'%d' % i, b'')])"
    children = [process(code, path) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    with transport.reader(["out"]) as reader:
        records = reader.poll(1_000)
    assert [record.offset for record in records] == list(range(300))
    assert set(Counter(record.key for record in records).values()) == {3}


def test_processes_open_a_new_file_at_once(path):
    children = [process("log.create([TopicSpec('t')])", path) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    assert SqliteLog(path).topics() == {"t": 1}


def test_a_member_that_slept_cannot_commit_what_another_has_read(transport, monkeypatch):
    monkeypatch.setattr(sqlite_worker, "SEEN_EVERY", 0)
    sleeper, other = live(transport, 0), live(transport, 1)
    for worker in (sleeper, other, sleeper, other):
        worker.poll(10, 0)
    assert len(sleeper.assignment()) == len(other.assignment()) == 2
    transport._log.execute("UPDATE membership SET seen = 0 WHERE worker_id = 'worker-0'")
    write(transport, "events", 40)
    records = other.poll(100, 0)
    assert len(records) == 40, "the silent one's partitions have moved"
    other.commit([], b"", ranges(records))
    records = sleeper.poll(100, 0)  # it is back, finds the members it knew, and reads on where it was
    assert records
    with pytest.raises(Fenced, match="another worker has read on"):
        sleeper.commit([Message("out", b"k", b"twice")], b"", ranges(records))
    assert transport.offsets("out") == {0: (0, 0)}


def test_a_partition_that_is_behind_does_not_hold_up_the_others(transport):
    write(transport, "events", 1_000, key=b"1")
    write(transport, "events", 100)
    with transport.reader(["events"]) as reader:
        shares = Counter(record.partition for record in reader.poll(40))
        assert shares == dict.fromkeys(range(4), 10)
        rest = []
        while not reader.at_end():
            rest.append(len(reader.poll(200)))
    assert rest == [200] * 5 + [60], "a poll is full as long as there is anything to read"


def test_retention_removes_old_records_a_bounded_number_at_a_time(transport):
    write(transport, "events", SWEEP_ROWS + 10, timestamp=1, key=b"1")
    write(transport, "events", 5, key=b"1")
    [number] = [number for number, (_, end) in transport.offsets("events").items() if end]
    transport._log.sweep()
    assert transport.offsets("events")[number][0] == SWEEP_ROWS
    for _ in range(2):
        transport._log.sweep()
        assert transport.offsets("events")[number] == (SWEEP_ROWS + 10, SWEEP_ROWS + 15)
    with transport.reader(["events"]) as reader:
        assert [record.value for record in reader.poll()] == [b"%d" % i for i in range(5)]


def test_a_topic_without_retention_keeps_everything(transport):
    write(transport, "out", 10, timestamp=1)
    transport._log.sweep()
    assert transport.offsets("out") == {0: (0, 10)}


def test_a_workers_polls_keep_the_file_swept(transport):
    write(transport, "events", 20, timestamp=1, key=b"1")
    live(transport).poll(100, 0)
    assert sorted(first for first, _ in transport.offsets("events").values()) == [0, 0, 0, 20]


def test_what_retention_removes_before_a_reader_comes_to_it_is_said(transport, caplog):
    write(transport, "events", 4, timestamp=1, key=b"1")
    with transport.reader(["events"]) as reader:
        assert len(reader.poll(2)) == 2
        write(transport, "events", 1, timestamp=int(time.time() * 1_000), key=b"1")
        transport._log.sweep()
        assert [record.offset for record in reader.poll(10)] == [4]
    assert "was read to 2 and goes on at 4" in caplog.text


def test_a_full_disk_is_said_and_leaves_nothing_half_written(transport):
    pages = transport._log.execute("PRAGMA page_count")[0][0]
    transport._log.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(TransportError, match="full"), transport._log.transaction():
        transport._log.append([Message("out", b"k", b"x" * 1_000_000)])
    assert transport.offsets("out") == {0: (0, 0)}
    with transport._log.transaction():
        transport._log.append([Message("out", b"k", b"small")])
    assert transport.offsets("out") == {0: (0, 1)}


def test_a_file_that_is_no_database_is_named(path):
    path.write_text("something else entirely, and long enough to be looked at\n" * 100)
    with pytest.raises(TransportError, match="topics.db: file is not a database"):
        SqliteTransport(path)


def test_the_embedded_path_does_not_load_kafkas_client():
    code = (
        "import sys; from streamssl.config import Config; from streamssl.transport import connect; "
        "connect(Config(sqlite={'path': ':memory:'})); sys.exit('kafka' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_partition_moves_only_when_its_owner_has_let_go(transport, monkeypatch):
    """A batch that was polled before a newcomer was heard of can still be committed."""
    monkeypatch.setattr(sqlite_worker, "SEEN_EVERY", 0)
    first, second = live(transport, 0), live(transport, 1)
    write(transport, "events", 40)
    records = first.poll(100, 0)
    assert len(records) == 40
    second.poll(100, 0)
    assert second.assignment() == frozenset(), "the first has not heard of it"
    first.commit([], b"", ranges(records))
    first.poll(100, 0)
    second.poll(100, 0)
    assert len(first.assignment()) == len(second.assignment()) == 2
    assert first.assignment().isdisjoint(second.assignment())
