"""The whole configuration: one model, read from a file, the environment and flags, in rising precedence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Section(BaseModel):
    """A part of the configuration: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SqliteSettings(Section):
    """The embedded transport."""

    path: str = Field("streamssl.db", description="File that holds all topics; made when missing.")


class KafkaSettings(Section):
    """The Kafka transport."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port of some brokers, by comma.")
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
