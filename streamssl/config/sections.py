"""The configuration's sections: one model, every field with a default and a description."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from streamssl.config.base import MetricsSettings, Section
from streamssl.config.mapping import MappingSettings
from streamssl.config.processes import ConnectorSettings, ReviewServiceSettings


class SqliteSettings(Section):
    """The embedded transport."""

    path: str = Field("streamssl.db", description="File that holds all topics; made when missing.")


class KafkaSettings(Section):
    """The Kafka transport."""

    bootstrap_servers: str = Field(
        "127.0.0.1:9092", min_length=1, description="host:port of some brokers, by comma."
    )
    group_id: str = Field("streamssl", description="Consumer group that shares the events topic.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="How to log in; needs a SASL_ protocol."
    )
    sasl_username: str | None = Field(None, description="User name for SASL.")
    sasl_password: SecretStr | None = Field(None, description="Password for SASL.")
    ssl_cafile: str | None = Field(None, description="PEM file of the authorities that are trusted.")
    ssl_certfile: str | None = Field(None, description="PEM file with the client's certificate.")
    ssl_keyfile: str | None = Field(None, description="PEM file with the client's private key.")
    session_timeout_ms: Annotated[int, Field(ge=1_000)] = Field(
        10_000, description="Silence after which the group gives a worker's partitions to others."
    )
    heartbeat_interval_ms: Annotated[int, Field(ge=100)] = Field(1_000, description="Time between heartbeats.")
    transaction_timeout_ms: Annotated[int, Field(ge=1_000)] = Field(
        15_000, description="Longest time one batch may take before the broker aborts it."
    )
    compression: Literal["none", "gzip", "lz4"] = Field("lz4", description="Compression of what is written.")
    allow_insecure: bool = Field(False, description="Allow a password to be sent over an unencrypted line.")

    @model_validator(mode="after")
    def _refuse_open_passwords(self) -> Self:
        in_the_open = self.security_protocol == "SASL_PLAINTEXT" and self.sasl_mechanism == "PLAIN"
        if in_the_open and not self.allow_insecure:
            raise ValueError(
                "SASL_PLAINTEXT with PLAIN sends the password in the open: use SASL_SSL, or set allow_insecure"
            )
        if self.security_protocol.startswith("SASL") and self.sasl_mechanism is None:
            raise ValueError(f"{self.security_protocol} needs sasl_mechanism")
        if self.sasl_mechanism is not None and not self.security_protocol.startswith("SASL"):
            raise ValueError(f"sasl_mechanism needs security_protocol SASL_SSL, not {self.security_protocol}")
        if self.sasl_mechanism is not None and (self.sasl_username is None or self.sasl_password is None):
            raise ValueError(f"{self.sasl_mechanism} needs sasl_username and sasl_password")
        return self

    @model_validator(mode="after")
    def _beats_within_session(self) -> Self:
        if self.heartbeat_interval_ms >= self.session_timeout_ms:
            raise ValueError("heartbeat_interval_ms must be less than session_timeout_ms, a third at the best")
        return self


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _not_empty(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("at least one topic is needed")
    return names


TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
TopicNames = Annotated[tuple[TopicName, ...], BeforeValidator(_as_tuple), AfterValidator(_not_empty)]
"""One topic name, or several."""


class Topics(Section):
    """The names of the topics."""

    events: TopicNames = Field(("events",), description="Where events come from: one name or several.")
    labels: TopicNames = Field(("labels",), description="Where labels come from: one name or several.")
    predictions: TopicName = Field("predictions", description="One prediction for every event.")
    review_requests: TopicName = Field("review-requests", description="Events that people are asked about.")
    examples: TopicName = Field(
        "examples", description="Events joined with their labels; read back by every worker."
    )
    dead_letters: TopicName = Field("dead-letters", description="What could not be read or used, byte for byte.")
    journal: TopicName = Field("journal", description="What each committed batch processed.")

    def all_names(self) -> tuple[str, ...]:
        """Return every topic's name."""
        return (
            *self.events,
            *self.labels,
            self.predictions,
            self.review_requests,
            self.examples,
            self.dead_letters,
            self.journal,
        )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = self.all_names()
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"each topic has one role, but {', '.join(sorted(twice))} is named twice")
        return self


