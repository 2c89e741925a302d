"""What of the configuration decides the engine's results; it travels in every snapshot.

A replay must run under the settings of the batches that it replays, not under those of today's file. So the
snapshot carries these, recovery replays with them, and only then does a changed configuration take over.
"""

from __future__ import annotations

from typing import Self

from streamssl.config import (
    AnnotatorSettings,
    Config,
    FeatureSettings,
    LearnerSettings,
    MappingSettings,
    PendingSettings,
    PseudoLabelSettings,
    ReviewSettings,
    Section,
    Topics,
)


class EngineSettings(Section):
    """The part of the configuration that the engine depends on."""

    worker_id: str
    topics: Topics
    mapping: MappingSettings
    features: FeatureSettings
    pending: PendingSettings
    pseudo_labels: PseudoLabelSettings
    review: ReviewSettings
    annotators: AnnotatorSettings
    learner: LearnerSettings

    @classmethod
    def of(cls, config: Config) -> Self:
        """Take the engine's part out of the whole configuration."""
        return cls(
            worker_id=config.worker.id,
            topics=config.topics,
            mapping=config.mapping,
            features=config.features,
            pending=config.pending,
            pseudo_labels=config.pseudo_labels,
            review=config.review,
            annotators=config.annotators,
            learner=config.learner,
        )
