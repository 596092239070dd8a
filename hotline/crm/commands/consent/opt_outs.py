"""The one place where every way of saying no ends: a STOP, a click, a form, a key pressed in a call, a complaint, a
bounce, a colleague, a file. In the unit of work in which it is said: the address is held back, the consent of whose it
is is taken back, and the delivery that brought it about is marked. Whatever is sent next looks there first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.campaigns.consent import REACHED_BY, Channel, Purpose, purposes_of
from hotline.crm.commands.consent import suppressions
from hotline.crm.commands.consent.consents import Said, say, tell
from hotline.crm.commands.consent.suppressions import Held, Reason, Scope, Source
from hotline.crm.unit_of_work import UnitOfWork

#: What somebody wants; the other reasons are of addresses at which nothing arrives.
WISHES: Final[frozenset[Reason]] = frozenset({"opt_out", "complaint", "agent"})
#: A word counts as brought about by what was sent to an address within this time.
ANSWERS: Final = timedelta(days=30)
#: Most customers who share an address and are thought of.
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class OptedOut:
    """What came of it. ``new``: something goes no more that went before; ``customer_ids`` are those whose address it
    is; ``delivery_id`` is the delivery that brought it about."""

    new: bool
    customer_ids: tuple[UUID, ...] = ()
    delivery_id: UUID | None = None


async def opt_out(
    uow: UnitOfWork,
    channel: Channel,
    address_index: bytes | None,
    *,
    reason: Reason = "opt_out",
    source: Source,
    purpose: Scope = "all",
    customer_id: UUID | None = None,
    delivery_id: UUID | None = None,
    source_id: UUID | None = None,
    code: str | None = None,
    call_id: UUID | None = None,
    ip: str = "",
    wording: str = "",
    proof: str = "",
    at: datetime | None = None,
) -> OptedOut:
    """Nothing more goes to an address over a channel, or with ``purpose`` no more marketing.

    ``address_index`` is None where a channel has no address (in-app) or nobody knows it any more: then it is
    ``customer_id`` alone who gets nothing. ``delivery_id`` is the delivery that it answers; without it the last one
    that was sent there counts. ``source_id`` is the message or event by which it was said, ``code`` the provider's.
    """
    new = False
    if address_index is not None:
        new = await suppressions.suppress(
            uow, channel, address_index, reason, source, purpose=purpose, source_id=source_id or delivery_id,
            code=code, at=at,
        )  # fmt: skip
    customers = await owners_of(uow, channel, address_index)
    if customer_id is not None and customer_id not in customers:
        customers = (*customers, customer_id)
    if reason not in WISHES:
        if new:
            tell(uow, customers)
        return OptedOut(new, customers)
    said = await say(
        uow,
        [
            Said(
                each, channel, kind, "withdrawn", source, at or uow.now, source_id or delivery_id, call_id,
                wording, proof, ip,
            )
            for each in customers
            for kind in purposes_of(purpose)
        ],
    )  # fmt: skip
    if new:
        tell(uow, set(customers) - said)
    answered = None
    if source not in ("import", "agent", "api"):
        answered = await _mark(uow, channel, customers, reason, delivery_id, at or uow.now)
    return OptedOut(new or bool(said), customers, answered)


async def opt_out_many(uow: UnitOfWork, held: Sequence[Held], source: Source, source_id: UUID) -> int:
    """The same for a list in a few statements; how many addresses get nothing that got something before."""
    new = await suppressions.suppress_many(uow, held, source, source_id)
    wishes = [each for each in held if each.reason in WISHES]
    rows = await uow.fetch(
        """SELECT DISTINCT p.value_index, p.kind, c.id FROM contact_point p JOIN customer c ON c.id = p.customer_id
           WHERE p.value_index = ANY($1::bytea[]) AND c.merged_into_id IS NULL""",
        [each.address_index for each in wishes],
    )
    owners: dict[bytes, list[tuple[str, UUID]]] = {}
    for row in rows:
        owners.setdefault(row["value_index"], []).append((row["kind"], row["id"]))
    words = {
        Said(customer_id, each.channel, purpose, "withdrawn", source, each.at, source_id)
        for each in wishes
        for kind, customer_id in owners.get(each.address_index, ())[:_MOST]
        if kind in REACHED_BY[each.channel]
        for purpose in purposes_of(each.purpose)
    }
    await say(uow, sorted(words, key=lambda word: (word.customer_id, word.channel, word.purpose, word.at)))
    return new


async def opt_in(
    uow: UnitOfWork,
    channel: Channel,
    address_index: bytes | None,
    *,
    source: Source,
    purpose: Scope | Purpose = "all",
    customer_id: UUID | None = None,
    source_id: UUID | None = None,
    call_id: UUID | None = None,
    ip: str = "",
    wording: str = "",
    proof: str = "",
    reasons: tuple[Reason, ...] = ("opt_out", "complaint"),
    restores: bool = False,
    at: datetime | None = None,
) -> bool:
    """The owner of an address takes back that they wanted nothing: what was held back for one of ``reasons`` goes
    again, and they agree to what ``purpose`` says, ``customer_id`` alone where it is known who says so; answers whether
    anything has changed by it. Of ``service`` alone, marketing stays held back.

    ``restores``: a START says nothing of what is agreed to. It gives back the consent to marketing that there was
    before they stopped, and no other; what they need to know goes again.
    """
    lifted = False
    if address_index is not None:
        lifted = await let_go(uow, channel, address_index, source=source, purpose=purpose, reasons=reasons)
    customers = (customer_id,) if customer_id is not None else await owners_of(uow, channel, address_index)
    words = [
        Said(each, channel, kind, "granted", source, at or uow.now, source_id, call_id, wording, proof, ip)
        for each in customers
        for kind in purposes_of(purpose)
    ]
    if restores:
        had = await _had(uow, customers, channel)
        words = [word for word in words if (word.customer_id, word.purpose) in had]
    said = await say(uow, words)
    if lifted:
        tell(uow, set(customers) - said)
    return lifted or bool(said)


async def let_go(
    uow: UnitOfWork,
    channel: Channel,
    address_index: bytes,
    *,
    source: Source,
    purpose: Scope | Purpose = "all",
    reasons: tuple[Reason, ...] = ("opt_out", "complaint"),
) -> bool:
    """Hold an address back no more for these reasons, of ``service`` alone for everything but marketing; says whether
    it was. What its owners agree to stays as it is: ``opt_in`` for that."""
    lifted = False
    for reason in reasons:
        if purpose == "service":
            lifted |= await suppressions.narrow(uow, channel, address_index, reason)
        else:
            lifted |= await suppressions.lift(uow, channel, address_index, reason, source)
    return lifted


async def owners_of(uow: UnitOfWork, channel: Channel, address_index: bytes | None) -> tuple[UUID, ...]:
    """The customers whom a channel reaches at an address."""
    if address_index is None:
        return ()
    rows = await uow.fetch(
        """SELECT DISTINCT c.id FROM contact_point p JOIN customer c ON c.id = p.customer_id
           WHERE p.value_index = $1 AND p.kind = ANY($2::text[]) AND c.merged_into_id IS NULL
           ORDER BY c.id LIMIT $3""",
        *(address_index, list(REACHED_BY[channel]), _MOST),
    )
    return tuple(row["id"] for row in rows)


async def _mark(
    uow: UnitOfWork,
    channel: Channel,
    customers: tuple[UUID, ...],
    reason: Reason,
    delivery_id: UUID | None,
    at: datetime,
) -> UUID | None:
    """Mark the delivery that it answers: the one that is named, else the last that was sent."""
    if delivery_id is None:
        delivery_id = await uow.fetchval(
            """SELECT id FROM delivery WHERE customer_id = ANY($1::uuid[]) AND channel = $2
                 AND sent_at BETWEEN $3 AND $4 ORDER BY sent_at DESC, id DESC LIMIT 1""",
            *(list(customers), channel, at - ANSWERS, at),
        )
    if delivery_id is None:
        return None
    # Who complains after they have stopped has complained.
    await uow.execute(
        """UPDATE delivery SET opted_out_at = COALESCE(opted_out_at, $2), reason = $4, updated_at = $3
           WHERE id = $1 AND (opted_out_at IS NULL OR ($4 = 'complaint' AND reason IS DISTINCT FROM $4))""",
        *(delivery_id, at, uow.now, "complaint" if reason == "complaint" else "opt_out"),
    )
    return delivery_id


async def _had(uow: UnitOfWork, customers: tuple[UUID, ...], channel: Channel) -> frozenset[tuple[UUID, str]]:
    """(customer, purpose) of what was taken back and is given back: marketing that was agreed to right before, and
    service whatever was said of it."""
    rows = await uow.fetch(
        """SELECT c.customer_id, c.purpose FROM consent c JOIN consent_record r ON r.id = c.record_id
           WHERE c.customer_id = ANY($1::uuid[]) AND c.channel = $2 AND c.state = 'withdrawn'
             AND (c.purpose = 'service' OR 'granted' = (
                  SELECT b.action FROM consent_record b
                  WHERE b.customer_id = c.customer_id AND b.channel = c.channel AND b.purpose = c.purpose
                    AND b.undone_at IS NULL
                    AND (b.at, b.id) < (r.at, r.id) ORDER BY b.at DESC, b.id DESC LIMIT 1))""",
        *(list(customers), channel),
    )
    return frozenset((row["customer_id"], row["purpose"]) for row in rows)