class WorkerSettings(Section):
    """The identity of this process."""

    id: str = Field(
        "worker-0",
        pattern=r"^[a-zA-Z0-9._-]{1,64}$",
        description="Static name of the worker: journal key, transactional id, group instance id, state folder.",
    )


class StateSettings(Section):
    """Where the state lives."""

    directory: str = Field("state", description="Folder of snapshots and pending events; one sub-folder a worker.")
    snapshot_every_seconds: float = Field(60, gt=0, description="Time between snapshots.")
    snapshots_kept: int = Field(3, ge=1, description="How many snapshots are kept.")


class FeatureSettings(Section):
    """How features become columns."""

    max_columns: int = Field(1_024, ge=1, le=65_536, description="Columns at the most; later fields are dropped.")
    max_categories: int = Field(32, ge=1, description="Categories of a field with columns of their own.")
    hash_buckets: int = Field(16, ge=1, description="Columns that a field's further categories share.")
    exclude: tuple[str, ...] = Field((), description="Patterns of dotted names that never become features.")
    types: dict[str, Literal["number", "category", "vector", "ignore"]] = Field(
        {}, description="Kinds of fields, where they are not to be inferred."
    )
    missing_flag_share: float = Field(
        0.05, gt=0, le=1, description="Share of missing values from which a column says that one is missing."
    )


class PendingSettings(Section):
    """How long events and labels wait for each other."""

    capacity: int = Field(1_000_000, ge=1, description="Events that wait for a label at the most.")
    max_age_seconds: int = Field(7 * 86_400, ge=1, description="How long an event waits for a label.")
    label_wait_seconds: int = Field(10, ge=0, description="How long a label waits for an event that is not known.")
    max_waiting_labels: int = Field(
        100_000, ge=1, description="Labels that wait at the most, for their event or for a verdict."
    )


class PseudoLabelSettings(Section):
    """When a prediction is trusted as a label."""

    precision: float = Field(0.95, ge=0.5, lt=1, description="Share of right ones that pseudo-labels promise.")
    confidence: float = Field(0.9, ge=0.5, lt=1, description="Confidence of the lower bound behind the promise.")


class ReviewSettings(Section):
    """Whom the service asks. Each worker asks about its own events; limits are those of one worker."""

    sampler: Literal["uncertainty", "random", "off"] = Field(
        "uncertainty",
        description="Which events people are asked about: all by chance, those that the model is unsure of more "
        "often; all alike; or none.",
    )
    share: float = Field(
        0.01, ge=0, le=1, description="Share of the events that people are asked about, fewer where a limit binds."
    )
    per_hour: float | None = Field(None, gt=0, description="Answers that people can give in an hour.")
    per_day: float | None = Field(None, gt=0, description="Answers that people can give in a day.")
    doubles: float = Field(
        0.07, ge=0, le=1, description="Share of the requests that two people are to answer, blind to each other."
    )
    max_per_hour: int | None = Field(
        None, ge=0, description="Requests an hour at the most: what was drawn beyond it is not asked."
    )
    max_per_day: int | None = Field(None, ge=0, description="Requests a day at the most, likewise.")
    expires_after_seconds: int = Field(86_400, ge=1, description="How long a request stays open.")


class AnnotatorSettings(Section):
    """People who label, and err."""

    rule: Literal["dawid-skene", "equal"] = Field(
        "dawid-skene",
        description="How named annotators' labels are weighed: by how often each is right, as far as can be told; "
        "or all equally, a lone label as it is.",
    )
    unnamed: Literal["trusted", "weighed"] = Field(
        "trusted",
        description="Labels without an annotator: taken as they are, or weighed as those of one annotator more.",
    )


