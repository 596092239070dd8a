"""The calls of a ticket as its page shows them: who, how it went, what the caller chose, notes and recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.calls.calls import CallView, get_call
from hotline.crm.queries.calls.recordings import RecordingView, of_calls
from hotline.crm.queries.tickets.ticket_brief import Attached
from hotline.crm.queries.tickets.tickets import TicketCallView, TicketView
from hotline.errors import NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.calls.call_words import DISPOSITIONS
from hotline.web.desktop.render import say
from hotline.web.desktop.tickets import ticket_words
from hotline.web.desktop.words import N_

#: The latest calls are read whole; further ones are counted.
READ: Final = 20
_OWN_NAMES: Final[Mapping[str, str]] = {"zh": "中文", "en": "English"}


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call. ``outcome`` is a message to translate; times are in seconds, None while not known."""

    at: datetime
    direction: str
    outcome: str
    agent: str | None
    talk: float | None
    wait: float | None
    number: str
    path: str
    queue: str | None
    gap: bool
    joined: bool
    recordings: tuple[RecordingView, ...]
    survey: tuple[tuple[str, str], ...]


async def calls_of(request: web.Request, ticket: TicketView) -> list[CallRow]:
    """The ticket's calls, the latest first. Of a call that is somebody else's only the outline is shown."""
    house, viewer = house_of(request), signed_of(request).viewer
    shown = ticket.calls[:READ]
    recordings = await of_calls(house.db, viewer, [call.id for call in shown])
    rows = []
    for call in shown:
        whole = None
        if viewer.may("calls.read"):
            try:
                whole = await get_call(house.db, house.keyring, viewer, call.id)
            except NotFound:
                whole = None  # a colleague's call: the ticket is theirs to share, the call is not
        rows.append(_row(request, call, whole, tuple(recordings.get(call.id, ()))))
    return rows


def _row(
    request: web.Request,
    call: TicketCallView,
    whole: CallView | None,
    recordings: tuple[RecordingView, ...],
) -> CallRow:
    outcome = DISPOSITIONS.get(call.disposition or "", call.disposition or "")
    if call.state != "ended":
        outcome = N_("in progress") if call.state == "answered" else N_("waiting")
    return CallRow(
        at=call.at,
        direction=call.direction,
        outcome=outcome,
        agent=call.agent,
        talk=_seconds(whole.answered_at, whole.ended_at) if whole else None,
        wait=_seconds(whole.offered_at, whole.answered_at or whole.ended_at) if whole else None,
        number=(whole.caller.display or "") if whole else "",
        path=path_of(request, whole.ivr) if whole else "",
        queue=whole.queue if whole else None,
        gap=bool(whole.gaps) or not whole.end_seen if whole else False,
        joined=_by_rule(call.attached),
        recordings=recordings,
        survey=survey_of(whole.ivr) if whole else (),
    )


def _by_rule(attached: Attached) -> bool:
    return attached.by == "rule"


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()


def path_of(request: web.Request, ivr: Mapping[str, Any] | None) -> str:
    """What the caller chose: "中文 → Complaint"; "" where there was no IVR."""
    if not ivr:
        return ""
    language = str(ivr.get("language") or "")
    kind = str(ivr.get("kind") or "")
    parts = [_OWN_NAMES.get(language[:2], language), say(request, ticket_words.kinds.get(kind, kind)) if kind else ""]
    return " → ".join(part for part in parts if part)


def survey_of(ivr: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """What the caller answered after the call: (question, key)."""
    answers = (ivr or {}).get("survey")
    return tuple((str(name), str(key)) for name, key in answers.items()) if isinstance(answers, Mapping) else ()
