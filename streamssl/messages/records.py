"""Models of every record on the wire, from which the JSON Schemas are made.

The stream's own door (`streamssl.messages.incoming`) reads events and labels without these, for speed; a test
holds the two against each other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

LARGEST = 3.4028235e38
"""The largest float32 as its shortest decimal: a little more than itself as a double, and finite as a float32."""

Scalar = str | int | float | bool
Text = Annotated[str, Field(min_length=1, max_length=1_024)]
ClassName = Annotated[str, Field(min_length=1, max_length=256)]
Share = Annotated[float, Field(ge=0, le=1)]
Float32 = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Milliseconds = Annotated[int, Field(ge=-62_135_596_800_000, le=253_402_300_799_999)]
"""Since the epoch, years 1 to 9999."""


class Wire(BaseModel):
    """A record's value. Unknown further fields are ignored, never an error."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, serialize_by_alias=True)


class EventRecord(Wire):
    """One item of the stream, on an events topic; key: event id."""

    id: str | int | None = Field(None, description="Event id; else the header ce_id, else the key, else the place.")
    time: datetime | int | None = Field(None, description="ISO 8601 or epoch ms; else the record's timestamp.")
    features: dict[str, Any] | list[Any] = Field(
        description="Numbers, booleans, text, nulls, lists of numbers, nested objects; or one list of numbers."
    )
    label: Scalar | None = Field(None, description="The class, if it is known already.")


class LabelRecord(Wire):
    """What somebody says the class of an event is, on a labels topic; key: event id. A null value retracts."""

    event_id: str | int = Field(description="Id of the labelled event.")
    label: Scalar | None = Field(None, description="The class; null retracts what was said before.")
    annotator: str | int | None = Field(None, description="Who says so.")
    time: datetime | int | None = Field(None, description="When; else the record's timestamp.")
    confidence: Share | None = Field(None, description="How sure they are.")
    excluded: list[Scalar] = Field([], alias="not", description="Classes that it is not, where the class is open.")
    abstain: bool = Field(False, description="I don't know: an answer, not a retraction.")
    request_id: str | int | None = Field(None, description="The review request it answers; none: volunteered.")
    seen_prediction: bool | None = Field(None, description="Whether the model's guess was shown.")
    features: dict[str, Any] | list[Any] | None = Field(
        None, description="The event's features, learnt from if the event is unknown here."
    )


class PseudoLabel(Wire):
    """A prediction that may stand in for a label."""

    label: ClassName = Field(description="The class.")
    precision: Share = Field(description="Share of right ones that is promised.")


class Review(Wire):
    """That people are asked about the event."""

    reason: str = Field(description="Why.")
    propensity: Share = Field(description="Probability with which the event was chosen.")


class Model(Wire):
    """Which state of the model predicted."""

    batch: int = Field(ge=0, description="Journal sequence number of the batch.")
    labelled: int = Field(ge=0, description="Examples learnt before.")


class PredictionRecord(Wire):
    """Class probabilities for one event, on the predictions topic; key: event id."""

    event_id: str = Field(description="Id of the event.")
    time: datetime = Field(description="The event's time.")
    label: ClassName | None = Field(description="The predicted class; null while no class is known.")
    probabilities: dict[str, Share] = Field(description="Probability of every class that is known.")
    confidence: Share = Field(description="Probability of the predicted class.")
    pseudo_label: PseudoLabel | None = Field(description="Set when the prediction may stand in for a label.")
    review: Review | None = Field(description="Set when people are asked about the event.")
    model: Model = Field(description="What predicted.")
    twin: ClassName | None = Field(None, description="What the twin predicted, where it was asked.")


class ReviewEvent(Wire):
    """The event that people are asked about, as it came."""

    id: str = Field(description="Event id.")
    time: datetime = Field(description="Event time.")
    features: dict[str, Any] | list[Any] = Field(description="Its features.")


class Guess(Wire):
    """What the model says."""

    label: ClassName | None = Field(description="The predicted class.")
    confidence: Share = Field(description="Its probability.")
    probabilities: dict[str, Share] = Field(description="Probability of every class that is known.")


class ReviewRequestRecord(Wire):
    """A question to people, on the review requests topic; key: event id."""

    request_id: str = Field(description="To be given in the label that answers.")
    event: ReviewEvent = Field(description="What is asked about.")
    prediction: Guess = Field(description="What the model says; not to be shown before the answer.")
    reason: str = Field(
        description="Why this event: random, uncertain, cold-start, rare-class, new-class, vanished-class, drift."
    )
    propensity: Share = Field(description="Probability with which the event was chosen.")
    key: Share = Field(
        0, description="To be answered smallest first: what is not reached is then missing by chance."
    )
    answers: int = Field(1, ge=1, le=2, description="How many people are to answer, blind to each other.")
    expires: datetime = Field(description="When the answer is no longer awaited.")


class MemoryRecord(Wire):
    """What was said when the event passed. Binary parts: little-endian arrays, base64."""

    classes: list[ClassName] = Field(description="The k classes that were known.")
    experts: dict[str, str] = Field(description="Expert -> k bytes, its probabilities as round(255 p).")
    context: str = Field(description="float32 (h, d): moving averages of the columns before the event.")
    decision: ClassName | None = Field(description="The predicted class.")
    confidence: Share = Field(description="Its probability.")
    position: int = Field(0, ge=0, lt=2**53, description="How many events its worker had observed before.")


class AnswerRecord(Wire):
    """What one annotator said."""

    annotator: Text | None = Field(None, description="Who; null: the labels without an annotator.")
    label: ClassName = Field(description="The class.")


class ExampleRecord(Wire):
    """An event's row joined with its label, on the examples topic; key: event id. A null value retracts."""

    event_id: Text = Field(description="Id of the event.")
    features: dict[str, Float32] = Field(description="Encoded columns by name.")
    label: ClassName | None = Field(description="The class.")
    excluded: list[ClassName] = Field([], alias="not", description="Classes that it is not.")
    confidence: Share | None = Field(None, description="Probability that the label is right.")
    time: Milliseconds = Field(0, description="When the label was given, epoch ms.")
    annotator: str | None = Field(None, description="Who gave it.")
    soft: dict[ClassName, Share] | None = Field(
        None, description="Probability of each likely class, where annotators may err; learnt instead of the label."
    )
    answers: list[AnswerRecord] = Field(
        [], max_length=16, description="Every annotator's own answer, where annotators are told apart."
    )
    memory: MemoryRecord | None = Field(None, description="What was said when the event passed.")


class JournalRecord(Wire):
    """What one committed batch processed, on the journal topic; key: worker id."""

    sequence: int = Field(ge=0, description="0 for a worker's first batch, then without gaps.")
    time: int = Field(description="When the batch was polled, epoch ms.")
    horizon: int = Field(description="All produced before this had been seen, epoch ms.")
    ranges: list[tuple[str, int, int, int, int]] = Field(
        description="Topic, partition, first offset, offset after the last, number of records."
    )
    digest: str = Field(description="Chained digest of the state, hexadecimal.")


RECORDS: dict[str, type[Wire]] = {
    "event": EventRecord,
    "label": LabelRecord,
    "prediction": PredictionRecord,
    "review-request": ReviewRequestRecord,
    "example": ExampleRecord,
    "journal": JournalRecord,
}
"""Every record that has a JSON value, by name."""


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema (2020-12) of every record, by name."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: dialect | model.model_json_schema(by_alias=True) for name, model in RECORDS.items()}
