"""The learner as the service uses it: blocks of rows in, predictions and their memory out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamssl.learners import kernels, panel, row_kind
from streamssl.learners.blas import one_thread
from streamssl.learners.context import HORIZONS
from streamssl.learners.decision import PENALTIES
from streamssl.learners.kernels import Arriving, Remembered
from streamssl.learners.labelled import NO_KEY
from streamssl.learners.padding import pad

_compiled: list[Callable[..., None]] = []
"""`kernels.run` once it has been called. Numba's dispatcher would look up the type of every array of the state at
every call, three times the work of predicting a row; what is handed over here is always of the same types."""


class Memory(NamedTuple):
    """What a late label will need of the moment its event was predicted; one row an event."""

    probabilities: NDArray[np.float32]
    """(n, k) the mixture's; all 0 while no class is known."""
    decisions: NDArray[np.int64]
    """(n,) predicted class by the decision rule; -1 while no class is known."""
    experts: NDArray[np.uint8]
    """(n, e, k) what each expert said, quantised as round(255 p)."""
    context: NDArray[np.float32]
    """(n, 2, d) moving averages before the row was used."""
    positions: NDArray[np.int64]
    """(n,) how many events had been observed before."""

    def confidences(self) -> NDArray[np.float32]:
        """Return (n,) the probability of each decision, 0 where there is none."""
        confidences = np.zeros(len(self.decisions), dtype=np.float32)
        known = np.flatnonzero(self.decisions >= 0)
        confidences[known] = self.probabilities[known, self.decisions[known]]
        return confidences

    def take(self, rows: slice | NDArray[Any]) -> Memory:
        """Return a copy of what belongs to these rows."""
        return Memory(
            self.probabilities[rows].copy(),
            self.decisions[rows].copy(),
            self.experts[rows].copy(),
            self.context[rows].copy(),
            self.positions[rows].copy(),
        )

    def followed_by(self, other: Memory) -> Memory:
        """Return both, one after the other."""
        return Memory(
            np.concatenate([self.probabilities, other.probabilities]),
            np.concatenate([self.decisions, other.decisions]),
            np.concatenate([self.experts, other.experts]),
            np.concatenate([self.context, other.context]),
            np.concatenate([self.positions, other.positions]),
        )

    @property
    def _remembered(self) -> Remembered:
        return Remembered(*self[1:])


