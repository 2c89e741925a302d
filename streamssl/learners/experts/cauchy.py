r"""A kernel machine on the last 256 labelled rows: smooth where labels are few.

With z a row standardised by these rows (vectors of length 1 stay as they are), D the squared distance of two of
them and m its median,

.. math:: K = \frac{1}{1 + D/(w m)} + .1 + .1\, \frac{z \cdot z'}{\overline{z \cdot z}}, \qquad w \in \{.5, 2\}

the rational quadratic kernel with a linear part, in ridge regression as `ridge` has it, w chosen there too. It is
fitted at every label below 16, then whenever the labels have grown by a quarter, and every 256 once the window is
full. In between all that was chosen is frozen, and :math:`A = (K + \lambda I)^{-1}` and the coefficients
:math:`\alpha = A Y` follow each label exactly, as in kernel recursive least squares (Engel, Mannor and Meir, IEEE
TSP 2004; sliding windows: Van Vaerenbergh et al., ICASSP 2006): a row i leaves by
:math:`\alpha \leftarrow \alpha - A_i \alpha_i/A_{ii}, A \leftarrow A - A_i A_i'/A_{ii}`, and one with kernel values
v joins by the bordered inverse.

O(256 (d + k)) an event; 256^2 a label, and some 15 ms at each fit. 256 (8 d + 12 k) + 8 256^2 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.experts.ridge import CAPACITY, choose, invert
from streamssl.learners.labelled import NO_KEY
from streamssl.learners.linear import project
from streamssl.learners.padding import pad
from streamssl.learners.softmax import softmax
from streamssl.learners.standardiser import LIMIT

WIDTHS = (0.5, 2.0)
LINEAR_SHARE = 0.1
EVERY = 16
"""Up to so many labels each one makes a new fit."""
GROWTH = 1.25


class Cauchy(NamedTuple):
    """The window, and the fit."""

    counts: NDArray[np.int64]
    """(2,) labels so far, the next taking place ``counts[0] % 256``; and how many there will be at the next fit."""
    rows: NDArray[np.float32]
    """(d, 256) raw."""
    scaled: NDArray[np.float32]
    """(d, 256) standardised."""
    lengths: NDArray[np.float32]
    """(256,) squared, of these."""
    targets: NDArray[np.float32]
    """(256, k)."""
    weights: NDArray[np.float64]
    """(256,) 0 marks an empty place."""
    keys: NDArray[np.int64]
    """(256,) see `labelled`."""
    mean: NDArray[np.float32]
    """(d,) what rows are standardised by: of those in the window at the last fit."""
    scale: NDArray[np.float32]
    """(d,)."""
    shares: NDArray[np.float64]
    """(k,) of the classes at the last fit."""
    chosen: NDArray[np.float64]
    """(4,) 1/(w m), .1 over the mean squared length, penalty, sharpness."""
    inverse: NDArray[np.float64]
    """(256, 256) A; 0 where a place is empty."""
    coefficients: NDArray[np.float64]
    """(256, k) alpha."""


class Scratch(NamedTuple):
    """Where a row is compared with the window."""

    z: NDArray[np.float32]
    """(d,)."""
    kernel: NDArray[np.float32]
    """(256,)."""
    gain: NDArray[np.float64]
    """(256,)."""


def new(n_columns: int, n_classes: int) -> Cauchy:
    """Return the machine before any label."""
    return Cauchy(
        counts=np.array([0, 1]),
        rows=np.zeros((n_columns, CAPACITY), np.float32),
        scaled=np.zeros((n_columns, CAPACITY), np.float32),
        lengths=np.zeros(CAPACITY, np.float32),
        targets=np.zeros((CAPACITY, n_classes), np.float32),
        weights=np.zeros(CAPACITY),
        keys=np.full(CAPACITY, NO_KEY),
        mean=np.zeros(n_columns, np.float32),
        scale=np.zeros(n_columns, np.float32),
        shares=np.zeros(n_classes),
        chosen=np.zeros(4),
        inverse=np.zeros((CAPACITY, CAPACITY)),
        coefficients=np.zeros((CAPACITY, n_classes)),
    )


def grow(state: Cauchy, n_columns: int, n_classes: int) -> Cauchy:
    """Make room for more columns and classes."""
    return state._replace(
        rows=pad(state.rows, n_columns, CAPACITY),
        scaled=pad(state.scaled, n_columns, CAPACITY),
        targets=pad(state.targets, CAPACITY, n_classes),
        mean=pad(state.mean, n_columns),
        scale=pad(state.scale, n_columns),
        shares=pad(state.shares, n_classes),
        coefficients=pad(state.coefficients, CAPACITY, n_classes),
    )


def scratch(n_columns: int) -> Scratch:
    """Return room to compare a row with the window."""
    return Scratch(np.empty(n_columns, np.float32), np.empty(CAPACITY, np.float32), np.empty(CAPACITY))


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Cauchy,
    row: NDArray[np.float32],
    prior: NDArray[np.float64],
    scratch: Scratch,
    scores: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities of a raw row to ``out``; ``scores`` is scratch."""
    _standardise(state, row, scratch.z)
    _compare(state, scratch.z, scratch.kernel)
    project(scratch.kernel, state.coefficients, scores)
    for c in range(len(scores)):
        scores[c] += state.shares[c]
    softmax(scores, state.chosen[3], prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def _standardise(state: Cauchy, row: NDArray[np.float32], z: NDArray[np.float32]) -> None:
    for j in range(len(row)):
        z[j] = min(max((row[j] - state.mean[j]) * state.scale[j], -LIMIT), LIMIT)


@njit(cache=True, nogil=True, error_model="numpy")
def _compare(state: Cauchy, z: NDArray[np.float32], kernel: NDArray[np.float32]) -> None:
    """Write the kernel of a row with all places of the window."""
    kernel[:] = 0.0
    length = np.float32(0.0)
    for j in range(len(z)):
        value = z[j]
        length += value * value
        for i in range(CAPACITY):
            kernel[i] += value * state.scaled[j, i]
    narrow, linear = np.float32(state.chosen[0]), np.float32(state.chosen[1])
    for i in range(CAPACITY):
        product = kernel[i]
        distance = max(length + state.lengths[i] - product - product, np.float32(0.0))
        kernel[i] = (
            np.float32(1.0) / (np.float32(1.0) + distance * narrow) + np.float32(LINEAR_SHARE) + linear * product
        )


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Cauchy,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    key: int,
    unit: bool,
    scratch: Scratch,
) -> None:
    """Learn from a raw labelled row in place of the oldest; ``unit``: rows are vectors of length 1."""
    place = state.counts[0] % CAPACITY
    if state.weights[place] > 0.0:
        _remove(state, place)
    state.counts[0] += 1
    state.weights[place] = weight
    state.keys[place] = key
    for c in range(len(target)):
        state.targets[place, c] = target[c]
    for j in range(len(row)):
        state.rows[j, place] = row[j]
    if state.counts[0] >= state.counts[1]:
        n = state.counts[0]
        grown = n + 1 if n < EVERY else np.int64(np.ceil(n * GROWTH))
        state.counts[1] = min(grown, n + CAPACITY)
        _fit(state, prior, unit)
    else:
        _standardise(state, row, scratch.z)
        _add(state, place, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def forget(state: Cauchy, key: int) -> None:
    """Take back the label of this key, if it is still in the window."""
    for place in range(CAPACITY):
        if state.keys[place] == key and state.weights[place] > 0.0:
            _remove(state, place)


@njit(cache=True, nogil=True, error_model="numpy")
def _remove(state: Cauchy, place: int) -> None:
    inverse, coefficients = state.inverse, state.coefficients
    corner = inverse[place, place]
    for i in range(CAPACITY):
        share = inverse[i, place] / corner
        if i == place or share == 0.0:
            continue
        for j in range(CAPACITY):
            inverse[i, j] -= share * inverse[place, j]
        for c in range(coefficients.shape[1]):
            coefficients[i, c] -= share * coefficients[place, c]
    for i in range(CAPACITY):
        inverse[i, place] = 0.0
        inverse[place, i] = 0.0
    coefficients[place, :] = 0.0
    state.weights[place] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _add(state: Cauchy, place: int, scratch: Scratch) -> None:
    """Let the row in ``scratch.z`` join at an empty place."""
    inverse, coefficients, kernel, gain = state.inverse, state.coefficients, scratch.kernel, scratch.gain
    _compare(state, scratch.z, kernel)
    length = np.float32(0.0)
    for j in range(len(scratch.z)):
        state.scaled[j, place] = scratch.z[j]
        length += scratch.z[j] * scratch.z[j]
    state.lengths[place] = length
    rest = 1.0 + LINEAR_SHARE + state.chosen[1] * length + state.chosen[2] / state.weights[place]
    gain[:] = 0.0
    for j in range(CAPACITY):
        value = kernel[j] if state.weights[j] > 0.0 and j != place else np.float32(0.0)
        if value != 0.0:
            for i in range(CAPACITY):
                gain[i] += inverse[j, i] * value
    for i in range(CAPACITY):
        if state.weights[i] > 0.0 and i != place:
            rest -= kernel[i] * gain[i]
    rest = max(rest, 1e-6)
    for c in range(coefficients.shape[1]):
        error = np.float64(state.targets[place, c]) - state.shares[c]
        for i in range(CAPACITY):
            if i != place:
                error -= kernel[i] * coefficients[i, c]
        error /= rest
        for i in range(CAPACITY):
            coefficients[i, c] -= gain[i] * error
        coefficients[place, c] = error
    for i in range(CAPACITY):
        share = gain[i] / rest
        for j in range(CAPACITY):
            inverse[i, j] += share * gain[j]
    for i in range(CAPACITY):
        inverse[i, place] = -gain[i] / rest
        inverse[place, i] = -gain[i] / rest
    inverse[place, place] = 1.0 / rest


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def _fit(state: Cauchy, prior: NDArray[np.float64], unit: bool) -> None:
    """Choose everything anew."""
    places = np.flatnonzero(state.weights > 0.0)
    n, n_classes = len(places), state.targets.shape[1]
    weights = state.weights[places]
    _rescale(state, places, unit)
    products, distances, median, length = _geometry(state, places)
    n_known = (prior > 0.0).sum()
    targets = np.empty((n, n_classes))
    for c in range(n_classes):
        in_class = 0.0
        for i in range(n):
            targets[i, c] = state.targets[places[i], c]
            in_class += weights[i] * targets[i, c]
        state.shares[c] = (in_class + 0.5) / (weights.sum() + 0.5 * n_known) if prior[c] > 0.0 else 0.0
        targets[:, c] -= state.shares[c]
    linear = LINEAR_SHARE * (1.0 + products / length)
    least = np.inf
    best = linear
    for width in WIDTHS:
        gram = 1.0 / (1.0 + distances / (width * median)) + linear
        loss, penalty, sharpness = choose(gram, targets, weights, state.shares, prior)
        if loss < least:
            least, best = loss, gram
            state.chosen[0] = 1.0 / (width * median)
            state.chosen[2] = penalty
            state.chosen[3] = sharpness
    state.chosen[1] = LINEAR_SHARE / length
    inverse = invert(best, state.chosen[2], weights)
    coefficients = inverse @ targets
    state.inverse[:, :] = 0.0
    state.coefficients[:, :] = 0.0
    for i in range(n):
        for j in range(n):
            state.inverse[places[i], places[j]] = inverse[i, j]
        for c in range(n_classes):
            state.coefficients[places[i], c] = coefficients[i, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _rescale(state: Cauchy, places: NDArray[np.int64], unit: bool) -> None:
    """Standardise the window by itself."""
    n = len(places)
    state.lengths[:] = 0.0
    state.scaled[:, :] = 0.0
    for j in range(len(state.mean)):
        mean, square = 0.0, 0.0
        for place in places:
            mean += state.rows[j, place]
        mean /= n
        for place in places:
            square += (state.rows[j, place] - mean) ** 2
        variance = square / n
        state.mean[j] = 0.0 if unit else mean
        state.scale[j] = (
            1.0 if unit else 1.0 / np.sqrt(variance + 1e-6 * (1.0 + mean * mean)) if variance >= 1e-9 else 0.0
        )
        for place in places:
            z = min(max((state.rows[j, place] - state.mean[j]) * state.scale[j], -LIMIT), LIMIT)
            state.scaled[j, place] = z
            state.lengths[place] += z * z


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def _geometry(
    state: Cauchy, places: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
    """Return inner products and squared distances (n, n), the median of these, and the mean squared length."""
    n = len(places)
    products = np.zeros((n, n))
    for j in range(len(state.scaled)):
        for a in range(n):
            value = np.float64(state.scaled[j, places[a]])
            if value != 0.0:
                for b in range(a + 1):
                    products[a, b] += value * state.scaled[j, places[b]]
    distances = np.empty((n, n))
    pairs = np.empty(max(n * (n - 1) // 2, 1))
    pairs[0] = 1.0
    i = 0
    for a in range(n):
        for b in range(a + 1):
            products[b, a] = products[a, b]
            distance = max(products[a, a] + products[b, b] - 2.0 * products[a, b], 0.0)
            distances[a, b] = distances[b, a] = distance
            if b < a:
                pairs[i] = distance
                i += 1
    length = max(np.trace(products) / n, 1e-9)
    return products, distances, max(np.median(pairs), 1e-9), length
