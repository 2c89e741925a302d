import numpy as np
import pytest

from streamssl.learners.experts import persistence

PRIOR = np.ones(2)


def chain(n: int, stay: float, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes that stay as they are with a probability, and unsure predictions of them (n, 2)."""
    rng = np.random.default_rng(seed)
    classes = np.zeros(n, int)
    for t in range(1, n):
        classes[t] = classes[t - 1] if rng.random() < stay else rng.integers(2)
    p = np.clip(0.5 + 0.1 * (2 * classes - 1) + noise * rng.normal(size=n), 0.01, 0.99)
    return classes, np.stack([1 - p, p], axis=1)


def run(said: np.ndarray) -> tuple[persistence.Persistence, np.ndarray]:
    state, filtered = persistence.new(2), np.empty_like(said)
    for q, out in zip(said, filtered, strict=True):
        persistence.predict(state, q, PRIOR, out)
        persistence.observe(state, q, out)
    return state, filtered


def reference(said: np.ndarray) -> np.ndarray:
    """The same, written down plainly."""
    _, k = said.shape
    mean, belief, strength = np.zeros(k), np.zeros(k), 0.0
    deviations = [np.zeros(k)] * 4
    c = np.zeros(5)
    filtered = np.empty_like(said)
    for t, q in enumerate(said, start=1):
        b = (strength * belief + (1 - strength) * mean) * (q + 1e-3) / (mean + 1e-3)
        belief = q if strength == 0 else b / b.sum()
        filtered[t - 1] = belief
        gain = max(1 / t, 1 / 1000)
        mean = mean + gain * (q - mean)
        deviations.append(q - mean)
        for lag in (0, 1, 2, 4):
            c[lag] += gain * (deviations[-1] @ deviations[-1 - lag] - c[lag])
        strength = 0.0
        if t >= 50 and c[1] >= 0.1 * c[0] and min(c[1], c[2], c[4]) > 0:
            strength = min(c[2] / c[1], np.sqrt(c[4] / c[2]), 0.998)
    return filtered


@pytest.mark.parametrize("stay", [0.0, 0.95])
def test_filter_is_that_of_the_equations(stay: float) -> None:
    _, said = chain(3000, stay, noise=0.1)
    np.testing.assert_allclose(run(said)[1], reference(said), atol=1e-9)


def test_persistent_classes_are_recognised_through_noise() -> None:
    classes, said = chain(5000, stay=0.98, noise=0.15)
    state, filtered = run(said)
    assert 0.85 < state.strength[0] < 0.99
    alone = np.mean(said[500:].argmax(axis=1) == classes[500:])
    assert np.mean(filtered[500:].argmax(axis=1) == classes[500:]) > alone + 0.1


def test_without_order_it_repeats_what_it_hears() -> None:
    _, said = chain(2000, stay=0.0, noise=0.1)
    state, filtered = run(said)
    assert state.strength[0] == 0
    np.testing.assert_array_equal(filtered[200:], said[200:])


def test_a_label_sets_the_belief() -> None:
    _, said = chain(2000, stay=0.98, noise=0.1)
    state, _ = run(said)
    out = np.empty(2)
    for c in range(2):
        persistence.learn(state, np.eye(2, dtype=np.float32)[c])
        persistence.predict(state, np.array([0.5, 0.5]), PRIOR, out)
        assert out[c] > 0.9


def test_room_for_a_class_nobody_has_named_changes_nothing() -> None:
    _, said = chain(500, stay=0.95, noise=0.1)
    state, _ = run(said)
    wide = persistence.grow(state, 3)
    narrow_out, wide_out = np.empty(2), np.empty(3)
    persistence.predict(state, said[0], PRIOR, narrow_out)
    persistence.predict(wide, np.append(said[0], 0.0), np.array([1.0, 1.0, 0.0]), wide_out)
    np.testing.assert_array_equal(wide_out, np.append(narrow_out, 0.0))
