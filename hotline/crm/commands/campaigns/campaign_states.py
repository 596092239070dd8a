"""Moving campaigns from state to state, each with what becomes of its manifest, its audit entry and its event.

Rows are locked in one order, campaign before manifest: what takes an approval away waits for nobody but those who just
take messages of it, and whoever takes messages afterwards finds none.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from hotline.campaigns.states import ENDS, MANIFEST_AFTER, Event, State, after, done
from hotline.crm.database import Row
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound
from hotline.events import permission_mark

#: Who hears of campaigns.
AUDIENCE: Final = (permission_mark("campaigns.read"),)

_EVENT: Final[dict[Event, str]] = {
    "submit": "campaign.submitted",
    "approve": "campaign.approved",
    "plan": "campaign.approved",
    "reject": "campaign.rejected",
    "withdraw": "campaign.withdrawn",
    "void": "campaign.withdrawn",
    "expire": "campaign.withdrawn",
    "change": "campaign.withdrawn",
    "pause": "campaign.paused",
    "complete": "campaign.completed",
}
#: The campaign is not bound to its manifest any more.
_UNBINDS: Final[frozenset[Event]] = frozenset({"reject", "withdraw", "void", "expire", "change"})


async def move(
    uow: UnitOfWork,
    campaign_id: UUID,
    event: Event,
    *,
    reason: str | None = None,
    expected: int | None = None,
    **told: Any,
) -> State:
    """Let ``event`` happen to a campaign; its state afterwards. ``reason`` is a code; ``told`` are ids and codes for
    the audit trail. Raises NotFound, NotNow, and Conflict when it is another version than ``expected``."""
    row = await uow.fetchrow(
        "SELECT id, state, manifest_id, version, started_at FROM campaign WHERE id = $1 FOR UPDATE", campaign_id
    )
    if row is None:
        raise NotFound("There is no such campaign.")
    if expected is not None and row["version"] != expected:
        raise Conflict()
    return await move_row(uow, row, event, reason=reason, **told)


async def move_row(uow: UnitOfWork, row: Row, event: Event, *, reason: str | None = None, **told: Any) -> State:
    """As ``move``, of a row that the unit holds already."""
    state = after(row["state"], event)
    manifest_id: UUID | None = row["manifest_id"]
    manifest_state = MANIFEST_AFTER.get(event)
    if manifest_id is not None and manifest_state is not None:
        await uow.execute(
            """UPDATE manifest SET state = $2, state_reason = $3, state_at = $4,
                   approved_at = CASE WHEN $2::varchar = 'approved' THEN $4 ELSE approved_at END
               WHERE id = $1 AND state IN ('preparing', 'submitted', 'approved')""",
            *(manifest_id, manifest_state, reason, uow.now),
        )
    begins = state == "running" and row["started_at"] is None
    await uow.execute(
        """UPDATE campaign SET state = $2, state_reason = $3, state_at = $4, state_by_id = $5, updated_at = $4,
               manifest_id = CASE WHEN $6 THEN NULL ELSE manifest_id END,
               started_at = CASE WHEN $7 THEN $4 ELSE started_at END,
               completed_at = CASE WHEN $8 THEN $4 END, version = version + 1
           WHERE id = $1""",
        *(row["id"], state, reason, uow.now, uow.viewer.user_id),
        *(event in _UNBINDS, begins, state in ENDS),
    )
    if event != "change" or manifest_id is not None:
        entry = {"manifest_id": manifest_id, "reason": reason, "from": row["state"], **told}
        name = "voided" if event == "change" else done(event)
        uow.audit(f"campaign:{name}", row["id"], **{key: value for key, value in entry.items() if value is not None})
        uow.emit(
            _EVENT.get(event, "campaign.updated"), AUDIENCE, campaign_id=row["id"], state=state, reason=reason,
            manifest_id=manifest_id,
        )  # fmt: skip
    return state
