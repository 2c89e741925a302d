"""The demo as a user starts it: processes, topics, files."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
import yaml

from streamssl.config import Config
from streamssl.demo import datasets
from streamssl.demo.run import CONFIG, LOG, PICTURE, Options, OutputTaken, run
from streamssl.demo.stream import event_ids
from streamssl.transport import connect

EVENTS = 400


def start(output, *more):
    command = [sys.executable, "-m", "streamssl", "demo", "--output", str(output), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def listening(process):
    """Return the addresses on which a process and its children listen, as (hexadecimal, port)."""
    pids = [process.pid]
    for children in Path(f"/proc/{process.pid}/task").glob("*/children"):
        pids += [int(pid) for pid in children.read_text().split()]
    sockets = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except OSError:
                continue
            if found := re.fullmatch(r"socket:\[(\d+)\]", target):
                sockets.add(found[1])
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            cells = row.split()
            unconnected = cells[3] == "0A" or "udp" in table
            if unconnected and cells[9] in sockets:
                address, port = cells[1].split(":")
                found.add((address, int(port, 16)))
    return found


def values(config, topic):
    """Return every record's value of a topic."""
    transport = connect(config)
    try:
        with transport.reader([topic]) as reader:
            read = []
            while not reader.at_end():
                read += [orjson.loads(record.value) for record in reader.poll() if record.value]
            return read
    finally:
        transport.close()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A demo that has come to its end; also where it listened meanwhile."""
    output = tmp_path_factory.mktemp("demo") / "output"
    process = start(
        output, "--dataset", "phishing", "--events", str(EVENTS), "--rate", "200", "--review-share", "0.3",
        "--review-delay", "0.2", "--seed", "5",
    )  # fmt: skip
    listened = set()
    while process.poll() is None:
        if Path("/proc/net/tcp").exists():
            try:
                listened |= listening(process)
            except FileNotFoundError:
                break  # it has just ended
        time.sleep(0.05)
    printed, complaints = process.communicate()
    assert process.returncode == 0, complaints
    config = Config.model_validate(yaml.safe_load((output / CONFIG).read_text()))
    return output, config, printed, listened


def number(printed, what):
    """Return the number that stands beside a word in the printed table."""
    found = re.search(rf"^  {what} +([-+\d.,]+)", printed, re.MULTILINE)
    assert found, printed
    return float(found[1].replace(",", ""))


def test_the_table_says_what_the_topics_hold(finished):
    _, config, printed, _ = finished
    chosen = datasets.load("phishing", events=EVENTS, seed=5)
    truth = {event_id: row.label for event_id, row in zip(event_ids(chosen), chosen.rows, strict=True)}
    predictions = values(config, "predictions")
    labels = values(config, "labels")
    assert [each["event_id"] for each in predictions] == list(truth)

    def share(field):
        return 100 * sum(each.get(field) == truth[each["event_id"]] for each in predictions) / EVENTS

    pseudo = [each["pseudo_label"] for each in predictions if each["pseudo_label"]]
    assert number(printed, "events predicted") == EVENTS
    assert number(printed, "accuracy") == pytest.approx(share("label"), abs=0.051)
    assert number(printed, "accuracy of the twin") == pytest.approx(share("twin"), abs=0.051)
    assert number(printed, "gain") == pytest.approx(share("label") - share("twin"), abs=0.051)
    assert number(printed, "labels used") == len({each["event_id"] for each in labels if "label" in each})
    assert number(printed, "answers given") == len(labels)
    assert number(printed, "pseudo-labels given") == len(pseudo)


def test_people_were_asked_and_answered_and_the_service_learnt(finished):
    _, config, _, _ = finished
    asked = {each["event"]["id"] for each in values(config, "review-requests")}
    answered = {each["event_id"] for each in values(config, "labels")}
    examples = {each["event_id"] for each in values(config, "examples")}
    told = {each["event_id"] for each in values(config, "labels") if "label" in each}
    assert asked == answered
    assert examples == told
    assert 0.2 * EVENTS < len(asked) < 0.4 * EVENTS
    assert values(config, "dead-letters") == []
    assert not any("label" in each for each in values(config, "events"))


def test_the_service_predicts_better_than_guessing(finished):
    assert number(finished[2], "accuracy") > 60


def test_without_a_terminal_there_are_plain_lines_and_paths(finished):
    output, _, printed, _ = finished
    assert "\x1b" not in printed
    assert re.search(r"\d+/400 events, \d+/s; labels: \d+ asked, \d+ arrived, \d+ waiting", printed)
    assert str(output / PICTURE) in printed
    assert (output / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_the_service_stopped_as_asked(finished):
    assert "stopped" in (finished[0] / LOG).read_text().splitlines()[-1]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's /proc")
def test_nothing_listens_beyond_this_machine(finished):
    _, config, _, listened = finished
    assert listened == {("0100007F", config.metrics.port)}


def test_ctrl_c_ends_the_service_too(tmp_path):
    output = tmp_path / "output"
    process = start(output, "--rate", "1")
    log = output / LOG
    try:
        for line in process.stdout:
            if "/s; labels" in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped" in log.read_text().splitlines()[-1]


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(OutputTaken, match="something else"):
        run(Options(dataset="digits", output=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_service_that_dies_ends_the_demo_with_its_log(tmp_path, capsys, monkeypatch):
    output = tmp_path / "output"
    monkeypatch.setattr("streamssl.demo.run._write_config", lambda *_: Config())  # and writes no file
    assert run(Options(dataset="digits", output=output)) == 1
    complaint = capsys.readouterr().err
    assert "the service ended by itself, exit code 2" in complaint
    assert str(output / LOG) in complaint
