"""``hotline twilio``: point a Twilio account at this installation."""

from __future__ import annotations

from typing import Annotated

import typer

from hotline.cli.house import in_house
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_setup import Plan, Step, carry_out, plan

app = typer.Typer(no_args_is_help=True, help="Connect a Twilio account.")


@app.callback()
def options() -> None:
    """Connect a Twilio account."""


@app.command()
def setup(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would change.")] = False,
    number: Annotated[
        list[str] | None,
        typer.Option("--number", "-n", help="Only this number; may be given several times.", metavar="+NUMBER"),
    ] = None,
) -> None:
    """Point the account's numbers, messaging services and WhatsApp senders at HOTLINE_PUBLIC_URL, and keep them as
    senders. Prints what changes. Doing it again changes nothing."""

    async def work(house: House) -> tuple[Plan, int]:
        found = await plan(house, number or ())
        return found, 0 if dry_run else await carry_out(house, found)

    found, taken = in_house(work)
    for step in found.steps:
        _show(step)
    for name, why in found.unread:
        typer.echo(f"! {name}: cannot be listed: {why}")
    waiting = sum(not step.is_done for step in found.steps)
    if dry_run:
        typer.echo(f"{waiting} of {len(found.steps)} would change; nothing was changed.")
    else:
        typer.echo(f"{taken} of {len(found.steps)} changed; {len(found.senders)} senders are known.")


def _show(step: Step) -> None:
    kind = {"number": "number", "service": "messaging service", "whatsapp": "WhatsApp"}[step.subject]
    label = " ".join(part for part in (kind, step.address, "" if step.name == step.address else step.name) if part)
    typer.echo(_seen(f"{'✓' if step.is_done else '→'} {label}{': as it should be' if step.is_done else ''}"))
    if step.left_alone:
        typer.echo(f"    left alone: {step.left_alone}")
    for each in step.differences:
        typer.echo(_seen(f"    {each.setting}: {each.is_now or 'empty'} → {each.shall_be or 'empty'}"))


def _seen(line: str) -> str:
    """What an account says, without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
