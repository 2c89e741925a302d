"""Kafka's errors and logs, as the rest of the house gets to see them."""

import logging

import pytest
from kafka import TopicPartition, errors

from streamssl.transport import kafka_client
from streamssl.transport.base import Fenced, TransportError
from streamssl.transport.kafka_client import translated


@pytest.mark.parametrize(
    "error",
    [
        errors.ProducerFencedError(),
        errors.InvalidProducerEpochError(),
        errors.FencedInstanceIdError(),
        errors.CommitFailedError(),
        errors.KafkaError("Invalid transition", errors.ProducerFencedError()),
        errors.KafkaError(errors.InvalidProducerEpochError()),
    ],
    ids=repr,
)
def test_what_says_that_another_process_has_taken_over_is_fencing(error):
    with pytest.raises(Fenced, match="committing"), translated("committing"):
        raise error


@pytest.mark.parametrize(
    "error", [errors.TopicAuthorizationFailedError(), errors.KafkaTimeoutError("late")], ids=repr
)
def test_other_errors_say_what_was_being_done(error):
    with pytest.raises(TransportError, match=f"reading: {type(error).__name__}") as raised, translated("reading"):
        raise error
    assert not isinstance(raised.value, Fenced)


def test_errors_that_are_not_kafkas_pass_as_they_are():
    with pytest.raises(ZeroDivisionError), translated("reading"):
        raise ZeroDivisionError


def test_noisy_loggers_speak_now_and_then_and_others_always(monkeypatch):
    now = 100.0
    monkeypatch.setattr(kafka_client.time, "monotonic", lambda: now)
    seldom = kafka_client._SeldomNoise()

    def passes(name):
        return seldom.filter(logging.LogRecord(name, logging.WARNING, "", 0, "", (), None))

    assert [passes("kafka.net.selector"), passes("kafka.cluster"), passes("streamssl.runtime")] == [
        True,
        False,
        True,
    ]
    now += kafka_client.NOISE_EVERY
    assert passes("kafka.cluster")


def test_a_partition_whose_leader_is_not_known_yet_is_trouble_to_be_borne():
    with pytest.raises(TransportError, match="asking: no leader of .*events.* is known"), translated("asking"):
        raise KeyError(TopicPartition("events", 0))


def test_a_missing_key_of_our_own_passes_as_it_is():
    with pytest.raises(KeyError, match="speed"), translated("asking"):
        raise KeyError("speed")
