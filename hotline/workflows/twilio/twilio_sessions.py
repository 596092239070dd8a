"""The sessions of Twilio's callers between two webhooks: in the records, and for a while in memory.

What this process remembers of a session counts only while nobody took the step that it waits for: that comes out when
the next step is kept, since two cannot take one step.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from hotline.crm.commands.ivr import ivr as commands
from hotline.crm.commands.ivr.ivr import SessionRecord
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Unavailable
from hotline.ivr.flow import FlowSet
from hotline.ivr.session import Session
from hotline.workflows.calls.calls import TWILIO, follow_ivr
from hotline.workflows.house import House
from hotline.workflows.ivr import flows as flow_records
from hotline.workflows.ivr import ivr
from hotline.workflows.ivr.ivr_sessions import ivr_body

log = structlog.get_logger(__name__)

#: Sessions that one process remembers.
MOST_REMEMBERED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """A caller's session."""

    call_sid: str
    flows: FlowSet
    session: Session
    started_at: datetime

    @property
    def language(self) -> str:
        """What the caller is spoken to in."""
        return self.session.facts.language or self.flows.languages[0]


class Taken(Unavailable):
    """Somebody else took this step of the call meanwhile."""


class _Lines(OrderedDict[str, Line]):
    """What is remembered, by CallSid."""


# Found


async def load(house: House, sid: str) -> Line | None:
    """The session of a call as the records have it. Raises Unavailable."""
    saved = await ivr.find_session(house, TWILIO, sid)
    if saved is None:
        return None
    session = Session.from_json(saved.session, saved.secrets)
    flows = await flow_records.fetch(house, session.flow, session.digest)
    if flows is None:
        log.error("ivr.flow_lost", pbx=TWILIO, flow=session.flow)
        return None
    return Line(sid, flows, session, saved.started_at)


def remember(house: House, line: Line) -> None:
    """Keep a session in memory, too."""
    lines: _Lines = house.kept.setdefault(_Lines, _Lines())
    lines[line.call_sid] = line
    lines.move_to_end(line.call_sid)
    if len(lines) > MOST_REMEMBERED:
        lines.popitem(last=False)


def remembered(house: House, sid: str, step: str) -> Line | None:
    """The session of a call, when it waits for the caller at this step; it is remembered no longer."""
    lines: _Lines = house.kept.setdefault(_Lines, _Lines())
    line = lines.pop(sid, None)
    if line is None or str(line.session.waited) != step or line.session.waits != "collect" or line.session.over:
        return None
    return line


# Kept


async def keep_at_once(house: House, line: Line, before: Session, keys: Sequence[str], document: str) -> bool:
    """Keep a step that nobody needs to be told of, which most are, and its claim by one statement; False when it is no
    such step. Raises Taken."""
    session = line.session
    usual = not session.over and session.waits == "collect" == before.waits
    if not usual or _news(before) != _news(session) or before.secrets() != session.secrets():
        return False
    record, now = _record(line), house.clock()
    try:
        kept = await commands.take_step(house.db, house.keyring, record, before.waited, keys, document, now)
    except Conflict:
        kept = False
    if not kept:
        raise Taken
    return True


async def write(house: House, uow: UnitOfWork, line: Line, before: Session | None) -> None:
    """Write a session that was ``before`` (None: it begins); its call is told when that is news to it. Raises Taken."""
    session = line.session
    record = _record(line)
    call_id: UUID | None = None
    customer_id: UUID | None = None
    if before is None or _news(before) != _news(session):
        if session.customer_number is not None:
            known = await ivr.find_customer(house, session.customer_number, uow)
            customer_id = known.customer_id if known is not None else None
        # The call's row is locked before the session's, as everywhere.
        call_id = await commands.find_call(uow, TWILIO, line.call_sid)
        if call_id is not None:
            await follow_ivr(house, uow, call_id, dict(record.facts), customer_id)
    if before is not None and await commands.lock_session(uow, TWILIO, line.call_sid) not in (None, before.waited):
        raise Taken
    await commands.save_session(uow, record, call_id, customer_id)


def _news(session: Session) -> tuple[object, ...]:
    """What a ticket or the desk shows of a session; the path that led there is told with it."""
    facts = session.facts
    return facts.language, facts.kind, facts.queue, facts.outcome, facts.customer_number, dict(facts.variables)


def _record(line: Line) -> SessionRecord:
    session = line.session
    state = "over" if session.over else "queued" if session.waits in ("queue", "transfer") else "running"
    body: dict[str, Any] = ivr_body(session)
    return SessionRecord(
        TWILIO, line.call_sid, session.flow, session.digest, session.version, state, session.to_json(), body,
        session.steps, line.started_at, session.secrets(),
    )  # fmt: skip
