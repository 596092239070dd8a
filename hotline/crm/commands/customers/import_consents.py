"""What the rows of an import say of consent: weighed against what there is, kept as records of the import, and taken
back with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast
from uuid import UUID

from hotline.campaigns.consent import Channel, Purpose
from hotline.crm.commands.consent.consents import Held, Said, held, hold_again, holds_over, say, tell
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers.import_consents import Consent, moment_of

_KNOWN: Final = """
SELECT r.customer_id, r.channel, r.purpose, r.action, r.at
FROM consent_record r JOIN unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    AS said (customer_id, channel, purpose, action, at)
  ON (r.customer_id, r.channel, r.purpose, r.action, r.at)
   = (said.customer_id, said.channel, said.purpose, said.action, said.at)
WHERE r.undone_at IS NULL
"""


@dataclass(slots=True)
class Weighed:
    """What is new of what rows say. ``granted`` and ``withdrawn`` change what holds; ``older`` ones are kept and change
    nothing, since something newer holds."""

    words: list[Said] = field(default_factory=list)
    granted: int = 0
    withdrawn: int = 0
    older: int = 0

    @property
    def customers(self) -> frozenset[UUID]:
        """Of whom something new is said."""
        return frozenset(word.customer_id for word in self.words)


async def weigh(uow: UnitOfWork, import_id: UUID, said: Mapping[UUID, Sequence[Consent]]) -> Weighed:
    """What customers' rows say, against what is known of them. What a record has said before, in whichever import, is
    not said again."""
    words = [
        Said(
            customer_id, cast(Channel, each.channel), cast(Purpose, each.purpose), each.action, "import",
            moment_of(each) or uow.now, source_id=import_id, wording=each.wording, proof=each.proof, ip=each.ip,
            origin=each.source,
        )
        for customer_id, consents in said.items()
        for each in consents
    ]  # fmt: skip
    found = Weighed()
    if not words:
        return found
    known = await _known(uow, words)
    now: dict[tuple[UUID, Channel, Purpose], Held] = dict(await held(uow, sorted(said)))
    for word in words:
        place = (word.customer_id, word.channel, word.purpose)
        holds = now.get(place)
        again = holds is not None and word.action == holds.state == "withdrawn"
        if again or (*place, word.action, word.at) in known:
            continue
        found.words.append(word)
        if not holds_over(word.action, word.at, holds):
            found.older += 1
            continue
        now[place] = Held(word.action, word.at)
        if word.action == "granted":
            found.granted += 1
        else:
            found.withdrawn += 1
    return found


async def keep(uow: UnitOfWork, weighed: Weighed) -> None:
    """Keep what was weighed."""
    await say(uow, weighed.words)


async def take_back(uow: UnitOfWork, import_id: UUID, customers: Sequence[UUID]) -> int:
    """What an import said of these customers counts no more: its records stay, marked; what holds is what the others
    say. How many records."""
    rows = await uow.fetch(
        """UPDATE consent_record SET undone_at = $3
           WHERE source = 'import' AND source_id = $1 AND undone_at IS NULL AND customer_id IN (
               SELECT COALESCE(c.merged_into_id, c.id) FROM customer c WHERE c.id = ANY($2::uuid[])
               UNION ALL SELECT unnest($2::uuid[]))
           RETURNING customer_id""",
        *(import_id, list(customers), uow.now),
    )
    whose = sorted({row["customer_id"] for row in rows})
    if whose:
        await hold_again(uow, whose)
        tell(uow, whose)
        uow.audit("import:consents_undone", import_id, records=len(rows), customers=len(whose))
    return len(rows)


async def _known(uow: UnitOfWork, words: Sequence[Said]) -> set[tuple[object, ...]]:
    rows = await uow.fetch(
        _KNOWN, [word.customer_id for word in words], [word.channel for word in words],
        [word.purpose for word in words], [word.action for word in words], [word.at for word in words],
    )  # fmt: skip
    return {(row["customer_id"], row["channel"], row["purpose"], row["action"], row["at"]) for row in rows}
