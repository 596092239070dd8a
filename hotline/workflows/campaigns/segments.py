"""Saving segments, and asking what they come to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from hotline.campaigns.consent import CHANNELS, PURPOSES, Channel, Purpose
from hotline.campaigns.segment_rules import Rule, parse
from hotline.crm.commands.campaigns import segments as commands
from hotline.crm.commands.customers.customer_facts import marks_left, read_marked
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.queries.campaigns.audience import Breakdown, Definition, Lists, breakdown, require_all
from hotline.crm.queries.campaigns.segments import (
    Explained,
    SegmentView,
    Side,
    explain,
    get_segment,
    sample,
)
from hotline.crm.queries.customers.custom_fields import read_fields
from hotline.crm.queries.customers.customer_views import CustomerView
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.text import many_lines, one_line
from hotline.errors import HotlineError, Invalid, Unavailable
from hotline.workflows.house import House
from hotline.workflows.pushes.dispatch_gate import settle_stopped

log = structlog.get_logger(__name__)

LONGEST_NAME: Final = 100
LONGEST_DESCRIPTION: Final = 500
#: Customers that one request puts on a list or takes off it.
MOST_AT_ONCE: Final = 5_000
#: Steps of some thousand marks that somebody who asks waits for; a job reads the rest.
_STEPS: Final = 20
#: How long a request may take.
LONGEST_SECONDS: Final = 10.0


class TooSlow(HotlineError):
    """These rules take long to count. Save the segment and have it counted in the background."""

    code = "too_slow"
    status = 422


@dataclass(frozen=True, slots=True)
class Answer:
    """What a definition comes to. ``pending``: changes of customers that are not in it yet."""

    breakdown: Breakdown
    sample: Sequence[CustomerView]
    pending: int


async def check(house: House, viewer: Viewer, rules: Any) -> Rule:
    """The rules as they are kept. Raises Invalid, which names the place."""
    return parse(rules, (await read_fields(house.db, viewer)).fields)


async def create_segment(
    house: House,
    viewer: Viewer,
    name: str,
    rules: Any,
    description: str = "",
    idempotency: Idempotency | None = None,
) -> SegmentView:
    """Keep rules under a name. Raises Forbidden, Invalid, Conflict."""
    viewer.require("segments.write")
    rule = await check(house, viewer, rules)
    async with house.unit(viewer) as uow:
        segment_id = uow.new_id()
        if (earlier := await claim(uow, idempotency, segment_id)) is not None:
            return await get_segment(uow, SYSTEM, earlier)
        await commands.create_segment(uow, segment_id, _name(name), _description(description), rule.content())
        return await get_segment(uow, SYSTEM, segment_id)


async def change_segment(
    house: House,
    viewer: Viewer,
    segment_id: UUID,
    *,
    name: str | None = None,
    description: str | None = None,
    rules: Any = None,
    expected_version: int | None = None,
) -> SegmentView:
    """Change a segment: other rules are another version, and what was approved with it is void. Raises NotFound,
    Forbidden, Invalid, Conflict."""
    viewer.require("segments.write")
    content = None if rules is None else (await check(house, viewer, rules)).content()
    async with house.unit(viewer) as uow:
        segment = await commands.lock_segment(uow, segment_id, expected_version)
        await commands.update_segment(
            uow,
            segment,
            name=None if name is None else _name(name),
            description=None if description is None else _description(description),
            rules=content,
        )
        view = await get_segment(uow, SYSTEM, segment_id)
    await settle_stopped(house, uow)
    return view


async def change_members(
    house: House,
    viewer: Viewer,
    segment_id: UUID,
    side: Side,
    *,
    add: Sequence[UUID] = (),
    remove: Sequence[UUID] = (),
    expected_version: int | None = None,
) -> SegmentView:
    """Change who is in or out whatever the rules say. Raises NotFound, Forbidden, Invalid, Conflict."""
    viewer.require("segments.write")
    require_all(viewer)
    if side not in get_args(Side):
        raise Invalid("side: one of include, exclude.")
    if len(add) + len(remove) > MOST_AT_ONCE:
        raise Invalid(f"add: at most {MOST_AT_ONCE} customers at once.")
    async with house.unit(viewer) as uow:
        segment = await commands.lock_segment(uow, segment_id, expected_version)
        await commands.change_members(uow, segment, side, add, remove)
        view = await get_segment(uow, SYSTEM, segment_id)
    await settle_stopped(house, uow)
    return view


async def archive_segment(house: House, viewer: Viewer, segment_id: UUID, expected_version: int | None = None) -> None:
    """Offer a segment no more. Raises NotFound, Forbidden, Conflict."""
    viewer.require("segments.write")
    async with house.unit(viewer) as uow:
        segment = await commands.lock_segment(uow, segment_id, expected_version)
        await commands.archive_segment(uow, segment)
    await settle_stopped(house, uow)


# What they come to


async def definition_of(house: House, viewer: Viewer, segment_id: UUID) -> Definition:
    """Whom a segment means now. Raises NotFound, and Invalid where it asks a field that is gone."""
    segment = await get_segment(house.db, viewer, segment_id)
    rule = await check(house, viewer, segment.current.rules)
    return Definition(rule, Lists(segment.id, segment.version))


async def ask(
    house: House,
    viewer: Viewer,
    definition: Definition,
    channel: str | None = None,
    purpose: str = "marketing",
    *,
    samples: int = 0,
    seed: int = 0,
) -> Answer:
    """Count a definition, by reason where a channel is given, and draw some of it. Raises Forbidden, Invalid, and
    TooSlow when that takes longer than a request may: ``segment_counts`` counts such ones in the background."""
    require_all(viewer)
    wanted, meant = channel_of(channel), purpose_of(purpose)
    pending = await bring_up_to_date(house)
    now, zone = house.clock(), zone_of(house)
    drawn: Sequence[CustomerView] = ()
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            counted = await breakdown(house.db, viewer, definition, wanted, meant, now, zone)
            if samples and counted.recipients:
                drawn = await sample(
                    house.db, house.keyring, viewer, definition, samples, now=now, zone=zone, seed=seed
                )
    except TimeoutError:
        raise TooSlow from None
    return Answer(counted, drawn, pending)


async def explained(
    house: House,
    viewer: Viewer,
    definition: Definition,
    customer_id: UUID,
    channel: str | None = None,
    purpose: str = "marketing",
) -> Explained:
    """Why a customer is in a definition or not, condition by condition. Raises Forbidden, Invalid."""
    wanted, meant = channel_of(channel), purpose_of(purpose)
    await bring_up_to_date(house)
    return await explain(
        house.db, viewer, definition, customer_id, channel=wanted, purpose=meant, now=house.clock(), zone=zone_of(house)
    )


async def bring_up_to_date(house: House, steps: int = _STEPS) -> int:
    """Read what changed into the facts; how many changes are left. Somebody who reads at this moment is waited for, a
    few seconds: then what is left is said."""
    for _ in range(steps):
        try:
            async with house.unit(SYSTEM) as uow:
                if not await read_marked(uow):
                    return 0
        except Unavailable as error:
            log.debug("facts.waiting", reason=error.code)
            break
    return await marks_left(house.db)


def zone_of(house: House) -> ZoneInfo:
    """The zone in which the days of rules begin: the company's."""
    return house.settings.timezone


def channel_of(channel: str | None) -> Channel | None:
    """A channel by its name. Raises Invalid."""
    if channel is None:
        return None
    found = next((each for each in CHANNELS if each == channel), None)
    if found is None:
        raise Invalid(f"channel: one of {', '.join(CHANNELS)}.")
    return found


def purpose_of(purpose: str) -> Purpose:
    """A purpose by its name. Raises Invalid."""
    found = next((each for each in PURPOSES if each == purpose), None)
    if found is None:
        raise Invalid(f"purpose: one of {', '.join(PURPOSES)}.")
    return found


def _name(name: str) -> str:
    return one_line(name, "name", LONGEST_NAME, needed=True)


def _description(description: str) -> str:
    return many_lines(description, "description", LONGEST_DESCRIPTION)
