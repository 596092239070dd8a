"""Which records a viewer sees, as SQL conditions: the one place that says what ``own``, ``team`` and ``all`` mean.

Every query of customers, calls, tickets and what belongs to them adds the condition of its kind. What it leaves out
does not exist for the viewer (NotFound, never Forbidden), so nobody learns which ids or numbers there are.

- **own**: a call that the viewer had, dialled, or that rang at their phone; a ticket that is theirs, that they made,
  that belongs to an own call, or that nobody has; a conversation that is theirs, that they began, that nobody has, or
  that belongs to a ticket of theirs or to a customer whom they are responsible for; such a customer, or one who is on
  an own call, or on a ticket or in a conversation of theirs. Whoever may be the caller of an own call is seen for a
  day, so that they can be picked; so is who may be the writer of an own conversation, while nobody has said.
- **team**: the same of everybody in the viewer's teams, and the calls, tickets and conversations of the teams' queues.
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
    return _seen(viewer, "customers", bind, alias)


def customers_of(viewer: Viewer, bind: Bind) -> str | None:
    """The ids of all customers whom the viewer sees, some of them twice; None when they see every customer."""
    return _of(viewer, "customers", bind)


def calls_of(viewer: Viewer, bind: Bind) -> str | None:
    """As ``customers_of``, of calls."""
    return _of(viewer, "calls", bind)


def calls_seen(viewer: Viewer, bind: Bind, alias: str = "c") -> str | None:
    """The condition on ``call`` under ``alias``; None when the viewer sees every call."""
    return _seen(viewer, "calls", bind, alias)


def tickets_seen(viewer: Viewer, bind: Bind, alias: str = "t") -> str | None:
    """The condition on ``ticket`` under ``alias``; None when the viewer sees every ticket."""
    return _seen(viewer, "tickets", bind, alias)


def conversations_seen(viewer: Viewer, bind: Bind, alias: str = "v") -> str | None:
    """The condition on ``conversation`` under ``alias``; None when the viewer sees every conversation."""
    return _seen(viewer, "conversations", bind, alias)


def customers_seen_each(viewer: Viewer, bind: Bind, alias: str) -> str | None:
    """The same condition as ``customers_seen``, asked of one row after the other: for the few rows of a page, where a
    join would read all that somebody ever had to do with."""
    return _seen(viewer, "customers", bind, alias, each=True)


def calls_seen_each(viewer: Viewer, bind: Bind, alias: str) -> str | None:
    """As ``customers_seen_each``, of calls."""
    return _seen(viewer, "calls", bind, alias, each=True)


def tickets_seen_each(viewer: Viewer, bind: Bind) -> str | None:
    """As ``customers_seen_each``, of ``ticket t``: for lists in their order, so that what a row says by itself comes
    first, and nothing is ever a join that reads all of somebody's calls."""
    return _seen(viewer, "tickets", bind, "t", each=True)


def conversations_seen_each(viewer: Viewer, bind: Bind, alias: str) -> str | None:
    """As ``customers_seen_each``, of conversations."""
    return _seen(viewer, "conversations", bind, alias, each=True)


def reaches_less(viewer: Viewer, kind: Scoped, than: Scoped) -> bool:
    """Whether the viewer sees records of one kind less far than those of another."""
    reach = get_args(Scope)
    return reach.index(viewer.scope_of(kind)) < reach.index(viewer.scope_of(than))


def all_of(*conditions: str | None) -> str:
    """The conditions together; ``true`` when there are none."""
    return " AND ".join(condition for condition in conditions if condition is not None) or "true"


# ``{people}`` and ``{queues}`` stand for a comparison: ``= $1``, or with everybody of one's teams. What a record says
# of itself is a condition on its columns; what calls and tickets say of it is a union of small selects of ids in
# EXISTS: PostgreSQL either walks the indexes of somebody's records, or puts the one id that is asked for into each
# select. IN would read all of somebody's records for one row wherever it stands in a list of columns or beside an OR.
_CALLS: Final = {
    "had_call": "SELECT {column} FROM call WHERE user_id {people}",
    "dialled_call": "SELECT {column} FROM call WHERE dialler_id {people}",
    "call_rang": "SELECT sc.{column} FROM leg sl JOIN call sc ON sc.id = sl.call_id WHERE sl.user_id {people}",
    "call_in_queue": "SELECT {column} FROM call WHERE queue {queues}",
}


def _by_call(column: str) -> dict[str, str]:
    return {why: way.replace("{column}", column) for why, way in _CALLS.items()}


