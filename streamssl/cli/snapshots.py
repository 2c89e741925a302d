"""``streamssl snapshots``: what a worker has on disk, what is in it, and what changed between two."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamssl.cli.options import ConfigFile, Settings, load
from streamssl.cli.output import CommandError, print_table, say, size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamssl.runtime.snapshots import Snapshot, SnapshotStore

app = typer.Typer(no_args_is_help=True, help="List, inspect and compare the worker's snapshots.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name as listed, its leading zeros left out or not; or `latest`.")
]


@app.command("list")
def list_snapshots(config: ConfigFile = None, settings: Settings = None) -> None:
    """List the snapshots, the oldest first; each is read and checked."""
    from streamssl.runtime.snapshots import SnapshotDamaged

    store = _store(config, settings)
    rows: list[tuple[Any, ...]] = []
    for name in store.names():
        bytes_on_disk = size(sum(file.stat().st_size for file in (store.directory / name).iterdir()))
        try:
            snapshot, written = store.load(name), store.manifest(name)["written"]
        except SnapshotDamaged as error:
            rows.append((name, None, None, None, bytes_on_disk, f"damaged: {error}"))
            continue
        rows.append((name, snapshot.sequence, snapshot.journal_position, _age(written), bytes_on_disk, "ok"))
    if not rows:
        say(f"no snapshots in {store.directory}")
        return
    columns = ["name", "batches", "journal position", "age", "size", "state"]
    print_table("Snapshots", columns, rows, right=columns[1:5])


@app.command("inspect")
def inspect(name: Name = "latest", config: ConfigFile = None, settings: Settings = None) -> None:
    """Show what a snapshot holds: classes, counts, fields, experts, positions, arrays, settings."""
    import yaml

    from streamssl.learners.mixture import Mixture

    store = _store(config, settings)
    name = _resolve(store, name)
    snapshot = _load(store, name)
    document = snapshot.document
    learner = part(snapshot.arrays, "learner")
    print_table(
        f"Snapshot {name}",
        ["what", "value"],
        [
            ("written", store.manifest(name)["written"]),
            ("batches", snapshot.sequence),
            ("journal position", snapshot.journal_position),
            ("classes", ", ".join(document["classes"])),
            ("digest", document["digest"]),
        ],
    )
    print_table("Counts", ["count", "value"], _counts(document).items(), right=["value"], apart=True)
    weights = [(expert, f"{weight:.4f}") for expert, weight in Mixture.from_arrays(learner).explain().items()]
    print_table(
        "Fields",
        ["field", "kind", "columns", "seen", "missing", "mean"],
        _fields(snapshot),
        right=["columns", "seen", "missing", "mean"],
        apart=True,
    )
    print_table("Experts", ["expert", "weight"], weights, right=["weight"], apart=True)
    print_table(
        "Positions",
        ["topic", "partition", "offset"],
        document["positions"],
        right=["partition", "offset"],
        apart=True,
    )
    print_table(
        "Arrays",
        ["array", "type", "shape", "size"],
        [(each, array.dtype, _shape(array), size(array.nbytes)) for each, array in sorted(snapshot.arrays.items())],
        right=["shape", "size"],
        apart=True,
    )
    print()
    print(yaml.safe_dump({"settings": document["settings"]}, sort_keys=False, allow_unicode=True), end="")


@app.command("diff")
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="One snapshot, as listed.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Show what differs between two snapshots: classes, counts, and arrays with how much."""
    store = _store(config, settings)
    a, b = _resolve(store, a), _resolve(store, b)
    one, other = _load(store, a), _load(store, b)
    facts: list[tuple[Any, ...]] = [
        ("batches", one.sequence, other.sequence),
        ("journal position", one.journal_position, other.journal_position),
        ("classes", ", ".join(one.document["classes"]), ", ".join(other.document["classes"])),
    ]
    first, second = _counts(one.document), _counts(other.document)
    facts += [(name, first.get(name, 0), second.get(name, 0)) for name in sorted(first.keys() | second.keys())]
    different = [fact for fact in facts if fact[1] != fact[2]]
    if different:
        print_table("What differs", ["what", a, b], different, right=[a, b])
    arrays = [
        (name, difference)
        for name in sorted(one.arrays.keys() | other.arrays.keys())
        if (difference := _difference(one.arrays.get(name), other.arrays.get(name)))
    ]
    if arrays:
        print_table("Arrays that differ", ["array", "difference"], arrays, apart=True)
    if not different and not arrays:
        say(f"{a} and {b} hold the same")


def read_snapshot(name: str, config: Path | None, settings: list[str] | None) -> Snapshot:
    """Return a snapshot of the worker that the configuration names, or its `latest`.

    Raises
    ------
    CommandError
        When there is none of this name, or it is damaged.
    """
    store = _store(config, settings)
    return _load(store, _resolve(store, name))


def _store(config: Path | None, settings: list[str] | None) -> SnapshotStore:
    from streamssl.runtime.snapshots import SnapshotStore

    loaded = load(config, settings)
    directory = Path(loaded.state.directory) / loaded.worker.id
    if not directory.is_dir():
        raise CommandError(
            f"state.directory: {directory} does not exist: has worker {loaded.worker.id} ever run here?"
        )
    return SnapshotStore(directory / "snapshots", loaded.state.snapshots_kept)


def _resolve(store: SnapshotStore, name: str) -> str:
    names = store.names()
    if names and name == "latest":
        return names[-1]
    padded = name.zfill(12)
    if padded not in names:
        raise CommandError(f"no snapshot {name} in {store.directory}; there are {', '.join(names) or 'none'}")
    return padded


def _load(store: SnapshotStore, name: str) -> Snapshot:
    from streamssl.runtime.snapshots import SnapshotDamaged

    try:
        return store.load(name)
    except SnapshotDamaged as error:
        raise CommandError(f"snapshot {name} is damaged: {error}") from error


def _age(written: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(written)).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{max(0, seconds)} s"


def _counts(document: Mapping[str, Any]) -> dict[str, int]:
    return {" ".join(name): count for *name, count in document["counts"]}


def _fields(snapshot: Snapshot) -> list[tuple[Any, ...]]:
    from streamssl.config import FeatureSettings
    from streamssl.features.encoder import FeatureEncoder

    document = snapshot.document
    settings = FeatureSettings.model_validate(document["settings"]["features"])
    encoder = FeatureEncoder.from_state(settings, document["encoder"], part(snapshot.arrays, "encoder"))
    return [
        (
            field.name,
            field.kind,
            len(field.columns),
            field.seen,
            f"{field.missing_share:.1%}",
            None if field.mean is None else f"{field.mean:.4g}",
        )
        for field in encoder.describe()
    ]


def part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of one part of the state, under their own names."""
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _shape(array: NDArray[Any]) -> str:
    return " x ".join(map(str, array.shape)) or "1"


def _difference(a: NDArray[Any] | None, b: NDArray[Any] | None) -> str:
    """Say how two arrays differ; empty when they are the same bit for bit."""
    import numpy as np

    if a is None or b is None:
        return "only in the second" if a is None else "only in the first"
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"{a.dtype} {_shape(a)} became {b.dtype} {_shape(b)}"
    if a.tobytes() == b.tobytes():
        return ""
    unequal = int(np.count_nonzero(a != b))
    said = f"{unequal:,} of {a.size:,} values"
    if unequal and np.issubdtype(a.dtype, np.number):
        return f"{said}, by up to {np.nanmax(np.abs(a.astype(np.float64) - b.astype(np.float64))):.4g}"
    return said
