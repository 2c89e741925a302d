r"""Which columns go together, learnt from all events, as a kernel between labelled ones: for words and embeddings.

Two texts of one topic may share no word; unlabelled texts tell which words keep company. For rows x of length 1,
over all events,

.. math:: B = \overline{x x'} - \bar x \bar x', \quad D = \mathrm{diag}(B + .1\, \overline{B_{jj}})^{-1/2}, \quad
          M = D B D

and rows are compared after p/2 steps of diffusion along M: :math:`K_p = V V'`, :math:`V = Z M^{p/2}` for the last
256 labelled rows Z, p in {0, 4, 8}. For p > 0 one part in 65 of K_0 is kept; all kernels have mean diagonal 1, and
1 is added. p, penalty and sharpness are chosen as in `ridge`. Prediction takes the primal weights

.. math:: W = M^{p/2} V' \alpha

so that an event costs its filled columns times the classes. The kernel is that of latent semantic analysis made
online (Cristianini, Shawe-Taylor and Lodhi, "Latent semantic kernels", 2002), the powers those of the diffusion
kernel (Kondor and Lafferty, ICML 2002).

O(f^2) an event for f filled columns; rows with more than 64 take part with probability 4096/f^2 and so much more
weight. Old events fade: their weight is halved every 500,000 or so. A fit takes 10 to 100 ms at 1,024 columns: at
every label up to 16, then whenever labels have grown by a quarter, and every 128 when the window is full; labels
wait for the next fit. 4 d^2 + 1024 d + 2048 k + 8 d k bytes; nothing below 100 columns or above 2,048, where it
cannot be asked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.experts.ridge import CAPACITY, choose, invert
from streamssl.learners.labelled import NO_KEY
from streamssl.learners.linear import project
from streamssl.learners.padding import pad
from streamssl.learners.randomness import below
from streamssl.learners.row_kind import NARROWEST
from streamssl.learners.softmax import softmax

WIDEST = 2048
POWERS = (0, 4, 8)
DAMPING = 0.1
UNDIFFUSED = 1.0 / 64.0
MOST_PAIRS = 4096
MEMORY = 2.0**20
"""Once so many events have been counted, all sums are halved: float32 sums would soon take in nothing new."""
EVERY = 16
GROWTH = 1.25
REST = 128
"""Labels from one fit to the next when the window is full."""


class Correlation(NamedTuple):
    """Second moments of all rows, the window, and the fit."""

    seen: NDArray[np.float64]
    """(1,) weight of all events, faded."""
    sums: NDArray[np.float64]
    """(D,) of the rows; D = d, or 0 where the expert cannot be asked."""
    products: NDArray[np.float32]
    """(D, D) sums of x x', the triangle j >= i."""
    counts: NDArray[np.int64]
    """(2,) labels so far, the next taking place ``counts[0] % 256``; and how many there will be at the next fit."""
    rows: NDArray[np.float32]
    """(256, D)."""
    targets: NDArray[np.float64]
    """(256, k)."""
    weights: NDArray[np.float64]
    """(256,) 0 marks an empty place."""
    keys: NDArray[np.int64]
    """(256,) see `labelled`."""
    primal: NDArray[np.float64]
    """(1 + D, k) W, what is added to every row first."""
    sharpness: NDArray[np.float64]
    """(1,)."""


class Scratch(NamedTuple):
    """The filled columns of a row."""

    columns: NDArray[np.int32]
    """(D,)."""


def _width(n_columns: int) -> int:
    return n_columns if NARROWEST <= n_columns <= WIDEST else 0


def new(n_columns: int, n_classes: int) -> Correlation:
    """Return the expert before any event."""
    width = _width(n_columns)
    return Correlation(
        seen=np.zeros(1),
        sums=np.zeros(width),
        products=np.zeros((width, width), np.float32),
        counts=np.array([0, 1]),
        rows=np.zeros((CAPACITY, width), np.float32),
        targets=np.zeros((CAPACITY, n_classes)),
        weights=np.zeros(CAPACITY),
        keys=np.full(CAPACITY, NO_KEY),
        primal=np.zeros((1 + width, n_classes)),
        sharpness=np.zeros(1),
    )


