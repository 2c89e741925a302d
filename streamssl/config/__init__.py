"""The whole configuration: one model, read from a file, the environment and flags, in rising precedence."""

from streamssl.config.base import MetricsSettings, Section
from streamssl.config.loading import ConfigError, load_config, parse_value
from streamssl.config.mapping import EventMapping, LabelMapping, MappingSettings, TopicMapping
from streamssl.config.processes import (
    ConnectorSettings,
    FieldKind,
    LabelStudioSettings,
    ReviewServiceSettings,
    WebhookSettings,
)
from streamssl.config.reference import config_reference
from streamssl.config.sections import (
    AnnotatorSettings,
    BatchSettings,
    Config,
    FeatureSettings,
    KafkaSettings,
    LearnerSettings,
    LoggingSettings,
    PendingSettings,
    PseudoLabelSettings,
    ReviewSettings,
    SqliteSettings,
    StateSettings,
    Topics,
    WorkerSettings,
)

__all__ = [
    "AnnotatorSettings",
    "BatchSettings",
    "Config",
    "ConfigError",
    "ConnectorSettings",
    "EventMapping",
    "FeatureSettings",
    "FieldKind",
    "KafkaSettings",
    "LabelMapping",
    "LabelStudioSettings",
    "LearnerSettings",
    "LoggingSettings",
    "MappingSettings",
    "MetricsSettings",
    "PendingSettings",
    "PseudoLabelSettings",
    "ReviewServiceSettings",
    "ReviewSettings",
    "Section",
    "SqliteSettings",
    "StateSettings",
    "TopicMapping",
    "Topics",
    "WebhookSettings",
    "WorkerSettings",
    "config_reference",
    "load_config",
    "parse_value",
]
