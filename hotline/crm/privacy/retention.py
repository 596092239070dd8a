"""What is past its time is forgotten, a bounded number of rows at a time: each statement below takes the oldest ones.

Rows keep what statistics count. Keys of the rows' own are destroyed; a customer's key never is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.unit_of_work import UnitOfWork

#: Most rows of one step.
STEP: Final = 500
#: Customers that are looked at by one statement.
PART: Final = 10_000

# $1: what is older goes; $2: at most so many rows. Each answers one row per row forgotten: its own key, its file.
_STEPS: Final[Mapping[str, str]] = {
    "callers": """
        UPDATE call x SET caller_cipher = NULL, caller_name_cipher = NULL, caller_index = NULL
        WHERE x.id IN (SELECT l.id FROM call l WHERE l.customer_id IS NULL AND l.caller_cipher IS NOT NULL
                       AND l.ended_at < $1 ORDER BY l.offered_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING x.caller_key_id AS key_id, NULL::text AS path""",
    "tickets": """
        WITH old AS (
            SELECT t.id FROM ticket t WHERE t.closed_at < $1 AND t.state IN ('closed', 'discarded')
              AND (t.subject_cipher IS NOT NULL OR t.description_cipher IS NOT NULL OR t.custom_cipher IS NOT NULL
                   OR EXISTS (SELECT 1 FROM ticket_entry e WHERE e.ticket_id = t.id AND e.note_cipher IS NOT NULL))
            ORDER BY t.closed_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ), entries AS (
            UPDATE ticket_entry e SET note_cipher = NULL FROM old
            WHERE e.ticket_id = old.id AND e.note_cipher IS NOT NULL
        )
        UPDATE ticket x SET subject_cipher = NULL, description_cipher = NULL, custom_cipher = NULL, custom = '{}'
        FROM old WHERE x.id = old.id RETURNING x.key_id, NULL::text AS path""",
    "notes": """
        DELETE FROM interaction x WHERE x.id IN (
            SELECT i.id FROM interaction i WHERE i.kind = 'note' AND i.at < $1 ORDER BY i.at LIMIT $2
            FOR UPDATE SKIP LOCKED)
        RETURNING x.note_key_id AS key_id, NULL::text AS path""",
    "files": """
        WITH old AS (
            DELETE FROM customer_file x WHERE x.id IN (
                SELECT f.id FROM customer_file f WHERE f.at < $1 ORDER BY f.at LIMIT $2 FOR UPDATE SKIP LOCKED)
            RETURNING x.id, x.key_id, x.path
        ), line AS (
            DELETE FROM interaction i USING old WHERE i.id = old.id AND i.kind = 'file'
        )
        SELECT key_id, path FROM old""",
    "messages": """
        WITH old AS (
            SELECT v.id FROM conversation v
            WHERE v.closed_at < $1 AND v.state = 'closed' AND v.address_cipher IS NOT NULL
            ORDER BY v.closed_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ), texts AS (
            UPDATE message m SET body_cipher = NULL, html_cipher = NULL, sealed = NULL FROM old
            WHERE m.conversation_id = old.id
        ), files AS (
            DELETE FROM message_file f USING old WHERE f.conversation_id = old.id RETURNING f.key_id, f.path
        ), emptied AS (
            UPDATE conversation x SET address_cipher = NULL, name_cipher = NULL, subject_cipher = NULL,
                address_index = NULL
            FROM old WHERE x.id = old.id RETURNING x.key_id, NULL::text AS path
        )
        SELECT key_id, path FROM emptied UNION ALL SELECT key_id, path FROM files""",
    "changes": """
        DELETE FROM customer_change x WHERE x.id IN (
            SELECT c.id FROM customer_change c WHERE c.at < $1 ORDER BY c.at LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING NULL::uuid AS key_id, NULL::text AS path""",
    # Their ids are in the order of their times: no look at all of them where none is old.
    "clicks": """
        DELETE FROM link_click x WHERE x.at < $1 AND x.id IN (
            SELECT k.id FROM link_click k ORDER BY k.id LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING NULL::uuid AS key_id, NULL::text AS path""",
}
KINDS: Final = tuple(_STEPS)

_DESTROY: Final = """
UPDATE personal_key k SET wrapped = NULL, destroyed_at = $2 WHERE k.id = ANY($1::uuid[]) AND k.wrapped IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM customer c WHERE c.key_id = k.id)
"""

# Nobody whose contract runs, whose ticket is open, or who called, wrote, bought or was changed since.
_IDLE: Final = """
WITH part AS (SELECT id FROM customer WHERE id > $2 ORDER BY id LIMIT $3)
SELECT (SELECT id FROM part ORDER BY id DESC LIMIT 1) AS last, ARRAY(
SELECT c.id FROM part JOIN customer c ON c.id = part.id
WHERE c.updated_at < $1 AND c.erased_at IS NULL AND c.merged_into_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM call l WHERE l.customer_id = c.id AND l.offered_at >= $1)
  AND NOT EXISTS (SELECT 1 FROM interaction i WHERE i.customer_id = c.id AND i.at >= $1)
  AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.customer_id = c.id
                  AND (t.updated_at >= $1 OR t.state IN ('new', 'open', 'waiting')))
  AND NOT EXISTS (SELECT 1 FROM purchase p WHERE p.customer_id = c.id AND p.deleted_at IS NULL
                  AND (p.at >= $1 OR p.ends_at >= $1))
ORDER BY c.id) AS idle
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One step: how many rows, and the files to remove after the commit."""

    rows: int
    paths: tuple[str, ...]


async def forget(uow: UnitOfWork, kind: str, before: datetime) -> Forgotten:
    """Forget the oldest rows of one of KINDS that are from before a moment; the trail notes how many."""
    rows = await uow.fetch(_STEPS[kind], before, STEP)
    if rows:
        keys = [row["key_id"] for row in rows if row["key_id"] is not None]
        await uow.execute(_DESTROY, keys, uow.now)
        uow.audit("retention:applied", None, kind=kind, rows=len(rows), before=before)
    return Forgotten(len(rows), tuple(row["path"] for row in rows if row["path"] is not None))


async def idle_customers(db: Reader, before: datetime, after: UUID) -> tuple[list[UUID], UUID | None]:
    """Customers with whom nothing has happened since a moment, among the PART next ones behind the id ``after``; and
    the last id that was looked at, None at the end."""
    row = await db.fetchrow(_IDLE, before, after, PART)
    assert row is not None
    return list(row["idle"]), row["last"]
