"""What a worker sees of the other workers of its group, as plain data that the journal keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from streamssl.transport.base import Positions


class View(NamedTuple):
    """What a worker sees of the group; taken right before `Batch.horizon`, so all answers seen then are read."""

    is_judge: bool
    given_up: Positions | None
    """Labels partition -> offset below which all others have given up, 0 where it is not named; None: no others."""
    decided: Positions
    """Partition -> offset below which the judge has decided all."""

    def to_document(self) -> dict[str, Any]:
        """Return the view as plain data."""
        return {
            "judge": self.is_judge,
            "given_up": None if self.given_up is None else _to_rows(self.given_up),
            "decided": _to_rows(self.decided),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return what `to_document` was made from."""
        given_up = document["given_up"]
        return cls(
            document["judge"], None if given_up is None else _from_rows(given_up), _from_rows(document["decided"])
        )


ALONE = View(is_judge=True, given_up=None, decided={})


def _to_rows(positions: Positions) -> list[list[Any]]:
    return [[*partition, offset] for partition, offset in sorted(positions.items())]


def _from_rows(rows: list[list[Any]]) -> dict[tuple[str, int], int]:
    return {(topic, partition): offset for topic, partition, offset in rows}
