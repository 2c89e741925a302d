r"""Kernel ridge regression whose kernel, penalty and sharpness are chosen by what each row says without itself.

With a Gram matrix :math:`K = U \mathrm{diag}(e) U'` of n labelled rows, targets Y less the class shares
:math:`\pi_c = (n_c + .5)/(n + .5 k)`, and a penalty :math:`\lambda`,

.. math:: F = U \mathrm{diag}(e/(e + \lambda)) U' Y, \quad h_i = \sum_j U_{ij}^2 e_j/(e_j + \lambda), \quad
          F_{-i} = Y_i - (Y_i - F_i)/(1 - h_i)

the last being the prediction of row i by all the others, without fitting n times (Allen 1974; Rifkin and Lippert,
"Notes on regularized least squares", 2007). The probability is :math:`\mathrm{softmax}(T (F + \pi))`; kernel,
:math:`\lambda \in \{.003, .03, .3, 3\} \bar K_{ii}` and T in {1, 2, 4, 8, 16} are those of the least log-loss of
:math:`F_{-i}`. O(n^3 + n^2 k) a kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.softmax import softmax

CAPACITY = 256
"""Labelled rows that a machine keeps."""
PENALTIES = (0.003, 0.03, 0.3, 3.0)
SHARPNESSES = (1.0, 2.0, 4.0, 8.0, 16.0)
FEWEST = 4
"""With fewer rows nothing can be chosen: `UNTRIED` it is."""
UNTRIED = (3.0, 4.0)
"""Penalty and sharpness."""


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def choose(
    gram: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    shares: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Return the least loss of a kernel, and the penalty and sharpness that have it.

    Parameters
    ----------
    gram
        (n, n).
    targets
        (n, k) less ``shares``.
    weights
        (n,) how much each row counts in the loss.
    shares
        (k,).
    prior
        (k,) 0 for classes that have never been named.
    """
    n, n_classes = targets.shape
    n_known = (prior > 0.0).sum()
    scale = np.trace(gram) / n
    if n < FEWEST:
        return 0.0, UNTRIED[0] * scale, UNTRIED[1]
    values, vectors = np.linalg.eigh(gram)
    turned = vectors.T @ targets
    squares = vectors * vectors
    probabilities = np.empty(n_classes)
    best, best_penalty, best_sharpness = np.inf, 0.0, 0.0
    for share in PENALTIES:
        penalty = share * scale
        kept = np.maximum(values, 0.0)
        kept = kept / (kept + penalty)
        fitted = vectors @ (turned * kept.reshape(-1, 1))
        leverage = squares @ kept
        for i in range(n):
            for c in range(n_classes):
                error = (targets[i, c] - fitted[i, c]) / max(1.0 - leverage[i], 1e-3)
                fitted[i, c] = targets[i, c] - error + shares[c]
        for sharpness in SHARPNESSES:
            loss = 0.0
            for i in range(n):
                softmax(fitted[i], sharpness, prior, probabilities)
                hit = 0.02 / n_known
                for c in range(n_classes):
                    hit += 0.98 * (targets[i, c] + shares[c]) * probabilities[c]
                loss -= weights[i] * np.log(hit)
            if loss < best:
                best, best_penalty, best_sharpness = loss, penalty, sharpness
    return best, best_penalty, best_sharpness


@njit(cache=True, nogil=True, error_model="numpy", _nrt=True)  # type: ignore[call-overload, untyped-decorator]
def invert(gram: NDArray[np.float64], penalty: float, weights: NDArray[np.float64]) -> NDArray[Any]:
    """Return the inverse of ``gram`` and the penalty on its diagonal: less for rows of more weight."""
    penalised = gram.copy()
    for i in range(len(gram)):
        penalised[i, i] += penalty / weights[i]
    return np.linalg.inv(penalised)
