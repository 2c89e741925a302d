import pytest
from matplotlib import image

from streamssl.demo.picture import draw
from streamssl.demo.reviewer import Answer
from streamssl.demo.scoreboard import Scoreboard


@pytest.mark.parametrize("events", [1, 300])
def test_a_picture_is_written(tmp_path, events):
    board = Scoreboard({f"e{number}": "a" for number in range(events)})
    for number in range(events):
        label = "a" if number % 3 else "b"
        board.predicted({"event_id": f"e{number}", "label": label, "pseudo_label": None, "review": None})
    board.answered(Answer(0, "e0", "r", "right", "a"))
    path = tmp_path / "curve.png"
    draw(board, "digits", path)
    pixels = image.imread(path)
    assert pixels.shape[0] > 500
    assert pixels.std() > 0.05
