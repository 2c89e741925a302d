"""How good a run was: in total, and window by window.

Everything is judged against the whole truth, hidden labels included; rows whose truth nobody knows do not count. A
row without a prediction, as before the first label, is a wrong one that finds all classes alike.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamssl.evaluation.prequential import PrequentialResult

BINS = 15
"""Bins of confidence behind the calibration error, as in Guo et al. (2017)."""

LEAST = 1e-6
"""What a probability of 0 counts as in the log-loss: being sure and wrong costs 13.8, not infinity."""


class Outcomes(NamedTuple):
    """What came of each row, as the scores need it."""

    row: NDArray[np.int64]
    """(m,) the row's number in the stream; rows without a truth are left out."""
    truth: NDArray[np.int64]
    """(m,) in 0..k-1."""
    predicted: NDArray[np.int64]
    """(m,) in 0..k; k = no prediction."""
    likelihood: NDArray[np.float64]
    """(m,) probability given to the truth; 1/k where nothing was predicted."""
    confidence: NDArray[np.float64]
    """(m,) probability given to the prediction."""
    n_classes: int
    """k: classes in the truth or among the predictions."""

    @property
    def right(self) -> NDArray[np.bool_]:
        """(m,) whether the prediction is the truth."""
        right: NDArray[np.bool_] = self.truth == self.predicted
        return right

    def take(self, rows: slice) -> Self:
        """Return these outcomes only."""
        return self._replace(
            row=self.row[rows],
            truth=self.truth[rows],
            predicted=self.predicted[rows],
            likelihood=self.likelihood[rows],
            confidence=self.confidence[rows],
        )


class Scores(NamedTuple):
    """How good predictions and their probabilities were."""

    kappa: float
    """Cohen's: 1 = all right, 0 = no better than chance. NaN where truth and predictions are one single class."""
    accuracy: float
    """Share of right predictions."""
    macro_f1: float
    """Mean over the classes, in truth or predicted, of the harmonic mean of precision and recall."""
    log_loss: float
    """Mean of -ln p(truth), in nats, each at most 13.8."""
    calibration_error: float
    """Expected calibration error in [0, 1]: how far confidence is from the share of right ones, on average."""


class Reliability(NamedTuple):
    """What confidence was worth, bin by bin."""

    confidence: NDArray[np.float64]
    """(b,) mean confidence of the predictions in the bin; NaN where there is none."""
    accuracy: NDArray[np.float64]
    """(b,) share of right ones among them."""
    predictions: NDArray[np.int64]
    """(b,) how many predictions are in the bin."""

    @property
    def error(self) -> float:
        """Expected calibration error; NaN without a prediction."""
        filled = self.predictions > 0
        if not filled.any():
            return float("nan")
        gaps = np.abs(self.confidence - self.accuracy)[filled]
        return float(np.average(gaps, weights=self.predictions[filled]))


def outcomes(y: ArrayLike, result: PrequentialResult) -> Outcomes:
    """Compare a run with the truth.

    Parameters
    ----------
    y
        (n,) true classes, shown or hidden; -1 = nobody knows.
    result
        Of a run over the same rows.
    """
    y = np.asarray(y)
    if y.shape != result.predictions.shape:
        raise ValueError(f"y must have shape {result.predictions.shape}, one class a prediction, not {y.shape}")
    row = np.flatnonzero(y >= 0)
    truth, predictions = y[row], result.predictions[row]
    classes = np.union1d(truth, result.classes)
    k = len(classes)
    spoken = predictions >= 0
    return Outcomes(
        row=row,
        truth=np.searchsorted(classes, truth),
        predicted=np.where(spoken, np.searchsorted(classes, predictions), k),
        likelihood=np.where(spoken, _given_to(truth, row, result), 1 / max(k, 1)),
        confidence=_given_to(predictions, row, result),
        n_classes=k,
    )


def _given_to(asked: NDArray[np.int64], row: NDArray[np.int64], result: PrequentialResult) -> NDArray[np.float64]:
    """Return (m,) the probability given to the class asked for in each row; 0 for one that was never heard of."""
    given = np.zeros(len(asked))
    heard_of = np.flatnonzero(np.isin(asked, result.classes))
    columns = np.searchsorted(result.classes, asked[heard_of])
    given[heard_of] = result.probabilities[row[heard_of], columns]
    return given


