"""What the IVR asks and tells the records: who calls, what a flow looks up, and what a caller said so far.

Nothing here keeps a caller waiting for the database: what it asks has a limit of seconds, after which the flow goes on
without an answer, and what it tells is kept in memory until it is written (``ivr_sessions``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from hotline import phone
from hotline.crm.commands.ivr import ivr as commands
from hotline.crm.commands.ivr.ivr import SessionRecord
from hotline.crm.database import Reader
from hotline.crm.queries.ivr import ivr as queries
from hotline.crm.queries.ivr.ivr import KnownCaller, SavedSession
from hotline.crm.queries.tickets.tickets import open_ticket_values
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.ivr.effects import CallerFacts, Failed, Found, LookUp
from hotline.workflows.calls.calls import follow_ivr
from hotline.workflows.house import House

log = structlog.get_logger(__name__)
T = TypeVar("T")

#: Seconds that a caller's first words wait for what the records know of them.
GREETING_SECONDS: Final = 0.5
#: How long a call is over until its session is: what its caller told last comes first.
ENDED: Final = timedelta(minutes=10)
_LONGEST_REFERENCE: Final = 12
#: As the calls have it (workflows.calls.calls): longer ones are no number anyway.
LONGEST_NUMBER: Final = 64


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as a flow treats them. ``number`` is None when it is withheld or none."""

    facts: CallerFacts
    number: str | None = None
    customer_id: UUID | None = None


async def within(house: House, seconds: float, asked: Coroutine[Any, Any, T], name: str) -> T:
    """What ``asked`` answers, at most after ``seconds``. Raises Unavailable; a database that hangs is not waited for,
    not even until it lets go."""
    task = house.spawn(_settled(asked), name)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        raise Unavailable("The records did not answer in time.")
    answer, error = task.result()
    if error is not None:
        raise error
    result: T = answer
    return result


async def _settled(asked: Coroutine[Any, Any, T]) -> tuple[T | None, HotlineError | None]:
    """The answer or what is wrong, so that records which are away are no failed task each time."""
    try:
        return await asked, None
    except HotlineError as error:
        return None, error


async def greet(house: House, number: str | None, withheld: bool, variables: Mapping[str, str]) -> Caller:
    """What the records know of who calls, within GREETING_SECONDS; while they are away nobody is known."""
    withheld = withheld or phone.is_withheld(number, None)
    if withheld or not number:
        return Caller(CallerFacts(withheld=True, variables=variables))
    unknown = Caller(CallerFacts(variables=variables), number)
    try:
        known = await within(house, GREETING_SECONDS, _customers_of(house, number), "ivr caller")
    except HotlineError as error:
        log.warning("ivr.caller_unknown", code=error.code)
        return unknown
    if not known:
        return unknown
    locales = {each.locale for each in known}
    # Where several share a number the one who waits least decides: an assistant calls for a director, too.
    first = max(known, key=lambda each: each.priority)
    facts = CallerFacts(
        known=True,
        vip=first.priority > 0,
        priority=first.priority,
        locale=locales.pop() if len(locales) == 1 else None,
        variables={**variables, "caller.tier": first.tier or ""},
    )
    return Caller(facts, number, first.customer_id if len(known) == 1 else None)


async def _customers_of(house: House, number: str) -> list[KnownCaller]:
    try:
        number = phone.parse(number, house.settings.region).value
    except phone.NotANumber:
        number = number[:LONGEST_NUMBER]
    return await queries.callers_by_number(house.db, SYSTEM, house.keyring.blind_index("phone", number))


async def look_up(house: House, effect: LookUp, caller: Caller) -> tuple[Found | Failed, UUID | None]:
    """What a flow asks of the records, within its seconds; and the customer whose number was keyed in."""
    try:
        return await within(house, effect.seconds, _look_up(house, effect, caller), "ivr look-up")
    except Unavailable:
        return Failed("away"), None
    except HotlineError as error:
        log.warning("ivr.look_up_failed", what=effect.what, code=error.code)
        return Failed("refused"), None


async def _look_up(house: House, effect: LookUp, caller: Caller) -> tuple[Found, UUID | None]:
    match effect.what:
        case "caller":
            known = await _customers_of(house, caller.number) if caller.number is not None else []
            found = max(known, key=lambda each: each.priority, default=None)
            return Found(_values(found)), None
        case "customer_number":
            found = await find_customer(house, effect.value)
            values = _values(found)
            if found is not None:
                values["customer.number"] = effect.value
            return Found(values), found.customer_id if found is not None else None
        case _:
            return Found(await _open_ticket(house, caller)), None


async def find_customer(house: House, keyed: str, db: Reader | None = None) -> KnownCaller | None:
    """The customer with this customer number, as it was keyed in. Give a unit of work as ``db`` inside one."""
    digits = keyed.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > _LONGEST_REFERENCE:
        return None
    return await queries.caller_by_reference(db or house.db, SYSTEM, int(digits))


def _values(found: KnownCaller | None) -> dict[str, str]:
    if found is None:
        return {}
    return {
        "caller.known": "yes",
        "caller.vip": "yes" if found.priority > 0 else "no",
        "caller.tier": found.tier or "",
        "caller.locale": found.locale or "",
        "caller.priority": str(found.priority),
    }


async def _open_ticket(house: House, caller: Caller) -> Mapping[str, str]:
    if caller.customer_id is None:
        return {}
    return await open_ticket_values(house.db, SYSTEM, caller.customer_id)


async def save(house: House, record: SessionRecord, customer_number: str | None) -> bool:
    """Write a caller's session, and tell their call what they chose, in one unit of work.

    False when the records do not know the call yet: its arrival picks the session up, or another save does.
    """
    customer = await find_customer(house, customer_number) if customer_number is not None else None
    customer_id = customer.customer_id if customer is not None else None
    async with house.unit(SYSTEM) as uow:
        # The call's row is locked before the session's: the call's arrival takes them in this order, too.
        call_id = await commands.find_call(uow, record.pbx, record.uniqueid)
        linked = call_id is not None and await follow_ivr(house, uow, call_id, dict(record.facts), customer_id)
        await commands.save_session(uow, record, call_id if linked else None, customer_id)
    return linked


async def find_session(house: House, pbx: str, uniqueid: str) -> SavedSession | None:
    """How a caller's session stood when it was last written, for a node that did not run it."""
    return await queries.find_session(house.db, house.keyring, SYSTEM, pbx, uniqueid)


def open_call_of(house: House, pbx: str, uniqueid: str) -> Coroutine[Any, Any, UUID | None]:
    """The call of a channel in the records, when it is not over."""
    return queries.open_call_of(house.db, SYSTEM, pbx, uniqueid)


def count_waiting(house: House, pbx: str, queue: str) -> Coroutine[Any, Any, int]:
    """How many callers the records have waiting in a queue."""
    return queries.count_waiting(house.db, SYSTEM, pbx, queue)


async def close_sessions(house: House) -> int:
    """End the sessions whose call has been over for a while, or that nobody heard of for a day; how many."""
    async with house.unit(SYSTEM) as uow:
        return await commands.close_sessions(uow, ENDED)
