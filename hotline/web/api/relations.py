"""How customers belong together: the contacts of an organisation, companies of one group, families."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.customers import customer_relations as queries
from hotline.crm.queries.customers.customer_relations import RelationView
from hotline.web.api.customer_bodies import ContactPoint, Kind
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.customers import customer_relations as workflow


class Related(Output):
    """The customer on the other side."""

    id: UUID
    number: int
    reference: str
    kind: Kind
    name: str
    contact_points: list[ContactPoint] = Field(description="The first two.")


class Relation(Output):
    """A relation as this customer sees it."""

    id: UUID
    kind: str = Field(description="A key of the list `relation`.", examples=["contact", "parent"])
    outward: bool = Field(description="True: the other one is `kind` of this one. False: this one is of the other.")
    from_id: UUID
    to_id: UUID = Field(description="`to` is `kind` of `from`.")
    customer: Related
    role: str | None = Field(description="A key of the list `contact_role`.")
    weight: int | None = Field(description="How much they decide, 0 to 100.")
    note: str
    version: int
    created_at: datetime


class Relations(Output):
    """A customer's relations to those whom one sees; who decides most is first."""

    items: list[Relation]
    next: str | None = None


class RelationFields(Input):
    """What a relation holds."""

    role: str | None = Field(None, max_length=64, description="A key of the list `contact_role`; null: none.")
    weight: int | None = Field(None, ge=0, le=100, description="How much they decide; null: not known.")
    note: str | None = Field(None, max_length=1000)


class RelationCreate(RelationFields):
    """A relation to be made."""

    customer_id: UUID = Field(description="The other customer.")
    kind: str = Field("contact", max_length=64, description="A key of the list `relation`.")
    outward: bool = Field(True, description="The other one is `kind` of this one; false: this one of the other.")


class RelationChange(RelationFields):
    """What to change; what is absent stays."""

    kind: str = Field("contact", max_length=64)


class ByRelation(Input):
    """A relation of a customer."""

    id: UUID
    relation_id: UUID


def render_relation(customer_id: UUID, view: RelationView) -> Relation:
    """The relation's body."""
    start, end = (customer_id, view.other.id) if view.outward else (view.other.id, customer_id)
    return Relation(
        id=view.id, kind=view.kind, outward=view.outward, from_id=start, to_id=end,
        customer=Related.model_validate(view.other), role=view.role, weight=view.weight, note=view.note,
        version=view.version, created_at=view.created_at,
    )  # fmt: skip


@endpoint("GET", "/customers/{id}/relations", right="customers.read", summary="How a customer belongs to others")
async def list_relations(ask: Ask, path: ById) -> Relations:
    found = await queries.list_relations(ask.house.db, ask.house.keyring, ask.viewer, path.id)
    return Relations(items=[render_relation(path.id, view) for view in found])


@endpoint("POST", "/customers/{id}/relations", right="customers.write", summary="Relate two customers", status=201)
async def add_relation(ask: Ask, path: ById, body: RelationCreate) -> Reply[Relation]:
    """Both sides show it, both histories tell of it."""
    fields: Any = body.model_dump(exclude_unset=True)
    view = await workflow.add_relation(ask.house, ask.viewer, path.id, fields)
    return Reply(render_relation(path.id, view), headers={"Location": f"{ask.request.path}/{view.id}"})


@endpoint("PATCH", "/customers/{id}/relations/{relation_id}", right="customers.write", summary="Change a relation")
async def change_relation(ask: Ask, path: ByRelation, body: RelationChange) -> Relation:
    fields: Any = body.model_dump(exclude_unset=True)
    view = await workflow.update_relation(ask.house, ask.viewer, path.id, path.relation_id, fields)
    return render_relation(path.id, view)


@endpoint(
    "DELETE", "/customers/{id}/relations/{relation_id}", right="customers.write", summary="Take a relation away",
    status=204,
)  # fmt: skip
async def delete_relation(ask: Ask, path: ByRelation) -> None:
    """`restore` gives it back for a day."""
    await workflow.delete_relation(ask.house, ask.viewer, path.id, path.relation_id)


@endpoint(
    "POST", "/customers/{id}/relations/{relation_id}/restore", right="customers.write", summary="Give a relation back"
)
async def restore_relation(ask: Ask, path: ByRelation) -> Relation:
    view = await workflow.restore_relation(ask.house, ask.viewer, path.id, path.relation_id)
    return render_relation(path.id, view)


routes: list[Endpoint] = [list_relations, add_relation, change_relation, delete_relation, restore_relation]
