"""What every transport promises, held against each of them: the embedded file and a real broker."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from streamssl.config import Config
from streamssl.engine.batch import ranges
from streamssl.transport import connect
from streamssl.transport.base import (
    Fenced,
    Marks,
    Message,
    Neighbours,
    OffsetRange,
    RangeLost,
    Subscription,
    TopicSpec,
    TransportError,
)
from streamssl.transport.partitioner import partition_of
from streamssl.transport.sqlite_log import SqliteLog
from tests.integration.service import until


@pytest.fixture(params=["sqlite", "kafka"])
def config(request, tmp_path):
    if request.param == "sqlite":
        return Config(transport="sqlite", sqlite={"path": str(tmp_path / "topics.db")})
    kafka = {"bootstrap_servers": request.getfixturevalue("kafka_broker"), "session_timeout_ms": 6_000}
    return Config(transport="kafka", kafka=kafka)


DAY_MS = 86_400_000


class Rooms:
    """Topics with names of their own, and workers on them."""

    def __init__(self, config):
        self.config = config
        self.transport = connect(config)
        self.prefix = uuid.uuid4().hex[:8]
        self.workers = []
        self.create("events", 4, **{"retention.ms": str(DAY_MS)})
        for name in ("labels", "examples", "predictions", "journal"):
            self.create(name, 2 if name == "journal" else 1)

    def name(self, topic):
        return f"{self.prefix}-{topic}"

    def create(self, topic, partitions=1, **config):
        return self.transport.create_topics([TopicSpec(self.name(topic), partitions, config)])

    def write(self, topic, *values, key=None):
        with self.transport.producer() as producer:
            for value in values:
                producer.send(Message(self.name(topic), key or value, value))

    def read(self, topic):
        with self.transport.reader([self.name(topic)]) as reader:
            records = []
            while not reader.at_end():
                records += reader.poll(1_000, 0.2)
            return records

    def worker(self, number=0):
        worker = self.transport.worker(
            Subscription(
                f"worker-{number}",
                f"{self.prefix}-group",
                (self.name("events"),),
                (self.name("labels"), self.name("examples")),
                self.name("journal"),
            )
        )
        self.workers.append(worker)
        return worker

    def live(self, number=0, positions=None, start=None):
        """Return a worker that has joined, and what its journal held."""
        worker = self.worker(number)
        worker.fence()
        journal = list(worker.read_journal(start))
        worker.join(positions or {})
        return worker, journal

    def forget(self, offset, key=b"one"):
        """Let retention remove what lies before an offset of a key's events, as it would by itself in time."""
        number = partition_of(key, 4)
        if self.config.transport == "sqlite":
            log = SqliteLog(Path(self.config.sqlite.path))
            partition = log.partitions(self.name("events"))[number]
            rows = (partition.row(0), partition.row(offset - 1))
            log.execute("UPDATE records SET timestamp = 1 WHERE id BETWEEN ? AND ?", *rows)
            log.sweep()
            log.close()
        else:
            with KafkaAdminClient(bootstrap_servers=self.config.kafka.bootstrap_servers) as admin:
                admin.delete_records({TopicPartition(self.name("events"), number): offset})

    def message(self, topic, value, key=b"k"):
        return Message(self.name(topic), key, value)


@pytest.fixture
def rooms(config):
    made = Rooms(config)
    yield made
    for worker in made.workers:
        worker.close()
    made.transport.close()


def polled(worker, n, seconds=30):
    """Poll until n records have come; exactly n must."""
    records = []

    def poll():
        records.extend(worker.poll(1_000, 0.1))
        return len(records) >= n

    until(poll, seconds, f"{n} records")
    assert len(records) == n
    return records


def values(records):
    return sorted(record.value for record in records)


def numbered(n):
    return [b"%04d" % i for i in range(n)]


