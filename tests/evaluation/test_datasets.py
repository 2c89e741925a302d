"""Files of events: what a row becomes, and what is said of a file that cannot be read."""

import gzip
import subprocess
import sys
from datetime import datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.evaluation.datasets import TYPED_BY, DatasetError, Row, read_events


def csv_file(tmp_path, text, name="events.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_cells_get_the_type_of_their_column(tmp_path):
    path = csv_file(
        tmp_path,
        "amount,colour,paid,code,label\n12,red,true,007,good\n-3.5e2,blue,False,042,1\n,,,,\n",
    )
    assert list(read_events(path)) == [
        Row({"amount": 12, "colour": "red", "paid": True, "code": "007"}, "good", None, None),
        Row({"amount": -350.0, "colour": "blue", "paid": False, "code": "042"}, "1", None, None),
        Row({"amount": None, "colour": None, "paid": None, "code": None}, None, None, None),
    ]


def test_a_column_with_one_word_among_its_numbers_is_text(tmp_path):
    path = csv_file(tmp_path, "code,label\n12,a\nA7,b\n")
    assert [row.features["code"] for row in read_events(path)] == ["12", "A7"]


def test_missing_numbers_are_null_but_words_stay_words(tmp_path):
    path = csv_file(tmp_path, "amount,colour\n1,none\nnan,none\n?,red\n")
    assert [row.features for row in read_events(path)] == [
        {"amount": 1, "colour": "none"},
        {"amount": None, "colour": "none"},
        {"amount": None, "colour": "red"},
    ]


def test_a_number_column_that_turns_to_text_later_keeps_the_text(tmp_path):
    path = csv_file(tmp_path, "amount\n" + "1\n" * TYPED_BY + "lots\n")
    assert [row.features["amount"] for row in read_events(path)][-2:] == [1, "lots"]


def test_label_id_and_time_are_no_features(tmp_path):
    path = csv_file(tmp_path, "n,when,x,class\n7,2024-01-01,1.5,a\n")
    rows = list(read_events(path, label_column="class", id_column="n", time_column="when"))
    assert rows == [Row({"x": 1.5}, "a", "7", "2024-01-01")]


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path):
    path = csv_file(tmp_path, "x,label\n1,a\n")
    with pytest.raises(DatasetError, match=r"no column 'uid'; there are x, label"):
        list(read_events(path, id_column="uid"))


def test_a_row_that_is_too_short_is_named(tmp_path):
    path = csv_file(tmp_path, "x,y\n1,2\n3\n")
    with pytest.raises(DatasetError, match=r"row 3 has 1 cells, the first line 2"):
        list(read_events(path))


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_flat_or_as_on_the_wire(tmp_path, packed):
    text = b'{"x": 1, "label": "a"}\n\n{"id": 5, "time": 99, "features": {"x": [1, 2]}, "label": true}\n'
    path = tmp_path / ("events.jsonl.gz" if packed else "events.jsonl")
    path.write_bytes(gzip.compress(text) if packed else text)
    assert list(read_events(path)) == [
        Row({"x": 1}, "a", None, None),
        Row({"x": [1, 2]}, "true", "5", 99),
    ]


@pytest.mark.parametrize(("line", "said"), [(b"{", "line 2 is not JSON"), (b"[1]", "line 2 is not an object")])
def test_a_bad_line_is_named(tmp_path, line, said):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"x": 1}\n' + line + b"\n")
    with pytest.raises(DatasetError, match=said):
        list(read_events(path))


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "events.parquet"
    table = {"x": [1.5, None], "when": [datetime(2024, 1, 2), datetime(2024, 1, 3)], "label": ["a", None]}
    parquet.write_table(pyarrow.table(table), path)
    rows = list(read_events(path, time_column="when"))
    assert rows == [
        Row({"x": 1.5}, "a", None, "2024-01-02T00:00:00"),
        Row({"x": None}, None, None, "2024-01-03T00:00:00"),
    ]


@pytest.mark.parametrize("name", ["events.xlsx", "events", "events.csv.zip"])
def test_other_kinds_are_refused(tmp_path, name):
    with pytest.raises(DatasetError, match="the name must end in"):
        read_events(csv_file(tmp_path, "x\n1\n", name))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match="no such file"):
        read_events(tmp_path / "nowhere.csv")


def test_a_truncated_gzip_is_an_error_of_the_file(tmp_path):
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress(b"x\n" + b"1\n" * 10_000)[:-10])
    with pytest.raises(DatasetError, match="cannot be read"):
        list(read_events(path))


@given(
    st.lists(
        st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2)
    )
)
def test_any_csv_is_json_afterwards(tmp_path_factory, cells):
    import csv

    path = tmp_path_factory.mktemp("csv") / "events.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["x", "label"], *cells])
    rows = list(read_events(path))
    assert len(rows) == len(cells)
    for row, (_, label) in zip(rows, cells, strict=True):
        orjson.dumps(row.features)
        assert row.label == (label or None)


def test_who_reads_files_does_not_wait_for_compilers():
    loaded = "import sys, streamssl.evaluation.datasets; print({'numba', 'river', 'sklearn'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "set()"
