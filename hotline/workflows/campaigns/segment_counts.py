"""Counting a segment in the background, piece by piece: rules that ask every customer's records take their time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from hotline.crm.queries.campaigns.audience import breakdown, count_customers, next_piece, require_all
from hotline.crm.queries.campaigns.segments import current_version, read_definition
from hotline.crm.viewer import Viewer
from hotline.workflows import background
from hotline.workflows.background import Kind, Run
from hotline.workflows.campaigns.segments import bring_up_to_date, channel_of, purpose_of, zone_of
from hotline.workflows.house import House

COUNT: Final = "segment_count"
#: Customers of one step: some tenths of a second.
PIECE: Final = 50_000


async def start(
    house: House, viewer: Viewer, segment_id: UUID, channel: str | None = None, purpose: str = "marketing"
) -> UUID:
    """Count a segment as it is now in the background; the job's id. Its result has ``matched``, ``recipients`` and
    ``excluded`` by reason. Raises NotFound, Forbidden, Invalid."""
    require_all(viewer)
    channel_of(channel)
    purpose_of(purpose)
    version = await current_version(house.db, viewer, segment_id)
    await bring_up_to_date(house)
    total = await count_customers(house.db, viewer)
    params = {"version_id": str(version.id), "channel": channel, "purpose": purpose}
    return await background.start(house, viewer, COUNT, params, total)


async def _count(house: House, run: Run) -> Mapping[str, Any]:
    params = run.job.params
    channel, purpose = channel_of(params["channel"]), purpose_of(params["purpose"])
    definition = await read_definition(house.db, run.viewer, UUID(params["version_id"]))
    kept: dict[str, Any] = dict(run.job.cursor or {"after": None, "matched": 0, "recipients": 0, "excluded": {}})
    if run.job.cursor is None:
        await bring_up_to_date(house)
    while True:
        async with house.long_unit(run.viewer) as uow:
            piece = await next_piece(uow, run.viewer, UUID(kept["after"]) if kept["after"] else None, PIECE)
            found = await breakdown(uow, run.viewer, definition, channel, purpose, uow.now, zone_of(house), among=piece)
            excluded = {**kept["excluded"]}
            for reason, number in found.excluded.items():
                excluded[reason] = excluded.get(reason, 0) + number
            kept = {
                "after": None if piece.last is None else str(piece.last),
                "matched": kept["matched"] + found.matched,
                "recipients": kept["recipients"] + found.recipients,
                "excluded": excluded,
            }
            if piece.last is not None:
                await run.advance(uow, cursor=kept, done=PIECE)
        if piece.last is None:
            return {name: kept[name] for name in ("matched", "recipients", "excluded")}


KINDS: Final[Mapping[str, Kind]] = {COUNT: Kind(_count, "segments.read")}
