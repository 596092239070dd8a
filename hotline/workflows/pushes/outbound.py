"""The kill switch: nothing leaves any more, on any node and over any channel, until somebody lets it go on."""

from __future__ import annotations

from hotline.crm.commands.pushes import outbound_stop as commands
from hotline.crm.queries.pushes.outbound_stop import StopView, get_stop
from hotline.crm.viewer import Viewer
from hotline.workflows.conversations.outgoing import wake_sending
from hotline.workflows.house import House
from hotline.workflows.pushes.dispatch import wake_dispatch
from hotline.workflows.pushes.dispatch_gate import settle_gate


async def stop_outbound(house: House, viewer: Viewer, reason: str = "") -> StopView:
    """Stop everything outbound. When this returns, no process can begin another message. Raises Forbidden."""
    viewer.require("outbound.stop")
    async with house.unit(viewer) as uow:
        await commands.stop(uow, reason)
    await settle_gate(house)
    return await get_stop(house.db, viewer)


async def resume_outbound(house: House, viewer: Viewer) -> StopView:
    """Let messages leave again. Raises Forbidden."""
    viewer.require("outbound.stop")
    async with house.unit(viewer) as uow:
        await commands.resume(uow)
    await wake_dispatch(house)
    wake_sending(house)
    return await get_stop(house.db, viewer)
