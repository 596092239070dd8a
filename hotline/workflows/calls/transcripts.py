"""What is said in recordings, for who may hear them."""

from __future__ import annotations

from uuid import UUID

from hotline.crm.commands.calls import recordings as commands
from hotline.crm.queries.calls import recordings as queries
from hotline.crm.viewer import Viewer
from hotline.workflows.house import House


async def read_transcript(house: House, viewer: Viewer, recording_id: UUID) -> str:
    """The text of a recording; that it was read is in the audit trail. Raises Forbidden and NotFound."""
    text = await queries.transcript(house.db, house.keyring, viewer, recording_id)
    async with house.unit(viewer) as uow:
        await commands.audit_reading(uow, recording_id)
    return text