def scores(outcomes: Outcomes) -> Scores:
    """Score all of these outcomes; all are NaN if there is none.

    Examples
    --------
    >>> run = PrequentialResult(
    ...     predictions=np.array([-1, 0, 1, 1]),
    ...     probabilities=np.array([[0, 0], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]], np.float32),
    ...     classes=np.array([0, 1]),
    ...     events_per_second=1.0,
    ... )
    >>> all_of_it = scores(outcomes([0, 0, 1, 0], run))
    >>> all_of_it.accuracy, round(all_of_it.kappa, 3)
    (0.5, 0.273)
    """
    if not len(outcomes.truth):
        return Scores(*[float("nan")] * len(Scores._fields))
    k = outcomes.n_classes
    table = np.bincount(outcomes.truth * (k + 1) + outcomes.predicted, minlength=k * (k + 1))
    # "No prediction" is a column that no truth has; as a class of its own it makes the table square.
    confusion = np.vstack([table.reshape(k, k + 1), np.zeros((1, k + 1), np.int64)])
    return Scores(
        kappa=kappa(confusion),
        accuracy=float(outcomes.right.mean()),
        macro_f1=macro_f1(confusion[:k]),
        log_loss=float(-np.log(np.maximum(outcomes.likelihood, LEAST)).mean()),
        calibration_error=reliability(outcomes).error,
    )


def kappa(confusion: NDArray[np.int64]) -> float:
    """Return Cohen's kappa of a table (k, k): true class down, predicted class across.

    It is that of ``sklearn.metrics.cohen_kappa_score``, from counts. (Cohen, "A coefficient of agreement for
    nominal scales", Educational and Psychological Measurement 1960.)

    Examples
    --------
    >>> round(kappa(np.array([[20, 5], [10, 15]])), 3)
    0.4
    """
    n = confusion.sum()
    by_chance = confusion.sum(axis=0) @ confusion.sum(axis=1) / n**2
    if by_chance == 1:
        return float("nan")
    return float((np.trace(confusion) / n - by_chance) / (1 - by_chance))


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """Return the mean F1 over the classes that are true or predicted somewhere.

    Parameters
    ----------
    confusion
        (k, k + 1) true class down, predicted class across; the last column is "no prediction".
    """
    hits = np.diagonal(confusion)
    spoken = confusion.sum(axis=1) + confusion.sum(axis=0)[:-1]
    there = spoken > 0
    return float(np.mean(2 * hits[there] / spoken[there]))


def reliability(outcomes: Outcomes, bins: int = BINS) -> Reliability:
    """Compare the confidence of predictions with how often they were right.

    Parameters
    ----------
    bins
        Of equal width, over [0, 1]. (Guo et al., "On calibration of modern neural networks", ICML 2017.) Rows
        without a prediction are in none.
    """
    spoken = outcomes.predicted < outcomes.n_classes
    confidence, right = outcomes.confidence[spoken], outcomes.right[spoken]
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            confidence=np.bincount(place, weights=confidence, minlength=bins) / count,
            accuracy=np.bincount(place, weights=right, minlength=bins) / count,
            predictions=count,
        )


def over_time(outcomes: Outcomes, window: int, every: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Score a run window by window.

    Parameters
    ----------
    window
        Outcomes behind a point; the first points have fewer.
    every
        Outcomes from one point to the next.

    Returns
    -------
    rows, table
        (p,) how many rows of the stream had passed at each point; (p, 5) columns as in `Scores`.

    Notes
    -----
    O(window + k^2) a point.
    """
    if window < 1 or every < 1:
        raise ValueError(f"window and every must be at least 1, not {window} and {every}")
    ends = np.arange(every, len(outcomes.row) + 1, every)
    table = [scores(outcomes.take(slice(max(0, end - window), end))) for end in ends]
    return outcomes.row[ends - 1] + 1, np.array(table).reshape(-1, len(Scores._fields))
