"""Finding customers who are one and the same: while somebody is written down, and among all in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.crm.commands.customers import duplicate_search as searching
from hotline.crm.commands.customers import duplicates as commands
from hotline.crm.commands.customers.duplicate_search import FoundPair
from hotline.crm.commands.upkeep.idempotency import Idempotency
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers import duplicates as queries
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.queries.customers.duplicates import Duplicate, Wanted
from hotline.crm.queries.upkeep import background as jobs
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import contact_points
from hotline.customers.duplicates import LOOSE, WORTH, block_words, compare
from hotline.customers.text import one_line
from hotline.errors import Conflict, Invalid
from hotline.workflows import background
from hotline.workflows.background import Kind, Run
from hotline.workflows.house import House

FIND: Final = "find_duplicates"
#: Customers of one step of the search among all.
STEP: Final = 250
#: Customers whose blocks are looked through by one statement.
OF_A_PART: Final = 15_000
#: Pairs, and rows of a search that ended, that one transaction forgets.
_DROPPED_AT_ONCE: Final = 5_000
_FORGOTTEN_AT_ONCE: Final = 20_000
#: Candidates of one customer that are kept: beyond these it is a common name.
MOST_OF_ONE: Final = 20
LONGEST: Final = 320


async def while_typing(
    house: House, viewer: Viewer, *, name: str = "", number: str = "", email: str = "", customer_id: UUID | None = None
) -> list[Duplicate]:
    """Who may be the one that is being written down, by what is there so far; what is no number or email yet is left
    out. With ``customer_id`` alone: whom that customer resembles."""
    viewer.require("customers.read")
    if customer_id is not None:
        customer_id = await require_customer(house.db, viewer, customer_id)
    typed = Wanted(
        one_line(name, "name", LONGEST),
        # Who may not read numbers could try one after the other.
        phones=_phones(house, number) if "phone" not in viewer.masks else (),
        emails=_emails(house, email) if "email" not in viewer.masks else (),
        id=customer_id,
    )
    if customer_id is not None and not (typed.name or number or email):
        typed = await queries.known_of(house.db, house.keyring, viewer, customer_id)
        if "phone" in viewer.masks or "email" in viewer.masks:
            typed = Wanted(typed.name, typed.kind, id=typed.id)
    return await queries.duplicates_of(house.db, house.keyring, viewer, typed)


async def start_finding(house: House, viewer: Viewer, idempotency: Idempotency | None = None) -> UUID:
    """Look among all customers in the background; the job's id. One that is under way already is answered again."""
    viewer.require("customers.merge")
    for job in await jobs.open_jobs(house.db, SYSTEM, FIND):
        return job.id
    total = await queries.count_customers(house.db, viewer)
    return await background.start(house, viewer, FIND, {}, total, idempotency)


async def dismiss(house: House, viewer: Viewer, one: UUID, other: UUID) -> UUID:
    """Say that two customers are not one; the pair's id."""
    viewer.require("customers.merge")
    ids = [await require_customer(house.db, viewer, each) for each in (one, other)]
    if ids[0] == ids[1]:
        raise Invalid("customer_ids: this is the same customer.")
    async with house.unit(viewer) as uow:
        return await commands.dismiss_pair(uow, *ids)


async def reopen(house: House, viewer: Viewer, pair_id: UUID) -> None:
    """Take a dismissal back."""
    viewer.require("customers.merge")
    async with house.unit(viewer) as uow:
        # Whoever does not see both is told that there is no such pair, and nothing has happened.
        for each in await commands.reopen_pair(uow, pair_id):
            await require_customer(uow, viewer, each)


async def run(house: House, work: Run) -> Mapping[str, Any]:
    """The job: every customer is put into blocks, each two of one block are compared, and whoever is alike is kept.

    Both go from customer to customer, half of the job's progress each; a step that was committed is not made again.
    Raises Conflict for one that failed and was let go on while a later search is under way.
    """
    if any(job.id > work.job.id for job in await jobs.open_jobs(house.db, SYSTEM, FIND)):
        raise Conflict("A later search for duplicates is under way.")
    cursor: Mapping[str, Any] = work.job.cursor or {}
    if "phase" not in cursor:
        cursor = {"phase": "blocks", "after": None, "since": house.clock().isoformat(), "found": 0, "seen": 0}
        await _forget(house)
        async with house.unit(work.viewer) as uow:
            await work.advance(uow, cursor=cursor)
    while cursor["phase"] == "blocks":
        cursor = await _blocks(house, work, cursor)
    while cursor["phase"] == "candidates":
        cursor = await _candidates(house, work, cursor)
    while cursor["phase"] == "compare":
        cursor = await _compared(house, work, cursor)
    dropped = await _drop(house, datetime.fromisoformat(cursor["since"]))
    await _forget(house)
    return {"found": cursor["found"], "dropped": dropped}


async def forget_ended(house: House) -> int:
    """Forget what a search left that was cancelled or failed; how many rows."""
    gone = 0
    while True:
        async with house.unit(SYSTEM) as uow:
            some = await searching.forget_ended_search(uow, FIND, limit=_FORGOTTEN_AT_ONCE)
        gone += some
        if not some:
            return gone


async def _forget(house: House) -> None:
    while True:
        async with house.unit(SYSTEM) as uow:
            if not await searching.forget_search(uow, limit=_FORGOTTEN_AT_ONCE):
                return


