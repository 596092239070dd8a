"""Calls as their viewer may see them: one by id, all by page, those going on now.

Each function reads its calls by one statement of a fixed shape, and one more for the logins in transfers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.calls.open_calls import OpenCall, OpenRing
from hotline.calls.story import Alias
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.customers.customers import customer_reference
from hotline.crm.queries.customers.newest import Newest
from hotline.crm.queries.tickets.ticket_brief import BRIEF, BRIEF_FROM, Attached, TicketBrief, attached, brief_of
from hotline.crm.scopes import (
    Arguments,
    Bind,
    all_of,
    calls_of,
    calls_seen,
    calls_seen_each,
    customers_seen,
    reaches_less,
    tickets_seen,
)
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: However many are asked for, a page holds no more than this.
MOST: Final = 201
MOST_LEGS: Final = 200
MOST_ALIASES: Final = 100


@dataclass(frozen=True, slots=True)
class CallerView:
    """Who calls, or on the way out who is called. ``display`` is the number for eyes; ``name`` is the caller's own
    text: hostile."""

    number: str | None
    withheld: bool
    country: str | None
    name: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class CallCustomerView:
    """A customer who has the caller's number, or who was picked."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class LegView:
    """One phone that rang, and what came of it. ``agent`` is a login, None for a phone of nobody."""

    agent: str | None
    user_id: UUID | None
    interface: str
    interfaces: tuple[str, ...]
    ring_id: UUID
    kind: str
    queue: str | None
    rang_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    held_since: datetime | None


@dataclass(frozen=True, slots=True)
class TransferView:
    """How the call moved: logins where known, else the extension that was dialled."""

    kind: str
    from_: str | None
    to: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class GapView:
    """hotline was blind from ``since`` to ``until``."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class CallView:
    """One conversation (the body of DESIGN §5). ``agent`` is the login of who has or had it, ``dialler`` of who dialled
    it."""

    id: UUID
    pbx: str
    direction: str
    caller: CallerView
    dialled: str | None
    customer_id: UUID | None
    customers: tuple[CallCustomerView, ...]
    candidate_ids: tuple[UUID, ...]
    queue: str | None
    state: str
    disposition: str | None
    agent: str | None
    user_id: UUID | None
    dialler: str | None
    offered_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    end_seen: bool
    cause: int | None
    legs: tuple[LegView, ...]
    transfers: tuple[TransferView, ...]
    gaps: tuple[GapView, ...]
    ivr: Mapping[str, Any] | None
    recording: str | None
    ticket_id: UUID | None
    ticket: TicketBrief | None
    attached: Attached | None
    aliases: tuple[Alias, ...]
    version: int

    @property
    def held_since(self) -> datetime | None:
        """Since when an agent keeps the other side on hold; None while nobody does."""
        open_legs = (leg for leg in self.legs if leg.answered_at is not None and leg.ended_at is None)
        return next((leg.held_since for leg in open_legs if leg.held_since is not None), None)

    @property
    def held(self) -> bool:
        """Whether an agent keeps the other side on hold."""
        return self.held_since is not None


# ``{customers}`` and ``{tickets}`` narrow who and what else of a call is shown to what its viewer sees.
_SELECT: Final = f"""
SELECT c.id, c.pbx, c.direction, c.caller_cipher, c.caller_key_id, c.caller_name_cipher, c.caller_withheld,
    c.caller_country, c.dialled, c.customer_id, c.candidate_ids, c.queue, c.state, c.disposition, c.user_id,
    a.login AS agent, d.login AS dialler, c.offered_at, c.queued_at, c.answered_at, c.ended_at, c.end_seen, c.cause,
    c.transfers, c.gaps, c.ivr, c.recording, c.ticket_id, c.ticket_by, c.ticket_at, c.version, k.wrapped, k.master,
    ARRAY(SELECT (lu.login, l.user_id, l.interface, l.interfaces, l.id, l.kind, l.queue, l.rang_at,
                  l.answered_at, l.ended_at, l.end_reason, l.held_since)
          FROM leg l LEFT JOIN users lu ON lu.id = l.user_id WHERE l.call_id = c.id
          ORDER BY l.rang_at, l.id LIMIT {MOST_LEGS}) AS legs,
    ARRAY(SELECT (n.kind, n.value) FROM call_alias n WHERE n.call_id = c.id
          ORDER BY n.id LIMIT {MOST_ALIASES}) AS aliases,
    ARRAY(SELECT ({BRIEF}) FROM {BRIEF_FROM} WHERE t.id = c.ticket_id AND {{tickets}}) AS ticket,
    ARRAY(SELECT (o.id, o.number, o.kind, o.name_cipher, o.key_id, ok.wrapped, ok.master)
          FROM customer o JOIN personal_key ok ON ok.id = o.key_id
          WHERE o.id IN (SELECT COALESCE(m.merged_into_id, m.id) FROM customer m
                         WHERE m.id = ANY(array_append(c.candidate_ids, c.customer_id))) AND {{customers}}
          ORDER BY o.number LIMIT 50) AS customers
