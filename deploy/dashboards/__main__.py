"""Write every dashboard as JSON, as Grafana takes it."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.dashboards.learning import learning
from deploy.dashboards.people import people
from deploy.dashboards.service import service

FOLDER = Path(__file__).parents[1] / "grafana" / "dashboards"


def dashboards() -> dict[str, str]:
    """Return file name -> JSON."""
    boards = {"service.json": service(), "learning.json": learning(), "people.json": people()}
    return {name: json.dumps(board.build(), cls=JSONEncoder, indent=2) + "\n" for name, board in boards.items()}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


if __name__ == "__main__":
    main()
