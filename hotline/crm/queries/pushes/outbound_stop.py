"""Whether everything outbound is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer


@dataclass(frozen=True, slots=True)
class StopView:
    """``stopped_at`` None: messages may leave. ``by_id`` changed it last; ``epoch`` counts the changes."""

    stopped_at: datetime | None
    by_id: UUID | None
    reason: str
    epoch: int

    @property
    def stopped(self) -> bool:
        """Whether nothing may leave."""
        return self.stopped_at is not None


async def get_stop(db: Reader, viewer: Viewer) -> StopView:
    """The stop as it is: whoever ``viewer`` is, they may know that nothing leaves."""
    row = await db.fetchrow("SELECT stopped_at, user_id, reason, epoch FROM outbound_stop WHERE id = 1")
    if row is None:
        return StopView(None, None, "", 0)
    return StopView(row["stopped_at"], row["user_id"], row["reason"], row["epoch"])
