"""Merging customers, and undoing it for 30 days."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.customers import merges as queries
from hotline.crm.queries.customers.merges import MergePreview, MergeView
from hotline.web.api.customer_bodies import Address, ContactPoint, Customer, render_customer
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, endpoint
from hotline.workflows.customers import merging as workflow
from hotline.workflows.customers.merging import Versions

Choice = Literal["kept", "other"]


class VersionsInput(Input):
    """The versions of both that the choices were made by."""

    kept: int | None = None
    other: int | None = None


class MergeInput(Input):
    """With whom, and whose values stay."""

    other_id: UUID = Field(description="Becomes a part of the customer of the address.")
    choices: dict[str, Choice] = Field(
        default_factory=dict,
        max_length=300,
        description="By field, for example `name` or `custom.shoe_size`; without a choice the kept one's value stays, "
        "or the other's where it has none. Contact points, addresses and tags of both are kept.",
    )
    versions: VersionsInput = Field(default_factory=VersionsInput)
    dry_run: bool = Field(False, description="Only say what would become of them.")


class MergeField(Output):
    """One field of both; null where there is no value, or none that the viewer may read."""

    field: str
    kept: Any
    other: Any
    choice: Choice
    differs: bool = Field(description="Both have a value, and not the same.")
    masked: bool


class Preview(Output):
    """What a merge would make of two customers."""

    kept: Customer
    other: Customer
    fields: list[MergeField]
    contact_points: list[ContactPoint] = Field(description="What the kept one gains.")
    addresses: list[Address]
    tags: list[str]
    moves: dict[str, int] = Field(description="How much moves to the kept one, by kind.", examples=[{"ticket": 3}])
    warnings: list[str] = Field(description="`call_open`, `kinds_differ`, `merged_before`.")


class Merge(Output):
    """A merge that was made."""

    id: UUID
    kept_id: UUID = Field(description="Who has it all now.")
    gone_id: UUID
    gone_reference: str
    gone_name: str
    by: str | None
    at: datetime
    undo_until: datetime
    undone_at: datetime | None
    moved: dict[str, int]


class MergeAnswer(Output):
    """The merge; for a dry run what it would make. `preview` holds the same once more, for who reads it whole."""

    merge_id: UUID | None = None
    kept_id: UUID
    gone_id: UUID
    merge: Merge | None = None
    preview: Preview | None = None
    fields: list[MergeField] | None = None
    contact_points: list[ContactPoint] | None = None
    addresses: list[Address] | None = None
    tags: list[str] | None = None
    moves: dict[str, int] | None = None
    warnings: list[str] | None = None


class MergeList(Output):
    """The merges that a customer is made of, the newest first."""

    items: list[Merge]
    next: str | None = None


class Separated(Output):
    """A merge that was undone."""

    id: UUID
    kept_id: UUID
    gone_id: UUID
    stayed: list[str] = Field(description="Fields of the kept one that were changed since: they keep the change.")
    back: dict[str, int] = Field(description="What went back, by kind.")
    elsewhere: dict[str, int] = Field(description="What somebody moved or deleted since, by kind.")
    since: dict[str, int] = Field(description="What came after the merge and stays with the kept one, by kind.")


def render_preview(view: MergePreview) -> Preview:
    """The body of a preview."""
    return Preview(
        kept=render_customer(view.kept),
        other=render_customer(view.other),
        fields=[MergeField.model_validate(each) for each in view.fields],
        contact_points=[ContactPoint.model_validate(each) for each in view.contact_points],
        addresses=[Address.model_validate(each) for each in view.addresses],
        tags=list(view.tags),
        moves=dict(view.moves),
        warnings=list(view.warnings),
    )


def render_merge(view: MergeView) -> Merge:
    """The body of a merge."""
    return Merge.model_validate(view)


@endpoint(
    "POST",
    "/customers/{id}/merge",
    right="customers.merge",
    summary="Merge another customer into this one",
    idempotent=True,
)
async def merge_customers(ask: Ask, path: ById, body: MergeInput) -> MergeAnswer:
    """What belongs to the other one moves over, and they are no longer found: whoever asks for them gets this one.
    Undone by `POST /merges/{id}/undo`."""
    house, viewer = ask.house, ask.viewer
    choices: dict[str, str] = dict(body.choices)
    if body.dry_run:
        view = await queries.preview_merge(house.db, house.keyring, viewer, path.id, body.other_id, choices)
        preview = render_preview(view)
        return MergeAnswer(
            kept_id=view.kept.id,
            gone_id=view.other.id,
            preview=preview,
            fields=preview.fields,
            contact_points=preview.contact_points,
            addresses=preview.addresses,
            tags=preview.tags,
            moves=preview.moves,
            warnings=preview.warnings,
        )
    versions = Versions(body.versions.kept, body.versions.other)
    merge_id = await workflow.merge_customers(
        house, viewer, path.id, body.other_id, choices, versions, ask.idempotency()
    )
    merge = render_merge(await queries.get_merge(house.db, house.keyring, viewer, merge_id))
    return MergeAnswer(merge_id=merge.id, kept_id=merge.kept_id, gone_id=merge.gone_id, merge=merge, moves=merge.moved)


@endpoint("GET", "/customers/{id}/merges", right="customers.read", summary="Who was merged into a customer")
async def list_merges(ask: Ask, path: ById) -> MergeList:
    found = await queries.merges_of(ask.house.db, ask.house.keyring, ask.viewer, path.id)
    return MergeList(items=[render_merge(view) for view in found])


@endpoint("GET", "/merges/{id}", right="customers.read", summary="One merge")
async def get_merge(ask: Ask, path: ById) -> Merge:
    return render_merge(await queries.get_merge(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("POST", "/merges/{id}/undo", right="customers.merge", summary="Separate two customers again")
async def undo_merge(ask: Ask, path: ById) -> Separated:
    """Whoever was merged away is there again, exactly as they were; what changed since is kept, and told."""
    return Separated.model_validate(await workflow.undo_merge(ask.house, ask.viewer, path.id))


routes: list[Endpoint] = [merge_customers, list_merges, get_merge, undo_merge]
