"""The order of records inside a batch, and the ranges that name them."""

from hypothesis import given
from hypothesis import strategies as st

from streamssl.engine.batch import merge, ranges
from streamssl.transport.base import Record


@st.composite
def polled(draw):
    """Records of a few partitions, each in offset order with gaps and wandering timestamps, interleaved."""
    partitions = {}
    for topic, partition in draw(st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=5)):
        offsets = sorted(draw(st.sets(st.integers(0, 50), max_size=8)))
        partitions[topic, partition] = [
            Record(topic, partition, offset, draw(st.integers(0, 30)), None, b"") for offset in offsets
        ]
    records = []
    while any(partitions.values()):
        key = draw(st.sampled_from(sorted(k for k, rest in partitions.items() if rest)))
        records.append(partitions[key].pop(0))
    return records


@given(polled())
def test_merge_keeps_every_record_and_each_partition_in_offset_order(records):
    merged = merge(records)
    assert sorted(merged) == sorted(records)
    last = {}
    for record in merged:
        assert record.offset > last.get((record.topic, record.partition), -1)
        last[record.topic, record.partition] = record.offset


@given(polled(), st.randoms(use_true_random=False))
def test_merge_does_not_depend_on_how_partitions_were_interleaved(records, random):
    partitions = {}
    for record in records:
        partitions.setdefault((record.topic, record.partition), []).append(record)
    shuffled = []
    while any(partitions.values()):
        key = random.choice([k for k, rest in partitions.items() if rest])
        shuffled.append(partitions[key].pop(0))
    assert merge(shuffled) == merge(records)


@given(polled())
def test_a_record_never_comes_before_an_older_one_of_another_partition(records):
    """With honest clocks (timestamps ascending in each partition) the merged timestamps ascend."""
    clock = {}
    honest = []
    for record in records:
        key = (record.topic, record.partition)
        clock[key] = max(clock.get(key, 0), record.timestamp)
        honest.append(record._replace(timestamp=clock[key]))
    timestamps = [record.timestamp for record in merge(honest)]
    assert timestamps == sorted(timestamps)


@given(polled())
def test_ranges_name_exactly_the_records(records):
    found = ranges(records)
    assert sum(each.count for each in found) == len(records)
    for each in found:
        inside = [r.offset for r in records if (r.topic, r.partition) == (each.topic, each.partition)]
        assert (each.first, each.end, each.count) == (min(inside), max(inside) + 1, len(inside))
