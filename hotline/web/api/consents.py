"""Consents: who agreed to what, with the words, and who took it back."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.consent.consents import (
    ConsentFilter,
    ConsentRecordView,
    ConsentView,
    get_consent_record,
    list_consent_records,
    list_consents,
)
from hotline.web.endpoint import (
    Ask,
    ById,
    Endpoint,
    Input,
    Moment,
    Output,
    Page,
    Paging,
    Reply,
    endpoint,
    id_cursor,
    paged,
)
from hotline.workflows.campaigns.links import preferences_url
from hotline.workflows.consent import consents as workflow

Channel = Literal["email", "sms", "whatsapp", "voice", "inapp"]
Purpose = Literal["marketing", "service"]
State = Literal["granted", "withdrawn"]
Source = Literal["message", "call", "link", "form", "provider", "agent", "api", "import", "merge"]


class Consent(Output):
    """What holds now. Where there is none for a channel and a purpose, nothing was ever said: no marketing goes."""

    id: UUID
    customer_id: UUID
    channel: Channel
    purpose: Purpose
    state: State
    since: datetime
    source: Source
    record_id: UUID


class ConsentRecord(Output):
    """One time that somebody agreed, or took it back. It is never changed."""

    id: UUID
    customer_id: UUID
    channel: Channel
    purpose: Purpose
    action: State
    source: Source
    source_id: UUID | None = Field(description="The message, delivery, import or merge by which it was said.")
    call_id: UUID | None
    user: str | None = Field(description="Login of who wrote it down.")
    at: datetime
    wording: str = Field(description="What was agreed to, as it was shown or said.")
    proof: str = Field(description="Where it can be looked up.")
    ip: str
    origin: str = Field(description="How it was said, as an imported file told.")
    undone_at: datetime | None = Field(description="Its import was undone: it counts no more.")


class ConsentsQuery(Paging):
    """Which of them."""

    customer_id: UUID | None = None
    channel: Channel | None = None
    purpose: Purpose | None = None
    state: State | None = None
    source: Source | None = None


class ConsentCreate(Input):
    """Somebody agreed, or took it back. A known number or address is no consent: `wording` says what was agreed to."""

    customer_id: UUID
    channel: Channel
    purpose: Purpose = "marketing"
    action: State = "granted"
    wording: str = Field("", max_length=4_000, description="Needed for `granted`.")
    source: Literal["form", "call", "message", "agent", "api"] | None = Field(
        None, description="How it was said; absent: by whoever writes it down."
    )
    proof: str = Field("", max_length=1_000)
    ip: str = Field("", max_length=64)
    call_id: UUID | None = None
    at: Moment | None = Field(
        None, description="Now, when it is absent. What is older than what holds changes nothing."
    )


class PreferencesLink(Output):
    """The page on which a customer chooses for themselves."""

    url: str


def _consent(view: ConsentView) -> Consent:
    return Consent.model_validate(view)


def _record(view: ConsentRecordView) -> ConsentRecord:
    return ConsentRecord.model_validate(view)


def _filter(query: ConsentsQuery) -> ConsentFilter:
    return ConsentFilter(query.customer_id, query.channel, query.purpose, query.state, query.source)


@endpoint("GET", "/consents", right="consents.read", summary="What customers agreed to, the latest first")
async def consents(ask: Ask, query: ConsentsQuery) -> Page[Consent]:
    found = await list_consents(
        ask.house.db, ask.viewer, _filter(query), limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    return paged(found, query.limit, _consent, lambda view: str(view.id))


@endpoint("GET", "/consents/records", right="consents.read", summary="Every record of consent, the latest first")
async def consent_records(ask: Ask, query: ConsentsQuery) -> Page[ConsentRecord]:
    found = await list_consent_records(
        ask.house.db, ask.house.keyring, ask.viewer, _filter(query), limit=query.limit + 1,
        after=id_cursor(query.cursor),
    )  # fmt: skip
    return paged(found, query.limit, _record, lambda view: str(view.id))


@endpoint("GET", "/consents/records/{id}", right="consents.read", summary="One record of consent")
async def consent_record(ask: Ask, path: ById) -> ConsentRecord:
    return _record(await get_consent_record(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("POST", "/consents", right="consents.write", summary="Write down that somebody agreed", status=201)
async def add_consent(ask: Ask, body: ConsentCreate) -> Reply[ConsentRecord]:
    """Or that they took it back; 409 when that was done already."""
    made = await workflow.record(
        ask.house, ask.viewer,
        workflow.NewConsent(
            body.customer_id, body.channel, body.purpose, body.action, body.wording, body.source or "", body.proof,
            body.ip, body.call_id, body.at,
        ),
    )  # fmt: skip
    return Reply(_record(made), headers={"Location": f"{ask.request.path}/records/{made.id}"})


@endpoint("GET", "/customers/{id}/preferences-link", right="consents.write", summary="A customer's own page")
async def preferences_link(ask: Ask, path: ById) -> PreferencesLink:
    """For whoever gives it to the customer: whoever has the link chooses for them."""
    customer_id = await workflow.whose(ask.house, ask.viewer, path.id)
    return PreferencesLink(url=preferences_url(ask.house, customer_id))


routes: list[Endpoint] = [consents, consent_records, consent_record, add_consent, preferences_link]
