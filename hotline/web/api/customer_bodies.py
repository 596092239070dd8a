"""Bodies of customers: what the API answers and takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from hotline.crm.queries.customers.customers import CustomerView
from hotline.web.endpoint import Ask, Input, Output

Kind = Literal["person", "organisation"]
ContactKind = Literal["phone", "email", "whatsapp", "inapp"]
Channel = Literal["phone", "email", "whatsapp", "inapp", "post"]
Source = Literal["hand", "import", "api", "call", "message"]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True)]


class Bounces(Output):
    """Mails in a row that did not arrive at an address, `hard` for good, `soft` for now, with the last one's code."""

    hard: int
    soft: int
    at: datetime | None
    status: str | None


class ContactPoint(Output):
    """A way to reach a customer; phone numbers are E.164. Masked for who may not read numbers, or emails."""

    id: UUID
    kind: ContactKind
    value: str
    display: str = Field(description="The value as people write it.")
    label: str
    country: str | None
    masked: bool
    bounces: Bounces | None = Field(None, description="Mail to it does not arrive; null: nothing failed.")


class Address(Output):
    """A postal address; its text is empty for who may not read it."""

    id: UUID
    label: str
    text: str
    country: str | None
    masked: bool


class TimeSpan(Output):
    """When a customer likes to be reached: from `from` to `to`, on some days."""

    model_config = ConfigDict(frozen=True, from_attributes=True, populate_by_name=True, serialize_by_alias=True)

    days: list[int] = Field(description="1 for Monday to 7 for Sunday.")
    start: str = Field(alias="from", examples=["09:00"])
    end: str = Field(alias="to", examples=["17:30"])


class Preferences(Output):
    """How a customer likes to be reached. Their language is the record's `locale`."""

    channel: Channel | None = None
    times: list[TimeSpan] = Field(default_factory=list)
    timezone: str | None = Field(None, examples=["Asia/Shanghai"])


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
    responsible: str | None = Field(description="The login of the user who looks after them.")
    responsible_id: UUID | None
    responsible_name: str | None
    classification: str | None = Field(description="A key of the list `classification`.")
    preferences: Preferences
    contact_points: list[ContactPoint]
    addresses: list[Address]
    custom: dict[str, Any] = Field(description="Values of custom fields by key.")
    custom_masked: list[str] = Field(description="Keys of private fields that have a value which you may not read.")
    erased: bool
    created_by: str | None = Field(description="The login of the user who made the record.")
    created_source: Source | None = Field(description="How the record came to be; null: not known.")
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


class TimeSpanInput(Input):
    """A span of time on some days."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    days: list[int] = Field(min_length=1, max_length=7)
    start: str = Field(alias="from", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(alias="to", pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")


class PreferencesInput(Input):
    """How a customer likes to be reached. What is absent stays, null takes it away."""

    channel: Channel | None = None
    times: list[TimeSpanInput] | None = Field(None, max_length=14)
    timezone: str | None = Field(None, max_length=64)


class CustomerFields(Input):
    """What a customer's record holds. Lists replace the whole list; `custom` and `preferences` change key by key,
    null takes one away."""

    locale: str | None = Field(None, max_length=16)
    tier: str | None = Field(None, max_length=64, description="The tier's key; null: none.")
    responsible: str | None = Field(None, max_length=150, description="A user's login; null: nobody.")
    responsible_id: UUID | None = Field(None, description="The same by id.")
    classification: str | None = Field(None, max_length=64, description="A key of the list; null: none.")
    preferences: PreferencesInput = Field(default_factory=PreferencesInput)
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
    version: int | None = Field(
        None,
        description="The version that was read. What others changed since stays; only when both changed the same field "
        "there is a conflict, which names it and both values.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set - {"version"}:
            raise ValueError("nothing to change")
        if {"responsible", "responsible_id"} <= self.model_fields_set:
            raise ValueError("responsible or responsible_id, not both")
        return self


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
        responsible=view.responsible.login if view.responsible else None,
        responsible_id=view.responsible_id,
        responsible_name=view.responsible.name if view.responsible else None,
        classification=view.classification,
        preferences=Preferences.model_validate(view.preferences),
        contact_points=[ContactPoint.model_validate(point) for point in view.contact_points],
        addresses=[Address.model_validate(address) for address in view.addresses],
        custom=dict(view.custom),
        custom_masked=list(view.custom_masked),
        erased=view.erased,
        created_by=view.created_by.login if view.created_by else None,
        created_source=view.created_source,
        version=view.version,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def changes_of(body: CustomerFields) -> dict[str, Any]:
    """What a body changes, as the workflow takes it: only what was sent."""
    return body.model_dump(exclude_unset=True, exclude={"version"}, by_alias=True)


def source_of(ask: Ask) -> Literal["hand", "api"]:
    """Whether a person or a program writes."""
    return "api" if ask.signed.kind == "token" else "hand"