def test_topics_are_created_once_and_listed(rooms):
    assert rooms.create("new", 3) == [rooms.name("new")]
    assert rooms.create("new", 3) == []
    assert rooms.transport.topics()[rooms.name("new")] == 3
    assert rooms.transport.offsets(rooms.name("new")) == {0: (0, 0), 1: (0, 0), 2: (0, 0)}


def test_the_same_key_goes_to_the_same_partition_on_every_transport(rooms):
    rooms.write("events", *numbered(8))
    placed = {record.value: record.partition for record in rooms.read("events")}
    assert placed == {key: partition_of(key, 4) for key in numbered(8)}


def test_a_partition_is_read_in_the_order_in_which_it_was_written(rooms):
    rooms.write("labels", *numbered(500), key=b"one")
    records = rooms.read("labels")
    assert [record.value for record in records] == numbered(500)
    assert [record.offset for record in records] == list(range(500))


@pytest.mark.parametrize(
    "value", [b"", None, b"\x00\xff" * 1_000, b"x" * 5_000_000], ids=["empty", "null", "binary", "5 MB"]
)
def test_records_come_back_byte_for_byte(rooms, value):
    rooms.create("large", 1, **{"max.message.bytes": "16777216"})
    headers = (("a", b"\xff\x00"), ("a", b"again"), ("empty", b""))
    with rooms.transport.producer() as producer:
        producer.send(Message(rooms.name("large"), b"\xfe", value, headers), timestamp=1_234)
    [record] = rooms.read("large")
    assert (record.key, record.value, record.headers, record.timestamp) == (b"\xfe", value, headers, 1_234)


def test_a_record_without_a_key(rooms):
    with rooms.transport.producer() as producer:
        producer.send(Message(rooms.name("events"), None, b"x"))
    [record] = rooms.read("events")
    assert (record.key, record.value) == (None, b"x")


def test_a_reader_from_the_end_sees_only_what_comes_later(rooms):
    rooms.write("labels", b"before")
    with rooms.transport.reader([rooms.name("labels")], "end") as reader:
        assert reader.at_end()
        rooms.write("labels", b"after")
        assert values(until(lambda: reader.poll(10, 0.2))) == [b"after"]


def test_a_worker_polls_events_and_broadcast_topics(rooms):
    rooms.write("events", *numbered(20))
    rooms.write("labels", b"label")
    worker, journal = rooms.live()
    assert journal == []
    records = polled(worker, 21)
    assert values(records) == sorted([*numbered(20), b"label"])
    assert worker.assignment() == {(rooms.name("events"), number) for number in range(4)}


def test_outputs_journal_and_offsets_commit_together(rooms):
    rooms.write("events", *numbered(20))
    worker, _ = rooms.live()
    records = polled(worker, 20)
    position = worker.commit([rooms.message("predictions", r.value) for r in records], b"entry", ranges(records))
    assert values(rooms.read("predictions")) == numbered(20)
    worker.close()
    later, journal = rooms.live()
    assert [record.value for record in journal] == [b"entry"]
    assert position > journal[0].offset
    rooms.write("events", b"new")
    assert values(polled(later, 1)) == [b"new"], "what was committed is not read again"


def test_without_a_commit_nothing_is_visible_and_records_come_again(rooms):
    rooms.write("events", *numbered(5))
    worker, _ = rooms.live()
    polled(worker, 5)
    worker.close()
    assert rooms.read("predictions") == []
    later, journal = rooms.live()
    assert journal == []
    assert values(polled(later, 5)) == numbered(5)


def test_the_journal_is_read_from_a_position(rooms):
    worker, _ = rooms.live()
    positions = [worker.commit([], b"%d" % i, []) for i in range(3)]
    worker.close()
    _, journal = rooms.live(start=positions[0])
    assert [record.value for record in journal] == [b"1", b"2"]


def test_a_journal_holds_only_the_workers_own_entries(rooms):
    for number in (0, 1, 2):  # 0 and 2 share a partition
        worker, journal = rooms.live(number)
        assert journal == []
        worker.commit([], b"of %d" % number, [])
        worker.close()
    _, journal = rooms.live(2)
    assert [record.value for record in journal] == [b"of 2"]