class LearnerSettings(Section):
    """The learner."""

    seed: int = Field(0, ge=0, description="Of all randomness.")
    metric: Literal["kappa", "accuracy"] = Field("kappa", description="What decisions are to maximise.")
    preset: Literal["default", "full", "lite", "tiny"] = Field(
        "default", description="How many experts the mixture asks: fewer are faster, and less often right."
    )
    max_classes: int = Field(
        256, ge=2, le=32_767, description="Classes at the most; an example with one more is a dead letter."
    )
    twin: Literal["asked", "all", "off"] = Field(
        "asked", description="Events that the twin, fed with labelled events only, predicts for comparison."
    )


class BatchSettings(Section):
    """How much is processed at a time. Changes speed and latency, never results."""

    max_records: int = Field(5_000, ge=1, description="Events of a batch at the most.")
    max_labels: int = Field(
        100,
        ge=1,
        description="Labels and examples of a batch at the most; where they are behind the events in time, as many "
        "as take a second.",
    )
    wait_seconds: float = Field(0.05, gt=0, le=10, description="How long a poll waits for the first record.")


class LoggingSettings(Section):
    """Logs, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level shown.")
    format: Literal["auto", "json", "text"] = Field(
        "auto", description="JSON lines or text; auto: text on a terminal."
    )


class Config(Section):
    """Everything that can be configured."""

    transport: Literal["sqlite", "kafka"] = Field("sqlite", description="Where topics live.")
    sqlite: SqliteSettings = Field(SqliteSettings(), description="The embedded transport.")
    kafka: KafkaSettings = Field(KafkaSettings(), description="The Kafka transport.")
    topics: Topics = Field(Topics(), description="Topic names.")
    worker: WorkerSettings = Field(WorkerSettings(), description="This process.")
    state: StateSettings = Field(StateSettings(), description="Snapshots and pending events.")
    metrics: MetricsSettings = Field(MetricsSettings(), description="Metrics and health.")
    mapping: MappingSettings = Field(MappingSettings(), description="The user's own JSON.")
    features: FeatureSettings = Field(FeatureSettings(), description="Features.")
    pending: PendingSettings = Field(PendingSettings(), description="Waiting for labels.")
    pseudo_labels: PseudoLabelSettings = Field(PseudoLabelSettings(), description="Pseudo-labels.")
    review: ReviewSettings = Field(ReviewSettings(), description="Review requests.")
    annotators: AnnotatorSettings = Field(AnnotatorSettings(), description="People who label, and err.")
    connectors: ConnectorSettings = Field(ConnectorSettings(), description="Labels from elsewhere.")
    review_service: ReviewServiceSettings = Field(ReviewServiceSettings(), description="The reviewers' page.")
    learner: LearnerSettings = Field(LearnerSettings(), description="The learner.")
    batch: BatchSettings = Field(BatchSettings(), description="Batches.")
    logging: LoggingSettings = Field(LoggingSettings(), description="Logs.")

    @model_validator(mode="after")
    def _mapped_topics_exist(self) -> Self:
        for name, mapping in self.mapping.topics.items():
            if mapping.events and name not in self.topics.events:
                raise ValueError(
                    f"mapping.topics: {name} is none of topics.events ({', '.join(self.topics.events)})"
                )
            if mapping.labels and name not in self.topics.labels:
                raise ValueError(
                    f"mapping.topics: {name} is none of topics.labels ({', '.join(self.topics.labels)})"
                )
        return self

    @model_validator(mode="after")
    def _reviewers_classes_are_read_as_they_are(self) -> Self:
        renamed = self.mapping.labels_of(self.topics.labels[0]).classes
        for name in self.review_service.classes:
            if renamed.get(name, name) != name:
                raise ValueError(
                    f"review_service.classes: {name} is called {renamed[name]} here (mapping.labels.classes)"
                )
        return self

    def to_yaml(self) -> str:
        """Return the configuration as YAML, secrets masked."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
