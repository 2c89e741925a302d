"""What goes out for every event: predictions, and review requests for a few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import ArrayLike

from streamssl.messages.incoming import Event


def iso_times(milliseconds: ArrayLike) -> Any:
    """Return times in ms since the epoch, years 1 to 9999, as they go on the wire: a list of ISO 8601 texts.

    Examples
    --------
    >>> iso_times([0, 1_800_000_000_123])
    ['1970-01-01T00:00:00.000Z', '2027-01-15T08:00:00.123Z']
    """
    times = np.asarray(milliseconds, dtype=np.int64).astype("datetime64[ms]")
    return np.datetime_as_string(times, timezone="UTC").tolist()


def encode_prediction(
    event: Event,
    *,
    time: str,
    classes: Sequence[str],
    probabilities: Sequence[float],
    decision: int,
    confidence: float,
    pseudo_label: float | None,
    review: tuple[str, float] | None,
    twin: int,
    batch: int,
    labelled: int,
) -> bytes:
    """Return the value of a prediction record.

    Parameters
    ----------
    time
        The event's, one of `iso_times`.
    classes, probabilities
        Of every class that is known.
    decision
        Number of the predicted class, -1 while none is known.
    confidence
        Its probability.
    pseudo_label
        The precision at which the prediction may stand in for a label; None if it may not.
    review
        Why people are asked about the event, and its propensity; None if they are not.
    twin
        Number of the class that the twin predicts, -1 where it was not asked.
    batch, labelled
        The model that predicted: journal sequence number of its batch, examples it had learnt.

    Notes
    -----
    Cost: about 1.5 us for 2 classes.
    """
    label = classes[decision] if decision >= 0 else None
    value: dict[str, Any] = {
        "event_id": event.id,
        "time": time,
        "label": label,
        "probabilities": dict(zip(classes, probabilities, strict=True)),
        "confidence": confidence,
        "pseudo_label": None if pseudo_label is None else {"label": label, "precision": pseudo_label},
        "review": None if review is None else {"reason": review[0], "propensity": review[1]},
        "model": {"batch": batch, "labelled": labelled},
    }
    if twin >= 0:
        value["twin"] = classes[twin]
    return orjson.dumps(value)


def encode_review_request(
    event: Event,
    *,
    time: str,
    request_id: str,
    prediction: dict[str, Any],
    reason: str,
    propensity: float,
    key: float,
    answers: int,
    expires: str,
) -> bytes:
    """Return the value of a review request record.

    Parameters
    ----------
    prediction
        What goes into ``prediction``: label, confidence, probabilities.
    key
        The smaller, the sooner it is to be answered.
    answers
        How many people are to answer, blind to each other.
    expires
        When the answer is no longer awaited; like ``time`` one of `iso_times`.
    """
    return orjson.dumps(
        {
            "request_id": request_id,
            "event": {"id": event.id, "time": time, "features": event.features},
            "prediction": prediction,
            "reason": reason,
            "propensity": propensity,
            "key": key,
            "answers": answers,
            "expires": expires,
        }
    )