def test_broadcast_topics_go_on_from_the_callers_positions(rooms):
    rooms.write("labels", *numbered(10), key=b"one")
    worker, _ = rooms.live(positions={(rooms.name("labels"), 0): 7})
    assert values(polled(worker, 3)) == numbered(10)[7:]


def test_a_broadcast_topic_that_is_behind_what_has_been_read_of_it_is_refused(rooms):
    """It was deleted and made again: what comes until it has caught up would be passed over."""
    rooms.write("labels", *numbered(3), key=b"one")
    with pytest.raises(TransportError, match="made again"):
        rooms.live(positions={(rooms.name("labels"), 0): 50})


def test_a_second_process_of_the_same_id_fences_the_first(rooms):
    rooms.write("events", *numbered(5))
    first, _ = rooms.live()
    records = polled(first, 5)
    second = rooms.worker()
    second.fence()
    with pytest.raises(Fenced):
        first.commit([rooms.message("predictions", b"stale")], b"stale", ranges(records))
    assert list(second.read_journal()) == []
    second.join({})
    assert values(polled(second, 5)) == numbered(5)
    assert rooms.read("predictions") == []


def test_exactly_the_named_records_are_fetched(rooms):
    worker, _ = rooms.live()
    for i in range(6):  # each transaction leaves a marker among the offsets
        worker.commit([rooms.message("examples", b"%d-%d" % (i, j)) for j in range(3)], b"", [])
    written = rooms.read("examples")
    worker.close()
    again = rooms.worker()
    again.fence()
    list(again.read_journal())
    wanted = [written[2:7], written[7:8], written[0:2]]
    asked = [each for part in wanted for each in ranges(part)]
    assert again.fetch(asked) == [record for part in wanted for record in part]
    with pytest.raises(RangeLost):
        again.fetch([asked[0]._replace(count=99)])
    assert again.fetch([asked[0]._replace(count=-1)]) == wanted[0]


def test_a_range_that_retention_has_cut_into_is_lost(rooms):
    rooms.write("events", b"0", b"1", b"2", b"3", b"4", key=b"one")
    rooms.forget(3)
    number = partition_of(b"one", 4)
    assert rooms.transport.offsets(rooms.name("events"))[number] == (3, 5)
    worker = rooms.worker()
    worker.fence()
    with pytest.raises(RangeLost, match="now starts at 3") as lost:
        worker.fetch([OffsetRange(rooms.name("events"), number, 1, 5, 4)])
    assert lost.value.available_from == 3
    rest = worker.fetch([OffsetRange(rooms.name("events"), number, 3, 5, -1)])
    assert [record.value for record in rest] == [b"3", b"4"]


def test_a_range_beyond_the_topics_end_is_lost_and_not_waited_for(rooms):
    rooms.write("labels", *numbered(3), key=b"one")
    worker = rooms.worker()
    worker.fence()
    with pytest.raises(RangeLost, match="no longer hold 9 records"):
        worker.fetch([OffsetRange(rooms.name("labels"), 0, 1, 10, 9)])
    assert len(worker.fetch([OffsetRange(rooms.name("labels"), 0, 1, 10, -1)])) == 2


def test_events_that_retention_removed_unread_are_said_and_left_behind(rooms, caplog):
    rooms.write("events", b"0", b"1", key=b"one")
    worker, _ = rooms.live()
    worker.commit([], b"", ranges(polled(worker, 2)))
    worker.close()
    rooms.write("events", b"2", b"3", b"4", key=b"one")
    rooms.forget(4)
    later, _ = rooms.live()
    assert values(polled(later, 1)) == [b"4"]
    assert "the records between are lost" in caplog.text