async def _blocks(house: House, work: Run, cursor: Mapping[str, Any]) -> Mapping[str, Any]:
    ids = await queries.next_customers(house.db, SYSTEM, _after(cursor), STEP)
    if not ids:
        return {**cursor, "phase": "candidates", "after": None, "part": 0}
    known = await queries.known(house.db, house.keyring, SYSTEM, ids)
    blocks = await asyncio.to_thread(_blocks_of, house.keyring, known)
    following = {**cursor, "after": str(ids[-1]), "seen": cursor["seen"] + len(ids)}
    async with house.unit(work.viewer) as uow:
        await searching.keep_blocks(uow, blocks)
        await work.advance(uow, cursor=following, done=len(ids) // 2)
    return following


async def _candidates(house: House, work: Run, cursor: Mapping[str, Any]) -> Mapping[str, Any]:
    parts = 1 + cursor["seen"] // OF_A_PART
    following = {**cursor, "part": cursor["part"] + 1}
    if following["part"] == parts:
        following["phase"] = "compare"
    async with house.unit(work.viewer) as uow:
        await searching.keep_candidates(uow, cursor["part"], parts)
        await work.advance(uow, cursor=following)
    return following


async def _compared(house: House, work: Run, cursor: Mapping[str, Any]) -> Mapping[str, Any]:
    ids = await queries.next_customers(house.db, SYSTEM, _after(cursor), STEP)
    if not ids:
        return {**cursor, "phase": "end"}
    candidates = await queries.candidates_of(house.db, SYSTEM, ids[0], ids[-1])
    known: dict[UUID, Wanted] = {}
    everybody = list({each for pair in candidates for each in pair})
    for at in range(0, len(everybody), STEP):
        some = await queries.known(house.db, house.keyring, SYSTEM, everybody[at : at + STEP])
        known |= {wanted.id: wanted for wanted in some if wanted.id is not None}
    # Only ids are kept, for whoever may merge and sees both: what is shown goes by their own rights.
    found = await asyncio.to_thread(_alike, candidates, known)
    async with house.unit(work.viewer) as uow:
        fresh = await searching.keep_pairs(uow, found)
        following = {**cursor, "after": str(ids[-1]), "found": cursor["found"] + fresh}
        await work.advance(uow, cursor=following, done=len(ids) - len(ids) // 2)
    return following


def _after(cursor: Mapping[str, Any]) -> UUID | None:
    return UUID(cursor["after"]) if cursor["after"] else None


def _blocks_of(keyring: Keyring, known: Sequence[Wanted]) -> dict[UUID, list[int]]:
    """The blocks of each by their name, and by every number and email. Those by beginnings of words are loose: odd."""
    blocks = {}
    for wanted in known:
        shared = {int.from_bytes(index[:8], "big", signed=True) for index in (*wanted.phones, *wanted.emails)}
        words = block_words(wanted.name)
        loose = {word for word in words if word.startswith(LOOSE)}
        even = {number & ~1 for number in (*shared, *keyring.tokens("block", words - loose))}
        odd = {number | 1 for number in keyring.tokens("block", loose)}
        if wanted.id is not None:
            blocks[wanted.id] = sorted(even | odd)
    return blocks


def _alike(candidates: Sequence[tuple[UUID, UUID]], known: Mapping[UUID, Wanted]) -> list[FoundPair]:
    """Those who are worth a look; of one with more than MOST_OF_ONE only who shares a number or an email with them."""
    found: list[FoundPair] = []
    for low, pairs in groupby(candidates, key=lambda pair: pair[0]):
        one = known.get(low)
        worth: list[FoundPair] = []
        for _, high in pairs if one is not None else ():
            other = known.get(high)
            if one is None or other is None:
                continue
            likeness = compare(
                one.name,
                other.name,
                phone=not set(one.phones).isdisjoint(other.phones),
                email=not set(one.emails).isdisjoint(other.emails),
                same_kind=one.kind == other.kind,
            )
            if likeness.score >= WORTH:
                worth.append(FoundPair(low, high, likeness.score, likeness.reasons))
        if len(worth) > MOST_OF_ONE:
            worth = [pair for pair in worth if {"phone", "email"} & set(pair.reasons)][:MOST_OF_ONE]
        found += worth
    return found


async def _drop(house: House, before: datetime) -> int:
    dropped = 0
    while True:
        async with house.unit(SYSTEM) as uow:
            gone = await commands.drop_older(uow, before, limit=_DROPPED_AT_ONCE)
        dropped += gone
        if gone < _DROPPED_AT_ONCE:
            return dropped


KINDS: Final[Mapping[str, Kind]] = {FIND: Kind(run, "customers.merge")}


def _phones(house: House, number: str) -> tuple[bytes, ...]:
    with suppress(phone.NotANumber):
        value = phone.parse(one_line(number, "phone", LONGEST), house.settings.region)
        if value.kind == "e164":
            return (house.keyring.contact_index("phone", value.value),)
    return ()


def _emails(house: House, email: str) -> tuple[bytes, ...]:
    with suppress(Invalid):
        value = contact_points.normalise("email", one_line(email, "email", LONGEST), house.settings.region)
        return (house.keyring.contact_index("email", value.value),)
    return ()
