"""``streamssl review`` and ``streamssl reviewers``: the page on which people answer, and who may enter it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from streamssl.cli.beside import run_beside
from streamssl.cli.options import ConfigFile, Settings, load
from streamssl.cli.output import CommandError, print_table, say

if TYPE_CHECKING:
    from streamssl.review.people import People

DAY_MS = 86_400_000

reviewers = typer.Typer(no_args_is_help=True, help="Who may enter the reviewers' page.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Goes into labels as their annotator.")]


def review(config: ConfigFile = None, settings: Settings = None) -> None:
    """Serve the page on which people answer review requests, and its JSON API.

    Labels are kept on the disk before they are acknowledged, and reach the labels topic exactly once. Ctrl-C or
    SIGTERM ends it. Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage or configuration, 3 another process
    took over, 4 stuck.
    """
    loaded = load(config, settings)
    try:
        from streamssl.review.process import run_review
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is missing: pip install 'streamssl[review]'") from error
    run_beside(run_review, loaded)


@reviewers.command("add")
def add(
    name: Name,
    lead: Annotated[bool, typer.Option("--lead", help="May see how everybody does.")] = False,
    days: Annotated[float | None, typer.Option(min=0.001, help="The token ends after so many days.")] = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Let somebody in, or give them another token in place of theirs; print the token, once."""
    from streamssl.review.people import PeopleError

    loaded = load(config, settings)
    people = _people(config, settings)
    expires = None if days is None else int(1_000 * time.time() + DAY_MS * days)
    try:
        before = next((each for each in people.all() if each.name == name), None)
        token = people.add(name, is_lead=lead, expires=expires)
    except PeopleError as error:
        raise CommandError(str(error)) from error
    if before is not None:
        say(f"{name}'s earlier token, and what was begun with it, has ended")
        if before.is_lead and not lead:
            say(f"{name} was a lead and is none any more: add --lead to keep it so")
    section = loaded.review_service
    url = section.public_url or f"http://{section.host}:{section.port}"
    role = ", as a lead" if lead else ""
    say(f"{name} may enter{role}; the file holds a digest, so this is shown once. Send it over a safe line:")
    print(f"{url}/login#{token}")


@reviewers.command("remove")
def remove(name: Name, config: ConfigFile = None, settings: Settings = None) -> None:
    """Let somebody in no more; what they have begun ends at once."""
    from streamssl.review.people import PeopleError

    try:
        _people(config, settings).remove(name)
    except PeopleError as error:
        raise CommandError(str(error)) from error
    say(f"{name} may enter no more")


@reviewers.command("list")
def show(config: ConfigFile = None, settings: Settings = None) -> None:
    """Show who may enter."""
    from streamssl.review.people import PeopleError

    people = _people(config, settings)
    try:
        known = people.all()
    except PeopleError as error:
        raise CommandError(str(error)) from error
    if not known:
        say("nobody may enter yet: streamssl reviewers add NAME")
        return
    now = 1_000 * time.time()
    rows = [(each.name, "lead" if each.is_lead else "", _until(each.expires, now)) for each in known]
    print_table(str(people.path), ["name", "", "token"], rows)


def _people(config: ConfigFile, settings: Settings) -> People:
    from streamssl.review.people import People, people_file

    return People(people_file(load(config, settings)))


def _until(expires: int | None, now: float) -> str:
    if expires is None:
        return "does not end"
    day = datetime.fromtimestamp(expires / 1_000, UTC)
    return f"{'ends' if expires > now else 'ended'} {day:%Y-%m-%d %H:%M} UTC"
