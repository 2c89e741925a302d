r"""A network of local units: centres from all events, least squares from the labels.

Centres are online k-means with births and deaths, all events taking part. With D the squared distance of a row to
its nearest centre b and r a running scale of D:

- below K centres a row with :math:`D > r/4` becomes one, r being the mean of D;
- after that :math:`r \leftarrow r \exp(.05 (1[D > r] - .008))`, which lets through one row in 125; such a row
  takes the place of the least used of twelve random centres; any other pulls its centre,
  :math:`c_b \leftarrow c_b + \max(.01, 1/n_b)(z - c_b)`, n fading over 20 K events.

The units are local and need no exponential,

.. math:: \phi_i \propto \max\left(0, 1 - \frac{d_i - d_\min}{8 h}\right)^8, \qquad h = (\bar d - d_\min)/4

(d squared distances). Beside them stand 1 and .2 z: without the linear part smooth classes are lost. The heads
are one-versus-rest recursive least squares with forgetting f = .995 and ridge .1 (Haykin, *Adaptive Filter
Theory*, ch. 10); the inverse correlation A is rescaled so that its diagonal stays below 20, where forgetting
would otherwise wind it up. The probability is the softmax of four times the scores. Moody and Darken (Neural
Computation 1989) is the network, Platt (Neural Computation 1991) the births.

O(K D) an event and O(F^2) a label for D columns and F = K + 1 + min(D, 480) units; 8 F^2 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.linear import project
from streamssl.learners.padding import pad
from streamssl.learners.randomness import below
from streamssl.learners.softmax import softmax

LINEAR_COLUMNS = 480
"""So many columns have a linear unit; the others act through the distances only."""
LINEAR_SCALE = np.float32(0.2)
FORGETTING = 0.995
RIDGE = 0.1
CEILING = 2.0 / RIDGE
SHARPNESS = 4.0
CANDIDATES = 12
DEATH_RATE = 0.008


class Rbf(NamedTuple):
    """Centres, and linear heads on their activations."""

    n_centres: NDArray[np.int64]
    """(1,)."""
    centres: NDArray[np.float32]
    """(D, K), one column a centre, so that distances to all of them are summed side by side."""
    use: NDArray[np.float64]
    """(K,) faded counts of the rows that came to a centre."""
    radius: NDArray[np.float64]
    """(2,) the scale r and how many distances made it while the net filled up."""
    weights: NDArray[np.float64]
    """(F, k); units in the order centres, 1, columns."""
    inverse: NDArray[np.float64]
    """(F, F) inverse correlation of the units."""
    untouched: NDArray[np.float64]
    """(1,) what the diagonal of `inverse` is for a unit that was never active."""


def _n_units(n_columns: int, n_centres: int) -> int:
    return n_centres + 1 + min(n_columns, LINEAR_COLUMNS)


def new(n_columns: int, n_classes: int, n_centres: int) -> Rbf:
    """Return a net without centres."""
    n_units = _n_units(n_columns, n_centres)
    return Rbf(
        n_centres=np.zeros(1, np.int64),
        centres=np.zeros((n_columns, n_centres), np.float32),
        use=np.zeros(n_centres),
        radius=np.zeros(2),
        weights=np.zeros((n_units, n_classes)),
        inverse=np.eye(n_units) / RIDGE,
        untouched=np.full(1, 1.0 / RIDGE),
    )


def grow(state: Rbf, n_columns: int, n_classes: int) -> Rbf:
    """Make room for more columns and classes."""
    n_centres = len(state.use)
    n_units = _n_units(n_columns, n_centres)
    inverse = pad(state.inverse, n_units, n_units)
    for unit in range(len(state.inverse), n_units):
        inverse[unit, unit] = state.untouched[0]
    return state._replace(
        centres=pad(state.centres, n_columns, n_centres),
        weights=pad(state.weights, n_units, n_classes),
        inverse=inverse,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _measure(state: Rbf, z: NDArray[np.float32], distances: NDArray[np.float32]) -> int:
    """Write squared distances to all centres and return the nearest one."""
    n = state.n_centres[0]
    distances[:n] = 0.0
    for j in range(len(z)):
        value = z[j]
        for i in range(n):
            difference = value - state.centres[j, i]
            distances[i] += difference * difference
    nearest = 0
    for i in range(1, n):
        if distances[i] < distances[nearest]:
            nearest = i
    return nearest


@njit(cache=True, nogil=True, error_model="numpy")
def activate(state: Rbf, z: NDArray[np.float32], distances: NDArray[np.float32], units: NDArray[np.float64]) -> int:
    """Write the units' activations (F,) and the distances (K,) behind them; return the nearest centre."""
    nearest = _measure(state, z, distances)
    n = state.n_centres[0]
    n_places = len(distances)
    units[:n_places] = 0.0
    if n > 0:
        closest = distances[nearest]
        mean = 0.0
        for i in range(n):
            mean += distances[i]
        reach = 2.0 * (mean / n - closest) + 1e-9
        total = 0.0
        for i in range(n):
            near = max(0.0, 1.0 - (distances[i] - closest) / reach)
            near *= near
            near *= near
            units[i] = near * near
            total += units[i]
        for i in range(n):
            units[i] /= total
    units[n_places] = 1.0
    for j in range(len(units) - n_places - 1):
        units[n_places + 1 + j] = LINEAR_SCALE * z[j]
    return nearest


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Rbf,
    units: NDArray[np.float64],
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities given the activations of a row to ``out``; ``scores`` is scratch."""
    project(units, state.weights, scores)
    softmax(scores, SHARPNESS, prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def observe(
    state: Rbf,
    z: NDArray[np.float32],
    distances: NDArray[np.float32],
    nearest: int,
    generator: NDArray[np.uint64],
) -> None:
    """Move, make or replace a centre, given the distances of a row that `activate` measured."""
    n = state.n_centres[0]
    distance = np.float64(distances[nearest]) if n > 0 else np.inf
    if n < len(state.use):
        if n > 0:
            state.radius[1] += 1.0
            state.radius[0] += (distance - state.radius[0]) / state.radius[1]
        if distance > state.radius[0] / 4.0:
            _settle(state, n, z)
            state.n_centres[0] += 1
        else:
            _pull(state, nearest, z)
        return
    beyond = distance > state.radius[0]
    state.radius[0] *= np.exp(0.05 * (beyond - DEATH_RATE))
    for i in range(n):
        state.use[i] *= 1.0 - 1.0 / (20.0 * n)
    if not beyond:
        _pull(state, nearest, z)
        return
    idlest = below(generator, n)
    for _ in range(CANDIDATES - 1):
        other = below(generator, n)
        if state.use[other] < state.use[idlest]:
            idlest = other
    _settle(state, idlest, z)
    state.weights[idlest, :] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(state: Rbf, i: int, z: NDArray[np.float32]) -> None:
    state.use[i] = 1.0
    for j in range(len(z)):
        state.centres[j, i] = z[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _pull(state: Rbf, i: int, z: NDArray[np.float32]) -> None:
    state.use[i] += 1.0
    gain = np.float32(max(0.01, 1.0 / state.use[i]))
    for j in range(len(z)):
        state.centres[j, i] += gain * (z[j] - state.centres[j, i])


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Rbf,
    units: NDArray[np.float64],
    target: NDArray[np.float32],
    weight: float,
    errors: NDArray[np.float64],
    gain: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> None:
    """One step of weighted recursive least squares.

    ``errors`` (k,), ``gain`` and ``scale``, (F,) or longer, are scratch.
    """
    n = len(units)
    inverse = state.inverse
    gain[:n] = 0.0
    for i in range(n):
        if units[i] != 0.0:
            for j in range(n):
                gain[j] += units[i] * inverse[i, j]
    denominator = FORGETTING / weight
    for i in range(n):
        denominator += units[i] * gain[i]
    project(units, state.weights, errors)
    for c in range(len(target)):
        errors[c] = (target[c] - errors[c]) / denominator
    for i in range(n):
        for c in range(len(target)):
            state.weights[i, c] += gain[i] * errors[c]
    # From here on every product is the same for (i, j) and (j, i): the matrix stays symmetric to the last bit.
    root = np.sqrt(denominator)
    for i in range(n):
        gain[i] /= root
        scale[i] = _scale(inverse[i, i] - gain[i] * gain[i])
    for i in range(n):
        for j in range(n):
            inverse[i, j] = (inverse[i, j] - gain[i] * gain[j]) * (scale[i] * scale[j])
    untouched = _scale(state.untouched[0])
    state.untouched[0] *= untouched * untouched


@njit(cache=True, nogil=True, error_model="numpy")
def _scale(diagonal: float) -> float:
    """Return what a row and its column are multiplied by to forget, and to stay below the ceiling.

    Scaling both, in place of cutting the diagonal, keeps the matrix positive definite.
    """
    return float(np.sqrt(min(1.0 / FORGETTING, CEILING / diagonal)))
