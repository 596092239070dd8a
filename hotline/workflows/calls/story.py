"""A story's lines, written into a call's record: what changes, and which events that makes.

Telling a line again, late or from a second reader changes nothing and makes no second event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hotline.calls.states import CallFact, next_call_state
from hotline.calls.story import (
    CallAnswered,
    CallEnded,
    CallGap,
    CallHeld,
    CallQueued,
    CallTransferred,
    CallUnqueued,
    Line,
    RingAnswered,
    RingEnd,
    RingEnded,
    RingStarted,
)
from hotline.crm.commands.calls.calls import CallRecord, LegRecord, Phone
from hotline.crm.unit_of_work import UnitOfWork
from hotline.events import permission_mark, queue_mark, user_mark
from hotline.phone import LONGEST_SHORT_NUMBER

#: A ring that was read later than this after it began opens no pop: it is over, or somebody else's by now.
STALE: Final = timedelta(seconds=60)
#: A ring that was over before we could write it is still told, with how it ended, if it began no longer ago than this.
JUST_NOW: Final = timedelta(seconds=5)
#: Who watches all calls live (``/api/v1/events?watch=calls``), and who sees what became of them.
WATCHING: Final = "watch:calls"
SEES_ALL: Final = permission_mark("calls.read_all")


class Scribe:
    """Writes the lines of one call. ``phones`` are the users of the interfaces that the lines name, ``pbx`` is who
    tells them: ``away`` when the call is another's and only goes on there."""

    def __init__(self, uow: UnitOfWork, call: CallRecord, phones: Sequence[Phone], pbx: str) -> None:
        self.uow = uow
        self.call = call
        self.phones = phones
        self.pbx = pbx
        self.away = pbx != call.pbx
        self.offers: dict[UUID, LegRecord] = {}  # told in this batch
        self.told: list[tuple[str, tuple[str, ...], dict[str, Any]]] = []
        self.updated = False
        self.timeline = False

    def write(self, line: Line) -> None:
        """One line; those about the caller are ``workflows.calls.calls``' own."""
        match line:
            case CallQueued():
                self._queued(line)
            case CallUnqueued():
                self._step("unqueued", line.at)
            case RingStarted():
                self._ring_started(line)
            case RingAnswered():
                self._ring_answered(line)
            case RingEnded():
                self._ring_ended(line)
            case CallAnswered():
                self._answered(line)
            case CallTransferred():
                self._transferred(line)
            case CallHeld():
                self._held(line)
            case CallGap():
                self._gap(line)
            case CallEnded() if self.away:
                self._part_over(line)
            case CallEnded():
                self._ended(line)
            case _:
                pass

    def finish(self) -> None:
        """Emit what was told, but no pops for rings that were over long before they could be written."""
        if self.updated:
            self._tell("call.updated", self._of_now())
        if any(type == "call.ended" for type, _, _ in self.told):
            self.told = [one for one in self.told if one[0] != "call.updated"]
        # What a reader of an event must at least see: the version that saving makes.
        version = self.call.version + (1 if self.call.exists and self.call.will_change else 0)
        silent = {leg.id for leg in self.offers.values() if self._long_over(leg)}
        for type, audience, data in self.told:
            if type not in ("call.offered", "call.retracted") or data["ring_id"] not in silent:
                self.uow.emit(type, audience, call_id=self.call.id, version=version, **data)
        self.told.clear()

    def _long_over(self, leg: LegRecord) -> bool:
        over = leg.ended_at is not None or self.call.state == "ended"
        return over and self.uow.now - leg.rang_at > JUST_NOW

    def moved_here(self, ring_ids: Iterable[UUID]) -> None:
        """Rings of a call that became part of this one: their pops show this call's customer now."""
        for ring_id in ring_ids:
            leg = self.call.legs[ring_id]
            if leg.user_id is not None and leg.ended_at is None and leg.answered_at is None:
                self._offer(leg)
        self.updated = True

    def _offer(self, leg: LegRecord) -> None:
        if leg.user_id is not None:
            self.offers[leg.id] = leg
            self._tell("call.offered", (user_mark(leg.user_id), WATCHING), leg, kind=leg.kind, at=leg.rang_at)

    def _of_now(self) -> tuple[str, ...]:
        """Whose call it is, at whose phones it rings or rang last, and those who see all calls."""
        legs = self.call.legs.values()
        return self._marks(*self._whose, *(g.user_id for g in legs if g.ended_at is None or g.answered_at))

    def _of_the_end(self) -> tuple[str, ...]:
        """Who talked, or when nobody did, all whose phones rang; and those who see all calls."""
        legs = self.call.legs.values()
        talked = [leg.user_id for leg in legs if leg.answered_at is not None and leg.user_id is not None]
        return self._marks(*self._whose, *(talked or (leg.user_id for leg in legs)))

    @property
    def _whose(self) -> tuple[UUID | None, UUID | None]:
        """Who has the call, and who dialled it: a colleague who was called has it then, and both talk."""
        return self.call.user_id, self.call.dialler_id

    def _marks(self, *users: UUID | None) -> tuple[str, ...]:
        queue = () if self.call.queue is None else (queue_mark(self.call.queue),)
        return (*sorted({user_mark(user) for user in users if user is not None}), *queue, SEES_ALL)

    # --- lines ---

    def _step(self, fact: CallFact, at: datetime) -> None:
        late = self.call.answered_at is not None and at <= self.call.answered_at
        if fact == "ended" or fact == "answered" or not late:
            self.call.set(state=next_call_state(self.call.state, fact))

    def _queued(self, line: CallQueued) -> None:
        call = self.call
        if call.queued_at is not None and line.at < call.queued_at:
            return
        if call.set(queue=line.queue, queued_at=call.queued_at or line.at):
            self.updated = True
        if call.state != "ended":
            self._step("queued", line.at)

    def _user_of(self, interfaces: Sequence[str]) -> UUID | None:
        """Whose phone it is: by the first of its names that is exactly one of a user's interfaces."""
        for name in interfaces:
            for phone in self.phones:
                if name in phone.interfaces:
                    return phone.user_id
        return None

    def _ring_started(self, line: RingStarted) -> None:
        call = self.call
        leg = call.legs.get(line.ring_id)
        user_id = self._user_of(line.interfaces)
        interfaces = line.interfaces[:20]
        if leg is None:
            leg = LegRecord(
                line.ring_id, line.uniqueid, user_id, interfaces[0], interfaces, line.kind, line.queue, line.at,
                pbx=self.pbx, changed=True,
            )  # fmt: skip
            call.legs[leg.id] = leg
            self.updated |= user_id is None and call.state == "answered"
        else:
            every = tuple(dict.fromkeys((*leg.interfaces, *interfaces)))
            now = (leg.user_id or user_id, every, line.kind, leg.queue or line.queue)
            if now == (leg.user_id, leg.interfaces, leg.kind, leg.queue):
                return
            known = leg.user_id is not None
            leg.user_id, leg.interfaces, leg.kind, leg.queue = now
            leg.changed = True
            if known:
                return
        fresh = line.age is None or line.age <= STALE.total_seconds()
        ringing = leg.ended_at is None and leg.answered_at is None
        if leg.user_id is not None and fresh and ringing and not self._rings_already(leg):
            self._offer(leg)

    def _rings_already(self, leg: LegRecord) -> bool:
        """Whether another phone of the same agent rings for this call: one pop is enough."""
        return any(
            other is not leg and other.user_id == leg.user_id and other.ended_at is None and other.answered_at is None
            for other in self.call.legs.values()
        )

    def _ring_answered(self, line: RingAnswered) -> None:
        leg = self.call.legs.get(line.ring_id)
        if leg is None or leg.answered_at is not None:
            return
        leg.answered_at = line.at
        leg.changed = True
        if leg.kind == "transfer" and leg.user_id is not None:
            # Consulting: their phone no longer rings, but the call is still the other agent's.
            self._tell("call.answered", (user_mark(leg.user_id), WATCHING), leg, at=line.at, consulting=True)

    def _answered(self, line: CallAnswered) -> None:
        call = self.call
        leg = call.legs.get(line.ring_id) if line.ring_id is not None else None
        if leg is not None and leg.answered_at is None:
            leg.answered_at, leg.changed = line.at, True
        user_id = leg.user_id if leg is not None and leg.user_id is not None else call.user_id
        first = call.answered_at is None
        if not first and user_id == call.user_id and call.state in ("answered", "ended"):
            return
        if not first and leg is not None and (leg.ended_at is not None or self._went_on_since(leg)):
            return
        call.set(user_id=user_id, answered_at=call.answered_at or line.at)
        if call.state != "ended":
            self._step("answered", line.at)
        self.timeline = True
        self.uow.audit("call:answered", call.id, user_id=user_id, ring_id=line.ring_id)
        self._tell("call.answered", self._marks(user_id, call.dialler_id), leg, at=line.at, answered_at=line.at)

    def _went_on_since(self, leg: LegRecord) -> bool:
        """Whether the one who has the call answered it after this leg was: an old line told again."""
        return any(
            other.user_id == self.call.user_id and other.answered_at is not None and leg.answered_at is not None
            and other.answered_at > leg.answered_at
            for other in self.call.legs.values()
        )  # fmt: skip

    def _ring_ended(self, line: RingEnded) -> None:
        leg = self.call.legs.get(line.ring_id)
        if leg is None or leg.end_reason == line.reason:
            return
        first = leg.ended_at is None
        leg.ended_at, leg.end_reason, leg.changed = leg.ended_at or line.at, line.reason, True
        if first and leg.user_id is not None and leg.answered_at is None:
            if not self._rings_already(leg):
                audience = (user_mark(leg.user_id), WATCHING)
                self._tell("call.retracted", audience, leg, at=line.at, reason=line.reason)
        elif first and leg.user_id is not None:
            # Their part is over while the call may go on: a consultation that led to nothing, a survey, another queue.
            self._tell("call.updated", self._marks(leg.user_id), leg, at=line.at, reason=line.reason, left=True)

    def _transferred(self, line: CallTransferred) -> None:
        call = self.call
        giver = call.legs.get(line.from_ring) if line.from_ring is not None else None
        taker = call.legs.get(line.to_ring) if line.to_ring is not None else None
        from_user = giver.user_id if giver is not None else call.user_id
        to_user = taker.user_id if taker is not None else None
        told = line.to if line.to is not None and len(line.to) <= LONGEST_SHORT_NUMBER else None
        entry: dict[str, Any] = {
            "kind": line.kind,
            "from_user": _text(from_user),
            "to_user": _text(to_user),
            "to": told,
            "at": line.at.isoformat(),
            "from_ring": _text(line.from_ring),
        }
        transfers = list(call.transfers)
        same = next((n for n, t in enumerate(transfers) if t.get("from_ring") == entry["from_ring"]), None)
        if same is None:
            transfers.append(entry)
        else:  # told again, now that more is known
            before = transfers[same]
            entry |= {"at": before["at"], "from_user": before["from_user"], "to": told or before.get("to")}
            entry["to_user"] = entry["to_user"] or before.get("to_user")
            if entry == before:
                return
            transfers[same] = entry
        call.set(transfers=transfers)
        if to_user is not None and taker is not None and (line.kind == "attended" and taker.answered_at is not None):
            call.set(user_id=to_user)
            self.timeline = True
        self.uow.audit("call:transferred", call.id, kind=line.kind, from_user=from_user, to_user=to_user)
        self._tell("call.transferred", self._marks(from_user, to_user, *self._whose), taker, kind=line.kind, at=line.at,
                   from_user=from_user, to_user=to_user)  # fmt: skip

    def _held(self, line: CallHeld) -> None:
        leg = self.call.legs.get(line.ring_id) if line.ring_id is not None else None
        if leg is None or leg.ended_at is not None or (leg.held_since is not None) == line.held:
            return
        leg.held_since, leg.changed = (line.at if line.held else None), True
        self.updated = True

    def _gap(self, line: CallGap) -> None:
        entry = {"since": line.since.isoformat(), "until": line.at.isoformat()}
        if entry["since"] not in {gap["since"] for gap in self.call.gaps}:
            self.call.set(gaps=[*self.call.gaps, entry])
            self.updated = True

    def _part_over(self, line: CallEnded) -> None:
        """Its part on this PBX is over, and the caller goes on where they came from."""
        for leg in self.call.legs.values():
            if leg.pbx == self.pbx and leg.ended_at is None:
                reason: RingEnd = "unseen" if not line.end_seen else "completed" if leg.answered_at else "cancelled"
                self._ring_ended(RingEnded(self.call.id, line.at, leg.id, reason))
        if self.call.state == "waiting":
            self._step("unqueued", line.at)

    def _ended(self, line: CallEnded) -> None:
        call = self.call
        first = call.state != "ended"
        seen = line.end_seen or (not first and call.end_seen)
        call.set(
            disposition=line.disposition, cause=line.cause, end_seen=seen, state=next_call_state(call.state, "ended")
        )
        call.set(ended_at=line.at if first or call.ended_at is None else max(call.ended_at, line.at))
        for leg in call.legs.values():
            if leg.ended_at is None:  # its own end was never told
                reason = "unseen" if not line.end_seen else "completed" if leg.answered_at else "cancelled"
                leg.ended_at, leg.end_reason, leg.changed = line.at, reason, True
        if not first:
            return
        self.timeline = True
        self.uow.audit("call:ended", call.id, disposition=line.disposition, end_seen=line.end_seen)
        if line.disposition == "abandoned":
            self._tell("call.abandoned", self._of_the_end(), None, at=line.at, queue=call.queue)
        self._tell("call.ended", self._of_the_end(), None, at=line.at, disposition=line.disposition,
                   end_seen=line.end_seen)  # fmt: skip

    def _tell(self, type: str, audience: Iterable[str], leg: LegRecord | None = None, **data: Any) -> None:
        if leg is not None:
            data = {"ring_id": leg.id, "user_id": leg.user_id} | data
        self.told.append((type, tuple(audience), data))


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
