"""A person's rights: the report of everything that is kept about them, and being erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from aiohttp import web
from pydantic import Field

from hotline.web.api.user_bodies import Locale
from hotline.web.desktop.customers.person_report import archive, document
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, endpoint
from hotline.workflows.customers import erasure as workflow
from hotline.workflows.customers.access_report import make_report

Reason = Literal["request", "consent_withdrawn", "no_purpose", "retention", "mistake", "other"]


class ReportQuery(Input):
    """How the readable report is written."""

    language: Locale | None = Field(None, description="Empty: the person's own language.")


class ReportSection(Output):
    """One subject: its lines are fields by name."""

    name: str = Field(description="`record`, `contact_point`, `address`, `calls`, `tickets` …")
    lines: list[dict[str, Any]]
    cut: bool = Field(description="Whether there were more lines than are told.")


class PersonReport(Output):
    """Everything that is kept about a person. Names of staff are left out."""

    customer_id: UUID
    customers: list[UUID] = Field(description="The records that are theirs: this one and those merged into it.")
    made_at: datetime
    sections: list[ReportSection]


class ErasurePreview(Output):
    """What an erasure would do."""

    customer_id: UUID
    confirm: str = Field(description="The customer's number, to be sent back: an erasure cannot be undone.")
    customers: list[UUID] = Field(description="The records that go: this one and those merged into it.")
    counts: dict[str, int] = Field(description="Rows of each table that are theirs.")
    open_calls: list[UUID] = Field(description="Calls that go on: nobody is erased while they talk.")
    open_tickets: list[UUID] = Field(description="Open tickets: the erasure closes them.")
    erased: bool
    possible: bool


class EraseRequest(Input):
    """An erasure."""

    confirm: str = Field(min_length=2, max_length=30, description="The customer's number, for example C10001.")
    reason: Reason


class Erasure(Output):
    """An erasure that was done."""

    customer_id: UUID
    customers: list[UUID]
    counts: dict[str, int]
    files: int


@endpoint("GET", "/customers/{id}/report", right="customers.report", summary="Everything about a person")
async def get_report(ask: Ask, path: ById) -> PersonReport:
    """For the person who asks what is kept about them. Who got it is in the audit trail."""
    report = await make_report(ask.house, ask.viewer, path.id)
    sections = [ReportSection.model_validate(section) for section in report.sections]
    return PersonReport(
        customer_id=report.customer_id,
        customers=list(report.customers),
        made_at=ask.house.clock(),
        sections=sections,
    )


@endpoint(
    "GET",
    "/customers/{id}/report.html",
    right="customers.report",
    summary="The report to read, in the person's language",
    media_type="text/html",
)
async def get_report_page(ask: Ask, path: ById, query: ReportQuery) -> web.StreamResponse:
    """One page that needs nothing else, to print or to send."""
    report = await make_report(ask.house, ask.viewer, path.id)
    return await document(ask.request, report, query.language)


@endpoint(
    "GET",
    "/customers/{id}/report.zip",
    right="customers.report",
    summary="The report with the person's files and recordings",
    media_type="application/zip",
)
async def get_report_archive(ask: Ask, path: ById, query: ReportQuery) -> web.StreamResponse:
    """`report.html`, `report.json`, `files/` and `recordings/`; made while it is sent."""
    report = await make_report(ask.house, ask.viewer, path.id)
    return await archive(ask.request, report, query.language)


@endpoint("GET", "/customers/{id}/erasure", right="customers.erase", summary="What erasing a person would do")
async def get_erasure(ask: Ask, path: ById) -> ErasurePreview:
    return ErasurePreview.model_validate(await workflow.preview(ask.house, ask.viewer, path.id))


@endpoint("POST", "/customers/{id}/erase", right="customers.erase", summary="Erase a person for good", fresh=True)
async def erase(ask: Ask, path: ById, body: EraseRequest) -> Erasure:
    """Their keys are destroyed: no copy of the database, and no backup that is restored, gives them back.

    Refused with 409 while they are on the telephone. Their open tickets are closed; numbers for the statistics stay.
    """
    done = await workflow.erase(ask.house, ask.viewer, path.id, reason=body.reason, confirm=body.confirm)
    return Erasure.model_validate(done)


routes: Final[list[Endpoint]] = [get_report, get_report_page, get_report_archive, get_erasure, erase]
