"""Consistency regularization: what is said of an event should not change when it is looked at differently."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from river import base

from streamssl.families import students
from streamssl.families.guard import Guard
from streamssl.families.guarded import GuardedClassifier
from streamssl.families.rows import OnRows
from streamssl.families.students import Weights
from streamssl.learners import class_prior, randomness, standardiser
from streamssl.learners.columns import Columns
from streamssl.learners.padding import pad
from streamssl.learners.standardiser import Standardiser

REMEMBERED = 500
"""Labelled rows that are shown again."""
REPLAYS = 10
"""So many of them at each label: a gradient step learns too little from a label to see it once."""
RAMP = 50.0
"""Labels until unlabelled events count in full: a teacher that knows nothing has nothing to teach."""


class Views(NamedTuple):
    """How events are looked at differently."""

    noise: float
    drop: float
    blend: float


class _Model(NamedTuple):
    moments: Standardiser
    counts: NDArray[np.float64]
    """(k,) weights of the labels by class."""
    student: Weights
    squares: Weights
    teacher: Weights
    before: NDArray[np.float32]
    """(d,) the row before, raw."""
    rows: NDArray[np.float32]
    """(500, d) labelled ones, raw."""
    labels: NDArray[np.int64]
    """(500,)."""
    weights: NDArray[np.float64]
    """(500,)."""
    n_labels: NDArray[np.int64]
    """(1,)."""
    n_steps: NDArray[np.int64]
    """(1,) of the student."""
    generator: NDArray[np.uint64]
    """(1,)."""


class _Scratch(NamedTuple):
    z: NDArray[np.float32]
    """(d,)."""
    other: NDArray[np.float32]
    """(d,)."""
    target: NDArray[np.float64]
    """(k,)."""
    out: NDArray[np.float64]
    """(k,)."""
    student: students.Scratch


@njit(cache=True, nogil=True, error_model="numpy")
def _look(model: _Model, row: NDArray[np.float32], views: Views, scratch: _Scratch) -> None:
    """Write a view of a row to ``scratch.z``: blended with the row before, noisy, some columns left out."""
    standardiser.standardise(model.moments, row, scratch.z)
    standardiser.standardise(model.moments, model.before, scratch.other)
    blend = views.blend * _uniform(model.generator)
    for j in range(len(row)):
        value = scratch.z[j] + blend * (scratch.other[j] - scratch.z[j])
        value += views.noise * 3.4641 * (_uniform(model.generator) - 0.5)
        scratch.z[j] = value if _uniform(model.generator) >= views.drop else 0.0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _uniform(generator: NDArray[np.uint64]) -> float:
    return randomness.below(generator, 1 << 30) / 1073741824.0


@njit(cache=True, nogil=True, error_model="numpy")
def _predict(model: _Model, row: NDArray[np.float32], scratch: _Scratch) -> None:
    """Write what the teacher says of a row to ``scratch.out``."""
    standardiser.standardise(model.moments, row, scratch.z)
    students.predict(model.teacher, scratch.z, model.counts, scratch.student, scratch.out)


@njit(cache=True, nogil=True, error_model="numpy")
def _step(model: _Model, weight: float, keep: float, scratch: _Scratch) -> None:
    """Bring the student closer to ``scratch.target`` on the view last looked at, and the teacher to the student."""
    students.learn(model.student, model.squares, scratch.z, scratch.target, weight, model.counts, scratch.student)
    model.n_steps[0] += 1
    students.follow(model.teacher, model.student, max(1.0 - keep, 1.0 / model.n_steps[0]))


@njit(cache=True, nogil=True, error_model="numpy")
def _observe(
    model: _Model,
    row: NDArray[np.float32],
    views: Views,
    weight: float,
    threshold: float,
    keep: float,
    scratch: _Scratch,
) -> None:
    """Pull what the student says of one view of a row towards what the teacher says of another."""
    standardiser.observe(model.moments, row)
    if class_prior.n_known(model.counts) > 1:
        _look(model, row, views, scratch)
        students.predict(model.teacher, scratch.z, model.counts, scratch.student, scratch.target)
        if scratch.target.max() >= threshold:
            missing = 1.0 - min(model.n_labels[0] / RAMP, 1.0)
            _look(model, row, views, scratch)
            _step(model, weight * np.exp(-5.0 * missing * missing), keep, scratch)
    model.before[:] = row


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(
    model: _Model, row: NDArray[np.float32], label: int, weight: float, views: Views, keep: float, scratch: _Scratch
) -> None:
    """Learn a label, and some of the last ones again, each from a view of its row."""
    standardiser.observe(model.moments, row)
    slot = model.n_labels[0] % REMEMBERED
    model.rows[slot] = row
    model.labels[slot] = label
    model.weights[slot] = weight
    model.counts[label] += weight
    model.n_labels[0] += 1
    for replay in range(1 + REPLAYS):
        if replay > 0:
            slot = np.int64(randomness.below(model.generator, min(model.n_labels[0], REMEMBERED)))
        scratch.target[:] = 0.0
        scratch.target[model.labels[slot]] = 1.0
        _look(model, model.rows[slot], views, scratch)
        _step(model, model.weights[slot], keep, scratch)
    model.before[:] = row


class ConsistencyRegularization(OnRows, GuardedClassifier):
    """Consistency regularization by a mean teacher, beside any classifier of River.

    A small network, the *student*, learns each label from a perturbed view of its row. Of an event without a label
    it looks at one view, and at another its *teacher*, the moving average of the student; it is pulled towards what
    the teacher says (mean teacher: Tarvainen and Valpola, NIPS 2017; two views: Laine and Aila, ICLR 2017). With a
    ``threshold`` only teachers that are sure teach (FixMatch: Sohn et al., NeurIPS 2020). Perturbed means: blended
    with the event before, since neighbours in time are often of one class; with noise; and some columns left out.

    Parameters
    ----------
    classifier
        Learns labelled events only.
    hidden
        Units of the hidden layer; 0: the student is linear.
    noise
        Standard deviation of the noise, in those of the columns.
    drop
        Share of the columns that are left out, 0 to 1.
    blend
        At most so much of the event before is in a view, 0 to 1.
    consistency
        How much an unlabelled event counts beside a label of weight 1, 0 to 1, once there are fifty labels.
    threshold
        How sure the teacher must be, 0 to 1.
    teacher_keep
        What the teacher keeps of itself at each step of the student, at least 0 and below 1.
    seed
        Of noise, views and first weights: same seed, same events, same predictions.
    share
        How much the teacher counts before labels have shown what it is worth, between 0 and 1.

    Raises
    ------
    ValueError
        If a parameter is not in its range.

    Notes
    -----
    O(d h + h k) an event, eleven times that a label; 24 bytes a weight, and 500 rows.

    Examples
    --------
    >>> from river import datasets, linear_model, metrics, preprocessing
    >>> from streamssl.families import ConsistencyRegularization
    >>> alone = preprocessing.StandardScaler() | linear_model.SoftmaxRegression()
    >>> model = ConsistencyRegularization(alone.clone())
    >>> kappas = {"alone": metrics.CohenKappa(), "with teacher": metrics.CohenKappa()}
    >>> for i, (x, y) in enumerate(datasets.ImageSegments()):
    ...     if i:
    ...         kappas["alone"].update(y, alone.predict_one(x))
    ...         kappas["with teacher"].update(y, model.predict_one(x))
    ...     if i % 50 == 0:
    ...         alone.learn_one(x, y)
    ...         model.learn_one(x, y)
    ...     else:
    ...         model.learn_unlabelled_one(x)
    >>> for name, kappa in kappas.items():
    ...     print(f"{name}: {kappa.get():.2f}")
    alone: 0.44
    with teacher: 0.48
    """

    def __init__(
        self,
        classifier: base.Classifier,
        hidden: int = 32,
        noise: float = 0.2,
        drop: float = 0.1,
        blend: float = 0.3,
        consistency: float = 0.3,
        threshold: float = 0.0,
        teacher_keep: float = 0.99,
        seed: int = 0,
        share: float = 0.5,
    ) -> None:
        shares = {"drop": drop, "blend": blend, "consistency": consistency, "threshold": threshold}
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {value}")
        if not 0 <= teacher_keep < 1:
            raise ValueError(f"teacher_keep must be at least 0 and below 1, got {teacher_keep}")
        if hidden < 0:
            raise ValueError(f"hidden must not be negative, got {hidden}")
        if not 0 <= noise < np.inf:
            raise ValueError(f"noise must be finite and not negative, got {noise}")
        self.classifier = classifier
        self.hidden = hidden
        self.noise = noise
        self.drop = drop
        self.blend = blend
        self.consistency = consistency
        self.threshold = threshold
        self.teacher_keep = teacher_keep
        self.seed = seed
        self.share = share
        self._guard = Guard(share)
        self._columns = Columns()
        self._classes: dict[Hashable, int] = {}
        self._views = Views(float(noise), float(drop), float(blend))
        self._model = _Model(
            standardiser.new(0),
            np.zeros(0),
            students.new(0, hidden, 0),
            students.new(0, hidden, 0),
            students.new(0, hidden, 0),
            np.zeros(0, np.float32),
            np.zeros((REMEMBERED, 0), np.float32),
            np.zeros(REMEMBERED, np.int64),
            np.zeros(REMEMBERED),
            np.zeros(1, np.int64),
            np.zeros(1, np.int64),
            randomness.new(seed),
        )
        self._scratch = self._new_scratch()

    def _make_room(self) -> None:
        model, n_columns, n_classes = self._model, len(self._columns), len(self._classes)
        n_before = len(model.before)
        if (n_before, len(model.counts)) == (n_columns, n_classes):
            return
        grown = [
            students.grow(each, n_columns, n_classes) for each in (model.student, model.squares, model.teacher)
        ]
        if n_columns > n_before:
            students.stir(grown[0], n_before, np.random.default_rng((self.seed, n_before)))
            grown[2].inner[1 + n_before :] = grown[0].inner[1 + n_before :]
        self._model = model._replace(
            moments=standardiser.grow(model.moments, n_columns),
            counts=pad(model.counts, n_classes),
            student=grown[0],
            squares=grown[1],
            teacher=grown[2],
            before=pad(model.before, n_columns),
            rows=pad(model.rows, REMEMBERED, n_columns),
        )
        self._scratch = self._new_scratch()

    def _new_scratch(self) -> _Scratch:
        n_columns, n_classes = len(self._model.before), len(self._model.counts)
        row, probabilities = np.zeros(n_columns, np.float32), np.zeros(n_classes)
        student = students.scratch(self._model.student)
        return _Scratch(row, row.copy(), probabilities, probabilities.copy(), student)

    def _means(self) -> NDArray[np.float64]:
        return self._model.moments.mean

    def _family_proba_one(self, x: Mapping[Hashable, Any]) -> Mapping[Hashable, float]:
        if not self._classes:
            return {}
        _predict(self._model, self._row(x), self._scratch)
        return dict(zip(self._classes, self._scratch.out.tolist(), strict=True))

    def _family_learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float) -> None:
        if w > 0:
            row = self._register(x)
            label = self._number(y)
            _learn(self._model, row, label, w, self._views, self.teacher_keep, self._scratch)

    def learn_unlabelled_one(self, x: Mapping[Hashable, Any]) -> None:
        """Learn an event without a label, of which the wrapped classifier hears nothing.

        A label that comes later is learnt by `learn_one`, as an event of its own.
        """
        row = self._register(x)
        _observe(self._model, row, self._views, self.consistency, self.threshold, self.teacher_keep, self._scratch)
