"""Writing campaigns: made, changed, removed before they were ever submitted. Whoever changes one becomes an editor of
it, who can never approve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.draft import Arm
from hotline.campaigns.states import ENDS, Event, after, reference
from hotline.crm.commands.campaigns.campaign_states import AUDIENCE, move_row
from hotline.crm.database import Row
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound

#: The first campaign's number.
FIRST_NUMBER: Final = 10_001
#: Key of the advisory lock under which numbers are given out, one after the other.
_NUMBERS: Final = 0x686F746C63616D
#: What a person may change.
CHANGEABLE: Final = (
    "name", "kind", "channel", "purpose", "sender_id", "fallback_sender_ids", "segment_id", "variants", "schedule",
    "limits", "track_links",
)  # fmt: skip


async def create_campaign(uow: UnitOfWork, campaign_id: UUID, values: Mapping[str, Any]) -> None:
    """Keep a new campaign as a draft; ``values`` has every one of CHANGEABLE."""
    await uow.execute("SELECT pg_advisory_xact_lock($1)", _NUMBERS)
    number = await uow.fetchval("SELECT coalesce(max(number) + 1, $1) FROM campaign", FIRST_NUMBER)
    editors = [] if uow.viewer.user_id is None else [uow.viewer.user_id]
    columns = ", ".join(CHANGEABLE)
    places = ", ".join(f"${place}" for place in range(6, 6 + len(CHANGEABLE)))
    await uow.execute(
        f"""INSERT INTO campaign (id, number, state, state_at, state_by_id, author_id, editor_ids, created_at,
                updated_at, {columns})
            VALUES ($1, $2, 'draft', $3, $4, $4, $5, $3, $3, {places})""",  # noqa: S608
        *(campaign_id, number, uow.now, uow.viewer.user_id, editors, *(_kept(name, values) for name in CHANGEABLE)),
    )
    uow.audit("campaign:created", campaign_id, number=reference(number), channel=values["channel"])
    uow.emit("campaign.created", AUDIENCE, campaign_id=campaign_id)


async def lock_campaign(uow: UnitOfWork, campaign_id: UUID) -> Row:
    """The campaign's row, held until the unit ends. Raises NotFound."""
    row = await uow.fetchrow("SELECT * FROM campaign WHERE id = $1 FOR UPDATE", campaign_id)
    if row is None:
        raise NotFound("There is no such campaign.")
    return row


def check(row: Row, event: Event, expected_version: int | None) -> None:
    """Whether ``event`` may happen to this row. Raises NotNow, and Conflict for another version."""
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict()
    after(row["state"], event)


async def update_campaign(
    uow: UnitOfWork, campaign_id: UUID, changes: Mapping[str, Any], expected_version: int | None = None
) -> None:
    """Change a campaign: an approval of it, or a review, is void from this moment. What is sent as it was changes
    nothing. Raises NotFound, Conflict for another version, NotNow for a campaign that is over."""
    row = await lock_campaign(uow, campaign_id)
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict()
    if row["state"] in ENDS:
        after(row["state"], "change")
    different = {name: _kept(name, changes) for name in CHANGEABLE if name in changes}
    different = {name: value for name, value in different.items() if value != row[name]}
    if not different:
        return
    if row["manifest_id"] is not None or row["state"] == "rejected":
        await move_row(uow, row, "change", reason="changed" if row["manifest_id"] else None)
    assignments = ", ".join(f"{name} = ${place}" for place, name in enumerate(different, start=4))
    await uow.execute(
        f"""UPDATE campaign SET {assignments}, version = version + 1, updated_at = $2, editor_ids =
                CASE WHEN $3::uuid IS NULL OR $3 = ANY(editor_ids) THEN editor_ids ELSE editor_ids || $3::uuid END
            WHERE id = $1""",  # noqa: S608
        *(campaign_id, uow.now, uow.viewer.user_id, *different.values()),
    )
    uow.audit("campaign:changed", campaign_id, fields=sorted(different))
    uow.emit("campaign.updated", AUDIENCE, campaign_id=campaign_id)


async def delete_campaign(uow: UnitOfWork, campaign_id: UUID, expected_version: int | None = None) -> None:
    """Remove a campaign that was never submitted. Raises NotFound; Conflict for one that was, or another version."""
    row = await lock_campaign(uow, campaign_id)
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict()
    if await uow.fetchval("SELECT 1 FROM manifest WHERE campaign_id = $1 LIMIT 1", campaign_id):
        raise Conflict("This campaign was submitted: its history stays. Cancel it instead.")
    await uow.execute("DELETE FROM campaign WHERE id = $1", campaign_id)
    uow.audit("campaign:deleted", campaign_id, number=reference(row["number"]))
    uow.emit("campaign.updated", AUDIENCE, campaign_id=campaign_id)


def _kept(name: str, values: Mapping[str, Any]) -> Any:
    value = values[name]
    if name == "variants":
        arms: Sequence[Arm] = value
        return [arm.kept() for arm in sorted(arms, key=lambda arm: arm.variant)]
    return list(value) if name == "fallback_sender_ids" else value