def test_the_journal_is_read_past_a_neighbours_open_transaction(rooms, kafka_broker):
    if rooms.config.transport == "sqlite":
        pytest.skip("only one transaction is open at a time")
    worker, _ = rooms.live(0)
    neighbour = KafkaProducer(bootstrap_servers=kafka_broker, transactional_id=f"{rooms.prefix}-neighbour")
    neighbour.init_transactions()
    neighbour.begin_transaction()
    neighbour.send(rooms.name("journal"), key=b"worker-2", value=b"", partition=0).get(30)
    worker.commit([], b"behind it", [])
    worker.close()
    again = rooms.worker(0)
    again.fence()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(list, again.read_journal())
        with pytest.raises(TimeoutError):  # to end here would be to miss what is committed behind the neighbour
            reading.result(2)
        neighbour.abort_transaction()
        assert [record.value for record in reading.result(60)] == [b"behind it"]
    neighbour.close()


def test_two_workers_share_the_events_and_both_read_the_labels(rooms):
    one, _ = rooms.live(0)
    two, _ = rooms.live(1)
    seen = {0: [], 1: []}

    def both_have_partitions():
        for number, worker in ((0, one), (1, two)):
            seen[number] += worker.poll(100, 0.1)
        return len(one.assignment()) == len(two.assignment()) == 2

    until(both_have_partitions, 30, "an even assignment")
    assert not one.assignment() & two.assignment()
    rooms.write("events", *numbered(40))
    rooms.write("labels", b"label")

    def all_seen():
        both_have_partitions()
        return len(seen[0]) + len(seen[1]) >= 42

    until(all_seen, 30, "all records")
    events = [r.value for part in seen.values() for r in part if r.topic == rooms.name("events")]
    assert sorted(events) == numbered(40)
    for part in seen.values():
        assert [r.value for r in part if r.topic == rooms.name("labels")] == [b"label"]


def test_a_dead_workers_partitions_move(rooms):
    one, _ = rooms.live(0)
    two, _ = rooms.live(1)
    until(lambda: (one.poll(1, 0.1), two.poll(1, 0.1)) and len(two.assignment()) == 2, 30, "an even assignment")
    one.close()  # a static member does not say good-bye: the session must time out
    until(lambda: two.poll(1, 0.1) or len(two.assignment()) == 4, 40, "all partitions")


def test_lag_is_what_lies_ahead_and_markers_count_as_nothing(rooms):
    worker, _ = rooms.live()
    until(lambda: worker.poll(10, 0.1) or worker.assignment())
    events = rooms.name("events")
    assert sum(n for (topic, _), n in lag(worker).items() if topic == events) == 0
    rooms.write("events", *numbered(50))
    assert sum(n for (topic, _), n in lag(worker).items() if topic == events) == 50
    records = polled(worker, 50)
    worker.commit([rooms.message("examples", b"x")], b"", ranges(records))
    polled(worker, 1)
    until(lambda: worker.poll(10, 0.1) or sum(lag(worker).values()) == 0, 10, "no lag")


def test_marks_are_seen_by_the_others_and_commit_with_the_batch(rooms):
    first, _ = rooms.live(0)
    second, _ = rooms.live(1)
    rooms.write("events", *numbered(40))
    settled(first, second)
    judge = (rooms.name("events"), 0)
    labels = (rooms.name("labels"), 0)
    assert first.neighbours() == Neighbours({}, {})
    assert judge in first.assignment(), "partitions go by range: the first worker has the first one"
    first.commit([], b"0", [], Marks({labels: 7}, {labels: 5}))
    second.commit([], b"0", [], Marks({labels: 3}, {}))
    assert first.neighbours() == Neighbours({"worker-1": {labels: 3}}, {labels: 5})
    assert second.neighbours() == Neighbours({"worker-0": {labels: 7}}, {labels: 5})
    seen = rooms.transport.workers(rooms.name("group"), [rooms.name("events")])
    assert {name: seen[name].given_up for name in seen} == {"worker-0": {labels: 7}, "worker-1": {labels: 3}}
    assert seen["worker-0"].owned == first.assignment()


