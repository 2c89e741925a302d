"""The command ``streamssl``: one module a command or group of commands.

Commands import what they need when they run, so that ``streamssl --help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from streamssl.cli import (
    annotators,
    check_config,
    connect,
    dead_letters,
    demo,
    evaluate,
    label,
    replay,
    review,
    run,
    schema,
    snapshots,
    top,
    topics,
    workers,
)
from streamssl.cli.output import CommandError

EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="streamssl",
    help="A streaming, online, semi-supervised learner: events and late labels in, predictions out.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("replay")(replay.replay)
app.command("evaluate")(evaluate.evaluate)
app.command("label")(label.label)
app.command("review")(review.review)
app.add_typer(review.reviewers, name="reviewers")
app.add_typer(connect.app, name="connect")
app.add_typer(topics.app, name="topics")
app.add_typer(workers.app, name="workers")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(snapshots.app, name="snapshots")
app.command("annotators")(annotators.annotators)
app.command("top")(top.top)
app.command("schema")(schema.schema)
app.command("check-config")(check_config.check_config)


def _show_version(wanted: bool) -> None:
    if wanted:
        from streamssl import __version__

        print(f"streamssl {__version__}")
        raise typer.Exit


@app.callback()
def _streamssl(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and end the process.

    Exit codes: 0 well, 1 failed, 2 a mistake of the user's, 130 Ctrl-C; ``streamssl run`` has more.

    Parameters
    ----------
    arguments
        Without the program's name; default: those of the process.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="streamssl")
    except CommandError as error:
        print(f"streamssl: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        # The user named a place that is something else, or that is not theirs.
        print(f"streamssl: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(CommandError.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
