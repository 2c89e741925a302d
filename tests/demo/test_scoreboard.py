import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.demo.reviewer import Answer
from streamssl.demo.scoreboard import Scoreboard, windowed


def prediction(event_id, label, twin=None, pseudo=False, asked=False):
    value = {
        "event_id": event_id,
        "label": label,
        "pseudo_label": {"label": label, "precision": 0.9} if pseudo else None,
        "review": {"reason": "random", "propensity": 0.1} if asked else None,
    }
    return value | ({} if twin is None else {"twin": twin})


def board_of(*predictions):
    board = Scoreboard({"e1": "a", "e2": "a", "e3": "b", "e4": "b"})
    for each in predictions:
        board.predicted(each)
    return board


def test_both_are_scored_on_every_event():
    board = board_of(
        prediction("e1", None), prediction("e2", "a", "b"), prediction("e3", "b", "b"), prediction("e4", "b", "a")
    )
    assert board.accuracy() == 0.75
    assert board.twin_accuracy() == 0.25
    assert board.gain().value == pytest.approx(0.5)
    assert board.gain().low < 0.5 < board.gain().high


def test_the_interval_is_that_of_a_paired_difference():
    board = board_of(prediction("e1", "a", "a"), prediction("e2", "a", "b"))
    difference = np.array([0.0, 1.0])
    half = 1.96 * difference.std(ddof=1) / np.sqrt(2)
    assert board.gain() == pytest.approx((0.5, 0.5 - half, 0.5 + half))


def test_pseudo_labels_and_requests_are_counted():
    board = board_of(prediction("e1", "a", pseudo=True), prediction("e2", "b", pseudo=True, asked=True))
    assert (board.pseudo_labels, board.right_pseudo_labels) == (2, 1)
    assert board.pseudo_label_precision() == 0.5
    assert board.review_requests == 1


def test_a_label_counts_once_per_event():
    board = board_of(prediction("e1", "a"))
    board.answered(Answer(0, "e1", "r", "mistake", "b"))
    board.answered(Answer(0, "e1", "r", "correction", "a"))
    board.answered(Answer(0, "e2", "r", "abstention", None))
    assert board.labelled_events == 1
    assert board.labels_arrived_at == [1]
    assert board.answers == {"mistake": 1, "correction": 1, "abstention": 1}


@pytest.mark.parametrize("event_id", ["e1", "e9"])
def test_an_event_is_predicted_once_and_was_sent(event_id):
    board = board_of(prediction("e1", "a"))
    with pytest.raises(ValueError, match=event_id):
        board.predicted(prediction(event_id, "a"))


def test_nothing_is_known_at_first():
    board = board_of()
    assert np.isnan([board.accuracy(), board.twin_accuracy(), board.pseudo_label_precision(), *board.gain()]).all()
    assert board.curves()[0].shape == (0,)


@given(st.lists(st.booleans(), max_size=50), st.integers(1, 20))
def test_a_window_is_the_mean_of_its_events(right, window):
    shares = windowed(right, window)
    expected = [np.mean(right[max(0, end - window) : end]) for end in range(1, len(right) + 1)]
    np.testing.assert_allclose(shares, expected)
