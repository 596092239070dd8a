"""Writes of calls. A call is loaded, changed in memory and saved as a whole: a few statements a batch, since this is
the way of the screen pop. Idempotence is the caller's: it changes nothing that is already so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.calls.states import CallState
from hotline.calls.story import Alias
from hotline.crm.database import Row
from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.personal_keys import create_personal_key, load_personal_key
from hotline.crm.records import MarkedRecord
from hotline.crm.unit_of_work import UnitOfWork, plain
from hotline.tickets.states import AttachedBy


@dataclass(slots=True)
class LegRecord:
    """One ring attempt. ``pbx`` is where it rings; empty: at the call's own PBX."""

    id: UUID
    uniqueid: str
    user_id: UUID | None
    interface: str
    interfaces: tuple[str, ...]
    kind: str
    queue: str | None
    rang_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    held_since: datetime | None = None
    pbx: str = ""
    changed: bool = False


@dataclass(slots=True)
class CallRecord(MarkedRecord):
    """A call's row, without its personal data but for the sealed columns."""

    id: UUID
    pbx: str
    direction: str
    offered_at: datetime
    state: CallState = "ringing"
    disposition: str | None = None
    caller_cipher: bytes | None = None
    caller_key_id: UUID | None = None
    caller_index: bytes | None = None
    caller_name_cipher: bytes | None = None
    caller_withheld: bool = False
    caller_country: str | None = None
    dialled: str | None = None
    queue: str | None = None
    customer_id: UUID | None = None
    candidate_ids: list[UUID] = field(default_factory=list)
    user_id: UUID | None = None
    dialler_id: UUID | None = None
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end_seen: bool = True
    cause: int | None = None
    transfers: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    ivr: dict[str, Any] | None = None
    ticket_id: UUID | None = None
    ticket_by: AttachedBy | None = None
    ticket_at: datetime | None = None
    version: int = 1
    legs: dict[UUID, LegRecord] = field(default_factory=dict)
    exists: bool = False
    changed: bool = False

    @property
    def will_change(self) -> bool:
        """Whether saving makes another version: a leg is part of its call."""
        return self.changed or any(leg.changed for leg in self.legs.values())


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who has the caller's number, with what sealing under their key needs."""

    customer_id: UUID
    key_id: UUID
    wrapped: Wrapped | None


@dataclass(frozen=True, slots=True)
class Phone:
    """A user and the exact names of their phones."""

    user_id: UUID
    interfaces: tuple[str, ...]


