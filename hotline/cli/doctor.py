"""``hotline doctor``: is everything set up, and if not, which line must change."""

from __future__ import annotations

import asyncio

import typer

from hotline import logs
from hotline.cli.doctor_places import examine_places
from hotline.crm.queries.people.users import list_users
from hotline.crm.queries.upkeep.support import DAYS, voicemails_lately
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError
from hotline.settings import Settings, load_settings
from hotline.telephony.doctor import KnownAgent, examine_pbx
from hotline.telephony.doctor_ivr import examine_server
from hotline.telephony.findings import Finding
from hotline.workflows.house import House, open_house
from hotline.workflows.mail.mail_check import check_mail
from hotline.workflows.twilio.twilio_check import check_twilio

BUS_LOOKS = 50
_MARKS = {"ok": "✓", "warning": "!", "wrong": "✗", "unknown": "?"}


def doctor(
    pbx: str = typer.Option("", "--pbx", metavar="NAME", help="Check this PBX only."),
) -> None:
    """Check settings, database, bus and every PBX; say for each what to change. Exit code 1 when something is wrong."""
    settings = load_settings()
    logs.configure("error", json=settings.log_format == "json")
    _show(Finding("settings", "ok", "every HOTLINE_ setting is known and readable"))
    if pbx and pbx not in [address.name for address in settings.ami_urls]:
        raise HotlineError(f"There is no PBX {pbx!r} in HOTLINE_AMI_URLS.")
    if asyncio.run(examine(settings, pbx)):
        raise typer.Exit(1)


async def examine(settings: Settings, pbx: str) -> int:
    """How many things are wrong."""
    wrong = 0
    agents: list[KnownAgent] = []
    for finding in examine_places(settings):
        wrong += _show(finding)
    try:
        house = await open_house(settings)
    except HotlineError as error:
        wrong += _show(
            Finding("database", "wrong", error.detail, ("HOTLINE_DATABASE_URL; then: hotline migrate", "or unset it"))
        )
    else:
        try:
            agents = await _agents(house)
            _show(Finding("database", "ok", "reached, its schema is this version's"))
            wrong += _show(await _bus(house))
            wrong += _show(await _voicemails(house))
            async for check in check_twilio(house):
                wrong += _show(Finding(check.name, check.verdict, check.found, check.advice))
            async for check in check_mail(house):
                wrong += _show(Finding(check.name, check.verdict, check.found, check.advice))
        except HotlineError as error:
            wrong += _show(Finding("database", "wrong", error.detail, ("hotline migrate",)))
        finally:
            await house.close()
    if not settings.ami_urls:
        _show(
            Finding(
                "pbx",
                "warning",
                "no PBX is set",
                ("HOTLINE_AMI_URLS=ami://hotline:SECRET@127.0.0.1:5038/main", "or try: hotline demo"),
            )
        )
    wrong += _show(await examine_server(settings))
    for address in settings.ami_urls:
        if pbx in ("", address.name):
            typer.echo(f"\nPBX {address.name}")
            async for finding in examine_pbx(settings, address, agents):
                wrong += _show(finding)
    return wrong


async def _bus(house: House) -> Finding:
    """It connects by itself, in its own time."""
    for _ in range(BUS_LOOKS):
        if house.bus.health().connected:
            return Finding("bus", "ok", house.bus.health().kind)
        await asyncio.sleep(0.1)
    health = house.bus.health()
    return Finding("bus", "wrong", f"{health.kind}: {health.error}", ("HOTLINE_REDIS_URL, or leave it empty",))


async def _voicemails(house: House) -> Finding:
    """Whether what callers said arrives: the PBX keeps it when its script does not send it."""
    heard, missing = await voicemails_lately(house.db, SYSTEM, house.clock())
    if not missing:
        return Finding("voicemails", "ok", f"{heard} of the last {DAYS} days, each with its sound")
    return Finding(
        "voicemails",
        "warning",
        f"{missing} of {heard + missing} of the last {DAYS} days have no sound here",
        ("is hotline-upload on the PBX, and does its cron line run? see `recordings` below",),
    )


async def _agents(house: House) -> list[KnownAgent]:
    users = await list_users(house.db, SYSTEM, limit=200, with_disabled=False)
    return [KnownAgent(user.login, user.interfaces, user.queues) for user in users if user.interfaces]


def _show(finding: Finding) -> int:
    """Print one check; 1 when it is wrong."""
    typer.echo(f"{_MARKS[finding.verdict]} {finding.name}: {finding.found}")
    if finding.verdict != "ok":
        for line in finding.advice:
            typer.echo(f"    {line}")
    return int(finding.verdict == "wrong")
