"""The categories of tickets."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hotline.crm.queries.tickets import categories as queries
from hotline.tickets.states import Kind
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.tickets import categories as workflow


class Category(Output):
    """A category; `parent` is its slug without the last part. Archived ones are offered no more."""

    slug: str
    parent: str | None
    kind: Kind | None
    names: dict[str, str]
    position: int
    archived: bool


class Categories(Output):
    """The tree: each after its parent."""

    items: list[Category]


class CategoryPut(Input):
    """A category as it shall be."""

    slug: str = Field(max_length=200)
    names: dict[str, str]
    kind: Kind | None = None
    archived: bool = False


class CategoriesPut(Input):
    """The whole tree in its order. What is left out is archived."""

    items: list[CategoryPut] = Field(max_length=500)


@endpoint("GET", "/categories", right="tickets.read", summary="Categories of tickets")
async def categories(ask: Ask) -> Categories:
    found = await queries.list_categories(ask.house.db, ask.viewer)
    return Categories(items=[Category.model_validate(each) for each in found])


@endpoint("PUT", "/categories", right="settings.write", summary="Replace the tree of categories")
async def put_categories(ask: Ask, body: CategoriesPut) -> Categories:
    items: Any = [item.model_dump() for item in body.items]
    found = await workflow.put_categories(ask.house, ask.viewer, items)
    return Categories(items=[Category.model_validate(each) for each in found])


routes: list[Endpoint] = [categories, put_categories]
