"""Files of customers: sent as they are, kept sealed, told by their content."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import Field

from hotline.crm.queries.customers import customer_files as queries
from hotline.crm.queries.customers.customer_files import FileView
from hotline.customers import file_types
from hotline.web import downloads
from hotline.web.bodies import pieces
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, Reply, endpoint, id_cursor, paged
from hotline.workflows.customers import customer_files as workflow


class CustomerFile(Output):
    """A file. Its content is at `content`, always as a download."""

    id: UUID
    customer_id: UUID
    name: str
    media_type: str = Field(description="What its content says it is, whatever its sender or its name says.")
    suspicious: bool = Field(description="Its name says another kind than its content.")
    bytes: int
    sha256: str
    uploaded_by: str | None = Field(description="A user's login.")
    at: datetime


class FileQuery(Input):
    """What the file is called."""

    name: str = Field(min_length=1, max_length=1000, description="Only its last part counts, without folders.")


class ByFile(Input):
    """A file of a customer."""

    id: UUID
    file_id: UUID


def render_file(view: FileView) -> CustomerFile:
    """The file's body."""
    return CustomerFile(
        id=view.id, customer_id=view.customer_id, name=view.name, media_type=view.media_type,
        suspicious=file_types.lies(view.media_type, view.name), bytes=view.bytes, sha256=view.sha256,
        uploaded_by=view.uploaded_by.login if view.uploaded_by else None, at=view.at,
    )  # fmt: skip


@endpoint("GET", "/customers/{id}/files", right="customers.read", summary="A customer's files, the latest first")
async def list_files(ask: Ask, path: ById, query: Paging) -> Page[CustomerFile]:
    found = await queries.list_files(
        ask.house.db, ask.house.keyring, ask.viewer, path.id, limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    return paged(found, query.limit, render_file, lambda view: str(view.id))


@endpoint(
    "POST", "/customers/{id}/files", right="customers.write", summary="Add a file", status=201,
    takes="application/octet-stream",
)  # fmt: skip
async def add_file(ask: Ask, path: ById, query: FileQuery) -> Reply[CustomerFile]:
    """The body is the file as it is, of any Content-Type: what it is, its content says. It is encrypted while it comes
    in. Too large is 413, a program 415, no room 507."""
    request = ask.request
    view = await workflow.add_file(ask.house, ask.viewer, path.id, query.name, request.content_length, pieces(request))
    return Reply(render_file(view), headers={"Location": f"{request.path}/{view.id}"})


@endpoint("GET", "/customers/{id}/files/{file_id}", right="customers.read", summary="One file's facts")
async def get_file(ask: Ask, path: ByFile) -> CustomerFile:
    found = await queries.get_file(ask.house.db, ask.house.keyring, ask.viewer, path.id, path.file_id)
    return render_file(found.view)


@endpoint(
    "GET", "/customers/{id}/files/{file_id}/content", right="customers.read", summary="A file's content",
    media_type="*/*",
)  # fmt: skip
async def get_content(ask: Ask, path: ByFile) -> web.StreamResponse:
    """Always a download; what would run in a browser is `application/octet-stream`. It is noted in the audit trail."""
    sealed, reader = await workflow.open_file(ask.house, ask.viewer, path.id, path.file_id)
    return await downloads.send(ask.request, reader, downloads.headers(sealed.view.name, sealed.view.media_type))


@endpoint("DELETE", "/customers/{id}/files/{file_id}", right="customers.write", summary="Take a file away", status=204)
async def delete_file(ask: Ask, path: ByFile) -> None:
    """`restore` gives it back for a day; then its key is destroyed."""
    await workflow.delete_file(ask.house, ask.viewer, path.id, path.file_id)


@endpoint("POST", "/customers/{id}/files/{file_id}/restore", right="customers.write", summary="Give a file back")
async def restore_file(ask: Ask, path: ByFile) -> CustomerFile:
    return render_file(await workflow.restore_file(ask.house, ask.viewer, path.id, path.file_id))


routes: list[Endpoint] = [list_files, add_file, get_file, get_content, delete_file, restore_file]
