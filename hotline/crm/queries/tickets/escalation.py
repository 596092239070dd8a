"""Who a ticket may be escalated to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer
from hotline.tickets.escalation import Candidate

#: Most people who are considered; a company has fewer supervisors.
MOST: Final = 500


async def candidates(db: Reader, viewer: Viewer, roles: Collection[str], login: str | None) -> list[Candidate]:
    """Everybody with one of ``roles``, and the user ``login``, who may sign in."""
    viewer.require("users.read")
    rows = await db.fetch(
        """SELECT u.id, u.login, u.role, u.queues,
                  (SELECT count(*) FROM ticket t WHERE t.assignee_id = u.id AND t.state IN ('new', 'open', 'waiting'))
                      AS open_tickets
           FROM users u WHERE u.disabled_at IS NULL AND (u.role = ANY($1) OR u.login = $2) ORDER BY u.id LIMIT $3""",
        *(list(roles), login, MOST),
    )
    return [Candidate(row["id"], row["login"], row["role"], tuple(row["queues"]), row["open_tickets"]) for row in rows]
