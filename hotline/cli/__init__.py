"""The command line: ``hotline serve`` and the others. A file per subject; only wiring and printing here."""

from __future__ import annotations

import sys

import typer

from hotline import __version__
from hotline.errors import HotlineError, SettingError

app = typer.Typer(
    name="hotline",
    help="A company's service hotline: the PBX on one side, the customers' records on the other.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hotline {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Options that come before a command."""


from hotline.cli import (  # noqa: E402 - the commands hang on the application above
    audit,
    backup,
    demo,
    doctor,
    exports,
    flow,
    imports,
    migrate,
    replay,
    serve,
    support,
    tokens,
    users,
)

app.add_typer(audit.app, name="audit")
app.add_typer(users.app, name="user")
app.add_typer(flow.app, name="flow")
app.add_typer(tokens.app, name="token")
app.command("backup")(backup.backup)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("import")(imports.import_)
app.command("export")(exports.export)
app.command("migrate")(migrate.migrate)
app.command("replay")(replay.replay)
app.command("restore")(backup.restore)
app.command("serve")(serve.serve)
app.command("support")(support.support)


def main() -> None:
    """Run a command. What a person can mend is one line on stderr: exit 2 for a wrong setting, else 1."""
    try:
        app()
    except SettingError as error:
        sys.stderr.write(f"hotline: {error.detail}\n")
        sys.exit(2)
    except HotlineError as error:
        sys.stderr.write(f"hotline: {error.detail}\n")
        sys.exit(1)
