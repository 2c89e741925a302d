import io

import pytest
from rich.console import Console

from streamssl.demo.scoreboard import Scoreboard
from streamssl.demo.stream import UNREAD, Progress
from streamssl.demo.view import estimate, line, panel, shown
from streamssl.monitoring.scrape import Scrape

SCRAPE = Scrape(
    """\
streamssl_live_accuracy_ratio{who="learner",window="recent"} 0.8
streamssl_live_accuracy_low_ratio{who="learner",window="recent"} 0.7
streamssl_live_accuracy_high_ratio{who="learner",window="recent"} 0.9
streamssl_live_accuracy_ratio{who="learner",window="since_start"} 0.1
streamssl_accuracy_ratio{who="learner"} 0.1
streamssl_live_accuracy_ratio{who="twin",window="recent"} 0.75
streamssl_live_accuracy_low_ratio{who="twin",window="recent"} 0.6
streamssl_live_accuracy_high_ratio{who="twin",window="recent"} 0.8
""",
    time=0.0,
)


def board_of(events):
    board = Scoreboard({f"e{number}": "a" for number in range(events)})
    for number in range(events):
        board.predicted({"event_id": f"e{number}", "label": "a", "pseudo_label": None, "review": None})
    return board


def drawn(live, *renderings):
    console = Console(file=io.StringIO(), force_terminal=live, width=120)
    with shown(console, title="digits", footer="http://127.0.0.1:9/metrics", live=live) as show:
        for progress, board in renderings:
            show(progress, board)
    return console.file.getvalue()


def test_the_estimate_stands_with_its_interval():
    assert estimate(SCRAPE, "learner") == "80% (70% to 90%)"
    assert estimate(SCRAPE, "twin") == "75% (60% to 80%)"
    assert estimate(UNREAD, "twin") == "too few labels yet"
    unsaid = Scrape('streamssl_live_accuracy_ratio{who="twin",window="recent"} NaN', time=0.0)
    assert estimate(unsaid, "twin") == "too few labels yet"


def test_a_plain_line_says_it_all():
    text = line(Progress(total=300, sent=200, per_second=49.6, waiting=2, scrape=SCRAPE), board_of(150))
    assert text == (
        "  150/300 events, 50/s; labels: 0 asked, 0 arrived, 2 waiting; "
        "accuracy: 80% (70% to 90%), twin 75% (60% to 80%)"
    )


def test_plain_lines_come_now_and_then_without_control_characters():
    standing = (Progress(total=300, scrape=SCRAPE), board_of(3))
    text = drawn(False, standing, standing)
    assert text.count("\n") == 1
    assert "\x1b" not in text


@pytest.mark.parametrize("events", [0, 1, 500])
def test_the_panel_draws_at_every_stage(events):
    console = Console(file=io.StringIO(), width=120)
    console.print(
        panel(Progress(total=500, scrape=SCRAPE), board_of(events), "digits", "http://127.0.0.1:9/metrics")
    )
    text = console.file.getvalue()
    assert f"{events} of 500" in text
    assert "80% (70% to 90%)" in text
    assert "http://127.0.0.1:9/metrics" in text
    assert ("100%" in text) == (events > 0)


def test_a_terminal_gets_the_panel():
    assert "\x1b" in drawn(True, (Progress(total=300), board_of(3)))
