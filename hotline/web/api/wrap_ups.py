"""Which ticket a call belongs to, and the wrap-up of a call."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field, model_validator

from hotline.crm.queries.calls.calls import get_call
from hotline.crm.queries.calls.wrap_ups import WrapUpView
from hotline.tickets.dispositions import Disposition
from hotline.web.api.calls import Call, render_call
from hotline.web.api.tickets import TicketFields
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Moment, Output, endpoint
from hotline.workflows.calls import wrap_ups as workflow
from hotline.workflows.tickets import tickets as ticket_workflow


class CallTicketChange(Input):
    """Join a ticket, or (`new`) have one of its own again: what the call changed on the other is taken back."""

    ticket_id: UUID | None = None
    new: bool = False

    @model_validator(mode="after")
    def _one(self) -> CallTicketChange:
        if (self.ticket_id is None) != self.new:
            raise ValueError("Give either ticket_id or new.")
        return self


class WrapUpSave(Input):
    """What became of a call. While it goes on it is kept; once it is over the wrap-up is done."""

    disposition: Disposition | None = None
    note: str | None = Field(None, max_length=100_000, description="A note about the call.")
    note_id: UUID | None = Field(None, description="An id of the writer's own: sent again, its text is rewritten.")
    ticket: TicketFields | None = None
    callback_due: Moment | None = None
    finish: bool = Field(
        True, description="false: said while the call went on. It is kept, though the call may be over by now."
    )


class WrapUp(Output):
    """One's own wrap-up of a call. Not started: the call goes on."""

    call_id: UUID
    ticket_id: UUID | None
    started_at: datetime | None
    until: datetime | None
    done_at: datetime | None
    disposition: str | None


def render_wrap_up(view: WrapUpView) -> WrapUp:
    """The wrap-up's body."""
    return WrapUp.model_validate(view)


@endpoint("POST", "/calls/{id}/ticket", right="tickets.write", summary="Say which ticket a call belongs to")
async def set_call_ticket(ask: Ask, path: ById, body: CallTicketChange) -> Call:
    await ticket_workflow.set_call_ticket(ask.house, ask.viewer, path.id, body.ticket_id)
    return render_call(await get_call(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("POST", "/calls/{id}/wrap-up", right="tickets.write", summary="Wrap a call up")
async def wrap_up(ask: Ask, path: ById, body: WrapUpSave) -> WrapUp:
    """What follows for the ticket: `solved` resolves it, `follow_up` keeps it open, `waiting` waits for the customer,
    `callback` has them called back, `wrong_number` discards it; `passed_on` and `other` change nothing."""
    view = await workflow.wrap_up_call(
        ask.house,
        ask.viewer,
        path.id,
        disposition=body.disposition,
        note=body.note,
        note_id=body.note_id,
        ticket=body.ticket.changes() if body.ticket is not None else None,
        callback_due=body.callback_due,
        finish=body.finish,
    )
    return render_wrap_up(view)


routes: list[Endpoint] = [set_call_ticket, wrap_up]
