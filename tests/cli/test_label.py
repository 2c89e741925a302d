"""Labels go out as the service understands them, keyed by their event, or not at all."""

import orjson
import pytest


def labels(read):
    return [(record.key, record.value and orjson.loads(record.value)) for record in read("labels")]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["spam"], {"event_id": "e1", "label": "spam"}),
        (["spam", "-a", "ann"], {"event_id": "e1", "label": "spam", "annotator": "ann"}),
        (["--not", "spam", "--not", "eggs"], {"event_id": "e1", "not": ["spam", "eggs"]}),
        (["--abstain"], {"event_id": "e1", "abstain": True}),
        (["--retract"], None),
        (["--retract", "-a", "ann"], {"event_id": "e1", "label": None, "annotator": "ann"}),
    ],
)
def test_one_label(cli, config_file, read, arguments, value):
    ended = cli("label", "e1", *arguments, "--config", config_file)
    assert (ended.code, ended.err) == (0, "sent 1 label to labels\n")
    assert labels(read) == [(b"e1", value)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which event?"),
        (["e1", "spam", "--format", "prodigy"], "go with --file"),
        (["--file", "labels.jsonl", "-a", "ann"], "go with --format"),
        (["e1"], "event e1: give either"),
        (["e1", "spam", "--abstain"], "event e1: give either"),
        (["e1", "spam", "--file", "labels.jsonl"], "--file stands alone"),
        (["--file", "nowhere.jsonl"], "nowhere.jsonl"),
        (["e" * 2_000, "spam"], "event_id"),
    ],
)
def test_mistakes(cli, config_file, arguments, said):
    ended = cli("label", *arguments, "--config", config_file)
    assert ended.code == 2
    assert said in ended.err


GOOD = [b'{"event_id": "a", "label": "spam"}', b'{"event_id": "b", "label": null}', b""]
BAD = [b'{"event_id": "c", "confidence": 7, "label": "spam"}', b'{"label": "spam"}', b"{"]


def test_a_file_of_labels(cli, config_file, tmp_path, read):
    file = tmp_path / "labels.jsonl"
    file.write_bytes(b"\n".join(GOOD))
    assert cli("label", "--file", file, "--config", config_file).code == 0
    assert labels(read) == [(b"a", orjson.loads(GOOD[0])), (b"b", orjson.loads(GOOD[1]))]


def test_a_file_with_bad_lines_sends_nothing_and_names_them(cli, config_file, tmp_path, read, transport):
    file = tmp_path / "labels.jsonl"
    file.write_bytes(b"\n".join(GOOD + BAD))
    ended = cli("label", "--file", file, "--config", config_file)
    assert ended.code == 2
    for number, field in ((4, "confidence"), (5, "event_id"), (6, "JSON")):
        assert any(f"line {number}:" in line and field in line for line in ended.err.splitlines())
    assert "3 lines are bad" in ended.err
    assert "labels" not in transport.topics()


def test_a_mapping_that_cannot_say_it_is_named(cli, config_file, transport):
    ended = cli(
        "label", "a", "spam", "--annotator", "ann", "--config", config_file,
        "--set", "mapping.labels={label: verdict, annotator: verdict.by}",
    )  # fmt: skip
    assert ended.code == 2
    assert "cannot write verdict.by" in ended.err
    assert "labels" not in transport.topics()


def test_bad_lines_can_be_skipped(cli, config_file, tmp_path, read):
    file = tmp_path / "labels.jsonl"
    file.write_bytes(b"\n".join(BAD + GOOD))
    ended = cli("label", "--file", file, "--skip-bad", "--config", config_file)
    assert ended.code == 0
    assert [key for key, _ in labels(read)] == [b"a", b"b"]