def test_the_ends_lie_behind_a_neighbours_open_transaction(rooms, kafka_broker):
    """What a neighbour answered before it gave up may lie behind the open transaction of a third that is frozen."""
    if rooms.config.transport == "sqlite":
        pytest.skip("only one transaction is open at a time")
    worker, _ = rooms.live(0)
    worker.poll(1, 0.1)
    frozen = KafkaProducer(bootstrap_servers=kafka_broker, transactional_id=f"{rooms.prefix}-frozen")
    frozen.init_transactions()
    frozen.begin_transaction()
    frozen.send(rooms.name("examples"), key=b"frozen", value=b"{}").get(30)
    neighbour, _ = rooms.live(1)
    neighbour.commit([rooms.message("examples", b"an answer")], b"0", [])
    examples = (rooms.name("examples"), 0)
    assert worker.ends()[examples] > 1, "or all answers would count as read"
    assert worker.positions()[examples] == 0
    frozen.abort_transaction()
    frozen.close()


def test_a_worker_that_is_dismissed_leaves_its_partitions_at_once(rooms):
    first, _ = rooms.live(0)
    second, _ = rooms.live(1)
    rooms.write("events", *numbered(40))
    settled(first, second)
    labels = (rooms.name("labels"), 0)
    second.commit([], b"0", [], Marks({labels: 3}, {}))
    second.close()
    group = rooms.name("group")
    rooms.transport.dismiss(group, "worker-1")
    rooms.transport.dismiss(group, "worker-1")  # is no mistake
    until(lambda: first.poll(100, 0.1) is not None and len(first.assignment()) == 4, 5, "all partitions")
    assert rooms.transport.workers(group, [rooms.name("events")])["worker-1"].owned is None
    rooms.transport.forget(group, "worker-1")
    rooms.transport.forget(group, "worker-1")
    assert first.neighbours().given_up == {}


def test_a_worker_without_events_reads_what_all_read_and_commits(rooms):
    worker = rooms.transport.worker(
        Subscription("worker-0", rooms.name("group"), (), (rooms.name("labels"),), rooms.name("journal"))
    )
    rooms.workers.append(worker)
    worker.fence()
    list(worker.read_journal())
    worker.join({})
    rooms.write("events", b"event")
    rooms.write("labels", b"label")
    records = polled(worker, 1)
    assert values(records) == [b"label"]
    assert worker.assignment() == frozenset()
    labels = (rooms.name("labels"), 0)
    assert worker.commit([rooms.message("examples", b"x")], b"0", ranges(records), Marks({labels: 1}, {})) > 0
    assert lag(worker) == {labels: 0}


def lag(worker):
    """Return what lies ahead in each partition."""
    positions, ends = worker.positions(), worker.ends()
    assert positions.keys() == ends.keys()
    return {partition: end - positions[partition] for partition, end in ends.items()}


def settled(*workers):
    """Poll until the workers share all four partitions evenly."""

    def even():
        for worker in workers:
            worker.poll(1_000, 0.1)
        return all(len(worker.assignment()) == 4 // len(workers) for worker in workers)

    until(even, 40, "an even assignment")


def test_a_new_group_can_begin_at_the_end_once(rooms):
    rooms.write("events", b"past")
    group, topics = f"{rooms.prefix}-group", [rooms.name("events"), rooms.name("labels")]
    assert rooms.transport.committed(group) == {}
    rooms.transport.begin_at_end(group, topics)
    committed = rooms.transport.committed(group)
    assert {topic for topic, _ in committed} == set(topics)
    assert sum(committed.values()) == 1
    worker, _ = rooms.live(positions=committed)
    rooms.write("events", b"new")
    assert values(polled(worker, 1)) == [b"new"]
    with pytest.raises(TransportError, match="has begun already"):
        rooms.transport.begin_at_end(group, topics)
