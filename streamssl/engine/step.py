"""One step of the engine: a batch of records changes the state and gives records to emit.

Nothing here reads a clock, a file or a random number that is not part of the state, and records are taken
strictly in the batch's order. So the same batches from the same state give the same bits, however the records
were cut into batches: that is what recovery rests on.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import Literal

from streamssl.engine.batch import Batch
from streamssl.engine.events import process_events
from streamssl.engine.examples import process_example
from streamssl.engine.labels import process_label
from streamssl.engine.outcome import Outcome
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.verdicts import decide, give_up_on_old_labels

Kind = Literal["events", "labels", "examples"]


def step(state: EngineState, batch: Batch) -> Outcome:
    """Process one batch.

    Parameters
    ----------
    state
        Changed in place.
    batch
        Its records in processing order.

    Returns
    -------
    Outcome
        The messages to commit together with the batch's offsets.

    Notes
    -----
    Cost: the learner's, plus some microseconds an event for decoding, waiting and encoding; see
    ``make bench``.
    """
    outcome = Outcome()
    state.horizon = max(state.horizon, batch.horizon)
    give_up_on_old_labels(state)
    kinds = kinds_of_topics(state.settings)
    for kind, group in groupby(batch.records, key=lambda record: kinds[record.topic]):
        records = list(group)
        if kind == "events":
            process_events(state, records, batch.time, outcome)
        elif kind == "labels":
            for record in records:
                arrived = min(record.timestamp, batch.time)  # one from the future would wait for ever
                process_label(state, record._replace(timestamp=arrived), outcome)
                state.positions[record.topic, record.partition] = record.offset + 1
        else:
            for record in records:
                process_example(state, record)
    for record in batch.records:
        state.positions[record.topic, record.partition] = record.offset + 1
    if batch.view is not None:
        decide(state, batch.view, outcome)
    state.sequence += 1
    state.digest = _chained(state, outcome)
    return outcome


def kinds_of_topics(settings: EngineSettings) -> dict[str, Kind]:
    """Return what each input topic carries."""
    topics = settings.topics
    kinds: dict[str, Kind] = {topics.examples: "examples"}
    kinds.update(dict.fromkeys(topics.labels, "labels"))
    kinds.update(dict.fromkeys(topics.events, "events"))
    return kinds


def is_due(state: EngineState, horizon: int) -> bool:
    """Tell whether a step without records would change anything: a label has waited long enough."""
    oldest = state.waiting.oldest()
    return oldest is not None and oldest[1].timestamp + 1_000 * state.settings.pending.label_wait_seconds <= horizon


def _chained(state: EngineState, outcome: Outcome) -> bytes:
    """Chain the batch's predictions to the digest; what was learnt wrongly once shows in all that follow."""
    digest = hashlib.blake2b(state.digest, digest_size=16)
    for probabilities in outcome.probabilities:
        digest.update(probabilities.tobytes())
    digest.update(repr((state.learner.n_labelled, len(state.pending), len(state.book))).encode())
    return digest.digest()
