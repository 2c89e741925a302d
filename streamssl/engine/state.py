"""Everything the engine knows: what a snapshot holds and a replay rebuilds bit for bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamssl.engine.annotators import Annotators
from streamssl.engine.asking import ReviewSampler
from streamssl.engine.label_book import LabelBook
from streamssl.engine.learnt import LearntExamples
from streamssl.engine.live_accuracy import LiveAccuracy
from streamssl.engine.pending.store import PendingStore
from streamssl.engine.pseudo_labels import PseudoLabelGates
from streamssl.engine.scores import Scores
from streamssl.engine.settings import EngineSettings
from streamssl.engine.waiting import RecordName, WaitingRecords
from streamssl.features.encoder import FeatureEncoder
from streamssl.features.leaks import LeakDetector
from streamssl.learners.mixture import Mixture
from streamssl.messages.mapping import Mapper

Count = tuple[str, ...]
"""Name of a counter and its label values, such as ``("labels", "duplicate")``."""


class EngineState:
    """The state of one worker's engine. `streamssl.engine.step.step` is the only thing that changes it.

    Parameters
    ----------
    settings
        The engine's part of the configuration.
    directory
        Where the pending store keeps its files.
    """

    def __init__(self, settings: EngineSettings, directory: Path) -> None:
        learner = settings.learner
        self.directory = directory
        self.encoder = FeatureEncoder(settings.features)
        self.leaks = LeakDetector(self.encoder)
        self.classes: list[str] = []
        """Class names in the order in which examples brought them: index = class number in every array."""
        self.learner = Mixture(seed=learner.seed, metric=learner.metric, preset=learner.preset)
        self.twin = Mixture(
            seed=learner.seed, metric=learner.metric, preset=learner.preset, learn_from_unlabelled=False
        )
        self.pending = PendingStore(
            directory,
            capacity=settings.pending.capacity,
            max_age_ms=1_000 * settings.pending.max_age_seconds,
        )
        self.learnt = LearntExamples()
        self.annotators = Annotators()
        self.book = LabelBook()
        self.waiting = WaitingRecords()
        """Labels whose event is not known yet."""
        self.undecided = WaitingRecords()
        """What this worker cannot use, until the judge has decided; see `streamssl.engine.verdicts`."""
        self.answered_early: set[RecordName] = set()
        """Labels that another worker has answered before they were read here."""
        self.gates = PseudoLabelGates(
            precision=settings.pseudo_labels.precision, confidence=settings.pseudo_labels.confidence
        )
        self.sampler = ReviewSampler(settings.review, seed=learner.seed)
        self.scores = Scores()
        self.live_accuracy = LiveAccuracy(share=self.sampler.rules.share)
        self.counts: Counter[Count] = Counter()
        self.sequence = 0
        """Journal sequence number of the next batch."""
        self.positions: dict[tuple[str, int], int] = {}
        """(topic, partition) -> offset of the next record to process."""
        self.clock = 0
        """Newest arrival of an event, ms."""
        self.horizon = 0
        """`Batch.horizon`, the greatest so far."""
        self.digest = bytes(16)
        self.configure(settings)

    def configure(self, settings: EngineSettings) -> None:
        """Take over changed settings, as far as a running state can.

        The learner's seed, metric and preset were built in and stay.
        """
        self.encoder.configure(settings.features)
        self.settings = settings
        self.mapper = Mapper(settings.mapping)
        self.pending.capacity = settings.pending.capacity
        self.pending.max_age_ms = 1_000 * settings.pending.max_age_seconds
        self.gates.precision = settings.pseudo_labels.precision
        self.sampler.configure(settings.review)
        self._labelled: tuple[int, NDArray[np.int64]] = (-1, np.zeros(0, dtype=np.int64))

    def class_number(self, name: str) -> int:
        """Return the number of a class; a new name gets the next one."""
        try:
            return self.classes.index(name)
        except ValueError:
            self.classes.append(name)
            self.sampler.meet_class(self.learner.n_labelled)
            return len(self.classes) - 1

    def labels_by_class(self) -> NDArray[np.int64]:
        """Return (k,) how many of the examples learnt lately each class has."""
        version, counts = self._labelled
        if version != self.learnt.version or len(counts) != len(self.classes):
            labelled = self.learnt.labelled
            counts = np.array([labelled[name] for name in self.classes], dtype=np.int64)
            self._labelled = self.learnt.version, counts
        return counts

    def grow(self, n_columns: int) -> None:
        """Make learner, twin and gates as wide as the columns and classes that are known."""
        self.learner.grow(n_columns, len(self.classes))
        self.twin.grow(n_columns, len(self.classes))
        self.gates.grow(len(self.classes))

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the whole state as plain data and arrays. The pending rows stay in their own files."""
        encoder_document, encoder_arrays = self.encoder.to_state()
        leaks_document, leaks_arrays = self.leaks.to_state()
        pending_document, pending_arrays = self.pending.to_state()
        annotators_document, annotators_arrays = self.annotators.to_state()
        sampler_document, sampler_arrays = self.sampler.to_state()
        live_document, live_arrays = self.live_accuracy.to_state()
        document = {
            "settings": self.settings.model_dump(mode="json"),
            "encoder": encoder_document,
            "leaks": leaks_document,
            "pending": pending_document,
            "classes": self.classes,
            "learnt": self.learnt.to_document(),
            "annotators": annotators_document,
            "book": self.book.to_document(),
            "waiting": self.waiting.to_document(),
            "undecided": self.undecided.to_document(),
            "answered_early": [list(name) for name in sorted(self.answered_early)],
            "sampler": sampler_document,
            "live_accuracy": live_document,
            "counts": [[*name, count] for name, count in sorted(self.counts.items())],
            "sequence": self.sequence,
            "positions": [[*partition, offset] for partition, offset in sorted(self.positions.items())],
            "clock": self.clock,
            "horizon": self.horizon,
            "digest": self.digest.hex(),
        }
        arrays = {
            **_prefixed("encoder", encoder_arrays),
            **_prefixed("leaks", leaks_arrays),
            **_prefixed("pending", pending_arrays),
            **_prefixed("annotators", annotators_arrays),
            **_prefixed("learner", self.learner.to_arrays()),
            **_prefixed("twin", self.twin.to_arrays()),
            **_prefixed("gates", self.gates.to_arrays()),
            **_prefixed("sampler", sampler_arrays),
            "scores": self.scores.to_array(),
            **_prefixed("live_accuracy", live_arrays),
        }
        return document, arrays

    @classmethod
    def from_state(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], directory: Path) -> Self:
        """Return a state that goes on bit for bit from `to_state`.

        Raises
        ------
        streamssl.engine.pending.store.PendingDamaged
            When the pending store's files are not what the snapshot says.
        """
        settings = EngineSettings.model_validate(document["settings"])
        state = cls.__new__(cls)
        state.directory = directory
        state.encoder = FeatureEncoder.from_state(
            settings.features, document["encoder"], _unprefixed("encoder", arrays)
        )
        state.leaks = LeakDetector.from_state(state.encoder, document["leaks"], _unprefixed("leaks", arrays))
        state.classes = list(document["classes"])
        state.learner = Mixture.from_arrays(_unprefixed("learner", arrays))
        state.twin = Mixture.from_arrays(_unprefixed("twin", arrays))
        state.pending = PendingStore.from_state(directory, document["pending"], _unprefixed("pending", arrays))
        state.learnt = LearntExamples.from_document(document["learnt"])
        state.annotators = Annotators.from_state(document["annotators"], _unprefixed("annotators", arrays))
        state.book = LabelBook.from_document(document["book"])
        state.waiting = WaitingRecords.from_document(document["waiting"])
        state.undecided = WaitingRecords.from_document(document["undecided"])
        state.answered_early = {RecordName(*name) for name in document["answered_early"]}
        state.gates = PseudoLabelGates.from_arrays(
            _unprefixed("gates", arrays),
            precision=settings.pseudo_labels.precision,
            confidence=settings.pseudo_labels.confidence,
        )
        state.sampler = ReviewSampler.from_state(
            document["sampler"], _unprefixed("sampler", arrays), settings.review
        )
        state.scores = Scores.from_array(arrays["scores"])
        state.live_accuracy = LiveAccuracy.from_state(
            document["live_accuracy"], _unprefixed("live_accuracy", arrays)
        )
        state.counts = Counter({tuple(name): count for *name, count in document["counts"]})
        state.sequence = document["sequence"]
        state.positions = {(topic, partition): at for topic, partition, at in document["positions"]}
        state.clock = document["clock"]
        state.horizon = document["horizon"]
        state.digest = bytes.fromhex(document["digest"])
        state.configure(settings)
        return state


def _prefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{prefix}.{name}": np.asarray(array) for name, array in arrays.items()}


def _unprefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
