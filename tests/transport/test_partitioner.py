"""Keys go where Kafka's own client would put them."""

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafkas_murmur2

from streamssl.transport.partitioner import murmur2, partition_of


@given(st.binary(max_size=64))
def test_the_hash_is_kafkas(key):
    assert murmur2(key) == kafkas_murmur2(key) & 0xFFFFFFFF


@given(st.binary(max_size=64), st.integers(1, 100))
def test_a_partition_is_one_of_the_topics(key, partitions):
    assert 0 <= partition_of(key, partitions) < partitions
