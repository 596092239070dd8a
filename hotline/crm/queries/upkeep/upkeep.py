"""What the jobs have still to do: for /metrics, the system page and ``hotline doctor``."""

from __future__ import annotations

from dataclasses import dataclass

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events without a number and audit entries without a seal; both are near zero when the jobs run."""

    unnumbered: int
    unsealed: int
    last_number: int
    last_seal: int


async def backlog(db: Reader, viewer: Viewer) -> Backlog:
    """How far the relay and the sealer are behind. Raises Forbidden without ``system.read``."""
    viewer.require("system.read")
    row = await db.fetchrow(
        """SELECT (SELECT count(*) FROM outbox WHERE seq IS NULL) AS unnumbered,
                  (SELECT count(*) FROM audit_entry WHERE position IS NULL) AS unsealed,
                  coalesce((SELECT seq FROM outbox_head WHERE id = 1), 0) AS last_number,
                  coalesce((SELECT max(position) FROM audit_seal), 0) AS last_seal"""
    )
    return Backlog(0, 0, 0, 0) if row is None else Backlog(**dict(row))
