"""What unlabelled events are worth on the demo's sets: accuracy of the learner minus that of its twin.

    python -m tests.benchmarks demo

Prequential runs; each seed shuffles the set and chooses which labels are shown, at the share that the demo asks
about, to arrive 150 events late: 50 events a second, and 3 s to an answer.
Answers are all right here; the demo's are not.
"""

from __future__ import annotations

import numpy as np

from streamssl import SemiSupervisedClassifier
from streamssl.demo.datasets import BUNDLED, load
from streamssl.evaluation import prequential

SEEDS = 12
DELAY = 150


def gain(name: str, seed: int) -> tuple[float, float]:
    """Return the accuracy on one set, and its gain over the twin."""
    chosen = load(name, seed=seed)
    rows = np.array([list(row.features.values()) for row in chosen.rows], np.float32)
    truth = np.array([chosen.classes.index(row.label) for row in chosen.rows])
    shown = np.where(np.random.default_rng(seed).random(len(truth)) < chosen.review_share, truth, -1)
    full, twin = (
        np.mean(
            prequential(
                SemiSupervisedClassifier(seed=seed, learn_from_unlabelled=all_events), rows, shown, DELAY
            ).predictions
            == truth
        )
        for all_events in (True, False)
    )
    return float(full), float(full - twin)


def main() -> None:
    """Print a line for each set."""
    print(f"{'set':<16}{'events':>8}{'share':>8}{'accuracy':>10}{'gain':>8}{'least':>8}{'most':>8}  won")
    for name in BUNDLED:
        chosen = load(name)
        accuracies, gains = zip(*(gain(name, seed) for seed in range(SEEDS)), strict=True)
        print(
            f"{name:<16}{len(chosen.rows):>8,}{chosen.review_share:>8.0%}{np.mean(accuracies):>10.1%}"
            f"{100 * np.mean(gains):>+8.1f}{100 * min(gains):>+8.1f}{100 * max(gains):>+8.1f}"
            f"  {sum(each > 0 for each in gains)} of {SEEDS}",
            flush=True,
        )


if __name__ == "__main__":
    main()
