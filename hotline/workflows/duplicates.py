"""Finding customers who are one and the same: while somebody is written down, and among all in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.crm.commands import duplicates as commands
from hotline.crm.commands.idempotency import Idempotency
from hotline.crm.queries import background as jobs
from hotline.crm.queries import duplicates as queries
from hotline.crm.queries.customers import require_customer
from hotline.crm.queries.duplicates import Duplicate, Wanted
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import contact_points
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.workflows import background
from hotline.workflows.background import Kind, Run
from hotline.workflows.house import House

FIND: Final = "find_duplicates"
#: Customers of one step of the search among all.
STEP: Final = 100
#: Pairs that one transaction forgets.
_DROPPED_AT_ONCE: Final = 5_000
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
    """The job: every customer in turn is compared with those that came after them."""
    cursor = dict(work.job.cursor or {"after": None, "since": house.clock().isoformat(), "found": 0})
    while True:
        after = UUID(cursor["after"]) if cursor["after"] else None
        ids = await queries.next_customers(house.db, SYSTEM, after, STEP)
        pairs: list[tuple[UUID, UUID, int, Sequence[str]]] = []
        async with house.db.searching() as reader:
            for wanted in await queries.known(reader, house.keyring, SYSTEM, ids):
                # Only ids are kept, for whoever may merge and sees both: what is shown goes by their own rights.
                later = Wanted(wanted.name, wanted.kind, wanted.phones, wanted.emails, wanted.id, wanted.id)
                found = await queries.find_candidates(reader, house.keyring, SYSTEM, later)
                if wanted.id is not None and len(found) <= MOST_OF_ONE:
                    pairs += [(wanted.id, each.id, each.likeness.score, each.likeness.reasons) for each in found]
        if not ids:
            return {"found": cursor["found"], "dropped": await _drop(house, datetime.fromisoformat(cursor["since"]))}
        async with house.unit(work.viewer) as uow:
            fresh = await commands.keep_pairs(uow, pairs)
            cursor = {**cursor, "after": str(ids[-1]), "found": cursor["found"] + fresh}
            await work.advance(uow, cursor=cursor, done=len(ids))


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
