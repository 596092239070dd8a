"""Changing many customers at once."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.customers.customer_filter import MOST_CUSTOM, CustomerFilter
from hotline.crm.queries.upkeep import background as jobs
from hotline.errors import Invalid
from hotline.web.api.customer_bodies import Customer, render_customer
from hotline.web.api.jobs import Job, render_job
from hotline.web.endpoint import Ask, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.customers import batches as workflow
from hotline.workflows.customers import exports
from hotline.workflows.customers.batches import Chosen, NewBatch

Action = Literal["tag", "untag", "classify", "transfer", "export"]


class BatchFilter(Input):
    """Which customers, as the list of customers has it."""

    q: str | None = Field(None, max_length=200)
    tag: str | None = Field(None, max_length=64)
    tier: str | None = Field(None, max_length=64)
    responsible: str | None = Field(None, max_length=150)
    classification: str | None = Field(None, max_length=40)
    kind: Literal["person", "organisation"] | None = None
    custom: dict[str, str] = Field(default_factory=dict, max_length=MOST_CUSTOM)

    def chosen(self, ids: list[UUID] | None) -> Chosen:
        """What the workflow takes."""
        narrowed = CustomerFilter(
            self.tag, self.tier, self.responsible, self.classification, self.kind, dict(self.custom)
        )
        return Chosen(ids, self.q or "", narrowed)


class BatchValues(Input):
    """What the action needs."""

    tags: list[str] = Field(default_factory=list, max_length=20, description="For `tag` and `untag`: names.")
    classification: str | None = Field(None, max_length=40, description="For `classify`: a key; null: none.")
    responsible: str | None = Field(None, max_length=150, description="For `transfer`: a login; null: nobody.")
    format: Literal["csv", "xlsx"] = Field("csv", description="For `export`.")
    fields: list[str] = Field(default_factory=list, max_length=300, description="For `export`; none: all.")


class BatchInput(Input):
    """What to do with whom. With `ids` these, with `filter` all who fit it, with both those of `ids` who fit it; one
    of the two must be there, so that nobody changes everybody by leaving something out."""

    action: Action
    ids: list[UUID] | None = Field(None, max_length=workflow.MOST_IDS)
    filter: BatchFilter | None = None
    values: BatchValues = Field(default_factory=BatchValues)
    dry_run: bool = False


class Batch(Output):
    """What would change, or the job that changes it."""

    action: Action
    count: int = Field(description="Customers chosen.")
    changing: int = Field(description="Those of them who are not so already.")
    sample: list[Customer] = Field(description="Some of them, for a dry run.")
    job: Job | None


@endpoint(
    "POST", "/batches", right="customers.read", summary="Change many customers at once", status=202, idempotent=True
)
async def start_batch(ask: Ask, body: BatchInput) -> Reply[Batch]:
    """Tag, untag and classify need `customers.batch`, transfer `customers.transfer`, export `customers.export`. The
    job tells how far it is (`GET /jobs/{id}`) and can be undone for 30 days (`POST /jobs/{id}/undo`)."""
    if body.ids is None and body.filter is None:
        raise Invalid("filter: say whom, by ids or a filter; {} stands for everybody.")
    house, viewer = ask.house, ask.viewer
    narrowed = body.filter or BatchFilter()
    if body.action == "export":
        return await _export(ask, body, narrowed)
    value = body.values.classification if body.action == "classify" else body.values.responsible
    wanted = NewBatch(body.action, narrowed.chosen(body.ids), body.values.tags, value)
    if body.dry_run:
        view = await workflow.preview(house, viewer, wanted)
        sample = [render_customer(each) for each in view.sample]
        shown = Batch(action=body.action, count=view.count, changing=view.changing, sample=sample, job=None)
        return Reply(shown, status=200)
    job_id = await workflow.start(house, viewer, wanted, ask.idempotency())
    job = render_job(await jobs.get_job(house.db, viewer, job_id))
    count = job.total or 0
    return Reply(Batch(action=body.action, count=count, changing=count, sample=[], job=job))


async def _export(ask: Ask, body: BatchInput, narrowed: BatchFilter) -> Reply[Batch]:
    house, viewer = ask.house, ask.viewer
    viewer.require("customers.export")
    if body.dry_run:
        view = await workflow.preview_chosen(house, viewer, narrowed.chosen(body.ids))
        sample = [render_customer(each) for each in view.sample]
        return Reply(Batch(action="export", count=view.count, changing=0, sample=sample, job=None), status=200)
    chosen = narrowed.model_dump(exclude_none=True, exclude_defaults=True)
    wanted = exports.NewExport(body.values.format, body.values.fields, chosen, body.ids)
    export = await exports.start(house, viewer, wanted)
    assert export.job is not None
    job = render_job(await jobs.get_job(house.db, viewer, export.job.id))
    return Reply(Batch(action="export", count=job.total or 0, changing=0, sample=[], job=job))


routes: list[Endpoint] = [start_batch]