class Mixture:
    """Experts of different kinds, pooled by how well they foresaw the labels that arrived.

    Parameters
    ----------
    n_features, n_classes
        Width of rows and number of classes to begin with; see `grow`.
    seed
        Of the generator in the state, the only source of randomness.
    learn_from_unlabelled
        If false, this is the twin: `process` only predicts, and all that is otherwise learnt from every event
        (standardisation, context, centres) is learnt from labelled events, in `learn`.
    metric
        What decisions are to maximise: ``"kappa"`` or ``"accuracy"``.
    preset
        ``"default"``, ``"full"``, ``"lite"`` or ``"tiny"``; or the names of the experts that take part.

    Notes
    -----
    A block of n rows gives the same predictions and the same state, bit for bit, as n blocks of one row, and
    as the same rows processed after a `grow` with 0 in the new columns.

    For d columns and k classes an event costs O(d k) and the distances to 160 centres and 256 labelled rows, a
    label O(d^2) and O(256^2), and parts of trees and fits beside; wide rows cost no more in most experts beyond
    160 columns (views) and 480 (linear units). `tests/benchmarks/bench_learner_speed.py` measures it. Memory is
    less than 2.8 MB + .46 MB k + .065 MB d, and nothing grows with the stream.
    The pool is that of Hedge (Freund and Schapire, JCSS 1997), see `streamssl.learners.hedge`; each expert's
    module names its own source.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(400, 2)).astype(np.float32)
    >>> classes = (rows[:, 0] > 0).astype(int)
    >>> mixture = Mixture(n_features=2, n_classes=2)
    >>> mixture.learn(rows[:100], np.eye(2, dtype=np.float32)[classes[:100]], np.ones(100, np.float32))
    >>> memory = mixture.process(rows[100:])
    >>> bool(np.mean(memory.decisions == classes[100:]) > 0.9)
    True
    """

    def __init__(
        self,
        n_features: int = 0,
        n_classes: int = 0,
        *,
        seed: int = 0,
        learn_from_unlabelled: bool = True,
        metric: str = "kappa",
        preset: str | Sequence[str] = "default",
    ) -> None:
        if metric not in PENALTIES:
            raise ValueError(f"metric must be one of {sorted(PENALTIES)}, not {metric!r}")
        self.seed = seed
        self.learn_from_unlabelled = learn_from_unlabelled
        self.metric = metric
        self.expert_names = panel.members(preset)
        """Who takes part, in the order of `Memory.experts`."""
        self._state = kernels.new(self.expert_names, n_features, n_classes, seed, metric)
        self._scratch = kernels.scratch(self._state)
        self._none = self._no_labels, self._no_memory

    @property
    def n_features(self) -> int:
        """Columns of a row."""
        return len(self._state.moments.rows.mean)

    @property
    def n_classes(self) -> int:
        """Classes there is room for, named by a label or not."""
        return len(self._state.prior)

    @property
    def n_labelled(self) -> int:
        """Labels learnt."""
        return int(self._state.n_labelled[0])

    @property
    def column_means(self) -> NDArray[np.float32]:
        """(d,) running means of the columns: the value that says nothing, for one that is missing."""
        return self._state.moments.rows.mean.astype(np.float32)

    def grow(self, n_features: int, n_classes: int) -> None:
        """Make room for more columns and classes; never shrinks.

        The state becomes what it would be had the new columns been 0 and the new classes unnamed all along.
        """
        n_features = max(n_features, self.n_features)
        n_classes = max(n_classes, self.n_classes)
        if (n_features, n_classes) != (self.n_features, self.n_classes):
            self._state = kernels.grow(self._state, self.expert_names, n_features, n_classes)
            self._scratch = kernels.scratch(self._state)
            self._none = self._no_labels, self._no_memory

    def process(self, rows: NDArray[np.float32]) -> Memory:
        """Predict each row in turn, then observe it as an unlabelled event (the twin does not observe).

        Parameters
        ----------
        rows
            (n, d) finite.

        Returns
        -------
        Memory
            To be handed back with the labels.

        Raises
        ------
        ValueError
            If the shape is wrong or a value is not finite.
        """
        return self._predict(rows, observing=self.learn_from_unlabelled)

    def predict(self, rows: NDArray[np.float32]) -> Memory:
        """Predict each row against the present state, which does not change."""
        return self._predict(rows, observing=False)

    def _predict(self, rows: NDArray[np.float32], *, observing: bool) -> Memory:
        rows = _checked("rows", rows, np.float32, (None, self.n_features))
        memory = self._room_for(len(rows))
        self._run(observing, rows, memory, *self._none)
        return memory

    def _run(
        self, observing: bool, rows: NDArray[np.float32], memory: Memory, arriving: Arriving, remembered: Memory
    ) -> None:
        run = _compiled[0] if _compiled else kernels.run
        with one_thread() if len(arriving.after) else nullcontext():
            run(
                self._state,
                self._scratch,
                observing,
                rows,
                memory.probabilities,
                memory._remembered,
                arriving,
                remembered._remembered,
            )
        if not _compiled:
            _compiled.extend(overload.entry_point for overload in kernels.run.overloads.values())

    @property
    def _no_memory(self) -> Memory:
        return self._room_for(0)

    @property
    def _no_labels(self) -> Arriving:
        none = np.zeros(0, np.int64)
        rows, targets = np.zeros((0, self.n_features), np.float32), np.zeros((0, self.n_classes), np.float32)
        return Arriving(none, none, rows, targets, np.zeros(0, np.float32), none)

    def _room_for(self, n: int) -> Memory:
        k = self.n_classes
        return Memory(
            probabilities=np.empty((n, k), np.float32),
            decisions=np.empty(n, np.int64),
            experts=np.empty((n, len(self.expert_names), k), np.uint8),
            context=np.empty((n, len(HORIZONS), self.n_features), np.float32),
            positions=np.empty(n, np.int64),
        )

    def learn(
        self,
        rows: NDArray[np.float32],
        targets: NDArray[np.float32],
        weights: NDArray[np.float32],
        memory: Memory | None = None,
        keys: NDArray[np.int64] | None = None,
    ) -> None:
        """Learn labels. This is not a second observation of the rows.

        Parameters
        ----------
        rows
            (n, d) finite.
        targets
            (n, k) rows summing to 1: one-hot, or soft where the label is in doubt.
        weights
            (n,) at least 0; 0 = nothing is learnt.
        memory
            What was said of these events when they were predicted, perhaps with fewer columns and classes than
            there are now. None: each row is predicted now, before any of them is learnt.
        keys
            (n,) by which `forget` can find the examples again.

        Raises
        ------
        ValueError
            If an array has the wrong shape, is not finite, or a weight is negative; the message names it.
        """
        n = len(rows)
        rows = _checked("rows", rows, np.float32, (None, self.n_features))
        targets = _checked("targets", targets, np.float32, (n, self.n_classes))
        weights = _checked("weights", weights, np.float32, (n,))
        if (weights < 0).any():
            raise ValueError("weights must not be negative")
        if keys is None:
            keys = np.full(n, NO_KEY)
        keys = _checked("keys", keys, np.int64, (n,))
        memory = self.predict(rows) if memory is None else self._widened(memory, n)
        arriving = Arriving(np.full(n, -1), -1 - np.arange(n), rows, targets, weights, keys)
        self._run(self.learn_from_unlabelled, rows[:0], self._no_memory, arriving, memory)

    def _widened(self, memory: Memory, n: int) -> Memory:
        experts = pad(memory.experts, n, len(self.expert_names), self.n_classes)
        context = pad(memory.context, n, len(HORIZONS), self.n_features)
        decisions = _checked("memory.decisions", memory.decisions, np.int64, (n,))
        return memory._replace(
            decisions=decisions,
            experts=_checked("memory.experts", experts, np.uint8, experts.shape),
            context=_checked("memory.context", context, np.float32, context.shape),
            positions=_checked("memory.positions", memory.positions, np.int64, (n,)),
        )

    def forget(self, keys: NDArray[np.int64]) -> None:
        """Take back the labels of these keys, as far as that is exact.

        They leave the recent examples, so no replay shows them again, and the class means, unless older labels
        of the class have begun to fade there. From what gradient steps and least squares have made of them they
        fade as any label does: within some hundred further labels. O(500) a key.
        """
        for key in _checked("keys", keys, np.int64, (None,)).tolist():
            kernels.forget(self._state, key)

    def explain(self) -> dict[str, float]:
        """Return the present weight of each expert; they sum to 1."""
        return dict(zip(self.expert_names, self._state.hedge.weights.tolist(), strict=True))

    @property
    def unlabelled_gain(self) -> float:
        """What unlabelled events have lately been worth, in nats a label; see `streamssl.learners.worth`."""
        return float(self._state.worth.gain[0])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return a copy of the whole state as plain arrays under dotted names."""
        arrays = {name: array.copy() for name, array in kernels.leaves(self._state).items()}
        arrays["settings.seed"] = np.array(self.seed)
        arrays["settings.learn_from_unlabelled"] = np.array(self.learn_from_unlabelled)
        arrays["settings.metric"] = np.array(self.metric)
        arrays["settings.experts"] = np.array(self.expert_names)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return a mixture that continues bit for bit from `to_arrays`.

        Raises
        ------
        ValueError
            If an array is missing, unknown, or of another shape or dtype; the message names it.
        """
        for name in (
            "prior",
            "moments.rows.mean",
            "settings.seed",
            "settings.learn_from_unlabelled",
            "settings.metric",
            "settings.experts",
        ):
            if name not in arrays:
                raise ValueError(f"the state lacks the array {name!r}")
        mixture = cls(
            n_features=len(arrays["moments.rows.mean"]),
            n_classes=len(arrays["prior"]),
            seed=int(arrays["settings.seed"]),
            learn_from_unlabelled=bool(arrays["settings.learn_from_unlabelled"]),
            metric=str(arrays["settings.metric"]),
            preset=[str(name) for name in arrays["settings.experts"]],
        )
        own = kernels.leaves(mixture._state)
        unknown = {name for name in arrays if not name.startswith("settings.")} - own.keys()
        if unknown:
            raise ValueError(f"the state has unknown arrays {sorted(unknown)}")
        for name, array in own.items():
            if name not in arrays:
                raise ValueError(f"the state lacks the array {name!r}")
            given = arrays[name]
            if given.shape != array.shape or given.dtype != array.dtype:
                raise ValueError(
                    f"array {name!r} is {given.dtype}{given.shape}, expected {array.dtype}{array.shape}"
                )
            array[...] = given
        return mixture

    def test_then_train(
        self,
        rows: NDArray[np.float32],
        labelled: NDArray[np.int64],
        targets: NDArray[np.float32],
        after: NDArray[np.int64],
        block: int = 4096,
        weights: NDArray[np.float32] | None = None,
    ) -> Iterator[Memory]:
        """Run over a stream, learning each label when it arrives; yield what is said, block after block.

        The same, bit for bit, as calls of `process` and `learn` in that order, without the way from Python and
        back for every label: some 100 us.

        Parameters
        ----------
        rows
            (n, d) finite.
        labelled
            (l,) indices of labelled rows, in the order in which their labels arrive.
        targets
            (l, k) their classes, see `learn`.
        after
            (l,) index of the row after whose prediction each label arrives; not before its own, and never falls.
        block
            Rows a step; of no influence on the result.
        weights
            (l,) at least 0, see `learn`; None: 1 each.

        Yields
        ------
        Memory
            Of ``block`` rows, fewer at the end.
        """
        rows = _checked("rows", rows, np.float32, (None, self.n_features))
        labelled = _checked("labelled", labelled, np.int64, (None,))
        after = _checked("after", after, np.int64, (len(labelled),))
        targets = _checked("targets", targets, np.float32, (len(labelled), self.n_classes))
        if weights is None:
            weights = np.ones(len(labelled), np.float32)
        weights = _checked("weights", weights, np.float32, (len(labelled),))
        keys = np.full(len(labelled), NO_KEY)
        waiting, kept = labelled[:0], self._no_memory
        for begin in range(0, len(rows), block):
            end = min(begin + block, len(rows))
            memory = self._room_for(end - begin)
            due = slice(*np.searchsorted(after, (begin, end)))
            own = labelled[due]
            is_old = own < begin
            sources = np.where(is_old, 0 - np.cumsum(is_old), own - begin)
            arriving = Arriving(after[due] - begin, sources, rows[own], targets[due], weights[due], keys[due])
            remembered = kept.take(np.searchsorted(waiting, own[is_old]))
            self._run(self.learn_from_unlabelled, rows[begin:end], memory, arriving, remembered)
            yield memory
            still = ~np.isin(waiting, own)
            new = np.sort(labelled[(labelled >= begin) & (labelled < end) & (after >= end)])
            waiting = np.append(waiting[still], new)
            kept = kept.take(still).followed_by(memory.take(new - begin))

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the cache; the state stays as it is."""
        warm_up()


def warm_up() -> None:
    """Compile every kernel of every mixture, or load it from the cache: a minute, or a second."""
    row = np.eye(
        1, row_kind.NARROWEST, dtype=np.float32
    )  # a vector of length 1, which all experts can be asked about
    mixture = Mixture(row.shape[1], 1, preset="full")
    key = np.zeros(1, np.int64)
    mixture.learn(row, np.ones((1, 1), np.float32), np.ones(1, np.float32), mixture.process(row), key)
    mixture.forget(key)


def _checked(name: str, values: ArrayLike, dtype: type, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Return ``values`` as the one kind of array the kernels are compiled for, or say which argument is wrong."""
    array: NDArray[Any]
    if isinstance(values, np.ndarray) and values.dtype == dtype and values.flags.carray:
        array = values
    else:
        array = np.require(values, dtype, ["C", "A", "W"])
    if len(array.shape) != len(shape) or any(
        want is not None and have != want for have, want in zip(array.shape, shape, strict=True)
    ):
        raise ValueError(f"{name} must have shape {shape}, not {array.shape}".replace("None", "n"))
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return array
