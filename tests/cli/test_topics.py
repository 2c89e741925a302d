"""Topics are created once, as the configuration needs them, and listed with their offsets."""

from streamssl.transport.base import Message


def table(text):
    heading, *rows = [line.split("\t") for line in text.splitlines()]
    return [dict(zip(heading, row, strict=True)) for row in rows]


def test_create_and_list(cli, config_file, transport):
    first = table(cli("topics", "create", "--config", config_file, "--partitions", 3).out)
    assert {row["state"] for row in first} == {"created"}
    again = table(cli("topics", "create", "--config", config_file).out)
    assert {row["state"] for row in again} == {"was there"}
    assert transport.topics() == {
        "events": 3,
        "predictions": 3,
        "journal": 3,
        "labels": 1,
        "examples": 1,
        "review-requests": 1,
        "dead-letters": 1,
    }
    with transport.producer() as producer:
        producer.send(Message("labels", b"7", b"{}"))
    listed = table(cli("topics", "list", "--config", config_file).out)
    assert len(listed) == 3 * 3 + 4
    assert [row for row in listed if row["topic"] == "labels"] == [
        {"topic": "labels", "role": "labels", "partition": "0", "first": "0", "end": "1", "records": "1"}
    ]


def test_what_is_missing_is_listed_as_missing(cli, config_file):
    listed = table(cli("topics", "list", "--config", config_file).out)
    assert {row["records"] for row in listed} == {"missing"}