_COLUMNS: Final = (
    "id", "pbx", "direction", "offered_at", "state", "disposition", "caller_cipher", "caller_key_id", "caller_index",
    "caller_name_cipher", "caller_withheld", "caller_country", "dialled", "queue", "customer_id", "candidate_ids",
    "user_id", "dialler_id", "queued_at", "answered_at", "ended_at", "end_seen", "cause", "transfers", "gaps", "ivr",
    "ticket_id", "ticket_by", "ticket_at", "version",
)  # fmt: skip
_LEG_FIELDS: Final = (
    "(l.id, l.uniqueid, l.user_id, l.interface, l.interfaces, l.kind, l.queue, l.rang_at, l.answered_at,"
    " l.ended_at, l.end_reason, l.held_since, l.pbx)"
)
# One round trip. FOR UPDATE may wait for another writer and then sees its row, but the legs as they were before: then
# the version that the statement saw at its start is not the row's, and the legs are read again.
_LOAD: Final = f"""
WITH root AS (SELECT COALESCE((SELECT merged_into_id FROM call WHERE id = $1), $1) AS id),
locked AS (
    SELECT {", ".join(f"c.{name}" for name in _COLUMNS)}, c.merged_into_id FROM call c, root
    WHERE c.id = root.id FOR UPDATE OF c
)
SELECT locked.*, (SELECT version FROM call WHERE id = root.id) AS seen_version,
    ARRAY(SELECT {_LEG_FIELDS} FROM leg l WHERE l.call_id = root.id ORDER BY l.rang_at, l.id) AS legs,
    ARRAY(SELECT (u.id, u.interfaces) FROM users u
          WHERE cardinality($2::text[]) > 0 AND u.disabled_at IS NULL AND u.interfaces && $2::text[]
          ORDER BY u.id) AS phones
FROM root LEFT JOIN locked ON true
"""  # noqa: S608
_LEGS_NOW: Final = f"SELECT ARRAY(SELECT {_LEG_FIELDS} FROM leg l WHERE l.call_id = $1 ORDER BY l.rang_at, l.id)"  # noqa: S608
_CHANGING: Final = tuple(name for name in _COLUMNS if name not in ("id", "pbx", "version"))
_LEGS_SAVED: Final = """
    INSERT INTO leg (id, call_id, pbx, uniqueid, user_id, interface, interfaces, kind, queue, rang_at, answered_at,
                     ended_at, end_reason, held_since)
    SELECT l.id, $1, COALESCE(NULLIF(l.pbx, ''), $2), l.uniqueid, l.user_id, l.interface, l.interfaces, l.kind, l.queue,
           l.rang_at, l.answered_at, l.ended_at, l.end_reason, l.held_since
    FROM saved, jsonb_to_recordset($3::jsonb) AS l (id uuid, uniqueid text, user_id uuid, interface text,
        interfaces text[], kind text, queue text, rang_at timestamptz, answered_at timestamptz,
        ended_at timestamptz, end_reason text, held_since timestamptz, pbx text)
    ON CONFLICT (id) DO UPDATE SET call_id = excluded.call_id, user_id = excluded.user_id,
        interface = excluded.interface, interfaces = excluded.interfaces, kind = excluded.kind,
        queue = excluded.queue, answered_at = excluded.answered_at, ended_at = excluded.ended_at,
        end_reason = excluded.end_reason, held_since = excluded.held_since
"""
_ALIASES_SAVED: Final = """
    INSERT INTO call_alias (pbx, kind, value, call_id)
    SELECT $2, n.kind, n.value, $1 FROM saved, unnest($4::text[], $5::text[]) AS n (kind, value)
    ON CONFLICT (pbx, kind, value) DO NOTHING
"""
_ALIASES: Final = """
INSERT INTO call_alias (pbx, kind, value, call_id)
SELECT $2, n.kind, n.value, $1 FROM unnest($3::text[], $4::text[]) AS n (kind, value)
ON CONFLICT (pbx, kind, value) DO NOTHING
"""
#: The places of ``_CHANGING`` in the statements below, after the call, its PBX, the legs, the names and the instant.
_PLACES: Final = tuple(f"${n}" for n in range(7, 7 + len(_CHANGING)))
_INSERT: Final = f"""
WITH saved AS (
    INSERT INTO call (id, pbx, {", ".join(_CHANGING)}, created_at, updated_at)
    VALUES ($1, $2, {", ".join(_PLACES)}, $6, $6) ON CONFLICT (id) DO NOTHING RETURNING id
), legs AS ({_LEGS_SAVED}), names AS ({_ALIASES_SAVED})
SELECT id FROM saved
"""  # noqa: S608
_UPDATE: Final = f"""
WITH saved AS (
    UPDATE call SET {", ".join(f"{name} = {place}" for name, place in zip(_CHANGING, _PLACES, strict=True))},
        version = version + 1, updated_at = $6
    WHERE id = $1 RETURNING id
), legs AS ({_LEGS_SAVED}), names AS ({_ALIASES_SAVED})
SELECT id FROM saved
"""  # noqa: S608


