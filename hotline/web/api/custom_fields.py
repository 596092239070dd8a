"""The company's own fields of customers and tickets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.customers import custom_fields as queries
from hotline.customers.custom_fields import CustomField as FieldDefinition
from hotline.customers.custom_fields import Record
from hotline.customers.custom_values import Type
from hotline.web.api.user_bodies import Locale
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.company import fields as workflow

Names = dict[Locale, str]


class Choice(Output):
    """A choice of a field. An archived one is offered no more; records keep it."""

    key: str
    names: dict[str, str]
    archived: bool


class CustomField(Output):
    """A field. `type` says how its values look in `custom`: `number` an integer, `decimal` a text such as "12.50",
    `money` `{amount, currency}` in minor units, `date` 2026-01-31, `datetime` in UTC, `choice` a key, `multi_choice` a
    list of keys, the others text."""

    id: UUID
    record: Record = Field(description="`customer`: persons and organisations.")
    key: str
    names: dict[str, str]
    hints: dict[str, str]
    type: Type
    choices: list[Choice]
    currency: str | None = Field(description="Of amounts that are written without one.")
    minimum: str | None
    maximum: str | None
    required: bool
    private: bool = Field(description="Only who holds `customers.read_private` sees its values.")
    shown_in_pop: bool = Field(description="Shown as soon as the customer calls.")
    position: int
    archived: bool
    version: int


class CustomFields(Output):
    """Every field in its order, archived ones last."""

    items: list[CustomField]
    next: str | None = None


class CustomFieldsQuery(Input):
    """Which fields."""

    record: Record | None = Field(None, description="Those that this kind of record has: a person has customers', too.")
    archived: bool = Field(False, description="Archived ones, too.")


class ChoiceInput(Input):
    """A choice as it shall be."""

    key: str = Field(max_length=60)
    names: Names
    archived: bool = False


class FieldInput(Input):
    """What may change about a field. Choices replace the whole list, but none may go: archive it."""

    names: Names = Field(default_factory=dict)
    hints: Names = Field(default_factory=dict)
    choices: list[ChoiceInput] = Field(default_factory=list, max_length=workflow.MOST_CHOICES)
    currency: str | None = Field(None, min_length=3, max_length=3)
    minimum: str | None = Field(None, max_length=30, description="Of numbers and decimals.")
    maximum: str | None = Field(None, max_length=30)
    required: bool = False
    private: bool = False
    shown_in_pop: bool = False
    position: int = Field(0, ge=0, le=1_000_000)
    archived: bool = False


class FieldCreate(FieldInput):
    """A field to be made. `record`, `key` and `type` stay for good."""

    record: Record = "customer"
    key: str = Field(max_length=60, pattern=r"^[a-z][a-z0-9_]*$")
    type: Type


class FieldChange(FieldInput):
    """What to change; what is absent stays."""

    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class FieldOrder(Input):
    """The ids in their new order."""

    ids: list[UUID] = Field(max_length=500)


def render_field(view: FieldDefinition) -> CustomField:
    """The field's body."""
    return CustomField.model_validate(view)


@endpoint("GET", "/custom-fields", right="signed_in", summary="The company's own fields")
async def list_fields(ask: Ask, query: CustomFieldsQuery) -> CustomFields:
    found = await queries.read_fields(ask.house.db, ask.viewer)
    kinds = {query.record, "customer"} if query.record in ("person", "organisation") else {query.record}
    return CustomFields(
        items=[
            render_field(each)
            for each in found.fields
            if (query.record is None or each.record in kinds) and (query.archived or not each.archived)
        ]
    )


@endpoint("POST", "/custom-fields", right="settings.write", summary="Make a field", status=201)
async def create_field(ask: Ask, body: FieldCreate) -> Reply[CustomField]:
    """A key is there once among all customers' fields, and once among tickets'."""
    fields: Any = body.model_dump(exclude_unset=True)
    view = await workflow.create_field(ask.house, ask.viewer, fields)
    return Reply(render_field(view), headers={"Location": f"{ask.request.path}/{view.id}"})


@endpoint("PUT", "/custom-fields/order", right="settings.write", summary="Put fields into an order")
async def order_fields(ask: Ask, body: FieldOrder) -> CustomFields:
    found = await workflow.order_fields(ask.house, ask.viewer, body.ids)
    return CustomFields(items=[render_field(each) for each in found.fields])


@endpoint("GET", "/custom-fields/{id}", right="signed_in", summary="One field")
async def get_field(ask: Ask, path: ById) -> CustomField:
    return render_field(await queries.get_field(ask.house.db, ask.viewer, path.id))


@endpoint("PATCH", "/custom-fields/{id}", right="settings.write", summary="Change a field, or archive it")
async def change_field(ask: Ask, path: ById, body: FieldChange) -> CustomField:
    view = await queries.get_field(ask.house.db, ask.viewer, path.id)
    fields: Any = body.model_dump(exclude_unset=True, exclude={"version"})
    expected = ask.expected_version(view.version, body.version)
    return render_field(await workflow.update_field(ask.house, ask.viewer, path.id, fields, expected))


@endpoint("DELETE", "/custom-fields/{id}", right="settings.write", summary="Archive a field", status=204)
async def archive_field(ask: Ask, path: ById) -> None:
    """Its values stay; `archived: false` offers it again."""
    await workflow.update_field(ask.house, ask.viewer, path.id, {"archived": True})


routes: list[Endpoint] = [list_fields, create_field, order_fields, get_field, change_field, archive_field]
