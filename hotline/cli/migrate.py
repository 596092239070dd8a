"""``hotline migrate``: bring the database's schema up to this version."""

from __future__ import annotations

import asyncio

import typer

from hotline import logs
from hotline.settings import load_settings
from hotline.workflows.house import migrate_database


def migrate() -> None:
    """Bring the database up to this version. Safe to run from several machines at once; a downgrade is refused.

    With several keys in HOTLINE_SECRET_KEY it also puts all personal data's keys under the first of them.
    """
    settings = load_settings()
    logs.configure("warning", json=settings.log_format == "json")
    steps, keys = asyncio.run(migrate_database(settings))
    for step in steps:
        typer.echo(f"applied {step}")
    if len(settings.secret_key) > 1:
        typer.echo(f"wrapped {keys} personal keys by the new master key; the old one may leave HOTLINE_SECRET_KEY now")
    typer.echo("The database is up to date.")
