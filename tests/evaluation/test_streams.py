"""Streams as arrays: what files and names become, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamssl.evaluation.datasets import DatasetError
from streamssl.evaluation.streams import load


def csv_file(folder: Path, text: str) -> str:
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def npz_file(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "stream.npz", **arrays)
    return str(folder / "stream.npz")


def test_a_csv_file(tmp_path: Path) -> None:
    stream = load(
        csv_file(tmp_path, "id,size,colour,kind\n7,1.5,red,b\n8,,blue,a\n9,2.5,red,\n"),
        label_column="kind",
        exclude=["id"],
    )
    assert stream.name == "events.csv"
    assert stream.class_names == ["a", "b"]
    assert stream.y.tolist() == [1, 0, -1]
    # A missing size is the mean so far; "blue" has no column before it is seen.
    assert stream.X.tolist() == [[1.5, 1, 0], [1.5, 0, 1], [2.5, 1, 0]]
    assert stream.X.dtype == np.float32


def test_the_rows_of_the_past_do_not_depend_on_the_future(tmp_path: Path) -> None:
    lines = ["size,colour,label", "1,red,a", "2,blue,b", ",red,a"]
    past = load(csv_file(tmp_path, "\n".join(lines)))
    whole = load(csv_file(tmp_path, "\n".join([*lines, "900,green,c", ",,a"])))
    np.testing.assert_array_equal(whole.X[:3, : past.X.shape[1]], past.X)
    assert not whole.X[:3, past.X.shape[1] :].any()


def test_arrays(tmp_path: Path) -> None:
    X = np.arange(8.0).reshape(4, 2)
    stream = load(npz_file(tmp_path, X=X, y=np.array([10, -1, 9, 10])))
    np.testing.assert_array_equal(stream.X, X)
    assert stream.y.tolist() == [1, -1, 0, 1]
    assert stream.class_names == ["9", "10"]


@pytest.mark.parametrize(
    "y", [np.array(["no", "yes", "no"]), np.array([0.0, 1.0, np.nan]), np.array([False, True, False])]
)
def test_classes_of_other_kinds(tmp_path: Path, y: np.ndarray) -> None:
    stream = load(npz_file(tmp_path, X=np.zeros((3, 1)), y=y))
    assert stream.y[:2].tolist() == [0, 1]
    assert stream.y[2] == (-1 if y.dtype.kind == "f" else 0)


def test_limit(tmp_path: Path) -> None:
    assert len(load(csv_file(tmp_path, "x,label\n" + "1,a\n2,b\n" * 9), limit=4).y) == 4
    assert len(load(npz_file(tmp_path, X=np.zeros((9, 1)), y=np.arange(9)), limit=4).y) == 4
    assert len(load("bananas", limit=100).y) == 100


@pytest.mark.parametrize("name", ["image-segments", "ImageSegments", "image_segments"])
def test_sets_of_rivers_by_name(name: str) -> None:
    stream = load(name)
    assert stream.X.shape == (2310, 18)
    assert len(stream.class_names) == 7
    assert stream.y.min() == 0


def test_the_answer_in_another_form_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    leaking = np.column_stack([rng.normal(size=400), 10 * y + rng.random(400)])
    [(field, accuracy)] = load(npz_file(tmp_path, X=leaking, y=y)).suspects
    assert (field, accuracy) == ("1", 1.0)
    lines = [f"{x},{['none', 'flood'][c]},{c}" for x, c in zip(leaking[:, 0], y, strict=True)]
    text = "\n".join(["size,attack_type,label", *lines])
    assert load(csv_file(tmp_path, text)).suspects == [("attack_type", 1.0)]
    assert load(csv_file(tmp_path, text), exclude=["attack_type"]).suspects == []


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"X": np.zeros((2, 1))}, "must hold the arrays X and y"),
        ({"X": np.zeros(2), "y": np.zeros(2)}, r"X must have shape \(n, d\)"),
        ({"X": np.zeros((2, 1)), "y": np.zeros(3)}, r"X must have shape \(n, d\)"),
        ({"X": np.array([[1.0], [np.inf]]), "y": np.arange(2)}, "X must hold finite numbers"),
        ({"X": np.array([["a"], ["b"]]), "y": np.arange(2)}, "X must hold finite numbers"),
        ({"X": np.zeros((2, 1)), "y": np.array([0.5, 1])}, "not fractions"),
        ({"X": np.zeros((2, 1)), "y": np.zeros(2, int)}, "two classes or more, not 1"),
    ],
)
def test_bad_arrays_are_named(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        load(npz_file(tmp_path, **arrays))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere.csv", "no such file"),
        ("nowhere.npz", "cannot be read"),
        ("phising", "neither a file nor a data set of River's"),
        ("trump-approval", "not one of events with one class each"),
    ],
)
def test_what_is_not_there_is_named(source: str, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        load(source)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        load(npz_file(tmp_path, X=np.zeros((2, 1)), y=np.array(["a", None], dtype=object)))


def test_without_labels_there_is_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="two classes or more, not 0"):
        load(csv_file(tmp_path, "x,class\n1,a\n2,b\n"))
