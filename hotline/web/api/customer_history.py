"""The history of a customer's fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from hotline.crm.queries.customers import customer_history as queries
from hotline.crm.queries.customers.customer_history import ChangeView
from hotline.web.api.customer_bodies import Customer, render_customer
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.workflows.customers import customer_history as workflow


class HistoryQuery(Paging):
    """Which changes."""

    field: str | None = Field(
        None, max_length=200, description="Only this field's: `name`, `contact_points`, `custom.size`; `custom`: all."
    )


class Change(Output):
    """One changed field, from what to what. Values are as the record had them: `contact_points` and `addresses` are
    lists, `tier` and `classification` keys, `responsible` a user's id."""

    model_config = ConfigDict(frozen=True, from_attributes=True, populate_by_name=True, serialize_by_alias=True)

    id: UUID
    version: int = Field(description="The version of the record that the change made.")
    at: datetime
    user_id: UUID | None
    user_name: str | None
    field: str
    before: Any = Field(alias="from")
    after: Any = Field(alias="to")
    source: str = Field(description="hand, api, import, merge, batch, undo or retention.")
    source_id: UUID | None = Field(description="The import, merge or batch, or the change that was taken back.")
    masked: bool = Field(description="You see the values in part, or not at all.")
    revertible: bool


class ByChange(Input):
    """A change of a customer."""

    id: UUID
    change_id: UUID


class RevertBody(Input):
    """What to take back."""

    whole: bool = Field(False, description="Also what was changed at once with it.")


def render_change(view: ChangeView) -> Change:
    """The change's body."""
    return Change(
        id=view.id, version=view.version, at=view.at, user_id=view.user.id if view.user else None,
        user_name=view.user.name if view.user else None, field=view.field, before=view.before, after=view.after,
        source=view.source, source_id=view.source_id, masked=view.masked, revertible=view.revertible,
    )  # fmt: skip


@endpoint(
    "GET", "/customers/{id}/history", right="customers.read", summary="What changed in a record, the latest first"
)
async def list_history(ask: Ask, path: ById, query: HistoryQuery) -> Page[Change]:
    found = await queries.list_history(
        ask.house.db, ask.house.keyring, ask.viewer, path.id,
        limit=query.limit + 1, after=id_cursor(query.cursor), field=query.field,
    )  # fmt: skip
    return paged(found, query.limit, render_change, lambda view: str(view.id))


@endpoint("POST", "/customers/{id}/history/{change_id}/revert", right="customers.write", summary="Take a change back")
async def revert_change(ask: Ask, path: ByChange, body: RevertBody) -> Customer:
    """A change like any other, with a line of its own. A field that was changed again since is a conflict."""
    return render_customer(
        await workflow.revert_change(ask.house, ask.viewer, path.id, path.change_id, whole=body.whole)
    )


routes: list[Endpoint] = [list_history, revert_change]
