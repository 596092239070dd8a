"""Customers with their contact points, addresses and timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from hotline.crm.queries import customers as queries
from hotline.crm.queries.customers import CustomerView
from hotline.crm.queries.timeline import TimelineItem, list_timeline
from hotline.web.endpoint import (
    Ask,
    ById,
    Endpoint,
    Input,
    Output,
    Page,
    Paging,
    Reply,
    endpoint,
    id_cursor,
    paged,
)
from hotline.workflows import customers as workflow

Kind = Literal["person", "organisation"]
ContactKind = Literal["phone", "email", "whatsapp", "inapp"]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True)]


class ContactPoint(Output):
    """A way to reach a customer; phone numbers are E.164. Masked for who may not read numbers."""

    id: UUID
    kind: ContactKind
    value: str
    display: str = Field(description="The value as people write it.")
    label: str
    country: str | None
    masked: bool


class Address(Output):
    """A postal address; its text is empty for who may not read it."""

    id: UUID
    label: str
    text: str
    country: str | None
    masked: bool


class Customer(Output):
    """A person or an organisation."""

    id: UUID
    number: int
    reference: str = Field(description="The number as people say it.", examples=["C10001"])
    kind: Kind
    name: str
    locale: str | None
    tier: str | None = Field(description="The tier's key.", examples=["gold"])
    tags: list[str]
    responsible_id: UUID | None
    contact_points: list[ContactPoint]
    addresses: list[Address]
    custom: dict[str, Any]
    erased: bool
    version: int
    created_at: datetime
    updated_at: datetime


class ContactPointInput(Input):
    """A way to reach a customer, written in any usual form. With an `id` and no value, the one of that id stays."""

    id: UUID | None = None
    kind: ContactKind | None = None
    value: str | None = Field(None, min_length=1, max_length=320)
    label: str | None = Field(None, max_length=100)

    @model_validator(mode="after")
    def _old_or_new(self) -> Self:
        if self.id is None and (self.kind is None or self.value is None):
            raise ValueError("a new contact point needs kind and value")
        return self


class AddressInput(Input):
    """A postal address. With an `id` and no text, that one's text stays."""

    id: UUID | None = None
    label: str | None = Field(None, max_length=100)
    text: str | None = Field(None, min_length=1, max_length=1000)
    country: Country | None = None

    @model_validator(mode="after")
    def _old_or_new(self) -> Self:
        if self.id is None and self.text is None:
            raise ValueError("a new address needs a text")
        return self


class CustomerFields(Input):
    """What a customer's record holds. Lists replace the whole list."""

    locale: str | None = Field(None, max_length=16)
    tier: str | None = Field(None, max_length=64, description="The tier's key; null: none.")
    responsible_id: UUID | None = None
    tags: list[str] = Field(default_factory=list, max_length=50)
    contact_points: list[ContactPointInput] = Field(default_factory=list, max_length=50)
    addresses: list[AddressInput] = Field(default_factory=list, max_length=20)
    custom: dict[str, Any] = Field(default_factory=dict)


class CustomerCreate(CustomerFields):
    """A customer to be made."""

    kind: Kind = "person"
    name: str = Field(min_length=1, max_length=200)


class CustomerChange(CustomerFields):
    """What to change; what is absent stays."""

    kind: Kind = "person"
    name: str = Field("", min_length=1, max_length=200)
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set - {"version"}:
            raise ValueError("nothing to change")
        return self


class CustomersQuery(Paging):
    """Which customers."""

    q: str | None = Field(
        None, max_length=200, description="Part of a name, a number or its last digits, an email, C10001 or #tag."
    )
    tag: str | None = Field(None, max_length=64)
    tier: str | None = Field(None, max_length=64)


class LookupQuery(Input):
    """Whose number."""

    phone: str = Field(min_length=1, max_length=64)


class CustomerList(Output):
    """Every customer who has the number."""

    items: list[Customer]
    next: str | None = None


class TimelineQuery(Paging):
    """Which lines."""

    kind: list[str] = Field(default_factory=list, max_length=20, description="Only these kinds, for example `call`.")


class TimelineCall(Output):
    """A call, as the timeline tells it."""

    id: UUID
    state: str
    disposition: str | None
    queue: str | None
    withheld: bool
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: int | None
    talk_seconds: int | None
    end_seen: bool


