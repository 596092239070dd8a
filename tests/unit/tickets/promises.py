"""Policies, tickets and calendars for the tests of deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hotline.calendars import Calendar, Holidays, parse_opening
from hotline.tickets.policies import Policy, PolicySpec, Rules
from hotline.tickets.sla import TicketFacts

TICKET = UUID(int=1)
BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN) -> datetime:
    """A local time as an instant: ``2026-06-01T09:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local(instant: datetime | None, zone: str = BERLIN) -> str | None:
    """The other way round, to compare with."""
    return None if instant is None else instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def calendar(name: str = "default", days: int = 5, open_: str = "09:00-18:00", zone: str = BERLIN) -> Calendar:
    """Open on the first ``days`` of the week; Bavaria's holidays in Berlin's zone."""
    hours = tuple((parse_opening(*open_.split("-")),) if day < days else () for day in range(7))
    return Calendar(name, ZoneInfo(zone), hours, Holidays("DE", "BY") if zone == BERLIN else None)


def policy(number: int = 1, **spec: Any) -> Policy:
    """A policy; without targets an hour and a day, each warned at 80 percent."""
    if "first_response" not in spec and "resolution" not in spec:
        spec |= {
            "first_response": {"seconds": 3600, "warn": {"percent": 80}},
            "resolution": {"seconds": 8 * 3600, "warn": {"percent": 80}},
        }
    return Policy(UUID(int=1000 + number), PolicySpec.model_validate({"name": f"policy {number}"} | spec))


def rules(*policies: Policy, version: int = 1, calendars: Sequence[Calendar] = ()) -> Rules:
    """Policies over the calendars ``default`` and ``always``, or others."""
    known = calendars or (calendar(), calendar("always", 7, "00:00-24:00"))
    return Rules(version, policies or (policy(),), {each.name: each for each in known})


def ticket(when: datetime, state: str = "open", **more: Any) -> TicketFacts:
    """A ticket as it is ``when``."""
    facts: dict[str, Any] = {
        "id": TICKET,
        "kind": "consultation",
        "state": state,
        "priority": "normal",
        "tier": None,
        "service": None,
        "opened_at": when,
        "at": when,
    }
    return TicketFacts(**facts | more)
