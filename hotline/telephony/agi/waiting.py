"""How many callers are ahead in a queue: by the PBX itself, which knows their priorities, else by the records."""

from __future__ import annotations

from contextlib import suppress

from hotline.errors import Unavailable
from hotline.pbx.connection import Connection
from hotline.pbx.errors import PbxUnavailable
from hotline.workflows.house import House
from hotline.workflows.ivr.ivr import count_waiting


async def callers_ahead(house: House, connection: Connection | None, pbx: str, queue: str, priority: int) -> int | None:
    """Who waits already with this priority or a higher one; None when nobody can tell."""
    if connection is not None:
        with suppress(PbxUnavailable):
            reply = await connection.request("QueueStatus", ("Queue", queue), silence=connection.patience.probe)
            if reply.success:
                rows = (row for row in reply.events if row.name == "QueueEntry" and row.get("Queue") == queue)
                return sum(_number(row.get("Priority")) >= priority for row in rows)
    with suppress(Unavailable):
        return await count_waiting(house, pbx, queue)
    return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
