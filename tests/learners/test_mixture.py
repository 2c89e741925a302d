from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.learners import panel
from streamssl.learners.mixture import Memory, Mixture
from tests.learners.streams import assert_same_state, drifting, one_hot, run

N = 210


@pytest.mark.parametrize("learn_from_unlabelled", [True, False])
@settings(max_examples=15, deadline=None)
@given(ends=st.lists(st.integers(1, N), max_size=30))
def test_blocks_are_a_speed_knob_only(learn_from_unlabelled: bool, ends: list[int]) -> None:
    rows, classes = drifting(N)
    one = Mixture(3, 3, learn_from_unlabelled=learn_from_unlabelled)
    other = Mixture(3, 3, learn_from_unlabelled=learn_from_unlabelled)
    np.testing.assert_array_equal(run(one, rows, classes, ends), run(other, rows, classes, list(range(1, N))))
    assert_same_state(one, other)


@pytest.mark.parametrize("n_before", [1, 100])
def test_room_may_be_made_early_or_late(n_before: int) -> None:
    rows, classes = drifting(N, n_features=3, n_classes=2)
    rows[:n_before, 2] = 0
    early, late = Mixture(3, 3), Mixture(2, 2)
    mine = [
        run(early, rows[:n_before], classes[:n_before], []),
        run(early, rows[n_before:], classes[n_before:], []),
    ]
    theirs = [run(late, rows[:n_before, :2], classes[:n_before], [])]
    late.grow(3, 3)
    theirs.append(run(late, rows[n_before:], classes[n_before:], []))
    np.testing.assert_array_equal(mine[0][:, :2], theirs[0])
    np.testing.assert_array_equal(mine[1], theirs[1])
    assert_same_state(early, late)


def test_grow_never_shrinks() -> None:
    mixture = Mixture(3, 2)
    mixture.grow(1, 4)
    assert (mixture.n_features, mixture.n_classes) == (3, 4)


