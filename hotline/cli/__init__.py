"""The command line: ``hotline serve`` and the others. A file per subject; only wiring and printing here.

A command's file is imported when it is called: one that makes a token need not load the whole web first.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Final

import typer
from typer._click.core import Command, Context  # typer carries its own click, and names these nowhere else
from typer.core import TyperGroup

from hotline import __version__
from hotline.cli.loading import at_once
from hotline.errors import HotlineError, SettingError

#: Each command with the file that has it: a function of that name (``import_``), or an ``app`` of several.
COMMANDS: Final[Mapping[str, str]] = {
    "audit": "audit:app",
    "backup": "backup:backup",
    "demo": "demo:demo",
    "dispatch": "dispatch:dispatch",
    "doctor": "doctor:doctor",
    "export": "exports:export",
    "flow": "flow:app",
    "import": "imports:import_",
    "migrate": "migrate:migrate",
    "outbound": "outbound:app",
    "replay": "replay:replay",
    "restore": "backup:restore",
    "serve": "serve:serve",
    "settings": "settings:app",
    "support": "support:support",
    "token": "tokens:app",
    "triage": "triage:triage",
    "twilio": "twilio:app",
    "user": "users:app",
}


class _Commands(TyperGroup):
    """The commands of the table."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Their names."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """One of them, imported now."""
        if cmd_name not in COMMANDS:
            return None
        file, _, name = COMMANDS[cmd_name].partition(":")
        with at_once():
            found = getattr(import_module(f"hotline.cli.{file}"), name)
        command: Command
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)  # a group also where it has one command: hotline audit verify
        else:
            single = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
            single.command(cmd_name)(found)
            command = typer.main.get_command(single)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="hotline",
    cls=_Commands,
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
