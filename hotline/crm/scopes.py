"""Which records a viewer sees, as SQL conditions: the one place that says what ``own``, ``team`` and ``all`` mean.

Every query of customers, calls, tickets and what belongs to them adds the condition of its kind. What it leaves out
does not exist for the viewer (NotFound, never Forbidden), so nobody learns which ids or numbers there are.

- **own**: a call that the viewer had, dialled, or that rang at their phone; a ticket that is theirs, that they made,
  that belongs to an own call, or that nobody has; a customer whom they are responsible for, or who is on an own call
  or on a ticket of theirs. Whoever may be the caller of an own call is seen for a day, so that they can be picked.
- **team**: the same of everybody in the viewer's teams, and the calls and tickets of the teams' queues.
- **all**: no condition.

``bind`` takes a value and answers its placeholder, for example ``$3``; :class:`Arguments` is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from hotline.crm.viewer import Scope, Scoped, Viewer

Bind = Callable[[Any], str]

#: For how long whoever may be the caller of an own call is seen, as an interval of PostgreSQL.
CANDIDATES_SEEN: Final = "1 day"


class Arguments:
    """The arguments of a statement; calling it with a value answers the value's placeholder."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def __call__(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def customers_seen(viewer: Viewer, bind: Bind, alias: str = "c") -> str | None:
    """The condition on ``customer`` under ``alias``; None when the viewer sees every customer."""
    return None if viewer.scope_of("customers") == "all" else _seen(viewer, "customers", bind, alias)


def calls_seen(viewer: Viewer, bind: Bind, alias: str = "c") -> str | None:
    """The condition on ``call`` under ``alias``; None when the viewer sees every call."""
    return None if viewer.scope_of("calls") == "all" else _seen(viewer, "calls", bind, alias)


def tickets_seen(viewer: Viewer, bind: Bind, alias: str = "t") -> str | None:
    """The condition on ``ticket`` under ``alias``; None when the viewer sees every ticket."""
    return None if viewer.scope_of("tickets") == "all" else _seen(viewer, "tickets", bind, alias)


def reaches_less(viewer: Viewer, kind: Scoped, than: Scoped) -> bool:
    """Whether the viewer sees records of one kind less far than those of another."""
    reach = get_args(Scope)
    return reach.index(viewer.scope_of(kind)) < reach.index(viewer.scope_of(than))


def all_of(*conditions: str | None) -> str:
    """The conditions together; ``true`` when there are none."""
    return " AND ".join(condition for condition in conditions if condition is not None) or "true"


# ``{people}`` and ``{queues}`` stand for a comparison: ``= $1``, or with everybody of one's teams. Each condition is a
# union of small selects, so that PostgreSQL either walks the indexes of a person's few records, or puts the one id that
# is asked for into every select; a chain of ORs leaves it neither way. EXISTS, since IN in a list of columns or beside
# an OR reads all of somebody's records for one row.
_CALLS: Final = (
    "SELECT {column} FROM call WHERE user_id {people}",
    "SELECT {column} FROM call WHERE dialler_id {people}",
    "SELECT sc.{column} FROM leg sl JOIN call sc ON sc.id = sl.call_id WHERE sl.user_id {people}",
)
_CALLS_OF_QUEUES: Final = "SELECT {column} FROM call WHERE queue {queues}"
_CUSTOMERS: Final = (
    "SELECT id FROM customer WHERE responsible_id {people}",
    *(way.replace("{column}", "customer_id") for way in _CALLS),
    "SELECT customer_id FROM ticket WHERE assignee_id {people}",
    "SELECT customer_id FROM ticket WHERE created_by_id {people}",
    "SELECT unnest(sc.candidate_ids) FROM leg sl JOIN call sc ON sc.id = sl.call_id"
    " WHERE sl.user_id {people} AND sl.rang_at > now() - {candidates}::interval",
)
_TICKETS: Final = (
    "SELECT id FROM ticket WHERE assignee_id IS NULL",
    "SELECT id FROM ticket WHERE assignee_id {people}",
    "SELECT id FROM ticket WHERE created_by_id {people}",
    *(way.replace("{column}", "ticket_id") for way in _CALLS),
)
_WAYS: Final[Mapping[Scoped, tuple[str, ...]]] = {
    "customers": _CUSTOMERS,
    "calls": tuple(way.replace("{column}", "id") for way in _CALLS),
    "tickets": _TICKETS,
}
_WAYS_OF_QUEUES: Final[Mapping[Scoped, tuple[str, ...]]] = {
    "customers": (
        _CALLS_OF_QUEUES.replace("{column}", "customer_id"),
        "SELECT customer_id FROM ticket WHERE queue {queues}",
    ),
    "calls": (_CALLS_OF_QUEUES.replace("{column}", "id"),),
    "tickets": (_CALLS_OF_QUEUES.replace("{column}", "ticket_id"), "SELECT id FROM ticket WHERE queue {queues}"),
}
# One's own id too: whoever is in no team yet sees their own.
_TEAM_PEOPLE: Final = """= ANY(ARRAY(SELECT {me}::uuid UNION SELECT sm.user_id FROM team_member sm
    WHERE sm.team_id IN (SELECT team_id FROM team_member WHERE user_id = {me}::uuid)))"""
_TEAM_QUEUES: Final = """= ANY(ARRAY(SELECT unnest(st.queues) FROM team st
    JOIN team_member sm ON sm.team_id = st.id WHERE sm.user_id = {me}::uuid))"""


def _seen(viewer: Viewer, kind: Scoped, bind: Bind, alias: str) -> str:
    me = bind(viewer.user_id)
    ways = _WAYS[kind]
    people, queues = f"= {me}::uuid", ""
    if viewer.scope_of(kind) == "team":
        people, queues = _TEAM_PEOPLE.format(me=me), _TEAM_QUEUES.format(me=me)
        ways += _WAYS_OF_QUEUES[kind]
    ids = " UNION ALL ".join(ways).format(people=people, queues=queues, candidates=f"'{CANDIDATES_SEEN}'")
    return f"EXISTS (SELECT 1 FROM ({ids}) AS seen (id) WHERE seen.id = {alias}.id)"
