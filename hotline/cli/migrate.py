"""``hotline migrate``: bring the database's schema up to this version."""

from __future__ import annotations

import asyncio

import typer

from hotline import logs
from hotline.settings import load_settings
from hotline.workflows.house import migrate_database


def migrate() -> None:
    """Bring the database up to this version. Safe to run from several machines at once; a downgrade is refused."""
    settings = load_settings()
    logs.configure("warning", json=settings.log_format == "json")
    steps = asyncio.run(migrate_database(settings))
    for step in steps:
        typer.echo(f"applied {step}")
    typer.echo("The database is up to date.")
