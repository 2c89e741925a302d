"""The demo from its beginning to its exit code."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import yaml
from rich.console import Console

from streamssl.config import Config
from streamssl.demo import datasets
from streamssl.demo.picture import draw
from streamssl.demo.report import print_report
from streamssl.demo.reviewer import Habits, Reviewer
from streamssl.demo.scoreboard import Scoreboard
from streamssl.demo.service import Service, ServiceDied, free_port, settings
from streamssl.demo.stream import Stream, event_ids, wait_until_ready
from streamssl.demo.view import shown
from streamssl.runtime.topics import check_topics
from streamssl.transport import connect

EXIT_WELL, EXIT_FAILED = 0, 1
CONFIG, LOG, PICTURE = "streamssl.yaml", "service.log", "learning-curve.png"
PRECISION = 0.85
"""What the demo's pseudo-labels promise; the service's default of .95 needs more labels than a minute brings."""


class OutputTaken(Exception):
    """The output folder holds something that is not a demo's."""


class Options(NamedTuple):
    """What can be chosen."""

    dataset: str = datasets.DEFAULT
    events: int | None = None
    rate: float = 50.0
    """Events a second."""
    review_share: float | None = None
    """Share of the events that people are asked about; None: as suits the set."""
    review_delay: float = 3.0
    """Mean seconds to an answer."""
    seed: int = 0
    output: Path = Path("demo-output")
    live: bool = True
    """Redraw a panel, if a terminal is there."""


def run(options: Options) -> int:
    """Play the demo.

    Returns
    -------
    int
        0 when the service has predicted every event, learnt every label and stopped well; 1 when it failed.

    Raises
    ------
    DatasetError
        When the data set cannot be used.
    OutputTaken
        When the output folder holds something else.
    """
    console = Console()
    live = options.live and console.is_terminal
    demo_set = datasets.load(options.dataset, events=options.events, seed=options.seed)
    share = demo_set.review_share if options.review_share is None else options.review_share
    output = _fresh(options.output)
    port = free_port()
    config = _write_config(output, port, share, options.seed)
    truth = {
        event_id: row.label for event_id, row in zip(event_ids(demo_set), demo_set.rows, strict=True) if row.label
    }
    board = Scoreboard(truth)
    reviewer = Reviewer(truth, demo_set.classes, Habits(options.review_delay), options.seed)
    stream = Stream(demo_set, config, reviewer, board, options.rate)
    service = Service(output / CONFIG, output / LOG, port)
    title = f"{demo_set.name}: {len(truth):,} events, {len(demo_set.classes)} classes, {share:.1%} for review"
    _say(console, f"{title}; a simulated reviewer answers after some {options.review_delay:g} s")
    try:
        with service:
            _wait(console, service, live=live)
            with (
                closing(connect(config)) as transport,
                shown(console, title=title, metrics_url=f"{service.url}/metrics", live=live) as show,
            ):
                check_topics(transport, config)
                for progress in stream.play(transport, service):
                    show(progress, board)
            code = service.stop()
            if code:
                raise ServiceDied(f"the service did not stop well, exit code {code}")
    except ServiceDied as error:
        print(f"streamssl demo: {error}; the end of {service.log}:\n{service.log_tail()}", file=sys.stderr)
        return EXIT_FAILED
    print_report(console, board, title, promised=PRECISION, live=live)
    draw(board, title, output / PICTURE)
    _print_paths(console, output, demo_set.name)
    return EXIT_WELL


def _fresh(output: Path) -> Path:
    """Return an empty folder: what an earlier demo left is removed, anything else is left alone."""
    if output.exists():
        if not output.is_dir() or (any(output.iterdir()) and not (output / CONFIG).is_file()):
            raise OutputTaken(f"{output} holds something else than a demo's output: name another folder")
        shutil.rmtree(output)
    output.mkdir(parents=True)
    return output


def _write_config(output: Path, port: int, share: float, seed: int) -> Config:
    path = output / CONFIG
    chosen = settings(output, port, share=share, precision=PRECISION, seed=seed)
    path.write_text(yaml.safe_dump(dict(chosen), sort_keys=False), encoding="utf-8")
    return Config.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def _wait(console: Console, service: Service, *, live: bool) -> None:
    message = "starting the service; its first start compiles the learner, which takes a minute ..."
    if live:
        with console.status(message) as status:
            for seconds in wait_until_ready(service):
                status.update(f"{message} {seconds:.0f} s")
    else:
        _say(console, message)
        for _ in wait_until_ready(service):
            pass


def _print_paths(console: Console, output: Path, name: str) -> None:
    other = "bananas" if name != "bananas" else datasets.DEFAULT
    for text in (
        f"picture:        {output / PICTURE}",
        f"configuration:  {output / CONFIG}   topics, state and log are beside it",
        f"next:           streamssl demo --dataset {other}",
        "                streamssl demo --seed 1             (another order, other events to ask about)",
        "                streamssl demo --dataset YOUR.csv   (one column named label)",
        f"                streamssl run --config {output / CONFIG}   (goes on where this stopped)",
    ):
        _say(console, text)


def _say(console: Console, text: str) -> None:
    """Print a line as it is, however narrow the terminal."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
