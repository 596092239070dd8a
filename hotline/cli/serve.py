"""``hotline serve``: the service."""

from __future__ import annotations

import typer

from hotline.cli.loading import at_once
from hotline.settings import load_settings


def serve() -> None:
    """Run hotline: the desk, the API, the PBX connections. Stops on SIGTERM or Ctrl-C.

    The database is brought up to date first. Several may run beside each other on one database.
    """
    settings = load_settings()
    with at_once():
        from hotline import app  # here: the other commands need not load the whole service

    app.run(settings, _started)


def _started(address: str) -> None:
    typer.echo(f"hotline: {address}")
