"""Deliveries of which nobody knows whether they left: a person decides what becomes of them."""

from __future__ import annotations

from hotline.crm.queries.campaigns.ledger import get_delivery
from hotline.web.api.deliveries import Delivery, _render
from hotline.web.endpoint import Ask, ById, Endpoint, Input, endpoint
from hotline.workflows.pushes import push_unknown as workflow


class Verdict(Input):
    """What a person found out."""

    arrived: bool


@endpoint("POST", "/deliveries/{id}/resend", right="campaigns.run", summary="Send an unknown delivery again")
async def resend(ask: Ask, path: ById) -> Delivery:
    """It may arrive twice, if it had arrived: nothing but a person's word sends it again. It leaves while its campaign
    runs. 409 for one that is not unknown."""
    await workflow.resend(ask.house, ask.viewer, path.id)
    return _render(await get_delivery(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("POST", "/deliveries/{id}/settle", right="campaigns.run", summary="Settle an unknown delivery")
async def settle(ask: Ask, path: ById, body: Verdict) -> Delivery:
    """Whether it arrived, as its recipient or the relay's log says. It is not sent again."""
    await workflow.settle_unknown(ask.house, ask.viewer, path.id, arrived=body.arrived)
    return _render(await get_delivery(ask.house.db, ask.house.keyring, ask.viewer, path.id))


routes: list[Endpoint] = [resend, settle]
