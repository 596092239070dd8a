"""One number or address in full, for who sees it in part."""

from __future__ import annotations

from uuid import UUID

from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.customers import revealing as workflow


class ByPoint(Input):
    """A contact point of a customer."""

    id: UUID
    point_id: UUID


class Revealed(Output):
    """The contact point in full; ``display`` is how people read it."""

    id: UUID
    kind: str
    value: str
    display: str


@endpoint(
    "POST",
    "/customers/{id}/contact-points/{point_id}/reveal",
    right="customers.reveal",
    summary="A masked number or address in full; recorded",
)
async def reveal_contact_point(ask: Ask, path: ByPoint) -> Revealed:
    """Each look is an entry `customer:revealed` of the audit trail, with who looked at what."""
    point = await workflow.reveal_contact_point(ask.house, ask.viewer, path.id, path.point_id)
    return Revealed.model_validate(point)


routes: list[Endpoint] = [reveal_contact_point]