async def load_call(uow: UnitOfWork, call_id: UUID, interfaces: Iterable[str]) -> tuple[CallRecord | None, list[Phone]]:
    """The call, locked, with its legs (of a merged one, what it became part of); and the users of ``interfaces``."""
    row = await uow.fetchrow(_LOAD, call_id, list(interfaces))
    assert row is not None
    phones = [Phone(user_id, tuple(names)) for user_id, names in row["phones"]]
    if row["id"] is None:
        return None, phones
    if row["merged_into_id"] is not None:  # it became part of another while this statement waited
        return await load_call(uow, call_id, interfaces)
    legs = row["legs"]
    if row["seen_version"] != row["version"]:
        legs = await uow.fetchval(_LEGS_NOW, row["id"])
    return _record(row, legs), phones


def _record(row: Row, legs: Sequence[Sequence[Any]]) -> CallRecord:
    call = CallRecord(**{name: row[name] for name in _COLUMNS}, exists=True)
    call.candidate_ids = list(call.candidate_ids)
    call.transfers, call.gaps = [dict(t) for t in call.transfers], [dict(g) for g in call.gaps]
    for fields in legs:
        leg = LegRecord(*fields)
        leg.interfaces = tuple(leg.interfaces)
        call.legs[leg.id] = leg
    return call


async def find_aliased(uow: UnitOfWork, pbx: str, aliases: Iterable[Alias]) -> UUID | None:
    """The call that already has one of these names, where another reader saw it begin otherwise."""
    found: UUID | None = await uow.fetchval(
        """SELECT COALESCE(c.merged_into_id, c.id) FROM call_alias a JOIN call c ON c.id = a.call_id
           JOIN unnest($2::text[], $3::text[]) AS n (kind, value) ON a.kind = n.kind AND a.value = n.value
           WHERE a.pbx = $1 ORDER BY c.offered_at LIMIT 1""",
        pbx, [alias.kind for alias in aliases], [alias.value for alias in aliases],
    )  # fmt: skip
    return found


async def save_call(
    uow: UnitOfWork, call: CallRecord, aliases: Iterable[Alias] = (), *, named_by: str | None = None
) -> bool:
    """Write what changed. ``named_by`` is the PBX of the aliases where it is not the call's own. False when another
    writer created this call meanwhile: load it and start again."""
    legs = [leg for leg in call.legs.values() if leg.changed]
    names = list(aliases)
    if names and named_by not in (None, call.pbx):
        await name_call(uow, call.id, named_by, names)
        names = []
    if call.exists and not call.changed and not legs:
        if names:
            await name_call(uow, call.id, call.pbx, names)
        return True
    saved = await uow.fetchval(
        _UPDATE if call.exists else _INSERT,
        call.id, call.pbx, [_leg_json(leg) for leg in legs], [n.kind for n in names], [n.value for n in names],
        uow.now, *(getattr(call, name) for name in _CHANGING),
    )  # fmt: skip
    if saved is None:
        return False
    call.version += call.exists
    call.exists, call.changed = True, False
    for leg in legs:
        leg.changed = False
    return True


async def name_call(uow: UnitOfWork, call_id: UUID, pbx: str, aliases: Sequence[Alias]) -> None:
    """Further names of a call at a PBX; one that another call has already stays with that."""
    await uow.execute(_ALIASES, call_id, pbx, [alias.kind for alias in aliases], [alias.value for alias in aliases])


def _leg_json(leg: LegRecord) -> dict[str, Any]:
    names = ("id", "uniqueid", "user_id", "interface", "kind", "queue", "rang_at", "answered_at", "ended_at",
             "held_since", "pbx")  # fmt: skip
    fields: dict[str, Any] = plain({name: getattr(leg, name) for name in names})
    return fields | {"interfaces": list(leg.interfaces), "end_reason": leg.end_reason}


async def find_owners(uow: UnitOfWork, index: bytes) -> list[Owner]:
    """All customers who have the number or address with this blind index. Whoever was merged away has none any more;
    from now on nobody of them is merged away until this unit ends, so that the call is theirs and stays findable."""
    owners: dict[UUID, Row] = {}
    # Who is merged away at this very moment is waited for; the lock then shows their row as it became.
    for row in await uow.fetch(_OWNERS, index):
        found = row
        if row["merged_into_id"] is not None:
            found = await uow.fetchrow(_OWNER, row["merged_into_id"]) or row
        owners[found["id"]] = found
    return [
        Owner(row["id"], row["key_id"], Wrapped(row["master"], row["wrapped"]) if row["wrapped"] else None)
        for row in (owners[each] for each in sorted(owners))
    ]


