"""The audit trail, as auditors read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer

MOST = 201


@dataclass(frozen=True, slots=True)
class AuditView:
    """One deed. ``position`` is its place in the sealed chain, None until the sealer has taken it up."""

    id: UUID
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    actor: str | None
    action: str
    subject_id: UUID | None
    data: Mapping[str, Any]
    position: int | None


async def list_audit(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    subject_id: UUID | None = None,
    actor_id: UUID | None = None,
    action: str | None = None,
) -> list[AuditView]:
    """Entries, the newest first; ``action`` is a whole one (``user:updated``) or its subject (``user``)."""
    viewer.require("audit.read")
    rows = await db.fetch(
        """SELECT a.id, a.at, a.actor_kind, a.actor_id, u.login AS actor, a.action, a.subject_id, a.data, a.position
           FROM audit_entry a LEFT JOIN users u ON u.id = a.actor_id
           WHERE ($2::uuid IS NULL OR a.id < $2)
             AND ($3::uuid IS NULL OR a.subject_id = $3)
             AND ($4::uuid IS NULL OR a.actor_id = $4)
             AND ($5::text IS NULL OR a.action = $5 OR split_part(a.action, ':', 1) = $5)
           ORDER BY a.id DESC LIMIT $1""",
        min(limit, MOST),
        after,
        subject_id,
        actor_id,
        action,
    )
    return [AuditView(**row) for row in rows]
