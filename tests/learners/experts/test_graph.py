import numpy as np
import pytest

from streamssl.learners import class_prior, randomness
from streamssl.learners.experts import graph


class Stream:
    """The expert with its scratch and the prior."""

    def __init__(self, d: int, k: int, capacity: int = 100) -> None:
        self.state = graph.new(d, k, capacity)
        self.prior = class_prior.new(k)
        self.generator = randomness.new(3)
        self.scratch = graph.scratch(self.state)

    def grow(self, d: int, k: int) -> None:
        self.state = graph.grow(self.state, d, k)
        self.prior = class_prior.grow(self.prior, k)
        self.scratch = graph.scratch(self.state)

    def predict(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        poisson, walk = np.full(len(self.prior), np.nan), np.full(len(self.prior), np.nan)
        graph.look(self.state, row, self.scratch)
        graph.predict(self.state, self.prior, poisson, walk, self.scratch)
        return poisson, walk

    def observe(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        said = self.predict(row)
        graph.observe(self.state, row, self.generator, self.scratch)
        return said

    def learn(self, row: np.ndarray, target: list[float], weight: float = 1.0, key: int = 0) -> None:
        soft = np.array(target, np.float32)
        class_prior.learn(self.prior, soft, weight)
        graph.learn(self.state, row, soft, weight, self.prior, key, self.generator, self.scratch)

    @property
    def n_nodes(self) -> int:
        return int(self.state.nodes.n_nodes[0])


def rows_of(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def two_clouds(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return rows that have no links from one class to the other, once there are ten of each."""
    classes = np.random.default_rng(seed).integers(0, 2, n)
    return rows_of(n, 3, seed) + 100 * classes[:, None].astype(np.float32), classes


def solution(state: graph.Graph) -> tuple[np.ndarray, np.ndarray]:
    """Solve both equations by dense algebra, from the links alone."""
    n = int(state.nodes.n_nodes[0])
    directed = np.zeros((n, n))
    for i in range(n):
        for m, other in enumerate(state.nodes.links[i]):
            if other >= 0:
                directed[i, other] = state.nodes.strengths[i, m]
    strengths = directed + directed.T
    degrees = strengths.sum(axis=1)
    mass = state.weights[:n, None] * state.targets[:n].astype(float)
    present = mass.sum(axis=0) > 0
    shares = np.where(present, mass / np.where(present, mass.sum(axis=0), 1), 0)
    sources = shares - present * shares.sum(axis=1, keepdims=True) / present.sum()
    poisson = np.linalg.solve(np.diag(degrees) - 0.98 * strengths, sources)
    poisson -= degrees @ poisson / degrees.sum()
    return poisson, np.linalg.solve(np.diag(degrees) - 0.9 * strengths, shares)


@pytest.mark.parametrize("k", [2, 3])
def test_sweeps_end_at_the_solutions_of_the_two_equations(k: int) -> None:
    rows = rows_of(120, 4)
    stream = Stream(4, k)
    for row in rows:
        stream.observe(row)
    targets = np.random.default_rng(1).dirichlet(np.ones(k), size=12)
    for position, target in enumerate(targets):
        stream.learn(rows[position], list(target), weight=0.5 + position / 10)
    graph.sweep(stream.state, 600, stream.scratch)
    poisson, walk = solution(stream.state)
    ours = stream.state.potentials[: stream.n_nodes, :k]
    np.testing.assert_allclose(ours[..., graph.POISSON], poisson, atol=2e-3 * abs(poisson).max())
    np.testing.assert_allclose(ours[..., graph.WALK], walk, atol=1e-4 * walk.max())


def test_one_label_each_reaches_the_whole_of_its_cloud() -> None:
    rows, classes = two_clouds(90)
    stream = Stream(3, 2)
    for row in rows:
        stream.observe(row)
    for c in range(2):
        position = int(np.flatnonzero(classes == c)[0])
        stream.learn(rows[position], [1.0 - c, c])
    graph.sweep(stream.state, 20, stream.scratch)
    fresh, truth = two_clouds(40, seed=9)
    for row, c in zip(fresh, truth, strict=True):
        poisson, walk = stream.observe(row)
        assert poisson.argmax() == c
        assert walk[c] > 0.99


def test_nothing_is_known_before_the_first_label() -> None:
    stream = Stream(3, 2)
    for row in rows_of(30, 3):
        poisson, walk = stream.observe(row)
        assert (poisson == 0).all()
        assert (walk == 0).all()
    assert (stream.state.potentials == 0).all()


def test_unreached_rows_get_the_prior() -> None:
    stream = Stream(2, 2)
    class_prior.learn(stream.prior, np.array([1, 0], np.float32), 1.0)
    class_prior.learn(stream.prior, np.array([0, 1], np.float32), 1.0)
    for said in stream.predict(np.zeros(2, np.float32)):
        np.testing.assert_allclose(said, stream.prior / stream.prior.sum())


def test_a_late_label_finds_its_event() -> None:
    rows = rows_of(60, 3)
    stream = Stream(3, 2)
    for row in rows:
        stream.observe(row)
    stream.learn(rows[5], [1, 0])
    assert stream.n_nodes == 60
    assert stream.state.weights[5] == 1
    stream.learn(rows_of(1, 3, 8)[0], [0, 1])
    assert stream.n_nodes == 61


def test_events_that_are_alike_keep_their_own_labels() -> None:
    stream = Stream(3, 2)
    row = rows_of(1, 3)[0]
    stream.observe(row)
    stream.observe(row)
    for target in ([1.0, 0.0], [0.0, 1.0], [1.0, 0.0]):
        stream.learn(row, target)
    assert stream.state.n_labels[0] == stream.n_nodes == 3
    assert sorted(stream.state.targets[:3, 0]) == [0, 1, 1]


def test_a_forgotten_label_leaves_a_node_without_one() -> None:
    rows = rows_of(60, 3)
    plain, regretted = Stream(3, 2), Stream(3, 2)
    for stream in (plain, regretted):
        for row in rows:
            stream.observe(row)
        stream.learn(rows[3], [1, 0], key=30)
        stream.learn(rows[4], [0, 1], key=40)
    regretted.learn(rows[9], [0, 1], key=90)
    graph.forget(regretted.state, 90)
    graph.forget(regretted.state, 12345)
    for stream in (plain, regretted):
        graph.sweep(stream.state, 600, stream.scratch)
    np.testing.assert_array_equal(plain.state.weights, regretted.state.weights)
    np.testing.assert_allclose(
        plain.state.potentials, regretted.state.potentials, atol=1e-3 * abs(plain.state.potentials).max()
    )


def test_memory_is_bounded_and_labels_stay() -> None:
    stream = Stream(2, 2, capacity=20)
    rows = rows_of(400, 2)
    for i, row in enumerate(rows):
        stream.observe(row)
        if i < 5:
            stream.learn(row, [1, 0])
    assert stream.n_nodes == 25
    kept = {tuple(row) for row in stream.state.nodes.rows[:2, :25].T}
    assert all(tuple(row) in kept for row in rows[:5])
    assert sum(tuple(row) in kept for row in rows[200:]) > 5


def test_beyond_room_for_labels_the_oldest_goes() -> None:
    stream = Stream(1, 2, capacity=5)
    n = graph.LABELLED + 3
    for i, row in enumerate(rows_of(n, 1)):
        stream.learn(row, [1, 0], key=i)
    assert stream.state.n_labels[0] == graph.LABELLED
    assert set(stream.state.keys[stream.state.weights > 0]) == set(range(3, n))


def test_it_is_its_own_twin_without_events() -> None:
    stream = Stream(3, 2)
    rows, classes = two_clouds(40)
    for i in range(30):
        stream.learn(rows[i], [1.0 - classes[i], classes[i]])
    assert stream.n_nodes == stream.state.n_labels[0] == 30
    for row, c in zip(rows[30:], classes[30:], strict=True):
        poisson, walk = stream.predict(row)
        assert poisson.argmax() == walk.argmax() == c


def test_hidden_labels_and_the_future_have_no_say() -> None:
    """What is said of an event does not depend on its own label, nor on anything later."""
    rows, classes = two_clouds(60)
    said = []
    for last in (0, 1):
        stream = Stream(3, 2)
        for i, row in enumerate(rows):
            probabilities = stream.observe(row)
            if i % 5 == 0:
                c = classes[i] if i < 55 else last
                stream.learn(row, [1.0 - c, c])
            if i == 55:
                said.append(probabilities)
    np.testing.assert_array_equal(said[0], said[1])


def test_predicting_changes_nothing() -> None:
    stream = Stream(3, 2)
    rows, classes = two_clouds(40)
    for i, row in enumerate(rows[:30]):
        stream.observe(row)
        stream.learn(row, [1.0 - classes[i], classes[i]])
    first = stream.predict(rows[35])
    stream.predict(rows[36])
    np.testing.assert_array_equal(first, stream.predict(rows[35]))


@pytest.mark.parametrize(("d", "k"), [(3, 2), (4, 3)])
def test_room_made_early_changes_nothing(d: int, k: int) -> None:
    rows, late = rows_of(260, d + 2), Stream(d, k)
    rows[:, d:] = 0
    early = Stream(d + 2, k + 3)
    for i, row in enumerate(rows):
        if i == 210:
            late.grow(d + 2, k + 3)
        width, room = (d, k) if i < 210 else (d + 2, k + 3)
        for ours, theirs in zip(late.observe(row[:width]), early.observe(row), strict=True):
            np.testing.assert_array_equal(ours, theirs[:room])
            assert (theirs[k:] == 0).all()
        if i % 3 == 0:
            target = list(np.eye(k)[i % k])
            late.learn(row[:width], target + [0.0] * (room - k))
            early.learn(row, target + [0.0] * 3)
    np.testing.assert_array_equal(late.state.potentials, early.state.potentials)
    np.testing.assert_array_equal(late.state.gap, early.state.gap)


def test_probabilities_sum_to_one_and_unnamed_classes_have_none() -> None:
    stream = Stream(3, 3)
    for i, row in enumerate(rows_of(80, 3)):
        for said in stream.observe(row):
            if i > 10:
                assert said.sum() == pytest.approx(1)
                assert said[2] == 0
                assert (said >= 0).all()
        if i % 10 == 0:
            stream.learn(row, [0.3, 0.7, 0.0])