_OWNERS: Final = """
SELECT c.id, c.merged_into_id, c.key_id, k.wrapped, k.master
FROM (SELECT DISTINCT m.id FROM contact_point p JOIN customer m ON m.id = p.customer_id
      WHERE p.value_index = $1 AND m.merged_into_id IS NULL
      ORDER BY m.id LIMIT 50) AS f
JOIN customer c ON c.id = f.id JOIN personal_key k ON k.id = c.key_id ORDER BY c.id FOR KEY SHARE OF c
"""
_OWNER: Final = """
SELECT c.id, c.key_id, k.wrapped, k.master FROM customer c JOIN personal_key k ON k.id = c.key_id
WHERE c.id = $1 FOR KEY SHARE OF c
"""


async def seal_caller(
    uow: UnitOfWork, call: CallRecord, number: str | None, name: str | None, country: str | None, owners: list[Owner]
) -> None:
    """Keep the caller's number and name: under the customer's key when exactly one has the number, else under a key of
    the call's own. Without a number nothing of the caller is kept."""
    if number is None:
        call.set(caller_cipher=None, caller_key_id=None, caller_index=None, caller_name_cipher=None)
        call.set(caller_country=None, candidate_ids=[], customer_id=None)
        return
    one = owners[0] if len(owners) == 1 else None
    key: PersonalKey | None = None
    if one is not None and one.wrapped is not None:
        key = uow.keyring.unwrap(one.key_id, one.wrapped)
    elif call.caller_key_id is not None:
        key = await load_personal_key(uow, uow.keyring, call.caller_key_id)
    key = key or await create_personal_key(uow)
    _seal(uow, call, key, number, name)
    call.set(caller_index=uow.keyring.blind_index("phone", number), caller_country=country)
    call.set(candidate_ids=[owner.customer_id for owner in owners])
    call.set(customer_id=one.customer_id if one is not None else None)


async def reseal_caller(uow: UnitOfWork, call: CallRecord, key: PersonalKey | None) -> None:
    """Seal the caller's number and name anew under another key; without one, under a fresh key of the call's own."""
    if call.caller_key_id is None or call.caller_cipher is None or (key is not None and call.caller_key_id == key.id):
        return
    old = await load_personal_key(uow, uow.keyring, call.caller_key_id)
    if old is None:
        return  # its customer was erased, and the number with them
    number = uow.keyring.decrypt(old, "call", "caller_cipher", call.id, call.caller_cipher)
    name = None
    if call.caller_name_cipher is not None:
        name = uow.keyring.decrypt(old, "call", "caller_name_cipher", call.id, call.caller_name_cipher)
    _seal(uow, call, key or await create_personal_key(uow), number, name)


def _seal(uow: UnitOfWork, call: CallRecord, key: PersonalKey, number: str, name: str | None) -> None:
    sealed = uow.keyring.encrypt
    call.set(
        caller_key_id=key.id,
        caller_cipher=sealed(key, "call", "caller_cipher", call.id, number),
        caller_name_cipher=sealed(key, "call", "caller_name_cipher", call.id, name) if name else None,
    )


@dataclass(frozen=True, slots=True)
class Dialled:
    """A click-to-dial: who asked for it, the number that it dials, and the ticket that it was asked from."""

    user_id: UUID | None = None
    number: str | None = None
    ticket_id: UUID | None = None


