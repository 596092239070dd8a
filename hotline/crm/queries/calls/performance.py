"""What people did in a time: calls, talk, wrap-up, tickets, promises kept. Whoever wants to know more about one figure
finds the records themselves; these are counts of them.

Everybody sees their own. ``users.performance`` shows those of one's teams, and with ``calls.read_all`` everybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.scopes import Arguments, all_of
from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden, Invalid, NotFound

MOST_PEOPLE: Final = 200
#: The longest time that is added up.
LONGEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Figures:
    """``offered`` counts rings of one's phones, ``missed`` those that nobody stopped before one could answer.

    Seconds are whole. Of the tickets that one resolved in this time, ``kept`` and ``broken`` count their deadlines.
    """

    offered: int = 0
    answered: int = 0
    missed: int = 0
    outgoing: int = 0
    talk_seconds: int = 0
    answer_seconds: int = 0
    wrap_ups: int = 0
    wrap_up_seconds: int = 0
    tickets_resolved: int = 0
    kept: int = 0
    broken: int = 0

    @property
    def calls(self) -> int:
        """Calls that one spoke in."""
        return self.answered + self.outgoing

    @property
    def average_talk_seconds(self) -> int | None:
        """None without a call."""
        return round(self.talk_seconds / self.calls) if self.calls else None

    @property
    def average_answer_seconds(self) -> int | None:
        """How long one's phone rang before one answered; None without an answered ring."""
        return round(self.answer_seconds / self.answered) if self.answered else None

    @property
    def sla_kept(self) -> float | None:
        """The part of the deadlines that were kept, 0 to 1; None without any."""
        total = self.kept + self.broken
        return self.kept / total if total else None


@dataclass(frozen=True, slots=True)
class Person:
    """Whose figures these are, and what they have now."""

    id: UUID
    login: str
    name: str
    role: str
    disabled: bool
    figures: Figures
    open_tickets: int
    customers: int
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Day:
    """A day of one person."""

    day: date
    calls: int
    talk_seconds: int
    tickets_resolved: int


_LEGS: Final = """
SELECT user_id,
       count(*) FILTER (WHERE kind <> 'outgoing') AS offered,
       count(*) FILTER (WHERE kind <> 'outgoing' AND answered_at IS NOT NULL) AS answered,
       count(*) FILTER (WHERE kind <> 'outgoing' AND answered_at IS NULL AND end_reason IN ('no_answer', 'busy'))
           AS missed,
       count(*) FILTER (WHERE kind = 'outgoing' AND answered_at IS NOT NULL) AS outgoing,
       COALESCE(sum(EXTRACT(EPOCH FROM COALESCE(ended_at, $3) - answered_at)), 0)::bigint AS talk_seconds,
       COALESCE(sum(EXTRACT(EPOCH FROM answered_at - rang_at)) FILTER (WHERE kind <> 'outgoing'), 0)::bigint
           AS answer_seconds
FROM leg WHERE rang_at >= $1 AND rang_at < $2 AND user_id IN (SELECT id FROM people) GROUP BY user_id
"""
_WRAP_UPS: Final = """
SELECT user_id, count(*) AS wrap_ups,
       COALESCE(sum(EXTRACT(EPOCH FROM LEAST(done_at, until) - started_at)), 0)::bigint AS wrap_up_seconds
FROM wrap_up WHERE started_at >= $1 AND started_at < $2 AND done_at IS NOT NULL
  AND user_id IN (SELECT id FROM people) GROUP BY user_id
"""
_TICKETS: Final = """
SELECT t.assignee_id AS user_id, count(DISTINCT t.id) AS tickets_resolved,
       count(k.id) FILTER (WHERE k.met_at IS NOT NULL AND k.breached_at IS NULL) AS kept,
       count(k.id) FILTER (WHERE k.breached_at IS NOT NULL) AS broken
FROM ticket t LEFT JOIN sla_clock k ON k.ticket_id = t.id AND k.target_seconds IS NOT NULL
WHERE t.resolved_at >= $1 AND t.resolved_at < $2 AND t.state IN ('resolved', 'closed')
  AND t.assignee_id IN (SELECT id FROM people) GROUP BY t.assignee_id
"""
_IN_TEAM: Final = "u.id IN (SELECT m.user_id FROM team_member m WHERE m.team_id = {team})"
_OF_MY_TEAMS: Final = """(u.id = {me} OR u.id IN (
    SELECT theirs.user_id FROM team_member theirs JOIN team_member mine ON mine.team_id = theirs.team_id
    WHERE mine.user_id = {me}))"""
_COUNTED: Final = (
    "offered", "answered", "missed", "outgoing", "talk_seconds", "answer_seconds", "wrap_ups", "wrap_up_seconds",
    "tickets_resolved", "kept", "broken",
)  # fmt: skip


