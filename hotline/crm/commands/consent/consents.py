"""Consent of customers: each word of it is a record, and what holds is the last one's. A word that is older than what
holds is kept, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from hotline.campaigns.consent import Channel, Purpose, State, stricter
from hotline.crm.keys import Wrapped
from hotline.crm.unit_of_work import UnitOfWork
from hotline.events import permission_mark

#: Who said it: the customer by a message, a call, a link or a form of the company, the provider, a person for them, a
#: program, a file, and a merge, by which the stricter word of two records holds.
Source = Literal["message", "call", "link", "form", "provider", "agent", "api", "import", "merge"]

AUDIENCE: Final = (permission_mark("consents.read"),)
#: Most customers whose change is told at once; of more, lists read anew.
MOST_TOLD: Final = 100
#: Longest wording and proof that are kept, in letters.
LONGEST_WORDING: Final = 4_000
LONGEST_PROOF: Final = 1_000


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody agreed, or took it back. ``wording`` is what they agreed to as they saw or heard it; ``proof`` where it
    can be looked up: a file, a form, a signature; ``ip`` from where, ``call_id`` in which call; ``origin`` how it was
    said as the file tells that an import read. ``id`` is the record's, None: a new one."""

    customer_id: UUID
    channel: Channel
    purpose: Purpose
    action: State
    source: Source
    at: datetime
    source_id: UUID | None = None
    call_id: UUID | None = None
    wording: str = field(default="", repr=False)
    proof: str = field(default="", repr=False)
    ip: str = field(default="", repr=False)
    origin: str = field(default="", repr=False)
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What holds, and since when."""

    state: State
    since: datetime


async def grant(
    uow: UnitOfWork,
    customer_id: UUID,
    channel: Channel,
    purpose: Purpose,
    *,
    source: Source,
    wording: str = "",
    proof: str = "",
    ip: str = "",
    call_id: UUID | None = None,
    source_id: UUID | None = None,
    at: datetime | None = None,
) -> bool:
    """A customer agreed; says whether what holds has changed by it. A known address or number is no consent: ``source``
    and ``wording`` say what was agreed to, and how."""
    said = Said(customer_id, channel, purpose, "granted", source, at or uow.now, source_id, call_id, wording, proof, ip)
    return bool(await say(uow, [said]))


async def withdraw(
    uow: UnitOfWork,
    customer_id: UUID,
    channel: Channel,
    purpose: Purpose,
    *,
    source: Source,
    wording: str = "",
    proof: str = "",
    ip: str = "",
    call_id: UUID | None = None,
    source_id: UUID | None = None,
    at: datetime | None = None,
) -> bool:
    """A customer took it back; says whether what holds has changed by it."""
    said = Said(
        customer_id, channel, purpose, "withdrawn", source, at or uow.now, source_id, call_id, wording, proof, ip
    )
    return bool(await say(uow, [said]))


async def say(uow: UnitOfWork, words: Sequence[Said]) -> frozenset[UUID]:
    """Keep these records and what holds by them; the customers for whom something has changed. Taking back what was
    taken back already is no record; who is not there, or was erased, has none."""
    people = await _people(uow, {word.customer_id for word in words})
    before = await held(uow, sorted({person.id for person in people.values()}), lock=True)
    holding = dict(before)
    kept: list[tuple[Said, UUID, _Person]] = []
    latest: dict[_Place, tuple[State, datetime, UUID]] = {}
    for word in words:
        person = people.get(word.customer_id)
        if person is None:
            continue
        place = (person.id, word.channel, word.purpose)
        now = holding.get(place)
        if word.action == "withdrawn" and now is not None and now.state == "withdrawn":
            continue
        record_id, at = word.id or uow.new_id(), min(word.at, uow.now)
        kept.append((word, record_id, person))
        if holds_over(word.action, at, now):
            holding[place] = Held(word.action, at)
            latest[place] = (word.action, at, record_id)
    await _keep(uow, kept)
    await _hold(uow, latest)
    changed = {
        place: state
        for place, (state, _, _) in latest.items()
        if (was := before.get(place)) is None or was.state != state
    }
    for (customer_id, channel, purpose), state in list(changed.items())[:MOST_TOLD]:
        uow.audit(f"consent:{state}", customer_id, channel=channel, purpose=purpose)
    customers = frozenset(place[0] for place in changed)
    tell(uow, customers)
    return customers


def holds_over(action: State, at: datetime, now: Held | None) -> bool:
    """Whether a word holds against what holds so far: of two of one instant the one that takes back does."""
    return now is None or at > now.since or (at == now.since and action == "withdrawn")


def tell(uow: UnitOfWork, customers: Iterable[UUID]) -> None:
    """Tell that the consent of customers, or what goes to them, has changed."""
    for customer_id in sorted(customers)[:MOST_TOLD]:
        uow.emit("consent.changed", AUDIENCE, customer_id=customer_id)


async def merge_consents(uow: UnitOfWork, merge_id: UUID, kept_id: UUID, gone_id: UUID) -> None:
    """What holds for two that become one: whoever said no has said no. Their records have moved already; who goes
    holds nothing any more."""
    kept, gone = await states_of(uow, kept_id), await states_of(uow, gone_id)
    await uow.execute("DELETE FROM consent WHERE customer_id = $1", gone_id)
    words = []
    for channel, purpose in sorted(set(kept) | set(gone)):
        one, other = kept.get((channel, purpose)), gone.get((channel, purpose))
        holds = stricter(one, other)
        if holds != one and holds is not None:
            words.append(Said(kept_id, channel, purpose, holds, "merge", uow.now, source_id=merge_id))
    await say(uow, words)


async def unmerge_consents(uow: UnitOfWork, customers: Sequence[UUID]) -> None:
    """What holds for those who are two again: what their own records say."""
    await hold_again(uow, customers)
    tell(uow, customers)


async def hold_again(uow: UnitOfWork, customers: Sequence[UUID]) -> None:
    """What holds for these customers by their records alone. A merge or an import that was undone says nothing, nor
    does the yes that a merge handed on of a yes that counts no more."""
    await uow.execute("DELETE FROM consent WHERE customer_id = ANY($1::uuid[])", list(customers))
    await uow.execute(
        """INSERT INTO consent (id, customer_id, channel, purpose, state, since, record_id)
           SELECT DISTINCT ON (r.customer_id, r.channel, r.purpose)
                  gen_random_uuid(), r.customer_id, r.channel, r.purpose, r.action, r.at, r.id
           FROM consent_record r
           WHERE r.customer_id = ANY($1::uuid[]) AND r.undone_at IS NULL AND NOT (r.source = 'merge' AND (
               EXISTS (SELECT 1 FROM merge m WHERE m.id = r.source_id AND m.undone_at IS NOT NULL)
               OR (r.action = 'granted' AND NOT EXISTS (
                   SELECT 1 FROM consent_record o WHERE o.customer_id = r.customer_id AND o.channel = r.channel
                     AND o.purpose = r.purpose AND o.action = 'granted' AND o.source <> 'merge'
                     AND o.undone_at IS NULL))))
           ORDER BY r.customer_id, r.channel, r.purpose, r.at DESC, r.action DESC, r.id DESC""",
        list(customers),
    )


async def states_of(uow: UnitOfWork, customer_id: UUID) -> Mapping[tuple[Channel, Purpose], State]:
    """What holds for a customer."""
    rows = await uow.fetch("SELECT channel, purpose, state FROM consent WHERE customer_id = $1", customer_id)
    return {(row["channel"], row["purpose"]): row["state"] for row in rows}


#: Merges that may lie above one another while somebody says something.
_MOST_STEPS: Final = 5
_Place = tuple[UUID, Channel, Purpose]


@dataclass(frozen=True, slots=True)
class _Person:
    id: UUID
    key_id: UUID
    wrapped: Wrapped


async def _people(uow: UnitOfWork, customer_ids: set[UUID]) -> dict[UUID, _Person]:
    """The customers whom these ids mean, with their keys; nobody of them is merged away until this unit ends."""
    means = {each: each for each in customer_ids}
    found: dict[UUID, _Person] = {}
    # Who is merged away at this very moment is waited for; the lock then shows into whom.
    for _ in range(_MOST_STEPS):
        asked = sorted(set(means.values()) - set(found))
        if not asked:
            break
        rows = await uow.fetch(
            """SELECT c.id, c.merged_into_id, c.key_id, k.wrapped, k.master
               FROM customer c JOIN personal_key k ON k.id = c.key_id
               WHERE c.id = ANY($1::uuid[]) ORDER BY c.id FOR KEY SHARE OF c""",
            asked,
        )
        into = {row["id"]: row["merged_into_id"] for row in rows if row["merged_into_id"] is not None}
        for row in rows:
            if row["id"] not in into and row["wrapped"] is not None:
                found[row["id"]] = _Person(row["id"], row["key_id"], Wrapped(row["master"], row["wrapped"]))
        there = {row["id"] for row in rows}
        means = {each: into.get(now, now) for each, now in means.items() if now in there or now in found}
    return {each: found[now] for each, now in means.items() if now in found}


async def held(uow: UnitOfWork, customers: Sequence[UUID], *, lock: bool = False) -> dict[_Place, Held]:
    """What holds for these customers; with ``lock`` nobody changes it until the unit ends."""
    rows = await uow.fetch(
        f"""SELECT customer_id, channel, purpose, state, since FROM consent WHERE customer_id = ANY($1::uuid[])
            ORDER BY customer_id, channel, purpose {"FOR UPDATE" if lock else ""}""",  # noqa: S608
        customers,
    )
    return {(row["customer_id"], row["channel"], row["purpose"]): Held(row["state"], row["since"]) for row in rows}


async def _keep(uow: UnitOfWork, kept: Sequence[tuple[Said, UUID, _Person]]) -> None:
    if not kept:
        return
    await uow.execute(
        """INSERT INTO consent_record (id, customer_id, channel, purpose, action, source, source_id, call_id, user_id,
               at, sealed)
           SELECT id, customer_id, channel, purpose, action, source, source_id, call_id, $9, at, sealed
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
                       $10::timestamptz[], $11::bytea[])
               AS r (id, customer_id, channel, purpose, action, source, source_id, call_id, at, sealed)""",
        [record_id for _, record_id, _ in kept],
        [person.id for _, _, person in kept],
        [word.channel for word, _, _ in kept],
        [word.purpose for word, _, _ in kept],
        [word.action for word, _, _ in kept],
        [word.source for word, _, _ in kept],
        [word.source_id for word, _, _ in kept],
        [word.call_id for word, _, _ in kept],
        uow.viewer.user_id,
        [min(word.at, uow.now) for word, _, _ in kept],
        [_sealed(uow, *each) for each in kept],
    )


def _sealed(uow: UnitOfWork, word: Said, record_id: UUID, person: _Person) -> bytes | None:
    details: dict[str, Any] = {
        "wording": word.wording[:LONGEST_WORDING],
        "proof": word.proof[:LONGEST_PROOF],
        "ip": word.ip,
        "origin": word.origin[:LONGEST_PROOF],
    }
    details = {name: value for name, value in details.items() if value}
    if not details:
        return None
    key = uow.keyring.unwrap(person.key_id, person.wrapped)
    return uow.keyring.encrypt(key, "consent_record", "sealed", record_id, json.dumps(details, ensure_ascii=False))


async def _hold(uow: UnitOfWork, latest: Mapping[_Place, tuple[State, datetime, UUID]]) -> None:
    if not latest:
        return
    places = sorted(latest)
    await uow.execute(
        """INSERT INTO consent AS c (id, customer_id, channel, purpose, state, since, record_id)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                                $7::uuid[])
           ON CONFLICT (customer_id, channel, purpose) DO UPDATE SET
               state = excluded.state, since = excluded.since, record_id = excluded.record_id
           WHERE excluded.since > c.since OR (excluded.since = c.since AND excluded.state = 'withdrawn')""",
        [uow.new_id() for _ in places],
        [place[0] for place in places],
        [place[1] for place in places],
        [place[2] for place in places],
        [latest[place][0] for place in places],
        [latest[place][1] for place in places],
        [latest[place][2] for place in places],
    )
