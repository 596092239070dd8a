"""The kill switch: whether anything may leave, stopping all of it at once, letting it go on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.pushes.outbound_stop import get_stop
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.pushes import outbound as workflow


class Outbound(Output):
    """Whether anything may leave."""

    stopped: bool
    stopped_at: datetime | None
    by_id: UUID | None = Field(description="Who stopped it, or let it go on, last.")
    reason: str
    epoch: int = Field(description="Grows with each change.")


class StopReason(Input):
    """Why."""

    reason: str = Field("", max_length=500)


@endpoint("GET", "/outbound", right="signed_in", summary="Whether anything may leave")
async def show(ask: Ask) -> Outbound:
    return Outbound.model_validate(await get_stop(ask.house.db, ask.viewer))


@endpoint("POST", "/outbound/stop", right="outbound.stop", summary="Stop everything outbound", bare=True)
async def stop(ask: Ask, body: StopReason) -> Outbound:
    """Campaigns, replies, automatic answers, on every node: no message begins once this has answered."""
    return Outbound.model_validate(await workflow.stop_outbound(ask.house, ask.viewer, body.reason))


@endpoint("POST", "/outbound/resume", right="outbound.stop", summary="Let messages leave again")
async def resume(ask: Ask) -> Outbound:
    """What waited leaves, unless its time is over."""
    return Outbound.model_validate(await workflow.resume_outbound(ask.house, ask.viewer))


routes: list[Endpoint] = [show, stop, resume]