async def list_performance(
    db: Reader, viewer: Viewer, start: datetime, end: datetime, now: datetime, *, team: UUID | None = None
) -> list[Person]:
    """Everybody whose performance the viewer sees and who may sign in, by name. Raises Forbidden, Invalid."""
    viewer.require("users.performance")
    bind = Arguments(*_between(start, end, now))
    conditions = ["u.disabled_at IS NULL", _seen(viewer, bind)]
    if team is not None:
        conditions.append(_IN_TEAM.format(team=bind(team)))
    return await _people(db, bind, all_of(*conditions))


async def get_performance(
    db: Reader, viewer: Viewer, user_id: UUID, start: datetime, end: datetime, now: datetime
) -> Person:
    """One person's; always one's own. Raises NotFound for who is not the viewer's to see, Invalid for a long time."""
    bind = Arguments(*_between(start, end, now))
    seen = None if user_id == viewer.user_id else _seen(viewer, bind)
    found = await _people(db, bind, all_of(f"u.id = {bind(user_id)}", seen))
    if not found:
        raise NotFound()
    return found[0]


async def list_days(
    db: Reader, viewer: Viewer, user_id: UUID, start: datetime, end: datetime, now: datetime, zone: str
) -> list[Day]:
    """A person's days in a time zone, the first one first; days without anything stand there, too."""
    await get_performance(db, viewer, user_id, start, end, now)
    rows = await db.fetch(
        """WITH days AS (
               SELECT generate_series(
                   ($1::timestamptz AT TIME ZONE $5)::date,
                   (($2::timestamptz - interval '1 microsecond') AT TIME ZONE $5)::date,
                   interval '1 day'
               )::date AS day
           ), talked AS (
               SELECT (rang_at AT TIME ZONE $5)::date AS day, count(*) AS calls,
                      sum(EXTRACT(EPOCH FROM COALESCE(ended_at, $3) - answered_at))::bigint AS talk_seconds
               FROM leg WHERE user_id = $4 AND rang_at >= $1 AND rang_at < $2 AND answered_at IS NOT NULL GROUP BY 1
           ), resolved AS (
               SELECT (resolved_at AT TIME ZONE $5)::date AS day, count(*) AS tickets
               FROM ticket WHERE assignee_id = $4 AND resolved_at >= $1 AND resolved_at < $2
                 AND state IN ('resolved', 'closed') GROUP BY 1
           )
           SELECT days.day, COALESCE(calls, 0) AS calls, COALESCE(talk_seconds, 0) AS talk_seconds,
                  COALESCE(tickets, 0) AS tickets_resolved
           FROM days LEFT JOIN talked USING (day) LEFT JOIN resolved USING (day) ORDER BY days.day""",
        *(start, end, now, user_id, zone),
    )
    return [Day(**row) for row in rows]


def may_see_performance(viewer: Viewer, user_id: UUID) -> bool:
    """Whether it is worth asking: one's own, or that of others with the right."""
    return user_id == viewer.user_id or viewer.may("users.performance")


async def _people(db: Reader, bind: Arguments, condition: str) -> list[Person]:
    rows = await db.fetch(
        f"""WITH people AS (
                SELECT u.id, u.login, u.name, u.role, u.disabled_at FROM users u WHERE {condition}
                ORDER BY lower(u.name), u.id LIMIT {MOST_PEOPLE}
            ), legs AS ({_LEGS}), wraps AS ({_WRAP_UPS}), done AS ({_TICKETS})
            SELECT p.id, p.login, p.name, p.role, p.disabled_at, {", ".join(_COUNTED)},
                   (SELECT count(*) FROM ticket t
                    WHERE t.assignee_id = p.id AND t.state IN ('new', 'open', 'waiting')) AS open_tickets,
                   (SELECT count(*) FROM customer c WHERE c.responsible_id = p.id AND c.merged_into_id IS NULL
                                                          AND c.erased_at IS NULL) AS customers,
                   (SELECT max(s.seen_at) FROM session s WHERE s.user_id = p.id) AS seen_at
            FROM people p LEFT JOIN legs ON legs.user_id = p.id LEFT JOIN wraps ON wraps.user_id = p.id
                 LEFT JOIN done ON done.user_id = p.id
            ORDER BY lower(p.name), p.id""",  # noqa: S608
        *bind.values,
    )
    return [_person(row) for row in rows]


def _person(row: Row) -> Person:
    figures = Figures(**{name: row[name] or 0 for name in _COUNTED})
    return Person(
        row["id"],
        row["login"],
        row["name"],
        row["role"],
        row["disabled_at"] is not None,
        figures,
        row["open_tickets"],
        row["customers"],
        row["seen_at"],
    )


def _seen(viewer: Viewer, bind: Arguments) -> str | None:
    """Whose figures the viewer sees beside their own."""
    if not viewer.may("users.performance"):
        raise Forbidden()
    if viewer.may("calls.read_all"):
        return None
    return _OF_MY_TEAMS.format(me=bind(viewer.user_id))


def _between(start: datetime, end: datetime, now: datetime) -> tuple[datetime, datetime, datetime]:
    if not start < end:
        raise Invalid("to: must lie after from.")
    if end - start > LONGEST:
        raise Invalid("from: at most a year is added up.")
    return start, end, now
