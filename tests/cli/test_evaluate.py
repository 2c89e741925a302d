"""``streamssl evaluate`` from a file to its tables and pictures."""

import csv

import numpy as np
import pytest

FILES = {"summary.md", "runs.csv", "over_time.csv", "curves.png", "gain.png", "calibration.png", "weights.png"}


def test_a_set_of_rivers(cli, tmp_path):
    output = tmp_path / "out"
    ended = cli("evaluate", "phishing", "--rate", ".1", "--seeds", "2", "--limit", "400", "--output", output)
    assert ended.code == 0
    header, *rows = [line.split("\t") for line in ended.out.splitlines()]
    assert [row[0] for row in rows] == ["streamssl", "twin"]
    assert 0 < float(rows[0][header.index("accuracy")]) <= 1
    assert "400 events, 9 columns, 2 classes; 10% of the labels" in ended.err
    assert {path.name for path in output.iterdir()} == FILES
    with (output / "runs.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4


def test_peers_beside_it(cli, tmp_path):
    peers = ["river:naive_bayes.GaussianNB", "sklearn:linear_model.SGDClassifier"]
    options = ("--limit", "300", "--rate", ".2", "--delay", "5", "--seeds", "1", "--output", tmp_path)
    ended = cli("evaluate", "phishing", *options, *(argument for each in peers for argument in ("--peer", each)))
    assert ended.code == 0
    assert [line.split("\t")[0] for line in ended.out.splitlines()[1:]] == ["streamssl", "twin", *peers]
    assert all(float(line.split("\t")[2]) > 0.5 for line in ended.out.splitlines()[1:])


def test_late_labels_of_a_file_with_its_answer_in_another_form(cli, tmp_path):
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=300)
    lines = [f"{c + rng.normal():.3f},{['none', 'flood'][c]},{c}" for c in classes]
    file = tmp_path / "events.csv"
    file.write_text("\n".join(["size,attack_type,verdict", *lines]))
    options = ("--label", "verdict", "--delay", "20", "--drawn", "--seeds", "1", "--output", tmp_path / "out")
    ended = cli("evaluate", file, *options)
    assert ended.code == 0
    assert "20 events late on average" in ended.err
    assert "beware: attack_type alone tells the class of 100.0%" in ended.err
    assert "**Beware:** attack_type" in (tmp_path / "out" / "summary.md").read_text()
    ended = cli("evaluate", file, *options, "--exclude", "attack_type")
    assert "beware" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv"], "no such file"),
        (
            ["phishing", "--peer", "river:forest.RandomForest"],
            "--peer river:forest.RandomForest: river.forest has no",
        ),
        (["phishing", "--peer", "SLEADE"], "--peer SLEADE: a peer is written as one of"),
        (["phising"], "neither a file nor a data set of River's"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_one_line(cli, tmp_path, arguments, said):
    ended = cli("evaluate", *arguments, "--output", tmp_path / "out")
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