@pytest.mark.parametrize("learn_from_unlabelled", [True, False])
def test_a_saved_state_continues_bit_for_bit(learn_from_unlabelled: bool) -> None:
    rows, classes = drifting(2 * N)
    mixture = Mixture(3, 3, seed=5, learn_from_unlabelled=learn_from_unlabelled, metric="accuracy")
    run(mixture, rows[:N], classes[:N], [])
    file = io.BytesIO()
    np.savez(file, **mixture.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        restored = Mixture.from_arrays(arrays)
    assert_same_state(mixture, restored)
    np.testing.assert_array_equal(run(mixture, rows[N:], classes[N:], []), run(restored, rows[N:], classes[N:], []))
    assert_same_state(mixture, restored)


def test_a_state_that_does_not_fit_is_refused_by_name() -> None:
    arrays = Mixture(2, 2).to_arrays()
    with pytest.raises(ValueError, match=r"lacks the array 'experts.logistic_rows.weights'"):
        Mixture.from_arrays({name: a for name, a in arrays.items() if name != "experts.logistic_rows.weights"})
    with pytest.raises(ValueError, match=r"'experts.logistic_rows.weights' is float64\(5, 2\)"):
        Mixture.from_arrays(arrays | {"experts.logistic_rows.weights": np.zeros((5, 2))})
    with pytest.raises(ValueError, match="unknown arrays"):
        Mixture.from_arrays(arrays | {"experts.oracle.weights": np.zeros(1)})


def test_prediction_changes_nothing() -> None:
    rows, classes = drifting(N)
    mixture, other = Mixture(3, 3), Mixture(3, 3)
    run(mixture, rows, classes, [])
    run(other, rows, classes, [])
    memory = mixture.predict(rows)
    assert_same_state(mixture, other)
    assert memory.probabilities.dtype == np.float32
    assert memory.experts.shape == (N, len(mixture.expert_names), 3)
    np.testing.assert_allclose(memory.probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(memory.experts.sum(axis=2, dtype=int), 255, atol=2)


def test_nothing_is_predicted_before_a_class_is_known() -> None:
    memory = Mixture(2, 3).process(np.ones((2, 2), np.float32))
    assert memory.decisions.tolist() == [-1, -1]
    assert not memory.probabilities.any()


def test_the_twin_learns_from_labels_only() -> None:
    rows, classes = drifting(N)
    twin, other = Mixture(3, 3, learn_from_unlabelled=False), Mixture(3, 3, learn_from_unlabelled=False)
    twin.process(rows)
    assert_same_state(twin, other)
    twin.learn(rows[:5], one_hot(classes[:5], 3), np.ones(5))
    assert twin.to_arrays()["n_observed"] == 5


def test_a_label_is_not_a_second_observation() -> None:
    rows, classes = drifting(N)
    mixture, other = Mixture(3, 3), Mixture(3, 3)
    memory = mixture.process(rows)
    other.process(rows)
    mixture.learn(rows, one_hot(classes, 3), np.ones(N), memory)
    mine, theirs = mixture.to_arrays(), other.to_arrays()
    for name in ("n_observed", "context", "moments.rows.mean", "moments.views.mean", "experts.rbf_rows.centres"):
        np.testing.assert_array_equal(mine[name], theirs[name])


def test_experts_are_scored_with_what_they_said_then() -> None:
    rows, classes = drifting(N)
    mixture, other = Mixture(3, 3), Mixture(3, 3)
    run(mixture, rows, classes, [])
    run(other, rows, classes, [])
    memory = mixture.predict(rows[:1])
    praised = memory._replace(experts=memory.experts.copy())
    praised.experts[:] = 0
    praised.experts[0, 2, classes[0]] = 255
    mixture.learn(rows[:1], one_hot(classes[:1], 3), np.ones(1), memory)
    other.learn(rows[:1], one_hot(classes[:1], 3), np.ones(1), praised)
    assert other.explain()[other.expert_names[2]] > mixture.explain()[other.expert_names[2]]


def test_without_memory_the_experts_are_asked_before_learning() -> None:
    rows, classes = drifting(N)
    mixture, other = Mixture(3, 3), Mixture(3, 3)
    run(mixture, rows, classes, [])
    run(other, rows, classes, [])
    targets = one_hot(classes[:4], 3)
    mixture.learn(rows[:4], targets, np.ones(4), mixture.predict(rows[:4]))
    other.learn(rows[:4], targets, np.ones(4))
    assert_same_state(mixture, other)


def test_memory_from_before_growth_is_understood() -> None:
    mixture = Mixture(2, 2)
    rows, classes = drifting(N, n_features=2, n_classes=2)
    run(mixture, rows, classes, [])
    memory = mixture.predict(rows[:1])
    mixture.grow(3, 3)
    mixture.learn(np.array([[0, 0, 1]]), np.array([[0, 0, 1]]), np.ones(1), memory)
    assert mixture.predict(np.zeros((1, 3))).probabilities[0, 2] > 0


def test_an_example_without_weight_teaches_nothing() -> None:
    rows, classes = drifting(10)
    mixture, other = Mixture(3, 3), Mixture(3, 3)
    mixture.learn(rows, one_hot(classes, 3), np.zeros(10))
    assert_same_state(mixture, other)
    assert mixture.n_labelled == 0


def test_doubtful_labels_teach_the_same_with_less_certainty() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    classes = (rows[:, 0] > 0).astype(int)
    right = []
    for certainty in (1.0, 0.7):
        mixture = Mixture(2, 2)
        targets = np.where(one_hot(classes, 2) == 1, certainty, 1 - certainty)
        mixture.learn(rows, targets, np.ones(200), mixture.process(rows))
        memory = mixture.predict(rows)
        assert np.mean(memory.decisions == classes) > 0.9
        right.append(memory.probabilities[np.arange(200), classes].mean())
    assert right[1] < right[0] - 0.05


def test_what_is_forgotten_is_not_replayed() -> None:
    rows, classes = drifting(N)
    mixture = Mixture(3, 3)
    mixture.learn(rows, one_hot(classes, 3), np.ones(N), keys=np.arange(N))
    before = mixture.to_arrays()
    mixture.forget(np.array([3, 5, 10_000]))
    after = mixture.to_arrays()
    assert np.flatnonzero(after["recent.weights"] != before["recent.weights"]).tolist() == [3, 5]
    assert after["experts.class_means.counts"].sum() == before["experts.class_means.counts"].sum() - 2
    mixture.forget(np.array([3]))
    np.testing.assert_array_equal(
        mixture.to_arrays()["experts.class_means.counts"], after["experts.class_means.counts"]
    )


def test_forgetting_everything_leaves_a_working_learner() -> None:
    rows, classes = drifting(N)
    mixture = Mixture(3, 3)
    mixture.learn(rows, one_hot(classes, 3), np.ones(N), keys=np.arange(N))
    mixture.forget(np.arange(N))
    mixture.learn(rows[:1], one_hot(classes[:1], 3), np.ones(1))
    assert np.isfinite(mixture.predict(rows).probabilities).all()


def test_extreme_rows_give_finite_predictions() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.choice([-1e30, 0.0, 1e-30, 1e30], size=(300, 4))).astype(np.float32)
    classes = rng.integers(2, size=300)
    mixture = Mixture(4, 2)
    assert np.isfinite(run(mixture, rows, classes, [])).all()


def test_weights_of_experts_are_explained() -> None:
    weights = Mixture().explain()
    assert tuple(weights) == panel.PRESETS["default"]
    assert sum(weights.values()) == pytest.approx(1)


@pytest.mark.parametrize("learn_from_unlabelled", [True, False])
@pytest.mark.parametrize("delay", [0, 40])
def test_a_stream_at_once_is_the_same_as_step_by_step(learn_from_unlabelled: bool, delay: int) -> None:
    rows, classes = drifting(N)
    labelled = np.arange(0, N, 7)
    arriving = labelled[labelled + delay < N]
    one = Mixture(3, 3, learn_from_unlabelled=learn_from_unlabelled)
    blocks = one.test_then_train(rows, arriving, one_hot(classes[arriving], 3), arriving + delay, block=50)
    mine = np.concatenate([memory.probabilities for memory in blocks])

    other = Mixture(3, 3, learn_from_unlabelled=learn_from_unlabelled)
    said = []
    for i in range(N):
        said.append(other.process(rows[i : i + 1]))
        due = i - delay
        if due in labelled:
            other.learn(rows[due : due + 1], one_hot(classes[due : due + 1], 3), np.ones(1), said[due])
    np.testing.assert_array_equal(mine, np.concatenate([memory.probabilities for memory in said]))
    assert_same_state(one, other)


@pytest.mark.parametrize("preset", [*panel.PRESETS, ("cauchy",), ("persistence",)])
def test_every_preset_learns_and_is_restored(preset: str | tuple[str, ...]) -> None:
    rows, classes = drifting(N)
    mixture = Mixture(3, 3, preset=preset)
    run(mixture, rows, classes, [])
    restored = Mixture.from_arrays(mixture.to_arrays())
    assert restored.expert_names == mixture.expert_names
    assert_same_state(mixture, restored)
    mixture.grow(4, 4)
    assert np.isfinite(mixture.predict(np.zeros((1, 4))).probabilities).all()


@pytest.mark.parametrize("preset", ["huge", ("oracle",), ()])
def test_unknown_experts_are_refused(preset: str | tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Mixture(preset=preset)


def test_warming_up_leaves_the_state_alone() -> None:
    mixture = Mixture(2, 2)
    mixture.warm_up()
    assert_same_state(mixture, Mixture(2, 2))


def test_read_only_rows_are_taken() -> None:
    rows = np.zeros((2, 2), np.float32)
    rows.flags.writeable = False
    assert len(Mixture(2, 2).process(rows).decisions) == 2


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("rows", (np.zeros((1, 3)), np.ones((1, 1)), np.ones(1))),
        ("targets", (np.zeros((1, 2)), np.ones((1, 2)), np.ones(1))),
        ("weights", (np.zeros((1, 2)), np.ones((1, 1)), np.ones(2))),
        ("keys", (np.zeros((1, 2)), np.ones((1, 1)), np.ones(1), None, np.zeros(3))),
    ],
)
def test_arrays_of_wrong_shape_are_named(field: str, arguments: tuple[np.ndarray | Memory | None, ...]) -> None:
    with pytest.raises(ValueError, match=f"^{field} must have shape"):
        Mixture(2, 1).learn(*arguments)


