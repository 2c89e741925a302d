import numpy as np
import pytest

from streamssl.learners.experts import ridge

PRIOR = np.ones(2)


def example(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A Gram matrix, centred targets and their centre."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n, 3))
    targets = np.eye(2)[(rows[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(int)]
    shares = targets.mean(axis=0)
    gram = np.exp(-0.5 * ((rows[:, None] - rows[None]) ** 2).sum(axis=2))
    return gram, targets - shares, shares


def loss_by_leaving_out(gram: np.ndarray, targets: np.ndarray, shares: np.ndarray) -> tuple[float, float, float]:
    """The same choice, by fitting n times."""
    n, k = targets.shape
    best = (np.inf, 0.0, 0.0)
    for share in ridge.PENALTIES:
        penalty = share * np.trace(gram) / n
        scores = np.empty((n, k))
        for i in range(n):
            rest = np.arange(n) != i
            inner = gram[np.ix_(rest, rest)] + penalty * np.eye(n - 1)
            scores[i] = gram[i, rest] @ np.linalg.solve(inner, targets[rest]) + shares
        for sharpness in ridge.SHARPNESSES:
            p = np.exp(sharpness * scores)
            p /= p.sum(axis=1, keepdims=True)
            loss = -np.log(0.98 * ((targets + shares) * p).sum(axis=1) + 0.02 / k).sum()
            best = min(best, (loss, penalty, sharpness))
    return best


def test_choice_is_that_of_fitting_without_each_row() -> None:
    gram, targets, shares = example(40)
    ours = ridge.choose(gram, targets, np.ones(40), shares, PRIOR)
    np.testing.assert_allclose(ours, loss_by_leaving_out(gram, targets, shares), rtol=1e-6)


def test_with_few_rows_nothing_is_chosen() -> None:
    gram, targets, shares = example(3)
    _, penalty, sharpness = ridge.choose(gram, targets, np.ones(3), shares, PRIOR)
    assert (penalty, sharpness) == (pytest.approx(3.0), 4.0)


def test_rows_of_more_weight_are_penalised_less() -> None:
    gram, _, _ = example(5)
    weights = np.array([1.0, 2.0, 0.5, 1.0, 1.0])
    np.testing.assert_allclose(ridge.invert(gram, 0.3, weights), np.linalg.inv(gram + np.diag(0.3 / weights)))
