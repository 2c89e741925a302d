"""``streamssl connect``: bring labels from elsewhere."""

from __future__ import annotations

from types import ModuleType

import typer

from streamssl.cli.beside import run_beside
from streamssl.cli.options import ConfigFile, Settings, load
from streamssl.cli.output import CommandError

app = typer.Typer(no_args_is_help=True, help="Bring labels from other tools; each command is a process of its own.")


@app.command("label-studio")
def label_studio(config: ConfigFile = None, settings: Settings = None) -> None:
    """Push review requests to a project of Label Studio, and bring its annotations back as labels.

    Whichever side is down is waited for; nothing is lost meanwhile, and nothing comes twice. Ctrl-C or SIGTERM ends
    it. Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage or configuration, 3 another process took over,
    4 stuck.
    """
    loaded = load(config, settings)
    section = loaded.connectors.label_studio
    if section.project is None or section.token is None:
        raise CommandError("connectors.label_studio: needs project and token")
    run_beside(_processes().run_label_studio, loaded)


@app.command("webhook")
def webhook(config: ConfigFile = None, settings: Settings = None) -> None:
    """Receive labels by webhooks that are signed by the Standard Webhooks rules.

    Where a label's parts lie in the body is said by connectors.webhook.mapping. Exit codes as of label-studio.
    """
    loaded = load(config, settings)
    secret = loaded.connectors.webhook.secret
    if secret is None:
        raise CommandError("connectors.webhook: needs secret")
    process = _processes().run_webhook
    from streamssl.connectors.webhook import verifier

    try:
        verifier(secret.get_secret_value())
    except ValueError as error:
        raise CommandError(f"connectors.webhook.secret: {error}") from error
    run_beside(process, loaded)


def _processes() -> ModuleType:
    try:
        from streamssl.connectors import processes
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is missing: pip install 'streamssl[connectors]'") from error
    return processes
