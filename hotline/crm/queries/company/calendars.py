"""Business calendars, and all rules about deadlines at one version."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from pydantic import ValidationError

from hotline.calendars import Calendar
from hotline.calendars.spec import CalendarSpec
from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.tickets.policies import Policy, PolicySpec, Rules

log = structlog.get_logger(__name__)

CALENDAR_COLUMNS: Final = (
    "id, key, names, timezone, hours, country, subdivision, categories, make_up, exceptions, version, updated_at"
)
POLICY_COLUMNS: Final = (
    "p.id, p.name, p.kind, p.tier, p.service, p.priority, c.key AS calendar, p.targets, p.escalations, p.enabled, "
    "p.version, p.updated_at"
)

_SPEC: Final = tuple(CalendarSpec.model_fields)

#: Everything in one statement, so that it is of one moment.
_RULES: Final = f"""
SELECT b.version, b.since, b.fingerprint,
       (SELECT jsonb_agg(to_jsonb(c)) FROM (SELECT {CALENDAR_COLUMNS} FROM business_calendar ORDER BY key) c)
           AS calendars,
       (SELECT jsonb_agg(to_jsonb(q)) FROM (
            SELECT {POLICY_COLUMNS} FROM sla_policy p JOIN business_calendar c ON c.id = p.calendar_id ORDER BY p.id
        ) q) AS policies
FROM sla_basis b ORDER BY b.version DESC LIMIT 1
"""  # noqa: S608 - constants of this file


@dataclass(frozen=True, slots=True)
class CalendarView:
    """A calendar as it is written down. ``policies`` count how many count by it."""

    id: UUID
    key: str
    spec: CalendarSpec
    version: int
    updated_at: datetime
    policies: int = 0


@dataclass(frozen=True, slots=True)
class Basis:
    """The newest version of the rules as it is stored: what is needed to compute by it, and to keep it as history."""

    version: int
    since: datetime
    fingerprint: Mapping[str, str]
    calendars: tuple[Mapping[str, Any], ...]
    policies: tuple[Mapping[str, Any], ...]

    def rules(self, zone: ZoneInfo) -> Rules:
        """The rules themselves; ``zone`` is that of calendars without one."""
        return _rules(self.version, self.calendars, self.policies, zone)

    @property
    def kept(self) -> dict[str, Any]:
        """As it is written down when a newer one comes."""
        return {
            "calendars": [_written(row) for row in self.calendars],
            "policies": [_written(row) for row in self.policies],
        }


def fingerprint(zone: ZoneInfo) -> dict[str, str]:
    """What changes calendars without touching their rows."""
    return {"holidays": version("holidays"), "timezones": _zone_version(), "timezone": zone.key}


async def list_calendars(db: Reader, viewer: Viewer) -> list[CalendarView]:
    """Every calendar by its key."""
    viewer.require("settings.read")
    rows = await db.fetch(
        f"""SELECT {CALENDAR_COLUMNS}, (SELECT count(*) FROM sla_policy p WHERE p.calendar_id = c.id) AS policies
            FROM business_calendar c ORDER BY key <> 'opening_hours', key <> 'default', key LIMIT 500"""  # noqa: S608
    )
    return [view for row in rows if (view := _view(row)) is not None]


async def get_calendar(db: Reader, viewer: Viewer, key: str) -> CalendarView:
    """One calendar. Raises NotFound."""
    viewer.require("settings.read")
    row = await db.fetchrow(
        f"""SELECT {CALENDAR_COLUMNS}, (SELECT count(*) FROM sla_policy p WHERE p.calendar_id = c.id) AS policies
            FROM business_calendar c WHERE key = $1""",  # noqa: S608
        key,
    )
    view = None if row is None else _view(row)
    if view is None:
        raise NotFound()
    return view


async def read_basis(db: Reader, viewer: Viewer) -> Basis:
    """The newest version of all rules."""
    viewer.require("settings.read")
    row = await db.fetchrow(_RULES)
    if row is None:
        raise NotFound("The rules about deadlines are gone from the database.")
    return Basis(
        row["version"],
        row["since"],
        row["fingerprint"],
        tuple(row["calendars"] or ()),
        tuple(row["policies"] or ()),
    )


async def read_history(
    db: Reader, viewer: Viewer, first: int, zone: ZoneInfo
) -> list[tuple[datetime, int, Rules | None]]:
    """Versions from ``first`` on, the oldest first: since when they hold, their number, and the kept rules; None for
    the newest one, whose rules are in the tables."""
    viewer.require("settings.read")
    rows = await db.fetch(
        "SELECT version, since, fingerprint, rules FROM sla_basis WHERE version >= $1 ORDER BY version", first
    )
    found: list[tuple[datetime, int, Rules | None]] = []
    for row in rows:
        kept = row["rules"]
        then = _zone(row["fingerprint"].get("timezone"), zone)
        rules = None if kept is None else _rules(row["version"], kept["calendars"], kept["policies"], then)
        found.append((row["since"], row["version"], rules))
    return found


def policy_spec(row: Row | Mapping[str, Any]) -> PolicySpec:
    """A policy's row as it is written down. Raises ValidationError for what another version stored."""
    targets = row["targets"]
    return PolicySpec.model_validate(
        {
            **{name: row[name] for name in ("name", "kind", "tier", "service", "priority", "calendar", "enabled")},
            "first_response": targets.get("first_response"),
            "resolution": targets.get("resolution"),
            "escalations": row["escalations"],
        }
    )


def _view(row: Row) -> CalendarView | None:
    spec = _spec(row)
    if spec is None:
        return None
    return CalendarView(row["id"], row["key"], spec, row["version"], row["updated_at"], row["policies"])


def _spec(row: Row | Mapping[str, Any]) -> CalendarSpec | None:
    try:
        return CalendarSpec.model_validate({name: row[name] for name in _SPEC})
    except ValidationError as error:
        # A zone or a country that this machine's data does not know (any more).
        log.error("calendar.unusable", calendar=row["key"], reason=str(error.errors()[0]["msg"])[:200])
        return None


def _rules(
    number: int, calendars: tuple[Mapping[str, Any], ...], policies: tuple[Mapping[str, Any], ...], zone: ZoneInfo
) -> Rules:
    usable: dict[str, Calendar] = {}
    for row in calendars:
        if (spec := _spec(row)) is not None:
            usable[row["key"]] = spec.calendar(row["key"], zone)
    kept = []
    for row in policies:
        try:
            kept.append(Policy(UUID(str(row["id"])), policy_spec(row), row["version"]))
        except ValidationError as error:
            log.error("policy.unusable", policy=str(row["id"]), reason=str(error.errors()[0]["msg"])[:200])
    return Rules(number, tuple(kept), usable)


def _written(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "updated_at"}


def _zone(name: Any, default: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else default
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return default


def _zone_version() -> str:
    """Of the time zones that are used: the system's, else those of the package."""
    for folder in zoneinfo.TZPATH:
        try:
            with (Path(folder) / "tzdata.zi").open(encoding="ascii") as file:
                return file.readline().removeprefix("# version").strip()
        except OSError:
            continue
    return version("tzdata")
