"""The demo from its beginning to its exit code."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import yaml
from rich.console import Console

from streamssl.config import Config
from streamssl.demo import datasets
from streamssl.demo.person import Person
from streamssl.demo.picture import draw
from streamssl.demo.report import print_report
from streamssl.demo.reviewer import Habits, Reviewer
from streamssl.demo.scoreboard import Scoreboard
from streamssl.demo.service import HOST, Service, ServiceDied, free_port, settings
from streamssl.demo.stream import Stream, event_ids, wait_until_ready
from streamssl.demo.view import shown
from streamssl.monitoring.reading import Silent, read
from streamssl.runtime.topics import check_topics
from streamssl.transport import connect

EXIT_WELL, EXIT_FAILED = 0, 1
CONFIG, LOG, PAGE_LOG, PICTURE = "streamssl.yaml", "service.log", "review.log", "learning-curve.png"
WHAT_COMES = "Events begin to come when you open it. Ctrl-C ends it, with a table of how you both did."
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
    is_person_asked: bool = False
    """A person answers, on the reviewers' page, in place of the simulated reviewer."""


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
    demo_set = datasets.load(
        options.dataset, events=options.events, seed=options.seed, for_keys=options.is_person_asked
    )
    share = demo_set.review_share if options.review_share is None else options.review_share
    output = _fresh(options.output)
    port = free_port()
    config = _write_config(output, port, share, options.seed, page_settings(demo_set))
    truth = {
        event_id: row.label for event_id, row in zip(event_ids(demo_set), demo_set.rows, strict=True) if row.label
    }
    board = Scoreboard(truth)
    reviewer = Reviewer(truth, demo_set.classes, Habits(options.review_delay), options.seed)
    stream = Stream(demo_set, config, Person(truth) if options.is_person_asked else reviewer, board, options.rate)
    service = Service(output / CONFIG, output / LOG, port)
    title = f"{demo_set.name}: {len(truth):,} events, {len(demo_set.classes)} classes, {share:.1%} for review"
    who = "you answer" if options.is_person_asked else "a simulated reviewer answers"
    _say(console, f"{title}; {who}{'' if options.is_person_asked else f' after some {options.review_delay:g} s'}")
    try:
        with service, ExitStack() as beside:
            _wait(console, service, live=live)
            footer = f"the service's own metrics: {service.url}/metrics"
            with closing(connect(config)) as transport:
                check_topics(transport, config)
                if options.is_person_asked:
                    page, link = _page(config, output)
                    beside.enter_context(page)
                    for _ in wait_until_ready(page):
                        pass
                    _say(console, f"answer here:    {link}\n{WHAT_COMES}")
                    footer = f"answer here: {link}"
                with (
                    suppress(KeyboardInterrupt) if options.is_person_asked else nullcontext(),
                    shown(console, title=title, footer=footer, live=live) as show,
                ):
                    if options.is_person_asked:
                        _wait_for_somebody(page)
                    for progress in stream.play(transport, service):
                        show(progress, board)
            code = service.stop()
            if code:
                raise ServiceDied(f"the service did not stop well, exit code {code}")
    except ServiceDied as error:
        print(f"streamssl demo: {error}; the end of {service.log}:\n{service.log_tail()}", file=sys.stderr)
        if (output / PAGE_LOG).is_file():
            page = Service(output / CONFIG, output / PAGE_LOG, port, "review")
            print(f"the end of {page.log}:\n{page.log_tail()}", file=sys.stderr)
        return EXIT_FAILED
    if not board.events:
        _say(console, "it ended before the first event came")
        return EXIT_WELL
    print_report(console, board, title, promised=PRECISION, live=live)
    draw(board, title, output / PICTURE)
    _print_paths(console, output, demo_set.name, is_person_asked=options.is_person_asked)
    return EXIT_WELL


def _fresh(output: Path) -> Path:
    """Return an empty folder: what an earlier demo left is removed, anything else is left alone."""
    if output.exists():
        if not output.is_dir() or (any(output.iterdir()) and not (output / CONFIG).is_file()):
            raise OutputTaken(f"{output} holds something else than a demo's output: name another folder")
        shutil.rmtree(output)
    output.mkdir(parents=True)
    return output


def page_settings(demo_set: datasets.DemoSet) -> dict[str, object]:
    """Return the section of the reviewers' page: pixels as a picture, and every digit on the key that bears it."""
    classes = sorted(demo_set.classes, key=lambda name: (name == "0", name))
    fields = {"row*_column*": "pixels"} if demo_set.name == "digits" else {}
    return {"port": free_port(), "classes": classes, "fields": fields, "metrics": {"port": free_port()}}


def _page(config: Config, output: Path) -> tuple[Service, str]:
    """Return the reviewers' page, not started yet, and a link that lets whoever runs the demo in."""
    from streamssl.review.people import People, people_file

    token = People(people_file(config)).add("you", is_lead=True, expires=None)
    section = config.review_service
    page = Service(output / CONFIG, output / PAGE_LOG, section.metrics.port, "review")
    return page, f"http://{HOST}:{section.port}/login#{token}"


def _wait_for_somebody(page: Service) -> None:
    """Wait until a browser has asked the page for something."""
    visits = 0.0
    while not visits:
        time.sleep(0.2)
        page.check()
        with suppress(Silent):
            scrape = read(f"{page.url}/metrics", proof="streamssl_review_decisions")
            visits = scrape.total("streamssl_review_http_requests_total")


def _write_config(output: Path, port: int, share: float, seed: int, page: Mapping[str, object]) -> Config:
    path = output / CONFIG
    chosen = settings(output, port, share=share, precision=PRECISION, seed=seed, page=page)
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


def _print_paths(console: Console, output: Path, name: str, *, is_person_asked: bool) -> None:
    other = "bananas" if name != "bananas" else datasets.DEFAULT
    for text in (
        f"picture:        {output / PICTURE}",
        f"configuration:  {output / CONFIG}   topics, state and log are beside it",
        "next:           streamssl demo                      (a simulated reviewer answers)"
        if is_person_asked
        else "next:           streamssl demo --review             (you answer, in a browser)",
        f"                streamssl demo --dataset {other}",
        "                streamssl demo --seed 1             (another order, other events to ask about)",
        "                streamssl demo --dataset YOUR.csv   (one column named label)",
        f"                streamssl run --config {output / CONFIG}   (goes on where this stopped)",
    ):
        _say(console, text)


def _say(console: Console, text: str) -> None:
    """Print a line as it is, however narrow the terminal."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