FROM call c
LEFT JOIN users a ON a.id = c.user_id
LEFT JOIN users d ON d.id = c.dialler_id
LEFT JOIN personal_key k ON k.id = c.caller_key_id
"""  # noqa: S608
_EXISTS: Final = "SELECT 1 FROM call c"
_ROOT: Final = "WHERE c.id = COALESCE((SELECT merged_into_id FROM call WHERE id = $1), $1)"
_OF_USER: Final = """SELECT id FROM call WHERE user_id = {0}
    UNION ALL SELECT id FROM call WHERE dialler_id = {0} UNION ALL SELECT call_id FROM leg WHERE user_id = {0}"""
_OF_USER_EACH: Final = """(c.user_id = {0} OR c.dialler_id = {0}
    OR (SELECT true FROM leg l WHERE l.user_id = {0} AND l.call_id = c.id LIMIT 1))"""


async def get_call(db: Reader, keyring: Keyring, viewer: Viewer, call_id: UUID) -> CallView:
    """One call; of one that became part of another, that other. Raises NotFound, also for calls that are not one's
    own."""
    viewer.require("calls.read")
    bind = Arguments(call_id)
    sql = f"{_select(viewer, bind)} {_ROOT} AND {all_of(calls_seen(viewer, bind))}"
    row = await db.fetchrow(sql, *bind.values)
    if row is None:
        raise NotFound("There is no such call.")
    return (await _views(db, keyring, viewer, [row]))[0]


async def require_call(db: Reader, viewer: Viewer, call_id: UUID) -> None:
    """Raise NotFound unless the viewer may see this call."""
    bind = Arguments(call_id)
    sql = f"{_EXISTS} {_ROOT} AND {all_of(calls_seen(viewer, bind))}"
    if await db.fetchval(sql, *bind.values) is None:
        raise NotFound("There is no such call.")


async def list_calls(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    state: str | None = None,
    customer_id: UUID | None = None,
    user_id: UUID | None = None,
    queue: str | None = None,
    pbx: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[CallView]:
    """Calls, the newest first; ``user_id``: those that this user had or that rang at their phones."""
    viewer.require("calls.read")
    limit = max(0, min(limit, MOST))
    wanted = (
        ("c.id < {}", after), ("c.state = {}", state), ("c.customer_id = {}", customer_id), ("c.queue = {}", queue),
        ("c.pbx = {}", pbx), ("c.offered_at >= {}", since), ("c.offered_at < {}", until),
    )  # fmt: skip
    filters = [(condition, value) for condition, value in wanted if value is not None]
    bind = Arguments()
    plain = ["c.merged_into_id IS NULL", *(condition.format(bind(value)) for condition, value in filters)]
    # Of one customer there are few calls, however many somebody has.
    having = _having(viewer, bind, user_id) if customer_id is None else []
    given = tuple(bind.values)
    if each := _each_of(viewer, bind, user_id):
        newest = Newest("call", plain, each, having)
        select = _select(viewer, bind)
        where = f"WHERE c.id = ANY({newest.ids(bind(limit))}) ORDER BY c.id DESC"
        rows = await db.fetch(f"{select} {where}", *bind.values)
        if len(rows) == limit or (filters and await db.fetchval(f"SELECT {newest.complete}", *given)):
            return await _views(db, keyring, viewer, rows)
    bind = Arguments()
    select = _select(viewer, bind)
    asked = [condition.format(bind(value)) for condition, value in filters]
    of_user = None if user_id is None else f"c.id IN ({_OF_USER.format(bind(user_id))})"
    where = all_of("c.merged_into_id IS NULL", calls_seen(viewer, bind), *asked, of_user)
    rows = await db.fetch(f"{select} WHERE {where} ORDER BY c.id DESC LIMIT {bind(limit)}", *bind.values)
    return await _views(db, keyring, viewer, rows)


def _having(viewer: Viewer, bind: Bind, user_id: UUID | None) -> list[str]:
    """Selects of the ids of all calls that the viewer sees, and that the user had."""
    of_user = None if user_id is None else _OF_USER.format(bind(user_id))
    return [ids for ids in (calls_of(viewer, bind), of_user) if ids is not None]


def _each_of(viewer: Viewer, bind: Bind, user_id: UUID | None) -> list[str]:
    """The same as conditions on a row of ``call c``."""
    of_user = None if user_id is None else _OF_USER_EACH.format(bind(user_id))
    return [each for each in (calls_seen_each(viewer, bind, "c"), of_user) if each is not None]


async def current_calls(db: Reader, keyring: Keyring, viewer: Viewer) -> list[CallView]:
    """The calls that the viewer has, or consults about, right now."""
    viewer.require("calls.read")
    if viewer.user_id is None:
        return []
    bind = Arguments(viewer.user_id)
    where = """WHERE c.ended_at IS NULL AND c.merged_into_id IS NULL AND c.id IN (
                   SELECT id FROM call WHERE user_id = $1 AND ended_at IS NULL
                   UNION ALL SELECT id FROM call
                   WHERE dialler_id = $1 AND ended_at IS NULL AND jsonb_array_length(transfers) = 0
                   UNION ALL SELECT call_id FROM leg
                   WHERE user_id = $1 AND ended_at IS NULL AND answered_at IS NOT NULL)
               ORDER BY c.id DESC LIMIT 50"""
    return await _views(db, keyring, viewer, await db.fetch(f"{_select(viewer, bind)} {where}", *bind.values))


async def ringing_legs(db: Reader, viewer: Viewer, *, all_agents: bool) -> list[tuple[UUID, UUID, int]]:
    """(call, ring, the call's version) of each phone of the viewer that rings now, or of every agent's whose calls they
    see."""
    if all_agents:
        viewer.require("calls.read")
    elif viewer.user_id is None:
        return []
    bind = Arguments(None if all_agents else viewer.user_id)
    rows = await db.fetch(
        f"""SELECT l.call_id, l.id, c.version FROM leg l JOIN call c ON c.id = l.call_id
            WHERE l.ended_at IS NULL AND l.answered_at IS NULL AND l.user_id IS NOT NULL
              AND ($1::uuid IS NULL OR l.user_id = $1) AND c.ended_at IS NULL AND c.merged_into_id IS NULL
              AND {all_of(calls_seen(viewer, bind) if all_agents else None)}
            ORDER BY l.rang_at, l.id LIMIT 500""",  # noqa: S608
        *bind.values,
    )
    return [(row["call_id"], row["id"], row["version"]) for row in rows]


async def newest_open_call(db: Reader, viewer: Viewer, until: datetime) -> datetime | None:
    """When the newest of the calls came that are not over, of those until then. By our own clock: ids tell their
    PBX's."""
    viewer.require("calls.read")
    found: datetime | None = await db.fetchval(
        "SELECT max(created_at) FROM call WHERE ended_at IS NULL AND merged_into_id IS NULL AND created_at <= $1", until
    )
    return found


async def open_calls(db: Reader, viewer: Viewer, pbx: str) -> list[OpenCall]:
    """The calls of a PBX that have not ended, with their open legs there; of a call by Twilio that was sent on to this
    PBX, the part that is there, by its own id."""
    viewer.require("calls.read_all")
    rows = await db.fetch(
        """SELECT c.id, c.offered_at, c.answered_at, c.queue,
               ARRAY(SELECT (n.kind, n.value) FROM call_alias n WHERE n.call_id = c.id ORDER BY n.id) AS aliases,
               ARRAY(SELECT (l.id, l.uniqueid, l.interface, l.rang_at, l.answered_at, l.kind) FROM leg l
                     WHERE l.call_id = c.id AND l.ended_at IS NULL ORDER BY l.rang_at) AS rings
           FROM call c WHERE c.pbx = $1 AND c.ended_at IS NULL AND c.merged_into_id IS NULL
           UNION ALL
           SELECT g.id, g.offered_at, c.answered_at, c.queue,
               ARRAY(SELECT (n.kind, n.value) FROM call_alias n WHERE n.call_id = c.id AND n.pbx = $1 ORDER BY n.id),
               ARRAY(SELECT (l.id, l.uniqueid, l.interface, l.rang_at, l.answered_at, l.kind) FROM leg l
                     WHERE l.call_id = c.id AND l.pbx = $1 AND l.ended_at IS NULL ORDER BY l.rang_at)
           FROM call c JOIN call g ON g.merged_into_id = c.id AND g.pbx = $1
           WHERE c.pbx = 'twilio' AND c.pbx <> $1 AND c.ended_at IS NULL AND c.merged_into_id IS NULL
             AND EXISTS (SELECT 1 FROM leg l WHERE l.call_id = c.id AND l.pbx = $1 AND l.ended_at IS NULL)
           ORDER BY offered_at""",
        pbx,
    )
    return [
        OpenCall(
            row["id"],
            tuple(Alias(kind, value) for kind, value in row["aliases"]),
            row["offered_at"],
            row["answered_at"],
            row["queue"],
            tuple(OpenRing(*ring) for ring in row["rings"]),
        )
        for row in rows
    ]


def _select(viewer: Viewer, bind: Bind) -> str:
    """A call's ticket and customers are seen with it by who sees tickets and customers as far as calls."""
    return _SELECT.format(
        customers=all_of(customers_seen(viewer, bind, "o") if reaches_less(viewer, "customers", "calls") else None),
        tickets=all_of(tickets_seen(viewer, bind, "t") if reaches_less(viewer, "tickets", "calls") else None),
    )


async def _views(db: Reader, keyring: Keyring, viewer: Viewer, rows: Sequence[Row]) -> list[CallView]:
    logins = await _logins(db, rows)
    return [_view(keyring, viewer, row, logins) for row in rows]


async def _logins(db: Reader, rows: Iterable[Row]) -> dict[str, str]:
    """The logins of those who transferred, by id as text."""
    ids = {t[side] for row in rows for t in row["transfers"] for side in ("from_user", "to_user") if t.get(side)}
    if not ids:
        return {}
    found = await db.fetch("SELECT id, login FROM users WHERE id = ANY($1::uuid[])", list(ids))
    return {str(row["id"]): row["login"] for row in found}


def _view(keyring: Keyring, viewer: Viewer, row: Row, logins: Mapping[str, str]) -> CallView:
    briefs = row["ticket"] if viewer.may("tickets.read") else ()
    return CallView(
        id=row["id"],
        pbx=row["pbx"],
        direction=row["direction"],
        caller=_caller(keyring, viewer, row),
        dialled=row["dialled"],
        customer_id=row["customer_id"],
        customers=_customers(keyring, viewer, row),
        candidate_ids=tuple(row["candidate_ids"]),
        queue=row["queue"],
        state=row["state"],
        disposition=row["disposition"],
        agent=row["agent"],
        user_id=row["user_id"],
        dialler=row["dialler"],
        offered_at=row["offered_at"],
        queued_at=row["queued_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        end_seen=row["end_seen"],
        cause=row["cause"],
        legs=tuple(_leg(fields) for fields in row["legs"]),
        transfers=tuple(_transfer(t, logins) for t in row["transfers"]),
        gaps=tuple(
            GapView(datetime.fromisoformat(g["since"]), datetime.fromisoformat(g["until"])) for g in row["gaps"]
        ),
        ivr=row["ivr"],
        recording=row["recording"] if row["ended_at"] is None else None,
        ticket_id=row["ticket_id"],
        ticket=brief_of(keyring, viewer, briefs[0]) if briefs else None,
        attached=attached(row["ticket_by"], row["ticket_at"]) if briefs else None,
        aliases=tuple(Alias(kind, value) for kind, value in row["aliases"]),
        version=row["version"],
    )


def _leg(fields: Sequence[Any]) -> LegView:
    agent, user_id, interface, interfaces, *rest = fields
    return LegView(agent, user_id, interface, tuple(interfaces), *rest)


def _transfer(entry: Mapping[str, Any], logins: Mapping[str, str]) -> TransferView:
    taker = logins.get(entry.get("to_user") or "") or entry.get("to")
    giver = logins.get(entry.get("from_user") or "")
    return TransferView(entry["kind"], giver, taker, datetime.fromisoformat(entry["at"]))


def _caller(keyring: Keyring, viewer: Viewer, row: Row) -> CallerView:
    number, name = None, None
    if row["caller_cipher"] is not None and row["wrapped"] is not None:
        key = keyring.unwrap(row["caller_key_id"], Wrapped(row["master"], row["wrapped"]))
        number = keyring.decrypt(key, "call", "caller_cipher", row["id"], row["caller_cipher"])
        if "phone" in viewer.masks:
            number = phone.mask(number)
        if row["caller_name_cipher"] is not None:
            name = keyring.decrypt(key, "call", "caller_name_cipher", row["id"], row["caller_name_cipher"])
    display = phone.display(number) if number is not None else None
    return CallerView(number, row["caller_withheld"], row["caller_country"], name, display)


def _customers(keyring: Keyring, viewer: Viewer, row: Row) -> tuple[CallCustomerView, ...]:
    if not viewer.may("customers.read"):
        return ()
    found = []
    for customer_id, number, kind, cipher, key_id, wrapped, master in row["customers"]:
        name = ""
        if wrapped is not None:
            key: PersonalKey = keyring.unwrap(key_id, Wrapped(master, wrapped))
            name = keyring.decrypt(key, "customer", "name_cipher", customer_id, cipher)
        found.append(CallCustomerView(customer_id, number, customer_reference(number), kind, name))
    return tuple(found)
