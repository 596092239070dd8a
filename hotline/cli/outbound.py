"""``hotline outbound``: the kill switch from the command line."""

from __future__ import annotations

import typer

from hotline.cli.house import in_house
from hotline.crm.queries.pushes.outbound_stop import StopView, get_stop
from hotline.crm.viewer import SYSTEM
from hotline.workflows.pushes.outbound import resume_outbound, stop_outbound

app = typer.Typer(help="Stop everything outbound at once, and let it go on.", no_args_is_help=True)


@app.command()
def stop(reason: str = typer.Option("", "--reason", help="Why, for colleagues and the audit trail's readers.")) -> None:
    """Stop every message on every node; when this returns, none begins any more."""
    _say(in_house(lambda house: stop_outbound(house, SYSTEM, reason)))


@app.command()
def resume() -> None:
    """Let messages leave again."""
    _say(in_house(lambda house: resume_outbound(house, SYSTEM)))


@app.command()
def show() -> None:
    """Whether anything may leave (exit 1 while it is stopped)."""
    view = in_house(lambda house: get_stop(house.db, SYSTEM))
    _say(view)
    if view.stopped:
        raise typer.Exit(1)


def _say(view: StopView) -> None:
    if view.stopped_at is None:
        typer.echo("Messages may leave.")
        return
    why = f": {view.reason}" if view.reason else ""
    typer.echo(f"Everything outbound is stopped since {view.stopped_at:%Y-%m-%d %H:%M:%S} UTC{why}")