_COLUMNS: Final[Mapping[Scoped, Mapping[str, str]]] = {
    "customers": {},
    "calls": {},
    "tickets": {
        "nobodys": "{alias}.assignee_id IS NULL",
        "has_ticket": "{alias}.assignee_id {people}",
        "made_ticket": "{alias}.created_by_id {people}",
        "ticket_in_queue": "{alias}.queue {queues}",
    },
    "conversations": {
        "nobodys": "{alias}.assignee_id IS NULL",
        "has_conversation": "{alias}.assignee_id {people}",
        "made_conversation": "{alias}.created_by_id {people}",
        "conversation_in_queue": "{alias}.queue {queues}",
    },
}
_SELECTS: Final[Mapping[Scoped, Mapping[str, str]]] = {
    # Whom one is responsible for is no condition on a column: beside an OR no index would find them.
    "customers": {
        "responsible": "SELECT id FROM customer WHERE responsible_id {people}",
        **_by_call("customer_id"),
        "has_ticket": "SELECT customer_id FROM ticket WHERE assignee_id {people}",
        "made_ticket": "SELECT customer_id FROM ticket WHERE created_by_id {people}",
        "ticket_in_queue": "SELECT customer_id FROM ticket WHERE queue {queues}",
        "has_conversation": "SELECT customer_id FROM conversation WHERE assignee_id {people}",
        "made_conversation": "SELECT customer_id FROM conversation WHERE created_by_id {people}",
        "conversation_in_queue": "SELECT customer_id FROM conversation WHERE queue {queues}",
        "may_be_caller": "SELECT unnest(sc.candidate_ids) FROM leg sl JOIN call sc ON sc.id = sl.call_id"
        " WHERE sl.user_id {people} AND sl.rang_at > now() - interval '1 day'",
        "may_be_writer": "SELECT unnest(candidate_ids) FROM conversation WHERE assignee_id {people}"
        " AND customer_id IS NULL AND last_at > now() - interval '1 day'",
    },
    "calls": {**_by_call("id"), "call_rang": "SELECT call_id FROM leg WHERE user_id {people}"},
    "tickets": _by_call("ticket_id"),
    "conversations": {
        "has_ticket": "SELECT sv.id FROM ticket st JOIN conversation sv ON sv.ticket_id = st.id"
        " WHERE st.assignee_id {people}",
        "responsible": "SELECT sv.id FROM customer su JOIN conversation sv ON sv.customer_id = su.id"
        " WHERE su.responsible_id {people}",
        "ticket_in_queue": "SELECT sv.id FROM ticket st JOIN conversation sv ON sv.ticket_id = st.id"
        " WHERE st.queue {queues}",
    },
}
# One's own id too: whoever is in no team yet sees their own.
_TEAM_PEOPLE: Final = """= ANY(ARRAY(SELECT {me}::uuid UNION SELECT sm.user_id FROM team_member sm
    WHERE sm.team_id IN (SELECT team_id FROM team_member WHERE user_id = {me}::uuid)))"""
_TEAM_QUEUES: Final = """= ANY(ARRAY(SELECT unnest(st.queues) FROM team st
    JOIN team_member sm ON sm.team_id = st.id WHERE sm.user_id = {me}::uuid))"""


def people_seen(viewer: Viewer, kind: Scoped, bind: Bind) -> str | None:
    """A comparison for a column of users: those whose records the viewer sees as their own or as their team's; None
    for everybody's."""
    scope = viewer.scope_of(kind)
    if scope == "all":
        return None
    me = bind(viewer.user_id)
    return f"= {me}::uuid" if scope == "own" else _TEAM_PEOPLE.format(me=me)


def _filled(ways: Mapping[str, str], scope: Scope, me: str, alias: str = "") -> dict[str, str]:
    """The ways of a scope with their placeholders filled in; those by queues are for teams only."""
    if scope == "own":
        people = f"= {me}::uuid"
        ways = {why: way for why, way in ways.items() if "{queues}" not in way}
        return {why: way.format(alias=alias, people=people) for why, way in ways.items()}
    people, queues = _TEAM_PEOPLE.format(me=me), _TEAM_QUEUES.format(me=me)
    return {why: way.format(alias=alias, people=people, queues=queues) for why, way in ways.items()}


def _of(viewer: Viewer, kind: Scoped, bind: Bind) -> str | None:
    scope = viewer.scope_of(kind)
    if scope == "all":
        return None
    return " UNION ALL ".join(_filled(_SELECTS[kind], scope, bind(viewer.user_id)).values())


def _seen(viewer: Viewer, kind: Scoped, bind: Bind, alias: str, *, each: bool = False) -> str | None:
    scope = viewer.scope_of(kind)
    if scope == "all":
        return None
    me = bind(viewer.user_id)
    ids = " UNION ALL ".join(_filled(_SELECTS[kind], scope, me).values())
    found = f"FROM ({ids}) AS seen (id) WHERE seen.id = {alias}.id"
    # A scalar with a LIMIT is never made a join of.
    linked = f"(SELECT true {found} LIMIT 1)" if each else f"EXISTS (SELECT 1 {found})"
    columns = _filled(_COLUMNS[kind], scope, me, alias).values()
    return f"({' OR '.join((*columns, linked))})" if columns else linked


_TABLES: Final[Mapping[Scoped, str]] = {
    "customers": "customer",
    "calls": "call",
    "tickets": "ticket",
    "conversations": "conversation",
}


def reasons(viewer: Viewer, kind: Scoped, bind: Bind, record: str) -> str | None:
    """A statement that answers (scope, reason) for each way in which the viewer sees the record whose id is at the
    placeholder ``record``; None when they see all. By the same conditions that let it be seen."""
    reach = viewer.scope_of(kind)
    if reach == "all":
        return None
    me = bind(viewer.user_id)
    table = _TABLES[kind]
    found = []
    scopes: tuple[Scope, ...] = ("own",) if reach == "own" else ("own", "team")
    for scope in scopes:
        ways = {
            why: f"SELECT 1 FROM {table} r WHERE r.id = {record}::uuid AND {way}"  # noqa: S608
            for why, way in _filled(_COLUMNS[kind], scope, me, "r").items()
        } | {
            why: f"SELECT 1 FROM ({way}) AS seen (id) WHERE seen.id = {record}::uuid"  # noqa: S608
            for why, way in _filled(_SELECTS[kind], scope, me).items()
        }
        found += [f"SELECT '{scope}' AS scope, '{why}' AS reason WHERE EXISTS ({way})" for why, way in ways.items()]
    return " UNION ALL ".join(found)
