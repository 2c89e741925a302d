"""The learning curves as a picture: the service beside its twin, and when labels came."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamssl.demo.scoreboard import WINDOW, Scoreboard

SERVICE, TWIN, LABELS = "#0072B2", "#E69F00", "#444444"
"""Blue and orange of Okabe and Ito (2008): told apart by the colour-blind, and in grey."""


def draw(board: Scoreboard, title: str, path: Path) -> None:
    """Draw accuracy over events, and how many more events the service got right than its twin.

    Parameters
    ----------
    board
        With at least one event.
    title
        Of the picture.
    path
        Of the PNG file to be written.
    """
    import matplotlib

    matplotlib.use("Agg")  # no window, no display
    from matplotlib import pyplot as plt
    from matplotlib.ticker import PercentFormatter

    events = np.arange(1, board.events + 1)
    with plt.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(9, 6.4), sharex=True, height_ratios=(3, 1.2), layout="constrained"
        )
        curves = zip(
            ("service", "twin: labelled events only"),
            (SERVICE, TWIN),
            ("-", (0, (5, 1.5))),
            (board.right, board.twin_right),
            board.curves(),
            strict=True,
        )
        for name, colour, style, right, lately in curves:
            above.plot(events, lately, color=colour, alpha=0.4, linewidth=1)
            so_far = np.cumsum(right) / events
            above.plot(
                events, so_far, color=colour, linestyle=style, linewidth=2.2, label=f"{name}, {so_far[-1]:.1%}"
            )
        ticks = f"{board.labelled_events} labels arrived"
        above.vlines(board.labels_arrived_at, 0, 0.03, color=LABELS, linewidth=0.7, alpha=0.7, label=ticks)
        above.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        above.set_ylim(0, 1.02)
        above.set_xlim(0, board.events)
        above.set_ylabel("events predicted right")
        above.grid(axis="y", alpha=0.25)
        above.set_title(title, loc="left", fontweight="bold")
        above.legend(
            loc="lower right",
            bbox_to_anchor=(1, 0.04),
            frameon=False,
            title=f"bold: so far; thin: last {WINDOW} events",
        )

        ahead = np.cumsum(board.right) - np.cumsum(board.twin_right)
        below.axhline(0, color=LABELS, linewidth=0.8)
        below.fill_between(events, ahead, where=ahead >= 0, color=SERVICE, alpha=0.3, linewidth=0)
        below.fill_between(events, ahead, where=ahead <= 0, color=TWIN, alpha=0.3, linewidth=0)
        below.plot(events, ahead, color=LABELS, linewidth=1.2)
        below.set_ylabel("service ahead\nof its twin, events")
        below.set_xlabel("events, in the order in which they were predicted")
        below.grid(axis="y", alpha=0.25)
        figure.savefig(path, dpi=130)
        plt.close(figure)
