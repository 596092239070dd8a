"""What the work with Twilio's calls needs to know of them: for hotline itself, without masks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer


@dataclass(frozen=True, slots=True)
class CallSoFar:
    """A call as the records have it. ``left`` is how its caller came back from a queue last; ``outcome`` the flow's."""

    id: UUID
    pbx: str
    direction: str
    queue: str | None
    customer_id: UUID | None
    user_id: UUID | None
    language: str | None
    kind: str | None
    outcome: str | None
    left: str | None
    answered_at: datetime | None
    ended_at: datetime | None
    dialled: str | None


async def call_so_far(db: Reader, viewer: Viewer, call_id: UUID) -> CallSoFar | None:
    """A call, after any merge."""
    viewer.require("calls.read_all")
    row = await db.fetchrow(
        """SELECT c.id, c.pbx, c.direction, c.queue, c.customer_id, c.user_id, c.ivr->>'language' AS language,
                  c.ivr->>'kind' AS kind, c.ivr->>'outcome' AS outcome,
                  (SELECT w.how FROM twilio_waiting w WHERE w.call_id = c.id ORDER BY w.step DESC LIMIT 1) AS left,
                  c.answered_at, c.ended_at, c.dialled
           FROM call c WHERE c.id = COALESCE((SELECT merged_into_id FROM call WHERE id = $1), $1)""",
        call_id,
    )
    return None if row is None else CallSoFar(**row)
