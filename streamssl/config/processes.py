"""Processes beside the learner: connectors to other tools, and the reviewers' page."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from streamssl.config.base import MetricsSettings, Section
from streamssl.config.mapping import LabelMapping


class LabelStudioSettings(Section):
    """A project of Label Studio that answers review requests."""

    url: str = Field("http://127.0.0.1:8080", pattern=r"^https?://[^/?#]+[^?#]*$", description="Where it answers.")
    project: int | None = Field(None, ge=1, description="Number of the project; needed.")
    token: SecretStr | None = Field(None, description="A user's token, personal or legacy; needed.")
    control: str = Field("label", min_length=1, description="Name of the project's Choices tag.")
    shown: str = Field("text", min_length=1, description="Name of the tag that it labels (its toName).")
    classes: dict[str, str] = Field({}, description="Choices of the project -> class names here.")
    annotator: Literal["email", "id"] = Field("email", description="What names who answered.")
    show_guess: bool = Field(
        False, description="Send the model's guess along, to be shown: labels then say seen_prediction."
    )
    poll_seconds: float = Field(5, gt=0, description="Time between two looks at what has been answered.")
    hook_host: str = Field("127.0.0.1", description="Address on which Label Studio's webhooks are awaited.")
    hook_port: int | None = Field(
        None, ge=0, le=65_535, description="Port for them, each a hint to look at once; null: looks by the clock."
    )
    hook_secret: SecretStr | None = Field(
        None, description="What the webhook's header X-Streamssl-Secret must hold; needed with hook_port."
    )

    @model_validator(mode="after")
    def _hooks_have_a_secret(self) -> Self:
        if self.hook_port is not None and self.hook_secret is None:
            raise ValueError("hook_port needs hook_secret")
        return self


class WebhookSettings(Section):
    """A receiver of labels that are signed by the Standard Webhooks rules."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(9467, ge=0, le=65_535, description="Port to listen on; 0 takes any free one.")
    secret: SecretStr | None = Field(None, description="The secret shared with the sender, whsec_...; needed.")
    types: tuple[str, ...] = Field(
        (), description="Values of the body's type that bring a label; others are ignored. Empty: all bring one."
    )
    mapping: LabelMapping | None = Field(
        None, description="Where a label's parts lie in the body, as in mapping.labels; null: as in the topic."
    )
    max_bytes: int = Field(1_048_576, ge=1, description="Longest body; a longer one is refused.")


class ConnectorSettings(Section):
    """Processes that bring labels from elsewhere."""

    label_studio: LabelStudioSettings = Field(LabelStudioSettings(), description="Label Studio, both ways.")
    webhook: WebhookSettings = Field(WebhookSettings(), description="Signed webhooks.")


Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]
"""Scheme and host, as a content security policy takes them."""
FieldKind = Literal["number", "text", "image", "pixels", "link", "hidden"]
"""How reviewers are shown a field of an event."""


class ReviewMetricsSettings(MetricsSettings):
    """Where the review service's metrics and health are served."""

    port: int = Field(9468, ge=0, le=65_535, description="Port to listen on; 0 takes any free one.")


class ReviewServiceSettings(Section):
    """The page on which people answer review requests, and its JSON API."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(9465, ge=0, le=65_535, description="Port to listen on; 0 takes any free one.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#]+$",
        description="Where browsers find it, if not at host and port, as in https://review.example.com: the only "
        "Host that is answered. With https, cookies are sent over https only.",
    )
    people: str | None = Field(
        None,
        description="File of those who may enter, kept by `streamssl reviewers`; null: review/people.json in the "
        "state directory.",
    )
    show_guess: Literal["after", "never", "before"] = Field(
        "after",
        description="When the model's guess is shown. Who saw it before answering tends to agree with it: such "
        "labels are learnt from, but say nothing about how right the model is.",
    )
    classes: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(
        (), description="Classes in the order of their keys 1 to 9; empty: in the order in which they turned up."
    )
    new_classes: bool = Field(
        True, description="Whether people may name other classes; false: those in `classes` are all there are."
    )
    guideline: str | None = Field(None, description="File with what reviewers should know, plain text; null: none.")
    lease_seconds: int = Field(600, ge=5, description="How long an event is kept for who looks at it.")
    session_hours: float = Field(12, gt=0, description="How long somebody who does nothing stays logged in.")
    fields: dict[str, FieldKind] = Field(
        {},
        description="Patterns of dotted names -> how such fields are shown, where it is not to be inferred. Hidden "
        "ones are hidden on the page; the API gives whole events.",
    )
    image_hosts: tuple[Origin, ...] = Field(
        (), description="Hosts from which pictures may be shown, as in https://images.example.com."
    )
    event_link: str | None = Field(
        None,
        pattern=r"^https?://.*\{id\}",
        description="Where an event can be looked at elsewhere, as in https://siem.example.com/alerts/{id}.",
    )
    max_upload_bytes: int = Field(8_000_000, ge=1, description="Longest file of labels that can be uploaded.")
    learner_metrics: str | None = Field(
        None,
        pattern=r"^https?://",
        description="The learner's /metrics, for the status page; null: where the section metrics has it.",
    )
    metrics: ReviewMetricsSettings = Field(ReviewMetricsSettings(), description="Its own metrics and health.")

    @model_validator(mode="after")
    def _has_classes(self) -> Self:
        if not self.new_classes and not self.classes:
            raise ValueError("new_classes: false leaves only the classes in classes, and it names none")
        return self
