"""Writes of callers' sessions in the IVR: one row for each channel that ran a flow, found again by the channel's id."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hotline.calls.names import session_id
from hotline.crm.commands.upkeep.claims import prepared
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.personal_keys import create_personal_key, load_personal_key
from hotline.crm.unit_of_work import UnitOfWork

#: In a session's facts beside what a call's ``ivr`` gets: whom the caller's customer number belongs to.
_CUSTOMER: Final = "customer_id"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as it is now. ``secrets`` (what the caller keyed in) are sealed; ``facts`` are the call's ``ivr``."""

    pbx: str
    uniqueid: str
    flow: str
    digest: str
    version: int
    state: str  # running, queued, over
    session: Mapping[str, Any]
    facts: Mapping[str, Any]
    steps: int
    started_at: datetime
    secrets: Mapping[str, str] = field(default_factory=dict)


_SAVE: Final = """
INSERT INTO ivr_session AS s (id, pbx, uniqueid, call_id, flow, digest, version, state, session, facts, sealed, key_id,
                              steps, started_at, updated_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (pbx, uniqueid) DO UPDATE SET
    call_id = COALESCE(excluded.call_id, s.call_id), flow = excluded.flow, digest = excluded.digest,
    version = excluded.version, state = excluded.state, session = excluded.session, facts = excluded.facts,
    sealed = excluded.sealed, key_id = excluded.key_id, steps = excluded.steps,
    counted = CASE WHEN s.started_at = excluded.started_at THEN s.counted ELSE 0 END, uncounted = true,
    started_at = excluded.started_at, updated_at = excluded.updated_at, ended_at = excluded.ended_at
"""


async def save_session(
    uow: UnitOfWork, record: SessionRecord, call_id: UUID | None, customer_id: UUID | None = None
) -> None:
    """Write a session over what was known of its channel; a new run of the same channel replaces the old one."""
    row_id = session_id(record.pbx, record.uniqueid)
    sealed, key_id = await _seal(uow, record, row_id)
    facts = dict(record.facts)
    if customer_id is not None:
        facts[_CUSTOMER] = str(customer_id)
    await uow.execute(
        _SAVE,
        row_id, record.pbx, record.uniqueid, call_id, record.flow, record.digest, record.version, record.state,
        dict(record.session), facts, sealed, key_id, record.steps, record.started_at, uow.now,
        uow.now if record.state == "over" else None,
    )  # fmt: skip


async def _seal(uow: UnitOfWork, record: SessionRecord, row_id: UUID) -> tuple[bytes | None, UUID | None]:
    if not record.secrets:
        return None, None
    known = await uow.fetchval("SELECT key_id FROM ivr_session WHERE id = $1", row_id)
    key = await load_personal_key(uow, uow.keyring, known) if known is not None else None
    key = key or await create_personal_key(uow)
    text = json.dumps(dict(record.secrets))
    return uow.keyring.encrypt(key, "ivr_session", "sealed", row_id, text), key.id


async def lock_session(uow: UnitOfWork, pbx: str, uniqueid: str) -> int | None:
    """Lock a session; how often it has waited, -1 when it is over, None when there is none."""
    waited: int | None = await uow.fetchval(
        """SELECT CASE WHEN state = 'over' THEN -1 ELSE (session -> 'waited')::int END
           FROM ivr_session WHERE id = $1 FOR UPDATE""",
        session_id(pbx, uniqueid),
    )
    return waited


# One statement: a step that others took meanwhile changes nothing and claims nothing.
_STEP: Final = """
WITH taken AS (
    UPDATE ivr_session SET state = $3, session = $4, facts = $5, steps = $6, uncounted = true, version = $7,
        updated_at = $8
    WHERE id = $1 AND state = 'running' AND (session -> 'waited')::int = $2 RETURNING id)
INSERT INTO webhook_claim (key, reply_cipher, at)
SELECT k, r, $8 FROM taken, unnest($9::text[], $10::bytea[]) AS given (k, r) ORDER BY k RETURNING key
"""


async def take_step(
    db: Reader, keyring: Keyring, record: SessionRecord, waited: int, keys: Sequence[str], reply: str, now: datetime
) -> bool:
    """Write what a step changed in a session that had ``waited`` so often, with the claim of the event that brought it
    and its reply; secrets and the call stay as they are. False when somebody took that step already.

    Raises Conflict when the event was claimed by itself.
    """
    wanted, sealed = prepared(keyring, keys, reply)
    done = await db.fetchval(
        _STEP,
        session_id(record.pbx, record.uniqueid), waited, record.state, dict(record.session), dict(record.facts),
        record.steps, record.version, now, wanted, sealed,
    )  # fmt: skip
    return done is not None


async def session_facts(
    uow: UnitOfWork, pbx: str, uniqueids: Sequence[str]
) -> tuple[dict[str, Any], UUID | None] | None:
    """What a caller told the IVR before the records knew the call: its ``ivr``, and whose customer number was keyed
    in. None when no session ran on any of these channels."""
    facts = await uow.fetchval(
        """SELECT facts FROM ivr_session WHERE pbx = $1 AND uniqueid = ANY($2::text[])
           ORDER BY started_at DESC LIMIT 1""",
        pbx, list(uniqueids),
    )  # fmt: skip
    if facts is None:
        return None
    ivr = dict(facts)
    customer = ivr.pop(_CUSTOMER, None)
    return ivr, UUID(customer) if customer else None


async def find_call(uow: UnitOfWork, pbx: str, uniqueid: str) -> UUID | None:
    """The call that a channel belongs to, if the records know it by now."""
    found: UUID | None = await uow.fetchval(
        """SELECT COALESCE(c.merged_into_id, c.id) FROM call_alias a JOIN call c ON c.id = a.call_id
           WHERE a.pbx = $1 AND a.kind IN ('uniqueid', 'linkedid') AND a.value = $2
           ORDER BY a.kind DESC LIMIT 1""",
        pbx, uniqueid,
    )  # fmt: skip
    return found


async def close_sessions(uow: UnitOfWork, quiet: timedelta) -> int:
    """End the sessions whose call is over, or that nobody heard of for a day; answers how many. ``quiet`` is how long
    a call must be over, so that what a caller told at the end comes first."""
    done = await uow.execute(
        """UPDATE ivr_session s
           SET state = 'over', ended_at = COALESCE(c.ended_at, $1::timestamptz), updated_at = $1::timestamptz
           FROM ivr_session o LEFT JOIN call c ON c.id = o.call_id
           WHERE s.id = o.id AND o.state <> 'over'
             AND (c.ended_at < $1::timestamptz - $2::interval OR o.updated_at < $1::timestamptz - interval '1 day')""",
        uow.now, quiet,
    )  # fmt: skip
    return int(done.rpartition(" ")[2] or 0)
