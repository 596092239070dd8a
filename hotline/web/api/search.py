"""One search for the palette."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from hotline.crm.queries.customers import search as queries
from hotline.crm.queries.tickets.tickets import TicketView
from hotline.tickets.states import Kind, State
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint


class SearchQuery(Input):
    """What is searched for."""

    q: str = Field(
        max_length=200,
        description="What a person types: part of a name, a number or its last 4 or more digits, an email or a part of "
        "one, C10001, T10001, #tag; several of these at once: `wang 4711`.",
    )
    limit: int = Field(8, ge=1, le=50, description="Most customers, and most tickets.")


class SearchHint(Output):
    """The contact point that was searched for, else the first one; masked where you may not read it."""

    kind: str
    text: str


class FoundCustomer(Output):
    """A customer in short."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str
    tier: str | None
    tags: list[str]
    hint: SearchHint | None


class TicketOwner(Output):
    """Whose ticket it is."""

    id: UUID
    reference: str
    name: str


class FoundTicket(Output):
    """A ticket in short."""

    id: UUID
    number: int
    reference: str
    kind: Kind
    state: State
    subject: str
    assignee: str | None
    customer: TicketOwner | None


class Found(Output):
    """What was found, the best first. Tickets: the one of this number, and open ones of the customers found."""

    customers: list[FoundCustomer]
    tickets: list[FoundTicket]


def _customer(found: queries.FoundCustomer) -> FoundCustomer:
    view = found.customer
    return FoundCustomer(
        id=view.id, number=view.number, reference=view.reference, kind=view.kind, name=view.name,
        tier=None if view.tier is None else view.tier.key, tags=list(view.tags),
        hint=None if found.hint is None else SearchHint.model_validate(found.hint),
    )  # fmt: skip


def _ticket(view: TicketView) -> FoundTicket:
    owner = None if view.customer is None else TicketOwner.model_validate(view.customer)
    return FoundTicket(
        id=view.id, number=view.number, reference=view.reference, kind=view.kind, state=view.state,
        subject=view.subject, assignee=view.assignee, customer=owner,
    )  # fmt: skip


@endpoint("GET", "/search", right="signed_in", summary="Customers and tickets by what a person types")
async def search(ask: Ask, query: SearchQuery) -> Found:
    """Of what you may not read, nothing is found."""
    house = ask.house
    found = await queries.search(
        house.db, house.keyring, ask.viewer, query.q, region=house.settings.region, limit=query.limit
    )
    return Found(
        customers=[_customer(each) for each in found.customers], tickets=[_ticket(each) for each in found.tickets]
    )


routes: list[Endpoint] = [search]
