"""The long run: ``python -m tests.chaos --kills 1000 --transport kafka --workers 2 --seed 7`` (`make chaos`).

It goes in rounds of some kills each, all with seeds of their own; a round that fails is run again alone with
``--rounds 1 --seed`` and the seed that it printed. Without ``--bootstrap`` a broker is started.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.kills import Report, ordeal
from tests.chaos.rooms import kafka_sections, sqlite_sections
from tests.kafka_server import running_broker

KILLS_A_ROUND = 20


def main() -> None:
    """Run the rounds and print what they came to; exit with 1 at the first that fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1_000, help="in all (default: 1,000)")
    parser.add_argument("--transport", choices=["sqlite", "kafka"], default="kafka")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rounds", type=int, help="instead of as many as the kills take")
    parser.add_argument("--bootstrap", help="address of a broker that runs already")
    options = parser.parse_args()
    if options.transport == "sqlite":
        _run(options, lambda directory: sqlite_sections(directory))
        return
    if options.bootstrap:
        os.environ["STREAMSSL_TEST_KAFKA"] = options.bootstrap
    with running_broker() as address:
        _run(options, lambda directory: kafka_sections(address, directory.name))


def _run(options: argparse.Namespace, sections: Callable[[Path], dict[str, Any]]) -> None:
    rounds = options.rounds or -(-options.kills // KILLS_A_ROUND)
    begun = time.monotonic()
    reports = []
    for number in range(rounds):
        seed = options.seed + number
        print(f"{_clock(begun)} round {number + 1} of {rounds}, seed {seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="chaos-") as name:
            try:
                reports.append(ordeal(sections(Path(name)), Path(name), KILLS_A_ROUND, seed, options.workers))
            except AssertionError as error:
                print(f"failed: --rounds 1 --seed {seed}\n{error}", flush=True)
                _print(options, reports)
                sys.exit(1)
    _print(options, reports)


def _print(options: argparse.Namespace, reports: list[Report]) -> None:
    kills: Counter[str] = sum((report.kills for report in reports), Counter())
    seconds = sorted(second for report in reports for second in report.recovery_seconds)
    table = Table(title=f"{options.transport}, {options.workers} workers, seeds from {options.seed}")
    for name in ("killed at", "times"):
        table.add_column(name, justify="right" if name == "times" else "left")
    for point, times in sorted(kills.items()):
        table.add_row(point, str(times))
    table.add_section()
    table.add_row("all", str(kills.total()))
    Console(width=100).print(table)
    events, labels, dead = (
        sum(getattr(each, name) for each in reports) for name in ("events", "labels", "dead_letters")
    )
    print(
        f"{events:,} events, {labels:,} labels, {dead:,} bad records: none lost, none doubled, every digest equal"
    )
    if seconds:
        print(f"start to ready: median {statistics.median(seconds):.1f} s, at most {seconds[-1]:.1f} s")


def _clock(begun: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(time.monotonic() - begun))


if __name__ == "__main__":
    main()
