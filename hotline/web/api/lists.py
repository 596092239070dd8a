"""The company's own lists."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hotline.crm.queries.company import lists as queries
from hotline.crm.queries.company.lists import ListView
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.company import lists as workflow


class ListEntry(Output):
    """An entry. Archived ones are offered no more; `fixed` ones always are."""

    key: str
    names: dict[str, str]
    archived: bool
    fixed: bool


class CompanyList(Output):
    """A list in its order, archived entries last."""

    name: str
    version: int
    items: list[ListEntry]


class CompanyLists(Output):
    """Every list."""

    items: list[CompanyList]
    next: str | None = None


class ByName(Input):
    """A list by its name."""

    name: str = Field(max_length=40)


class ListEntryPut(Input):
    """An entry as it shall be."""

    key: str = Field(max_length=40)
    names: dict[str, str] = Field(max_length=2)
    archived: bool = False


class ListPut(Input):
    """The whole list in its order. What is left out is archived."""

    items: list[ListEntryPut] = Field(max_length=queries.MOST_ENTRIES)
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


def render(view: ListView) -> CompanyList:
    """A list as it is shown outside."""
    return CompanyList(
        name=view.name, version=view.version, items=[ListEntry.model_validate(each) for each in view.entries]
    )


@endpoint("GET", "/lists", right="signed_in", summary="The company's own lists")
async def lists(ask: Ask) -> CompanyLists:
    found = await queries.read_lists(ask.house.db, ask.viewer)
    return CompanyLists(items=[render(view) for view in found.by_name.values()])


@endpoint("GET", "/lists/{name}", right="signed_in", summary="One list")
async def get_list(ask: Ask, path: ByName) -> CompanyList:
    return render(await queries.get_list(ask.house.db, ask.viewer, path.name))


@endpoint("PUT", "/lists/{name}", right="settings.write", summary="Replace a list")
async def put_list(ask: Ask, path: ByName, body: ListPut) -> CompanyList:
    view = await queries.get_list(ask.house.db, ask.viewer, path.name)
    expected = ask.expected_version(view.version, body.version)
    items: Any = [item.model_dump() for item in body.items]
    return render(await workflow.put_list(ask.house, ask.viewer, path.name, items, expected))


routes: list[Endpoint] = [lists, get_list, put_list]