def grow(state: Correlation, n_columns: int, n_classes: int) -> Correlation:
    """Make room for more columns and classes; where columns become too many, begin anew without them."""
    width = _width(n_columns)
    if width < len(state.sums):
        return new(n_columns, n_classes)
    return state._replace(
        sums=pad(state.sums, width),
        products=pad(state.products, width, width),
        rows=pad(state.rows, CAPACITY, width),
        targets=pad(state.targets, CAPACITY, n_classes),
        primal=pad(state.primal, 1 + width, n_classes),
    )


def scratch(n_columns: int) -> Scratch:
    """Return room for the filled columns of a row."""
    return Scratch(np.empty(n_columns, np.int32))


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Correlation,
    row: NDArray[np.float32],
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities of a row of length 1 to ``out``; ``scores`` is scratch."""
    for c in range(len(scores)):
        scores[c] = state.primal[0, c]
    for j in range(len(state.sums)):
        value = row[j]
        if value != 0.0:
            for c in range(len(scores)):
                scores[c] += value * state.primal[1 + j, c]
    softmax(scores, state.sharpness[0], prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def observe(state: Correlation, row: NDArray[np.float32], generator: NDArray[np.uint64], scratch: Scratch) -> None:
    """Count which columns of a row of length 1 go together."""
    columns, n = scratch.columns, 0
    for j in range(len(state.sums)):
        if row[j] != 0.0:
            columns[n] = j
            n += 1
    weight = 1.0
    if n * n > MOST_PAIRS:
        if below(generator, n * n) >= MOST_PAIRS:
            return
        weight = n * n / MOST_PAIRS
    if state.seen[0] >= MEMORY:
        _halve(state)
    state.seen[0] += weight
    for a in range(n):
        i = columns[a]
        value = np.float32(weight) * row[i]
        state.sums[i] += value
        for b in range(a, n):
            j = columns[b]
            state.products[i, j] += value * row[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _halve(state: Correlation) -> None:
    """Let the events so far count for half of what they did."""
    state.seen[0] *= 0.5
    for i in range(len(state.sums)):
        state.sums[i] *= 0.5
        for j in range(i, len(state.sums)):
            state.products[i, j] *= np.float32(0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Correlation,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    key: int,
) -> None:
    """Learn from a labelled row of length 1 in place of the oldest."""
    place = state.counts[0] % CAPACITY
    for j in range(len(state.sums)):
        state.rows[place, j] = row[j]
    for c in range(len(target)):
        state.targets[place, c] = target[c]
    state.weights[place] = weight
    state.keys[place] = key
    state.counts[0] += 1
    if state.counts[0] >= state.counts[1]:
        n = state.counts[0]
        grown = n + 1 if n < EVERY else np.int64(np.ceil(n * GROWTH))
        state.counts[1] = min(grown, n + REST)
        _fit(state, prior)


@njit(cache=True, nogil=True, error_model="numpy")
def forget(state: Correlation, key: int) -> None:
    """Take the label of this key out of the window, if it is still in it: the next fit does without it."""
    for place in range(CAPACITY):
        if state.keys[place] == key:
            state.weights[place] = 0.0
            state.keys[place] = NO_KEY


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def _fit(state: Correlation, prior: NDArray[np.float64]) -> None:
    """Choose how far to diffuse, and find the primal weights."""
    places = np.flatnonzero(state.weights > 0.0)
    n_classes = state.targets.shape[1]
    weights = state.weights[places]
    shares, targets = _centred(state.targets[places], weights, prior)
    rows = state.rows[places]
    mixing = _mixing(state)
    plain = _normalised(rows)
    diffused = rows
    least = np.inf
    best, best_gram, best_power, best_scale = rows, plain, 0, 1.0
    penalty, sharpness, steps, scale = 0.0, 1.0, 0, 1.0
    for power in POWERS:
        while 2 * steps < power:
            diffused = diffused @ mixing
            length = np.sqrt(max(np.mean(diffused * diffused), 1e-30))
            diffused /= np.float32(length)
            scale *= length
            steps += 1
        gram = _normalised(diffused)
        if power > 0:
            gram = (gram + UNDIFFUSED * plain) / (1.0 + UNDIFFUSED)
        gram = gram + 1.0
        loss, its_penalty, its_sharpness = choose(gram, targets, weights, shares, prior)
        if loss < least:
            least, penalty, sharpness = loss, its_penalty, its_sharpness
            best, best_gram, best_power, best_scale = diffused, gram, power, scale
    alpha = invert(best_gram, penalty, weights) @ targets
    state.sharpness[0] = sharpness
    primal = _primal(rows, alpha)
    if best_power > 0:
        primal = UNDIFFUSED * primal + _diffused(_primal(best, alpha), mixing, best_power // 2) / best_scale
        primal /= 1.0 + UNDIFFUSED
    for c in range(n_classes):
        state.primal[0, c] = alpha[:, c].sum() + shares[c]
        for j in range(len(state.sums)):
            state.primal[1 + j, c] = primal[j, c]


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def _centred(
    targets: NDArray[np.float64], weights: NDArray[np.float64], prior: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares of the classes (k,), and the targets less these."""
    n_classes = targets.shape[1]
    shares = np.zeros(n_classes)
    n_known = (prior > 0.0).sum()
    for c in range(n_classes):
        if prior[c] > 0.0:
            shares[c] = ((weights * targets[:, c]).sum() + 0.5) / (weights.sum() + 0.5 * n_known)
    return shares, targets - shares


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def _mixing(state: Correlation) -> NDArray[np.float32]:
    """Return M, (D, D)."""
    width, seen = len(state.sums), max(state.seen[0], 1.0)
    mixing = np.empty((width, width), np.float32)
    means = state.sums / seen
    average = 0.0
    for i in range(width):
        average += state.products[i, i] / seen - means[i] * means[i]
    damping = DAMPING * max(average / max(width, 1), 1e-12)
    scale = np.empty(width)
    for i in range(width):
        scale[i] = 1.0 / np.sqrt(max(state.products[i, i] / seen - means[i] * means[i], 0.0) + damping)
    for i in range(width):
        for j in range(i, width):
            value = (state.products[i, j] / seen - means[i] * means[j]) * scale[i] * scale[j]
            mixing[i, j] = value
            mixing[j, i] = value
    return mixing


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def _normalised(rows: NDArray[np.float32]) -> NDArray[Any]:
    """Return the inner products of rows, their mean diagonal 1."""
    gram = (rows @ rows.T).astype(np.float64)
    normalised: NDArray[Any] = gram / max(np.trace(gram) / len(gram), 1e-12)
    return normalised


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def _primal(rows: NDArray[np.float32], alpha: NDArray[np.float64]) -> NDArray[Any]:
    """Return the weights of columns (D, k) in which coefficients of rows come to, kernels normalised as above."""
    n, width = rows.shape
    total = 0.0
    primal = np.zeros((width, alpha.shape[1]))
    for i in range(n):
        for j in range(width):
            value = np.float64(rows[i, j])
            if value != 0.0:
                total += value * value
                for c in range(alpha.shape[1]):
                    primal[j, c] += value * alpha[i, c]
    primal /= max(total / n, 1e-12)
    return primal


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def _diffused(primal: NDArray[np.float64], mixing: NDArray[np.float32], steps: int) -> NDArray[Any]:
    """Return weights of columns after some steps along M; BLAS would wake its threads for very little."""
    for _ in range(steps):
        before = primal.copy()
        for i in range(len(mixing)):
            project(mixing[i], before, primal[i])
    return primal
