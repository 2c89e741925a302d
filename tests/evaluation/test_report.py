"""Tables and pictures of a comparison whose numbers are known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from streamssl.evaluation import pictures, report
from streamssl.evaluation.comparison import LEARNER, TWIN, Labelling, Run, Weights
from streamssl.evaluation.metrics import Reliability, Scores
from streamssl.evaluation.streams import Stream

STREAM = Stream("toy", np.zeros((2000, 3), np.float32), np.arange(2000) % 2, ["a", "b"], [("answer", 0.998)])


def run(learner: str, seed: int, kappa: float) -> Run:
    scores = Scores(kappa, 0.8, 0.7, 0.5, 0.05)
    points = np.array([1000, 2000])
    curve = np.array([scores._replace(kappa=kappa / 2), scores])
    bins = Reliability(np.array([np.nan, 0.75]), np.array([np.nan, 0.7]), np.array([0, 2000]))
    weights = Weights(points, tuple("abcdefghij"), np.full((2, 10), 0.1)) if learner != "peer" else None
    return Run(learner, seed, scores, bins, 12_345.0, points, curve, curve, weights)


@pytest.fixture
def runs() -> list[Run]:
    kappas = {LEARNER: (0.6, 0.7), TWIN: (0.5, 0.75), "peer": (0.2, -0.1)}
    return [run(learner, seed, kappas[learner][seed]) for seed in (0, 1) for learner in kappas]


def test_the_table_has_means_over_the_seeds(runs: list[Run]) -> None:
    rows = [dict(zip(report.COLUMNS, row, strict=True)) for row in report.table(runs)]
    assert [row["learner"] for row in rows] == [LEARNER, TWIN, "peer"]
    assert rows[0] == {
        "learner": LEARNER,
        "kappa": "0.650 ±0.050",
        "accuracy": "0.800",
        "macro F1": "0.700",
        "log-loss": "0.500",
        "ECE": "0.050",
        "events/s": "12,345",
    }
    assert rows[2]["kappa"] == "0.050 ±0.150"


def test_the_gain_says_how_many_seeds_it_holds_for(runs: list[Run]) -> None:
    assert "+0.025 kappa" in report.gain_in_words(runs)
    assert "1 of 2 seeds" in report.gain_in_words(runs)


@pytest.mark.parametrize(
    ("labelling", "said"),
    [
        (Labelling(0.001), "0.1% of the labels and two of each class, at once"),
        (Labelling(0.01, 1000), "1% of the labels and two of each class, 1,000 events late"),
        (Labelling(1.0, 1000, True), "100% of the labels and two of each class, 1,000 events late on average"),
    ],
)
def test_the_setting_is_said(labelling: Labelling, said: str) -> None:
    setting = report.setting_in_words(STREAM, labelling, range(3), shuffle=True)
    assert said in setting
    assert "2,000 events, in an order of each seed, 3 columns, 2 classes" in setting
    assert setting.endswith("seeds 0, 1, 2.")


def test_files_say_what_the_runs_say(runs: list[Run], tmp_path: Path) -> None:
    report.write_runs(runs, tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open() as file:
        read = list(csv.DictReader(file))
    assert [(row["learner"], int(row["seed"]), float(row["kappa"])) for row in read] == [
        (each.learner, each.seed, each.scores.kappa) for each in runs
    ]
    report.write_over_time(runs, tmp_path / "over_time.csv")
    with (tmp_path / "over_time.csv").open() as file:
        read = list(csv.DictReader(file))
    assert len(read) == 2 * len(runs)
    assert [float(read[i]["kappa_so_far"]) for i in (0, 1)] == [0.3, 0.6]
    assert [int(read[i]["events"]) for i in (0, 1)] == [1000, 2000]


def test_markdown_is_a_table_with_its_setting_and_warnings(runs: list[Run], tmp_path: Path) -> None:
    report.write_markdown("toy.", report.suspects_in_words(STREAM), runs, tmp_path / "summary.md")
    lines = (tmp_path / "summary.md").read_text().splitlines()
    assert lines[0] == "toy."
    assert "answer alone tells the class of 99.8%" in lines[2]
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 3
    assert {line.count("|") for line in table} == {len(report.COLUMNS) + 1}


def test_pictures_are_drawn(runs: list[Run], tmp_path: Path) -> None:
    pictures.draw_curves(runs, "curves", tmp_path / "curves.png")
    pictures.draw_gain(runs, "gain", tmp_path / "gain.png")
    pictures.draw_calibration(runs, "calibration", tmp_path / "calibration.png")
    weights = runs[0].weights
    assert weights is not None
    pictures.draw_weights(weights, "weights", tmp_path / "weights.png")
    for name, colours in {"curves": 3, "gain": 1, "calibration": 3, "weights": 7}.items():
        drawn = np.round(255 * image.imread(tmp_path / f"{name}.png")[..., :3]).reshape(-1, 3)
        found = sum(bool((np.abs(drawn - _rgb(colour)).max(axis=1) < 60).any()) for colour in pictures.COLOURS)
        assert found >= colours, name


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