async def find_dialled(uow: UnitOfWork, command_id: UUID) -> Dialled:
    """What a click-to-dial was asked for; nothing when there is no such command."""
    row = await uow.fetchrow("SELECT user_id, to_cipher, key_id, data FROM pbx_command WHERE id = $1", command_id)
    if row is None:
        return Dialled()
    ticket = row["data"].get("ticket_id")
    ticket_id = UUID(ticket) if ticket else None
    key = await load_personal_key(uow, uow.keyring, row["key_id"]) if row["key_id"] is not None else None
    if key is None or row["to_cipher"] is None:
        return Dialled(row["user_id"], None, ticket_id)
    number = uow.keyring.decrypt(key, "pbx_command", "to_cipher", command_id, row["to_cipher"])
    return Dialled(row["user_id"], number, ticket_id)


async def find_consulted_about(uow: UnitOfWork, user_id: UUID, but: UUID) -> list[UUID]:
    """The customer, or those who may be, of the call that an agent has at this moment beside another."""
    row = await uow.fetchrow(
        """SELECT customer_id, candidate_ids FROM call
           WHERE user_id = $1 AND id <> $2 AND answered_at IS NOT NULL AND ended_at IS NULL AND merged_into_id IS NULL
             AND offered_at > $3::timestamptz - interval '1 day' ORDER BY answered_at DESC LIMIT 1""",
        user_id, but, uow.now,
    )  # fmt: skip
    if row is None:
        return []
    return [row["customer_id"]] if row["customer_id"] is not None else list(row["candidate_ids"])


async def write_timeline(uow: UnitOfWork, call: CallRecord) -> None:
    """The call's line on its customer's timeline: written, moved to another customer, or taken off."""
    changed = await uow.execute(
        """UPDATE interaction SET customer_id = $2, user_id = $3, direction = $4, at = $5
           WHERE call_id = $1 AND kind = 'call'""",
        call.id, call.customer_id, call.user_id, call.direction, call.offered_at,
    )  # fmt: skip
    if changed == "UPDATE 0" and call.customer_id is not None:
        await uow.execute(
            """INSERT INTO interaction (id, customer_id, kind, call_id, user_id, direction, at, data)
               VALUES ($1, $2, 'call', $3, $4, $5, $6, '{}')""",
            uow.new_id(), call.customer_id, call.id, call.user_id, call.direction, call.offered_at,
        )  # fmt: skip


async def merge_calls(uow: UnitOfWork, call: CallRecord, gone: UUID, at: datetime, *, pbx: str | None = None) -> bool:
    """Make ``gone`` a part of ``call``: its legs, names and notes move over, its row stays and points here.

    A call that was not seen yet becomes a row that points here at once, of ``pbx`` where it is not the call's own.
    False when this was so already.
    """
    row = await uow.fetchrow("SELECT merged_into_id FROM call WHERE id = $1 FOR UPDATE", gone)
    if row is None:
        await uow.execute(
            """INSERT INTO call (id, pbx, direction, state, offered_at, merged_into_id, created_at, updated_at)
               VALUES ($1, $2, $3, 'ended', $4, $5, $6, $6) ON CONFLICT (id) DO NOTHING""",
            gone, pbx or call.pbx, call.direction, at, call.id, uow.now,
        )  # fmt: skip
        return True
    if gone == call.id or row["merged_into_id"] == call.id:
        return False
    await uow.execute(
        """UPDATE call SET merged_into_id = $2, updated_at = $3, version = version + 1
           WHERE id = $1 OR merged_into_id = $1""",
        gone, call.id, uow.now,
    )  # fmt: skip
    await uow.execute("UPDATE leg SET call_id = $2 WHERE call_id = $1", gone, call.id)
    await uow.execute("UPDATE call_alias SET call_id = $2 WHERE call_id = $1", gone, call.id)
    await uow.execute("DELETE FROM interaction WHERE call_id = $1 AND kind = 'call'", gone)
    await uow.execute("UPDATE interaction SET call_id = $2 WHERE call_id = $1", gone, call.id)
    await uow.execute("UPDATE pbx_command SET call_id = $2 WHERE call_id = $1", gone, call.id)
    return True
