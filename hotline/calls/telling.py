"""From facts to the story: what a conversation's facts say now, minus what was told already.

A line is told again when later facts refine it (a ring's interfaces or kind, the reason of an end); everything told
carries the same ids, so whoever reads the lines merges them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from . import names
from .contact import connect, left_after
from .conversation import BEGINNING, END, Channel, Conversation, Transfer
from .fields import present
from .outcome import disposition, end_reason, is_ring
from .register import Register
from .story import (
    Alias,
    CallAliased,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallerChanged,
    CallGap,
    CallHeld,
    CallJoined,
    CallQueued,
    CallsMerged,
    CallTransferred,
    CallUnqueued,
    Disposition,
    Line,
    RingAnswered,
    RingEnded,
    RingKind,
    RingStarted,
)

#: How long a caller who left a queue may stay without a reason before it is told as unknown.
UNKNOWN_LEAVE: Final = timedelta(seconds=5)


class Telling:
    """Tells one conversation at one moment. ``timed`` says whether the PBX stamps its events, so that age is known."""

    def __init__(
        self, register: Register, conversation: Conversation, now: datetime, *, timed: bool, force: bool
    ) -> None:
        self.register = register
        self.call = conversation
        self.now = now
        self.timed = timed
        self.force = force
        self.lines: list[Line] = []

    def lines_now(self) -> list[Line]:
        """The new lines, in the order in which they make sense."""
        call = self.call
        if not call.told_arrived:
            if not call.alive:
                return []
            if call.first is None:
                call.choose_first(force=self.force or call.ended() is not None)
            if call.first is None:
                return []
            self._arrived(call.first)
        elif call.first is None:
            call.choose_first(force=self.force)
        elif not call.answered and call.told_arrival not in (None, self._arrival(call.first)):
            self._arrived(call.first)  # an earlier event came later, with what was dialled
        self._merged()
        if call.joins is not None and not call.told_joins:
            call.told_joins = True
            self.lines.append(CallJoined(call.call_id, self.now, call.joins, age=self._age(self.now)))
        self._caller()
        if call.connected_dirty:
            call.connected_dirty, call.recheck = False, True
            call.find_transferees()
            connect(self.register, call)
        if call.queue_facts:
            self._queues()
        phones = list(call.phones())
        rings = [c for c in phones if is_ring(call, c)]
        if call.answered:
            self._redirected(rings)
        changed = rings if call.recheck else [ring for ring in rings if ring in call.fresh]
        call.recheck = False
        call.fresh.clear()
        for ring in changed:
            self._ring(ring)
        if call.transfers:
            for transfer in call.transfers:
                self._transfer(transfer)
        for ring in changed:
            self._ring_end(ring, rings)
        for phone in phones:
            self._hold(phone)
        self._end()
        if self.lines or self.force:  # a name alone is worth no unit of work of its own while a phone is about to ring
            self._aliases()
        return self.lines

    def _age(self, at: datetime) -> float | None:
        return (self.now - at).total_seconds() if self.timed else None

    # --- the call itself ---

    def _identity(self, first: Channel) -> tuple[str | None, str | None, bool]:
        _, _, number, name = first.caller or (0, BEGINNING, None, None)
        hidden = first.presentation is not None and first.presentation[2]
        return (None, None, True) if hidden else (number, name, number is None)

    def _known_aliases(self) -> set[Alias]:
        call = self.call
        known: set[Alias] = set()
        for phone in call.phones():
            for uniqueid in phone.uniqueids:
                known.add(Alias("uniqueid", uniqueid))
                if names.command_id(uniqueid) is not None:
                    known.add(Alias("command", uniqueid))
        known.add(Alias("linkedid", call.root))
        return known

    def _arrived(self, first: Channel) -> None:
        call = self.call
        call.told_arrived = True
        number, name, withheld = call.told_caller = self._identity(first)
        call.told_aliases = self._known_aliases()
        aliases = tuple(sorted(call.told_aliases, key=lambda a: (a.kind, a.value)))
        at = first.seen[0]
        interface, dialled = call.told_arrival = self._arrival(first)
        self.lines.append(
            CallArrived(call.call_id, at, interface, number, name, withheld, dialled, aliases, age=self._age(at))
        )

    @staticmethod
    def _arrival(first: Channel) -> tuple[str, str | None]:
        return first.endpoint, first.extension[1] if first.extension is not None else None

    def _merged(self) -> None:
        for gone in self.call.merged:
            self.lines.append(CallsMerged(self.call.call_id, self.now, gone, age=self._age(self.now)))
        self.call.merged.clear()

    def _caller(self) -> None:
        call = self.call
        if call.first is None or call.told_caller is None or call.answered:
            return
        caller = self._identity(call.first)
        if caller != call.told_caller:
            call.told_caller = caller
            at = max(call.first.caller[1] if call.first.caller else BEGINNING, call.first.seen)[0]
            self.lines.append(CallerChanged(call.call_id, at, *caller, age=self._age(at)))

    def _aliases(self) -> None:
        call = self.call
        fresh = self._known_aliases() - call.told_aliases
        if fresh:
            call.told_aliases |= fresh
            aliases = tuple(sorted(fresh, key=lambda a: (a.kind, a.value)))
            self.lines.append(CallAliased(call.call_id, self.now, aliases, age=self._age(self.now)))

    def _queues(self) -> None:
        call = self.call
        for stint in call.stints():
            key, at = (stint.queue, stint.joined[0]), stint.joined[0]
            if key not in call.told_stints:
                call.told_stints[key] = None
                self.lines.append(CallQueued(call.call_id, at, stint.queue, stint.position, age=self._age(at)))
            reason = stint.reason
            if reason is None and stint.ended is None and stint.left is not None:
                reason = "unknown" if self.now - stint.left[0] > UNKNOWN_LEAVE else None
            if reason is not None and call.told_stints[key] != reason:
                call.told_stints[key] = reason
                left = (stint.left or stint.ended or stint.joined)[0]
                self.lines.append(CallUnqueued(call.call_id, left, stint.queue, reason, age=self._age(left)))

    # --- rings ---

    def _interfaces(self, ring: Channel) -> tuple[tuple[str, ...], str | None]:
        found, queue = [ring.endpoint], ring.queue
        for channel in self.call.line_up(ring):
            if channel.member is not None:
                of_queue, interface, name = channel.member
                found += [interface, *self.register.members.get((of_queue, interface), ()), name]
            queue = queue or channel.queue
        return tuple(dict.fromkeys(one for one in found if one)), queue

    def _kind(self, ring: Channel) -> RingKind:
        call = self.call
        if ring.ring_kind is not None:
            return ring.ring_kind
        if ring is call.first:
            return "outgoing"
        if ring.picked_up is not None or not (ring.dialled or ring.ringing_state):
            return "pickup"
        if any(t.kind == "blind" and t.moment <= ring.seen for t in call.transfers):
            return "transfer"
        root = call.dial_root(ring)
        if root is ring:  # who dials it is not known (yet)
            talking = any(c is not ring and c.joined is not None and c.over is None for c in call.phones())
            return "transfer" if talking else "offer"
        if root.kind == "phone":
            return "offer" if root is call.first or root.name in call.transferees else "transfer"
        return "offer" if call.root in root.uniqueids else "transfer"

    def _ring(self, ring: Channel) -> None:
        call = self.call
        interfaces, queue = self._interfaces(ring)
        kind = self._kind(ring)
        began = min(m for m in (ring.rang, ring.up, ring.picked_up, ring.joined) if m is not None)
        if ring.picked_up is not None:
            began = ring.picked_up
        told = (interfaces, kind, queue)
        if ring.told_ring != told:
            known = ring.told_ring
            if known is not None:  # a restored ring keeps the names that the records have
                told = (tuple(dict.fromkeys((*known[0], *interfaces))), kind, queue or known[2])
            if told != known:
                ring.told_ring = told
                self.lines.append(
                    RingStarted(
                        call.call_id, began[0], ring.ring_id, told[0], ring.uniqueid, told[2], kind,
                        age=self._age(began[0]),
                    )
                )  # fmt: skip
        if ring.up is not None and not ring.told_up:
            ring.told_up = True
            at = max(ring.up, began)[0]
            self.lines.append(RingAnswered(call.call_id, at, ring.ring_id, age=self._age(at)))
        if ring.joined is not None and not ring.told_joined and ring is not call.first:
            ring.told_joined = True
            call.answered = True
            at = ring.joined[0]
            self.lines.append(CallAnswered(call.call_id, at, ring.ring_id, age=self._age(at)))

    def _ring_end(self, ring: Channel, rings: list[Channel]) -> None:
        over = ring.over
        if over is None:
            if ring.up is not None or not ring.dial_ends or len(ring.dial_ends) < len(ring.parents):
                return
            if any(status == "ANSWER" for status, _ in ring.dial_ends.values()):
                return
            over = min(moment for _, moment in ring.dial_ends.values())
        reason = end_reason(self.call, ring, rings)
        end = (reason, ring.cause)
        if ring.told_end == end or (ring.told_end is not None and ring.told_end[0] == reason):
            return
        ring.told_end = end
        self.lines.append(
            RingEnded(self.call.call_id, over[0], ring.ring_id, reason, ring.cause, age=self._age(over[0]))
        )

    # --- transfers, hold, end ---

    def _transfer(self, transfer: Transfer) -> None:
        channels = self.call.channels
        by = [channels[name] for name in transfer.transferers if name in channels]
        if transfer.three_way and any(c.over is None and c.joined is not None for c in by):
            return  # all three still talk: the call stays with the one who has it
        source = next((c for c in sorted(by, key=lambda c: c.joined or END) if is_ring(self.call, c)), None)
        target = self._target_of(transfer)
        to, side = transfer.to, self._far_side(transfer)
        if to is None and side is not None:
            to = names.local_target(side) or names.endpoint(side)
        told: tuple[UUID | None, UUID | None, str | None] = (
            source.ring_id if source is not None else None,
            target.ring_id if target is not None else None,
            present(to),
        )
        if transfer.told == told:
            return
        transfer.told = told
        at = transfer.moment[0]
        self.lines.append(CallTransferred(self.call.call_id, at, transfer.kind, *told, age=self._age(at)))

    def _redirected(self, rings: list[Channel]) -> None:
        """A redirect (AMI Redirect) reports no transfer: the caller leaves the agent, who is still there, and then
        dials another phone. An agent who hangs up leaves first."""
        call, first = self.call, self.call.first
        if first is None or len(rings) < 2:
            return
        known = {name for t in call.transfers for name in t.transferers}
        for giver in rings:
            if giver.joined is None or giver.name in known or giver is first:
                continue
            left = left_after(first, giver.joined)
            if left is None or left >= (left_after(giver, giver.joined) or BEGINNING):
                continue
            later = [r for r in rings if r is not giver and r.seen > left and call.dial_root(r) is first]
            if later and not any(f.what == "join" and left < f.moment < later[0].seen for f in call.queue_facts):
                call.recheck = True
                call.transfers.append(Transfer("blind", left, (giver.name,), first.name, None, None, implied=True))

    def _far_side(self, transfer: Transfer) -> str | None:
        """The channel that the caller was brought together with: of transferee and target the one that is not the
        caller's own, since the PBX names them in the order of the agent's two lines."""
        if transfer.kind == "blind":
            return None
        anchors = self.call.anchors()
        return next((name for name in (transfer.target, transfer.transferee) if name and name not in anchors), None)

    def _target_of(self, transfer: Transfer) -> Channel | None:
        """The ring that the caller went to: behind an attended transfer's far side, or joined after a blind one."""
        anchors, side = self.call.anchors(), self._far_side(transfer)
        rings = [c for c in self.call.phones() if is_ring(self.call, c) and c.name not in transfer.transferers]
        rings = [c for c in rings if c.name not in anchors]
        if side is not None:
            direct = next((c for c in rings if c.name == side), None)
            if direct is not None:
                return direct
            half = names.other_half(side) if side.startswith("Local/") else ""
            behind = [c for c in rings if half in c.parents or side in c.parents]
            answered = next((c for c in behind if c.up is not None), None)
            if answered is not None or transfer.target is not None:
                return answered
        if transfer.kind == "attended":  # the PBX does not always name the target
            there = [c for c in rings if c.seen < transfer.moment < (c.over or END) and self._kind(c) == "transfer"]
            return max((c for c in there if c.up is not None), key=lambda c: c.seen, default=None)
        later = [c for c in rings if c.joined is not None and c.joined >= transfer.moment]
        if later:
            return min(later, key=lambda c: c.joined or END)
        return max((c for c in rings if c.seen > transfer.moment), key=lambda c: c.seen, default=None)

    def _hold(self, phone: Channel) -> None:
        if phone.held is None or phone.held[1] == phone.told_held:
            return
        phone.told_held = phone.held[1]
        at = phone.held[0][0]
        ring_id = phone.ring_id if is_ring(self.call, phone) else None
        self.lines.append(CallHeld(self.call.call_id, at, ring_id, phone.told_held, age=self._age(at)))

    def _end(self) -> None:
        call = self.call
        if call.gap is not None:
            since, until = call.gap
            call.gap = None
            self.lines.append(CallGap(call.call_id, until, since, age=self._age(until)))
        if call.open_rings:
            return
        over = call.ended()
        if over is None:
            return
        unseen = any(phone.over_unseen for phone in call.phones() if phone.over == over)
        cause = call.first.cause if call.first is not None else None
        told: tuple[Disposition, int | None, datetime, bool] = (disposition(call), cause, over[0], not unseen)
        if call.told_end == told:
            return
        call.told_end = told
        self.lines.append(CallEnded(call.call_id, over[0], told[0], cause, not unseen, age=self._age(over[0])))
