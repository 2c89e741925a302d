import pytest

from streamssl.demo.datasets import BUNDLED, MOST_EVENTS, load
from streamssl.evaluation.datasets import DatasetError

SIZES = {
    "image-segments": (2_310, 18, 7),
    "digits": (1_797, 64, 10),
    "bananas": (3_000, 2, 2),
    "phishing": (1_250, 9, 2),
    "breast-cancer": (569, 30, 2),
    "shuttle": (3_000, 9, 2),
}


def test_every_bundled_set_is_what_its_table_says():
    assert BUNDLED.keys() == SIZES.keys()
    for name, (events, features, classes) in SIZES.items():
        loaded = load(name)
        assert len(loaded.rows) == min(events, MOST_EVENTS)
        assert {len(row.features) for row in loaded.rows} == {features}
        assert len(loaded.classes) == classes
        assert all(isinstance(field, str) for field in loaded.rows[0].features)


def test_every_digit_that_a_person_is_asked_about_is_on_its_key():
    assert load("digits", for_keys=True).classes == list("123456789")
    assert load("shuttle", for_keys=True) == load("shuttle")


def test_the_seed_decides_the_order():
    first, again, other = (load("phishing", seed=seed).rows for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_no_feature_is_the_label():
    for name in BUNDLED:
        rows = load(name).rows
        for field in rows[0].features:
            assert any(str(row.features[field]) != row.label for row in rows)


def test_more_events_than_the_default_can_be_asked_for():
    assert len(load("bananas", events=5_300).rows) == 5_300


def test_a_file_keeps_its_order(tmp_path):
    path = tmp_path / "tickets.csv"
    path.write_text("size,label\n3,low\n1,high\n2,low\n")
    loaded = load(str(path), seed=1)
    assert [row.features["size"] for row in loaded.rows] == [3, 1, 2]
    assert loaded.name == "tickets.csv"
    assert loaded.classes == ["high", "low"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("size,label\n1,a\n2,\n", "event 2 has no label"), ("size,label\n1,a\n2,a\n", "two classes or more, not 1")],
)
def test_a_file_without_a_truth_is_refused(tmp_path, text, message):
    path = tmp_path / "tickets.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        load(str(path))


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(DatasetError, match=r"nonsense: neither a file nor one of image-segments, digits"):
        load("nonsense")
