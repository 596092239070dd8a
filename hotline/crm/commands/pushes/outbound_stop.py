"""The stop of everything outbound: one row, which every statement that lets a message leave looks at."""

from __future__ import annotations

from hotline.crm.unit_of_work import UnitOfWork
from hotline.events import permission_mark

#: Who is told.
_AUDIENCE = (permission_mark("campaigns.read"), permission_mark("outbound.stop"))


async def stop(uow: UnitOfWork, reason: str = "") -> bool:
    """Let nothing leave from now on; says whether anything could until now."""
    changed = await uow.fetchval(
        """UPDATE outbound_stop SET stopped_at = $1, user_id = $2, reason = $3, epoch = epoch + 1
           WHERE id = 1 AND stopped_at IS NULL RETURNING epoch""",
        uow.now, uow.viewer.user_id, reason[:500],
    )  # fmt: skip
    if changed is not None:
        uow.audit("outbound:stopped", None, epoch=changed)
        uow.emit("outbound.stopped", _AUDIENCE, epoch=changed)
    return changed is not None


async def resume(uow: UnitOfWork) -> bool:
    """Let messages leave again; says whether they were stopped."""
    changed = await uow.fetchval(
        """UPDATE outbound_stop SET stopped_at = NULL, user_id = $1, reason = '', epoch = epoch + 1
           WHERE id = 1 AND stopped_at IS NOT NULL RETURNING epoch""",
        uow.viewer.user_id,
    )  # fmt: skip
    if changed is not None:
        uow.audit("outbound:resumed", None, epoch=changed)
        uow.emit("outbound.resumed", _AUDIENCE, epoch=changed)
    return changed is not None
