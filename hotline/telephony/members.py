"""The mirror of a PBX's queue members: the last word about each is written, several times a second at most."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from hotline.calls.facts import AmiEvent
from hotline.errors import Unavailable
from hotline.workflows.calls.presence import Member, mirror_members, replace_members
from hotline.workflows.house import House

#: Each carries the whole member (apps/app_queue.c, queue_member_blob_create).
MEMBER_EVENTS: Final = frozenset({"QueueMemberAdded", "QueueMemberPause", "QueueMemberRemoved", "QueueMemberStatus"})
_PAUSE: Final = 0.2

Key = tuple[str, str]


class MemberMirror:
    """``take`` events as they come; ``run`` writes what they say, and waits while the records are away."""

    def __init__(self, house: House, pbx: str) -> None:
        self._house = house
        self._pbx = pbx
        self._dirty: dict[Key, Member | None] = {}
        self._whole: list[Member] | None = None
        self._wake = asyncio.Event()

    def take(self, event: AmiEvent) -> None:
        """One of MEMBER_EVENTS."""
        member = member_of(event)
        if member.queue and member.interface:
            self._dirty[member.queue, member.interface] = None if event.name == "QueueMemberRemoved" else member
            self._wake.set()

    def replace(self, members: Iterable[AmiEvent]) -> None:
        """QueueStatus lists all there are; later events still count."""
        self._whole = [member_of(event) for event in members]
        self._dirty.clear()
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            whole, self._whole = self._whole, None
            dirty, self._dirty = self._dirty, {}
            try:
                if whole is not None:
                    await replace_members(self._house, self._pbx, whole)
                if dirty:
                    await mirror_members(
                        self._house,
                        self._pbx,
                        [member for member in dirty.values() if member is not None],
                        [key for key, member in dirty.items() if member is None],
                    )
            except Unavailable:
                # Put back what no later word has replaced, and try again.
                if self._whole is None:
                    self._whole = whole
                    self._dirty = dirty | self._dirty
                self._wake.set()
            await asyncio.sleep(_PAUSE)


def member_of(event: AmiEvent) -> Member:
    """A member out of an event or of a row of QueueStatus, whose names for the same things differ."""
    return Member(
        queue=event.get("Queue"),
        interface=event.get("Interface") or event.get("Location"),
        member_name=event.get("MemberName") or event.get("Name"),
        state_interface=event.get("StateInterface"),
        paused=event.get("Paused") == "1",
        pause_reason=(event.get("PausedReason") or event.get("Reason"))[:200],
        status=_number(event.get("Status")),
        in_call=event.get("InCall") == "1",
        calls_taken=_number(event.get("CallsTaken")),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