@pytest.mark.parametrize("field", ["rows", "targets", "weights"])
def test_what_is_not_finite_is_named(field: str) -> None:
    arguments = {"rows": np.zeros((1, 2)), "targets": np.ones((1, 1)), "weights": np.ones(1)}
    arguments[field] = np.full_like(arguments[field], np.nan)
    with pytest.raises(ValueError, match=f"^{field} holds NaN or infinity"):
        Mixture(2, 1).learn(**arguments)


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="weights must not be negative"):
        Mixture(2, 1).learn(np.zeros((1, 2)), np.ones((1, 1)), -np.ones(1))


def test_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="metric must be one of"):
        Mixture(metric="f1")


@pytest.mark.parametrize("preset", panel.PRESETS)
@pytest.mark.parametrize(("d", "k"), [(1, 2), (8, 26), (100, 256), (160, 2), (1024, 10), (2048, 2)])
def test_memory_keeps_to_what_the_docstring_says(preset: str, d: int, k: int) -> None:
    size = sum(array.nbytes for array in Mixture(d, k, preset=preset).to_arrays().values())
    assert size < 2.8e6 + 0.46e6 * k + 0.065e6 * d


def test_experts_that_cannot_be_asked_have_no_say_from_the_first_label_on() -> None:
    rows, classes = drifting(2)
    mixture = Mixture(3, 3)
    mixture.learn(rows[:1], one_hot(classes[:1], 3), np.ones(1))
    weights = mixture.explain()
    assert all(weights[name] == 0.0 for name in panel.FOR_VECTORS)
    assert sum(weights.values()) == pytest.approx(1)
