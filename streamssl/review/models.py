"""What the JSON API takes and gives."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streamssl.messages.records import ClassName, Share, Text
from streamssl.review.decisions import Said


class Model(BaseModel):
    """What is sent or answered."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Answer(Model):
    """What somebody says of an event: exactly one of ``label``, ``not`` and ``abstain``."""

    label: ClassName | None = Field(None, description="The class.")
    excluded: list[ClassName] = Field([], alias="not", max_length=256, description="Classes that it is not.")
    abstain: bool = Field(False, description="I don't know.")
    confidence: Share | None = Field(None, description="How sure they are.")
    knows: int | None = Field(
        None,
        ge=0,
        description="Number of the decision of one's own that is to be corrected, 0: there is none yet. Where "
        "another one stands, the answer is refused with 409. Left out: whatever stands is corrected.",
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Answer:
        if not self.said().is_something:
            raise ValueError("say exactly one of label, not and abstain")
        return self

    def said(self) -> Said:
        """Return what is said."""
        return Said(self.label, tuple(self.excluded), self.abstain, self.confidence)


class VolunteeredLabel(Answer):
    """What somebody says of an event without having been asked."""

    event_id: Text = Field(description="Id of the event.")


class DecisionModel(Model):
    """A decision of one's own."""

    number: int = Field(description="By which it is taken back.")
    request_id: str | None = Field(description="The question that it answers; null: nobody asked.")
    event_id: str
    label: str | None
    excluded: list[str] = Field(alias="not")
    abstain: bool
    confidence: float | None
    time: str = Field(description="ISO 8601.")


class GuessModel(Model):
    """What the model said of the event when it passed."""

    label: str | None
    confidence: float
    probabilities: dict[str, float]


class QuestionModel(Model):
    """An event that people are asked about."""

    request_id: str
    event_id: str
    event_time: str
    features: dict[str, Any] | list[Any] = Field(description="As they came.")
    expires: str = Field(description="When the answer is no longer awaited, ISO 8601.")
    leased_until: str | None = Field(description="Until when nobody else is asked, ISO 8601; null: not leased.")
    decision: DecisionModel | None = Field(description="What one says of it already.")
    guess: GuessModel | None = Field(description="Null until it may be shown: see review_service.show_guess.")
    reason: str | None = Field(description="Why people are asked; hidden as the guess is.")


class Entered(Model):
    """What became of an answer."""

    decision: DecisionModel
    guess: GuessModel | None


class Problem(Model):
    """Why not."""

    error: str


class Decisions(Model):
    """One's own last decisions that hold, the newest first."""

    decisions: list[DecisionModel]


class Questions(Model):
    """The questions about an event, the newest first."""

    questions: list[QuestionModel]


class Classes(Model):
    """Class names in the order of their keys."""

    classes: list[str]
