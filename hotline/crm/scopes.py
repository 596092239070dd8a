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


def tickets_seen_each(viewer: Viewer, bind: Bind) -> str | None:
    """The same condition on ``ticket t`` as ``tickets_seen``, for lists: asked of one row after the other in the list's
    order, so that what a row says by itself comes first, and nothing is ever a join that reads all of somebody's
    calls."""
    reach = viewer.scope_of("tickets")
    if reach == "all":
        return None
    me = bind(viewer.user_id)
    people = f"= {me}::uuid" if reach == "own" else _TEAM_PEOPLE.format(me=me)
    calls = [way for why, way in _ways("tickets", reach, me).items() if "call" in why]
    own = ["t.assignee_id IS NULL", f"t.assignee_id {people}", f"t.created_by_id {people}"]
    if reach == "team":
        own.append(f"t.queue {_TEAM_QUEUES.format(me=me)}")
    of_calls = f"(SELECT true FROM ({' UNION ALL '.join(calls)}) AS seen (id) WHERE seen.id = t.id LIMIT 1)"  # noqa: S608
    return f"({' OR '.join([*own, of_calls])})"


def all_of(*conditions: str | None) -> str:
    """The conditions together; ``true`` when there are none."""
    return " AND ".join(condition for condition in conditions if condition is not None) or "true"


# ``{people}`` and ``{queues}`` stand for a comparison: ``= $1``, or with everybody of one's teams. Each condition is a
# union of small selects, so that PostgreSQL either walks the indexes of a person's few records, or puts the one id that
# is asked for into every select; a chain of ORs leaves it neither way. EXISTS, since IN in a list of columns or beside
# an OR reads all of somebody's records for one row.
_CALLS: Final = {
    "had_call": "SELECT {column} FROM call WHERE user_id {people}",
    "dialled_call": "SELECT {column} FROM call WHERE dialler_id {people}",
    "call_rang": "SELECT sc.{column} FROM leg sl JOIN call sc ON sc.id = sl.call_id WHERE sl.user_id {people}",
}


def _by_call(column: str) -> dict[str, str]:
    return {why: way.replace("{column}", column) for why, way in _CALLS.items()}


_WAYS: Final[Mapping[Scoped, Mapping[str, str]]] = {
    "customers": {
        "responsible": "SELECT id FROM customer WHERE responsible_id {people}",
        **_by_call("customer_id"),
        "has_ticket": "SELECT customer_id FROM ticket WHERE assignee_id {people}",
        "made_ticket": "SELECT customer_id FROM ticket WHERE created_by_id {people}",
        "may_be_caller": "SELECT unnest(sc.candidate_ids) FROM leg sl JOIN call sc ON sc.id = sl.call_id"
        " WHERE sl.user_id {people} AND sl.rang_at > now() - interval '1 day'",
    },
    "calls": _by_call("id"),
    "tickets": {
        "has_ticket": "SELECT id FROM ticket WHERE assignee_id {people}",
        "made_ticket": "SELECT id FROM ticket WHERE created_by_id {people}",
        **_by_call("ticket_id"),
        "nobodys": "SELECT id FROM ticket WHERE assignee_id IS NULL",
    },
}
_WAYS_OF_QUEUES: Final[Mapping[Scoped, Mapping[str, str]]] = {
    "customers": {
        "call_in_queue": "SELECT customer_id FROM call WHERE queue {queues}",
        "ticket_in_queue": "SELECT customer_id FROM ticket WHERE queue {queues}",
    },
    "calls": {"call_in_queue": "SELECT id FROM call WHERE queue {queues}"},
    "tickets": {
        "call_in_queue": "SELECT ticket_id FROM call WHERE queue {queues}",
        "ticket_in_queue": "SELECT id FROM ticket WHERE queue {queues}",
    },
}
# One's own id too: whoever is in no team yet sees their own.
_TEAM_PEOPLE: Final = """= ANY(ARRAY(SELECT {me}::uuid UNION SELECT sm.user_id FROM team_member sm
    WHERE sm.team_id IN (SELECT team_id FROM team_member WHERE user_id = {me}::uuid)))"""
_TEAM_QUEUES: Final = """= ANY(ARRAY(SELECT unnest(st.queues) FROM team st
    JOIN team_member sm ON sm.team_id = st.id WHERE sm.user_id = {me}::uuid))"""


def _ways(kind: Scoped, scope: Scope, me: str) -> dict[str, str]:
    """The selects of the ids that somebody sees, each by the reason why."""
    if scope == "own":
        return {why: way.format(people=f"= {me}::uuid") for why, way in _WAYS[kind].items()}
    people, queues = _TEAM_PEOPLE.format(me=me), _TEAM_QUEUES.format(me=me)
    ways = {**_WAYS[kind], **_WAYS_OF_QUEUES[kind]}
    return {why: way.format(people=people, queues=queues) for why, way in ways.items()}


def _seen(viewer: Viewer, kind: Scoped, bind: Bind, alias: str) -> str:
    ways = _ways(kind, viewer.scope_of(kind), bind(viewer.user_id))
    ids = " UNION ALL ".join(ways.values())
    return f"EXISTS (SELECT 1 FROM ({ids}) AS seen (id) WHERE seen.id = {alias}.id)"  # noqa: S608


def reasons(viewer: Viewer, kind: Scoped, bind: Bind, record: str) -> str | None:
    """A statement that answers (scope, reason) for each way in which the viewer sees the record whose id is at the
    placeholder ``record``; None when they see all. By the same selects that let it be seen."""
    reach = viewer.scope_of(kind)
    if reach == "all":
        return None
    me = bind(viewer.user_id)
    scopes: tuple[Scope, ...] = ("own",) if reach == "own" else ("own", "team")
    return " UNION ALL ".join(
        f"SELECT '{scope}' AS scope, '{why}' AS reason WHERE EXISTS (SELECT 1 FROM ({way}) AS seen (id)"  # noqa: S608
        f" WHERE seen.id = {record}::uuid)"
        for scope in scopes
        for why, way in _ways(kind, scope, me).items()
    )
