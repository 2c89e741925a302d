"""`make bench`: run every benchmark, or those named: ``python -m tests.benchmarks learner_speed pending``.

What follows the names and begins with a dash goes to each of them: ``python -m tests.benchmarks accuracy --all``.
"""

from __future__ import annotations

import runpy
import sys
from itertools import takewhile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run the benchmarks one after the other, each as if it were called by hand."""
    known = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    named = list(takewhile(lambda word: not word.startswith("-"), sys.argv[1:]))
    options = sys.argv[1 + len(named) :]
    names = named or list(known)
    for name in names:
        if name not in known:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(known)}")
    for name in names:
        print(f"\n== {name} ==\n", flush=True)
        sys.argv = [str(known[name]), *options]
        runpy.run_path(str(known[name]), run_name="__main__")


if __name__ == "__main__":
    main()
