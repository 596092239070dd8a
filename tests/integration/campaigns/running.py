"""Running campaigns in a test: a clock that is set, a runner with its lease, and what it released."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hotline.crm.database import Row
from hotline.workflows.campaigns.campaign_runner import Runner
from hotline.workflows.house import House
from hotline.workflows.leases import acquire_lease

#: More looks than any campaign of a test needs.
MOST_LOOKS = 50


class SetClock:
    """A clock that stands still until it is set."""

    def __init__(self, at: datetime | None = None) -> None:
        self.now = at or datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        """Set it forward, or back by negative numbers."""
        self.now += timedelta(**by)
        return self.now


async def look(house: House, runner: Runner | None = None) -> Runner:
    """Look until nothing more is to be done at this moment, as another process would that has just started."""
    runner = runner or Runner(house)
    lease = await acquire_lease(house, "campaigns", timedelta(minutes=5))
    assert lease is not None
    for _ in range(MOST_LOOKS):
        if not await runner.look(lease):
            return runner
    raise AssertionError("the runner does not come to an end")


async def released(house: House, campaign_id: UUID) -> Sequence[Row]:
    """The deliveries of a campaign in the order of their recipients."""
    return await house.db.fetch(
        "SELECT * FROM delivery WHERE campaign_id = $1 ORDER BY occurrence, customer_id", campaign_id
    )


async def run_of(house: House, campaign_id: UUID) -> Row:
    """The latest run of a campaign."""
    row = await house.db.fetchrow(
        "SELECT * FROM campaign_run WHERE campaign_id = $1 ORDER BY planned_at DESC LIMIT 1", campaign_id
    )
    assert row is not None
    return row


async def became(house: House, campaign_id: UUID, state: str, count: int | None = None, **columns: Any) -> None:
    """Let this become of the queued deliveries of a campaign, of the first ``count`` of them, as dispatch would note
    it."""
    sent = state in ("sent", "delivered", "read", "permanent_failure")
    changes = {"state": state, "sent_at": house.clock() if sent else None, "attempts": 1, **columns}
    assignments = ", ".join(f"{name} = ${place}" for place, name in enumerate(changes, start=3))
    await house.db.execute(
        f"""UPDATE delivery SET {assignments} WHERE id IN (
                SELECT id FROM delivery WHERE campaign_id = $1 AND state = 'queued' ORDER BY customer_id LIMIT $2)""",
        campaign_id,
        count,
        *changes.values(),
    )


async def state_of(house: House, campaign_id: UUID) -> tuple[str, str | None]:
    """The campaign's state and why it is in it."""
    row = await house.db.fetchrow("SELECT state, state_reason FROM campaign WHERE id = $1", campaign_id)
    assert row is not None
    return row["state"], row["state_reason"]
