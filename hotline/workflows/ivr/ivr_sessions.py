"""The callers' sessions that this node runs: in memory first, in the records as soon as these take them.

Of each session only the newest state waits to be written, so that an outage of the records costs memory for the callers
of that time and nothing more. A session is written again until its call is known to the records.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from hotline.crm.commands.ivr.ivr import SessionRecord
from hotline.errors import Unavailable
from hotline.ivr.flow import FlowSet
from hotline.ivr.session import Session
from hotline.workflows.house import House
from hotline.workflows.ivr.ivr import save

log = structlog.get_logger(__name__)

UNSAVED: Final = Gauge("hotline_ivr_unsaved_sessions", "Callers' sessions that the records do not have yet.")
LOST: Final = Counter("hotline_ivr_lost_sessions", "Callers' sessions that the records would never take.")

#: Sessions that are written at the same time; each takes one connection of the pool.
AT_ONCE: Final = 4
#: Most sessions in memory. Beyond it the oldest that are written go first, then the oldest.
MOST: Final = 5_000
#: A choice is written this much later, with the next one if the caller is quick.
LATER_SECONDS: Final = 0.25
#: Pauses until a session is written again because the records do not know its call; in all about a minute.
_LINK_SECONDS: Final = (0.5, 0.5, 1.0, 1.0, 2.0, 5.0, 10.0, 20.0, 20.0)
#: How often a session that is refused is tried.
_TRIES: Final = 4
_LONGEST_PAUSE: Final = 2.0

Key = tuple[str, str]


@dataclass(eq=False)
class Held:
    """One caller's session. ``saved`` is the last state that is in the records (``stored``: it is the newest), with its
    call when it is ``linked`` (``written``)."""

    pbx: str
    uniqueid: str
    flows: FlowSet
    session: Session
    state: str
    started_at: datetime
    changes: int = 0
    saved: int = 0
    linked: bool = False
    links: int = 0
    refusals: int = 0
    timer: asyncio.TimerHandle | None = None
    stored: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.pbx, self.uniqueid

    def record(self) -> SessionRecord:
        """The row as it is now."""
        return SessionRecord(
            self.pbx,
            self.uniqueid,
            self.session.flow,
            self.session.digest,
            self.session.version,
            self.state,
            self.session.to_json(),
            ivr_body(self.session),
            self.session.steps,
            self.started_at,
            self.session.secrets(),
        )


def ivr_body(session: Session) -> dict[str, object]:
    """The body of a call's ``ivr``: what the caller chose, nothing that they keyed in."""
    facts = session.facts
    return {
        "flow": facts.flow,
        "version": facts.version,
        "language": facts.language,
        "kind": facts.kind,
        "path": list(facts.path),
        "queue": facts.queue,
        "outcome": facts.outcome,
        # The answers of a survey, by question.
        **({"survey": {name.removeprefix("survey."): text for name, text in facts.variables.items()}}
           if facts.variables else {}),
    }  # fmt: skip


class Sessions:
    """``keep`` what a caller came to; ``run`` writes it, and waits while the records are away."""

    def __init__(self, house: House, *, later: float = LATER_SECONDS) -> None:
        self._house = house
        self._later = later
        self._held: OrderedDict[Key, Held] = OrderedDict()
        self._due: deque[Held] = deque()
        self._busy: set[Held] = set()
        self._wake = asyncio.Event()
        self._pause = 0.0

    def __len__(self) -> int:
        return len(self._held)

    def find(self, pbx: str, uniqueid: str) -> Held | None:
        """The session of a channel, when this node has it."""
        return self._held.get((pbx, uniqueid))

    def begin(self, pbx: str, uniqueid: str, flows: FlowSet, session: Session, started_at: datetime) -> Held:
        """A new run of a channel, in the place of an older one."""
        held = Held(pbx, uniqueid, flows, session, "running", started_at)
        old = self._held.pop(held.key, None)
        if old is not None:
            self._forget(old)
        self._held[held.key] = held
        self._make_room()
        return held

    def keep(self, held: Held, session: Session, state: str, *, now: bool = False) -> None:
        """The session's newest state; written ``now`` or with what comes in the next moments."""
        if session == held.session and state == held.state and held.changes:
            if now and held.saved < held.changes:
                self._put(held)
            return
        held.session, held.state = session, state
        held.changes += 1
        held.stored.clear()
        held.written.clear()
        if now:
            self._put(held)
        elif held.timer is None:
            held.timer = asyncio.get_running_loop().call_later(self._later, self._put, held)

    async def written(self, held: Held, seconds: float) -> bool:
        """Wait until the newest state is in the records, with its call; False after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await held.written.wait()
        except TimeoutError:
            return False
        return True

    async def drained(self) -> None:
        """Until everything is in the records."""
        left = [held for held in self._held.values() if held.saved < held.changes]
        for held in left:
            self._put(held)
        for held in left:
            await held.stored.wait()

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(self._work() for _ in range(AT_ONCE)))

    # Inside

    def _put(self, held: Held) -> None:
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
        if held not in self._due and held not in self._busy:
            self._due.append(held)
            self._wake.set()

    async def _work(self) -> None:
        while True:
            while not self._due:
                self._wake.clear()
                await self._wake.wait()
            held = self._due.popleft()
            self._busy.add(held)
            try:
                away = not await self._write(held)
            finally:
                self._busy.discard(held)
            UNSAVED.set(len(self._due) + len(self._busy) + away)
            if away:
                self._put(held)
                self._pause = min(max(self._pause * 2, 0.1), _LONGEST_PAUSE)
                await asyncio.sleep(self._pause)
            else:
                self._pause = 0.0
                self._follow_up(held)

    async def _write(self, held: Held) -> bool:
        """False when the records are away. What they refuse again and again is given up."""
        changes = held.changes
        try:
            held.linked = await save(self._house, held.record(), held.session.facts.customer_number)
        except Unavailable:
            return False
        except Exception:
            held.refusals += 1
            log.exception("ivr.session_refused", pbx=held.pbx, flow=held.session.flow)
            if held.refusals < _TRIES:
                return False
            LOST.inc()
        held.refusals = 0
        held.saved = max(held.saved, changes)
        if held.saved == held.changes:
            held.stored.set()
        return True

    def _follow_up(self, held: Held) -> None:
        """After a write: again for a newer state, or for a call that is not known yet; else it is done."""
        if self._held.get(held.key) is not held:
            return
        if held.saved < held.changes:
            self._put(held)
        elif not held.linked and held.links < len(_LINK_SECONDS):
            if held.timer is None:
                loop = asyncio.get_running_loop()
                held.timer = loop.call_later(_LINK_SECONDS[held.links], self._put, held)
                held.links += 1
        else:
            held.written.set()
            if held.state == "over":
                del self._held[held.key]

    def _make_room(self) -> None:
        if len(self._held) <= MOST:
            return
        done = next((each for each in self._held.values() if each.saved >= each.changes), None)
        goes = done or next(iter(self._held.values()))
        if goes.saved < goes.changes:
            LOST.inc()
        self._forget(self._held.pop(goes.key))

    @staticmethod
    def _forget(held: Held) -> None:
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
