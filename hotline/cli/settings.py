"""``hotline settings``: all that the company decides as one file, out and in."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from hotline.cli.house import in_house
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid
from hotline.workflows.company import settings_file as workflow
from hotline.workflows.company.settings_file import SettingsFile

app = typer.Typer(help="The company's settings as one file.", no_args_is_help=True, pretty_exceptions_enable=False)

#: Bytes of the largest file: brand pictures are in it.
LARGEST = 16 << 20
_OUT = typer.Argument(help="A new file; - writes to the standard output.", metavar="FILE", show_default=False)
_IN = typer.Argument(help="A file of settings; - reads the standard input.", metavar="FILE", show_default=False)


@app.command("export")
def export(file: str = _OUT) -> None:
    """Write all settings into a file: sections, lists, hours, deadlines, categories, fields, tiers and roles. It holds
    no customers, no users and no secrets. It stands in the audit trail."""
    if file != "-" and Path(file).exists():
        raise Invalid(f"{file}: there is a file of this name already.")
    found = in_house(lambda house: workflow.export_settings(house, SYSTEM))
    text = json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"
    if file == "-":
        typer.echo(text, nl=False)
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    typer.echo(f"{file}: {len(found.sections)} sections, {len(found.lists)} lists, {len(found.roles)} roles.")


@app.command("import")
def import_(
    file: str = _IN,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only tell what would change."),
) -> None:
    """Make the settings what a file says, all of it or nothing; what it leaves out stays. Tells each change."""
    wanted = _read(file)
    changes = in_house(lambda house: workflow.import_settings(house, SYSTEM, wanted, dry_run=dry_run))
    for change in changes:
        typer.echo(f"{change.place}: {_said(change.before)} -> {_said(change.after)}")
    typer.echo(f"{len(changes)} settings {'would change' if dry_run else 'changed'}.")


def _read(file: str) -> SettingsFile:
    try:
        data = sys.stdin.buffer.read(LARGEST + 1) if file == "-" else _bytes(Path(file))
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}.") from None
    if len(data) > LARGEST:
        raise Invalid(f"{file}: this is no file of settings: it is far too large.")
    try:
        return SettingsFile.model_validate_json(data.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Invalid(f"{file}: {place + ': ' if place else ''}{first['msg']}") from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _said(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
