"""What happened on one PBX: AMI events in, the lines of the calls' stories out.

The tracker keeps facts (``intake``) and tells what they newly say (``telling``). It makes no assumption on order, may
be fed an event twice or late, and survives a lost connection by ``restore``. It is pure: time is an argument, ids are
derived from the PBX's own (``names``).

Memory is bounded: an ended call is kept for ``KEEP_ENDED`` so that late facts find it, finished rings of long waits are
dropped, and beyond ``MAX_CALLS`` the ended ones go first, then those that were silent longest, told as ended unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from . import names
from .conversation import Conversation, Moment
from .facts import AmiEvent, Snapshot
from .intake import Intake, moment_of
from .open_calls import OpenCall
from .story import CallEnded, Line, RingEnded
from .telling import Telling

KEEP_ENDED: Final = timedelta(seconds=45)
KEEP_RINGS: Final = timedelta(minutes=1)
#: A call whose first phone nobody named is told with the oldest phone after this time.
WAIT_FOR_FIRST: Final = timedelta(seconds=2)
#: Local halves whose Hangup was lost keep a call alive no longer than this after its last phone is gone.
LOCAL_ALONE: Final = timedelta(minutes=1)
MAX_SILENCE: Final = timedelta(hours=24)
MAX_CALLS: Final = 5000
MANY_CHANNELS: Final = 40
CROWD: Final = 200


class Tracker:
    """The calls of one PBX. Lines may be of several calls; those of one call are in order."""

    def __init__(self, pbx: str) -> None:
        self.pbx = pbx
        self._intake = Intake(pbx)
        self._order = 0
        self._timed = False

    @property
    def held(self) -> int:
        """How many calls are in memory, those lately ended among them."""
        return len(self._intake.conversations)

    def call_of(self, channel: str, uniqueid: str) -> UUID | None:
        """The call of a channel that is alive and has this uniqueid now; None for any other."""
        found = self._intake.channels.get(names.bare(channel)[0])
        if found is None or found.over is not None or uniqueid not in found.uniqueids:
            return None
        return found.conversation.call_id

    def feed(self, event: AmiEvent, now: datetime) -> list[Line]:
        """Take one event, read at ``now``; returns what it newly tells."""
        changed = self._intake.take(event, self._moment(event, now), now)
        return self._tell(changed, now) if changed else []

    def sweep(self, now: datetime) -> list[Line]:
        """Tell what only the passing of time tells, and forget what is long over. Call it about each second."""
        lines: list[Line] = []
        for call in sorted(self._intake.conversations, key=lambda c: c.born):
            silent = now - call.touched
            if call.told_end is not None and call.ended() is not None:
                if silent > KEEP_ENDED:
                    self._intake.forget(call)
                continue
            lonely = self._end_lonely_halves(call, now)
            self._thin_out(call, now)
            if call.alive and (lonely or call.queue_facts or not call.told_arrived):
                lines += self._tell((call,), now, force=now - call.born > WAIT_FOR_FIRST)
            if silent > MAX_SILENCE:
                lines += self._drop_unseen(call, now)
            elif silent > KEEP_ENDED and not (call.alive and any(c.over is None for c in call.channels.values())):
                self._intake.forget(call)
        return lines + self._shrink(now)

    def restore(
        self, open_calls: Iterable[OpenCall], snapshot: Snapshot, now: datetime, *, since: datetime | None = None
    ) -> list[Line]:
        """Reconcile with what the PBX says is there now, after ``since`` when hotline stopped hearing it.

        ``open_calls`` are the records' calls when this tracker starts anew. What vanished is told as ended, its end
        unseen; calls that lived through the gap get a CallGap; rings that are over raise nothing.
        """
        known = {c for c in self._intake.conversations if c.told_arrived and c.ended() is None}
        for open_call in open_calls:
            known.add(self._remember(open_call, now))
        changed = dict.fromkeys(known)
        here: set[tuple[str, str]] = set()
        for row in snapshot.members:
            self._intake.take(_named("QueueMember", row), self._moment(row, now), now)
        for row in snapshot.channels:
            here.add((row.get("Channel"), row.get("Uniqueid")))
            changed |= dict.fromkeys(self._present(row, now))
        for row in snapshot.waiting:
            joined = self._intake.take(_named("QueueCallerJoin", row), self._waiting_since(row, now), now)
            changed |= dict.fromkeys(joined)
        lines: list[Line] = []
        for call in list(known):
            if call not in self._intake.conversations:
                continue
            if snapshot.complete:
                lines += self._gone(call, here, now)
            began = since or max((c.seen[0] for c in call.channels.values()), default=now)
            if since is not None or call.restored:
                call.gap = (min(began, now), now)
        self._timed = True  # the PBX says how long each channel has been there
        return lines + self._tell([c for c in changed if c in self._intake.conversations], now, force=True)

    # --- inside ---

    def _moment(self, event: AmiEvent, now: datetime) -> Moment:
        self._order += 1
        if event.at is not None:
            self._timed = True
        return moment_of(event, now, self._order)

    def _tell(self, calls: Iterable[Conversation], now: datetime, *, force: bool = False) -> list[Line]:
        lines: list[Line] = []
        for call in calls:
            if call.campaign:
                continue
            lines += Telling(self._intake, call, now, timed=self._timed, force=force).lines_now()
        return lines

    def _remember(self, known: OpenCall, now: datetime) -> Conversation:
        """A call from the records, to be matched with the PBX's channels by its aliases."""
        values = [alias.value for alias in known.aliases] or [str(known.call_id)]
        for value in values:
            there = self._intake.links.get(value)
            if there is not None and there.call_id == known.call_id:
                return there
        root = next((a.value for a in known.aliases if a.kind == "linkedid"), values[0])
        call = Conversation(known.call_id, root, now, now)
        call.alive = call.told_arrived = call.restored = True
        call.told_aliases = set(known.aliases)
        call.answered = known.answered_at is not None
        call.open_rings = {ring.uniqueid: ring for ring in known.rings}
        call.ids = {*values, root}
        self._intake.conversations.add(call)
        for value in call.ids:
            self._intake.links.setdefault(value, call)
        return call

    def _present(self, row: AmiEvent, now: datetime) -> Sequence[Conversation]:
        """A channel of CoreShowChannels: it is there, in this state, perhaps in a bridge, since its Duration."""
        since = now - _duration(row.get("Duration"))
        moment = (since, self._moment(row, now)[1])
        changed = self._intake.take(_named("NewCallerid", row), moment, now)
        channel = self._intake.channels.get(row.get("Channel"))
        if channel is not None:
            channel.over, channel.over_unseen = None, False
            if row.get("BridgeId"):
                # Of a channel that was in another bridge before the gap, only that it moved since is known.
                entered = now if channel.stays else since
                self._intake.stay(channel, row.get("BridgeId"), (entered, moment[1]), conversation=False)
                channel.conversation.connected_dirty = True
        return changed

    def _waiting_since(self, row: AmiEvent, now: datetime) -> Moment:
        wait = row.get("Wait")
        return (now - timedelta(seconds=int(wait) if wait.isdigit() else 0), self._moment(row, now)[1])

    def _gone(self, call: Conversation, here: set[tuple[str, str]], now: datetime) -> list[Line]:
        """End what the PBX no longer has."""
        lines: list[Line] = []
        for ring in call.open_rings.values():
            lines.append(RingEnded(call.call_id, now, ring.ring_id, "unseen"))
        call.open_rings.clear()
        for channel in call.channels.values():
            if channel.over is None and not any((channel.name, one) in here for one in channel.uniqueids):
                channel.over_unseen = True
                channel.step("over", (now, 0))
                call.connected_dirty = True
        if not call.channels and call.told_end is None:
            call.told_end = ("answered" if call.answered else "no_answer", None, now, False)
            lines.append(CallEnded(call.call_id, now, "answered" if call.answered else "no_answer", None, False))
            call.touched = now
        return lines

    @staticmethod
    def _end_lonely_halves(call: Conversation, now: datetime) -> bool:
        """End Local halves that outlived the last phone: their Hangup was lost."""
        if now - call.touched <= LOCAL_ALONE or not any(True for _ in call.phones()):
            return False
        if any(phone.over is None for phone in call.phones()):
            return False
        lonely = [c for c in call.channels.values() if c.kind == "local" and c.over is None]
        for half in lonely:
            half.step("over", (now, 0))
        return bool(lonely)

    def _thin_out(self, call: Conversation, now: datetime) -> None:
        """Drop the finished rings of a long wait, and in a crowd all who have left."""
        if len(call.channels) <= MANY_CHANNELS:
            return
        crowd = len(call.channels) > CROWD  # a conference room that is never empty
        keep = call.anchors() | {name for t in call.transfers for name in (*t.transferers, t.target or "")}
        for channel in list(call.channels.values()):
            if channel.name in keep or channel.over is None or (channel.joined is not None and not crowd):
                continue
            if now - channel.over[0] > KEEP_RINGS and (channel.kind != "phone" or channel.told_end or not channel.rang):
                self._intake.forget_channel(channel)
        if crowd:
            del call.queue_facts[:-CROWD], call.transfers[:-CROWD]

    def _drop_unseen(self, call: Conversation, now: datetime) -> list[Line]:
        lines: list[Line] = []
        if call.told_arrived and call.told_end is None:
            for channel in call.channels.values():
                if channel.over is None:
                    channel.over_unseen = True
                    channel.step("over", (now, 0))
            call.open_rings.clear()
            lines = self._tell((call,), now)
        self._intake.forget(call)
        return lines

    def _shrink(self, now: datetime) -> list[Line]:
        calls = self._intake.conversations
        if len(calls) <= MAX_CALLS:
            return []
        lines: list[Line] = []
        for call in sorted(calls, key=lambda c: (c.ended() is None, c.touched))[: len(calls) - MAX_CALLS]:
            lines += self._drop_unseen(call, now)
        return lines


def _named(name: str, row: AmiEvent) -> AmiEvent:
    """A row of a list answer, read as the event that tells the same."""
    return AmiEvent(name, row.fields, row.at, row.repeated)


def _duration(text: str) -> timedelta:
    """CoreShowChannels' Duration, ``HH:MM:SS``."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return timedelta()
    hours, minutes, seconds = (int(part) for part in parts)
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