class TimelineTicket(Output):
    """A ticket on the timeline."""

    id: UUID
    number: int
    reference: str
    kind: str
    state: str


class TimelineEntry(Output):
    """One line of the timeline."""

    id: UUID
    kind: str
    at: datetime
    direction: str | None
    user_id: UUID | None
    user_name: str | None
    call: TimelineCall | None
    ticket: TimelineTicket | None = None
    note: str | None


def render_customer(view: CustomerView) -> Customer:
    """The customer's body."""
    return Customer(
        id=view.id,
        number=view.number,
        reference=view.reference,
        kind=view.kind,
        name=view.name,
        locale=view.locale,
        tier=view.tier.key if view.tier is not None else None,
        tags=list(view.tags),
        responsible_id=view.responsible_id,
        contact_points=[ContactPoint.model_validate(point) for point in view.contact_points],
        addresses=[Address.model_validate(address) for address in view.addresses],
        custom=dict(view.custom),
        erased=view.erased,
        version=view.version,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def _entry(item: TimelineItem) -> TimelineEntry:
    return TimelineEntry.model_validate(item)


@endpoint("GET", "/customers", right="customers.read", summary="Customers, the newest first, or a search")
async def list_customers(ask: Ask, query: CustomersQuery) -> Page[Customer]:
    after, limit = id_cursor(query.cursor), query.limit + 1
    db, keyring = ask.house.db, ask.house.keyring
    if query.q:
        found = await queries.search_customers(
            db,
            keyring,
            ask.viewer,
            query.q,
            region=ask.house.settings.region,
            limit=limit,
            after=after,
            tag=query.tag,
            tier=query.tier,
        )
    else:
        found = await queries.list_customers(
            db, keyring, ask.viewer, limit=limit, after=after, tag=query.tag, tier=query.tier
        )
    return paged(found, query.limit, render_customer, lambda view: str(view.id))


@endpoint("GET", "/customers/lookup", right="customers.read", summary="Every customer who has a phone number")
async def lookup(ask: Ask, query: LookupQuery) -> CustomerList:
    """Several customers may share a number; none is guessed."""
    found = await queries.lookup(
        ask.house.db, ask.house.keyring, ask.viewer, query.phone, region=ask.house.settings.region
    )
    return CustomerList(items=[render_customer(view) for view in found])


@endpoint("POST", "/customers", right="customers.write", summary="Make a customer", status=201, idempotent=True)
async def create_customer(ask: Ask, body: CustomerCreate) -> Reply[Customer]:
    fields: Any = body.model_dump(exclude_unset=True, exclude_none=True)
    view = await workflow.create_customer(ask.house, ask.viewer, fields, idempotency=ask.idempotency())
    return Reply(render_customer(view), headers={"Location": f"{ask.request.path}/{view.id}"})


@endpoint("GET", "/customers/{id}", right="customers.read", summary="One customer")
async def get_customer(ask: Ask, path: ById) -> Customer:
    """Of a customer who was merged into another, that other."""
    return render_customer(await queries.get_customer(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("PATCH", "/customers/{id}", right="customers.write", summary="Change a customer")
async def change_customer(ask: Ask, path: ById, body: CustomerChange) -> Customer:
    view = await queries.get_customer(ask.house.db, ask.house.keyring, ask.viewer, path.id)
    changes: Any = body.model_dump(exclude_unset=True, exclude={"version"})
    expected = ask.expected_version(view.version, body.version)
    return render_customer(await workflow.update_customer(ask.house, ask.viewer, view.id, changes, expected))


@endpoint("GET", "/customers/{id}/timeline", right="customers.read", summary="What happened, the latest first")
async def timeline(ask: Ask, path: ById, query: TimelineQuery) -> Page[TimelineEntry]:
    found = await list_timeline(
        ask.house.db,
        ask.house.keyring,
        ask.viewer,
        path.id,
        limit=query.limit + 1,
        after=id_cursor(query.cursor),
        kinds=query.kind or None,
    )
    return paged(found, query.limit, _entry, lambda item: str(item.id))


routes: list[Endpoint] = [
    list_customers,
    lookup,
    create_customer,
    get_customer,
    change_customer,
    timeline,
]
