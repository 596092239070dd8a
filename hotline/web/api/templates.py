"""Templates of what campaigns send."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from hotline.campaigns.consent import Channel
from hotline.campaigns.content import LONGEST_MAIL
from hotline.campaigns.content_findings import findings_of
from hotline.campaigns.fields import FIELDS
from hotline.crm.queries.campaigns import templates as queries
from hotline.crm.queries.campaigns.templates import TemplateVersionView, TemplateView
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, Reply, endpoint, id_cursor, paged
from hotline.workflows.campaigns import templates as workflow
from hotline.workflows.campaigns.template_content import channel_of, content_of, custom_keys
from hotline.workflows.campaigns.template_previews import Preview, preview
from hotline.workflows.campaigns.template_tests import send_test


class TemplateContentInput(Input):
    """What a template says in one language. Which fields a channel has: docs/templates.md. Placeholders are written
    `{{ name }}` or `{{ name | default("…") }}`."""

    subject: str = Field("", max_length=1_000, description="Of email; of in-app messages the title.")
    preheader: str = Field("", max_length=1_000, description="Of email: what mailboxes show beside the subject.")
    format: Literal["", "text", "html", "mjml"] = Field("", description="Of an email's body; empty: as it looks.")
    body: str = Field("", max_length=LONGEST_MAIL)
    mjml: str = Field("", max_length=LONGEST_MAIL, description="Of email, in place of body.")
    html: str = Field("", max_length=LONGEST_MAIL, description="Of email, in place of body.")
    text: str = Field("", max_length=LONGEST_MAIL, description="An email's text part; empty: made of its HTML.")
    content_sid: str = Field("", max_length=64, description="Id of an approved WhatsApp template.")
    variables: dict[str, str] = Field(
        default_factory=dict, max_length=30, description="Its variables, with placeholders."
    )
    recording: str = Field("", max_length=100, description="Of calls: the name of a recorded prompt, in place of body.")
    opt_out: str = Field("", max_length=1_000, description="Of calls: what is said first; empty: the usual words.")
    opt_out_key: str = Field("", max_length=1, description="Of calls: the key that ends them for good.")
    title: str = Field("", max_length=1_000, description="Of in-app messages.")
    link: str = Field("", max_length=2_000, description="Of in-app messages: https://… or /…")
    expires_hours: int | None = Field(None, ge=1, le=8_760, description="Of in-app messages.")


class TemplateCreate(Input):
    """A template to be made."""

    name: str = Field(min_length=1, max_length=100)
    channel: Channel
    locales: dict[str, TemplateContentInput] = Field(min_length=1, max_length=20, description="By language: en, zh-CN.")
    default: str | None = Field(
        None, max_length=16, description="For whoever speaks another language; null: the first."
    )
    track_links: bool = Field(False, description="Links lead over hotline, which notes who clicked.")


class TemplateChange(Input):
    """What to change; what is absent stays. `locales` replaces what it says in all languages."""

    name: str | None = Field(None, min_length=1, max_length=100)
    locales: dict[str, TemplateContentInput] | None = Field(None, min_length=1, max_length=20)
    default: str | None = Field(None, max_length=16)
    track_links: bool | None = None
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class Finding(Output):
    """Something that a reviewer should know of it."""

    code: str
    severity: Literal["stop", "warn", "info"]
    locale: str
    values: dict[str, Any]


class Template(Output):
    """A template. `content` is what it says now: `locales` by language, checked, with what was made of it (an email's
    `html` and `text`)."""

    id: UUID
    name: str
    channel: Channel
    number: int = Field(description="Of its newest version.")
    version_id: UUID
    content: dict[str, Any]
    sha256: str
    by: str | None = Field(description="The name of who wrote it.")
    written_at: datetime
    findings: list[Finding] | None = Field(description="Null in lists.")
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class TemplateVersion(Output):
    """What a template said from `at` on. It never changes."""

    id: UUID
    number: int
    channel: Channel
    content: dict[str, Any]
    sha256: str
    by: str | None
    at: datetime


class TemplateVersions(Output):
    """The versions of a template, the latest first."""

    items: list[TemplateVersion]
    next: str | None = None


class TemplatesQuery(Paging):
    """Which templates."""

    channel: Channel | None = None
    archived: bool = False


class VersionPath(ById):
    """One version of a template."""

    number: int = Field(ge=1, le=2_147_483_647)


class PreviewInput(Input):
    """For whom."""

    locale: str | None = Field(None, max_length=16)
    customer_id: UUID | None = Field(None, description="Filled in for this customer; null: with examples.")


class ContentPreviewInput(PreviewInput):
    """A content that is no template yet, and for whom."""

    channel: Channel
    content: TemplateContentInput


class SmsSegments(Output):
    """How an SMS is sent."""

    encoding: Literal["gsm7", "ucs2"]
    count: int
    units: int
    left: int
    letters: str = Field(description="Those that made it UCS-2.")


class Cost(Output):
    """What a message is expected to cost."""

    numbers: str = Field(description="The beginning of the recipients' numbers; empty: all others, or the customer's.")
    cost: str = Field(description="As `0.0158 USD`.")


class TemplatePreview(Output):
    """One message as it would be."""

    locale: str
    subject: str
    body: str
    html: str | None
    title: str
    link: str | None
    content_sid: str | None
    variables: dict[str, str]
    recording: str | None
    opt_out: str
    opt_out_key: str | None
    expires_hours: int | None
    missing: list[str] = Field(description="Values that are missing: this recipient would get nothing.")
    refused: str | None = Field(description="Why this recipient would get nothing otherwise.")
    segments: SmsSegments | None
    costs: list[Cost] = Field(description="By the settings *Prices*; empty where nothing is written there.")


class TestSent(Output):
    """A test that left."""

    channel: Channel
    to: str
    provider_id: str
    missing: list[str]


class Placeholders(Output):
    """What placeholders may stand for."""

    items: list[str]
    next: str | None = None


def render_template(view: TemplateView, *, listed: bool = False) -> Template:
    """The template's body; in a list without its findings, which take a while."""
    found = None if listed else [Finding.model_validate(each) for each in findings_of(view.channel, view.content)]
    return Template(
        id=view.id, name=view.name, channel=view.channel, number=view.number, version_id=view.version_id,
        content=dict(view.content), sha256=view.sha256.hex(), by=view.by, written_at=view.written_at,
        findings=found,
        archived_at=view.archived_at, version=view.version, created_at=view.created_at, updated_at=view.updated_at,
    )  # fmt: skip


def render_version(view: TemplateVersionView) -> TemplateVersion:
    """The version's body."""
    return TemplateVersion(
        id=view.id, number=view.number, channel=view.channel, content=dict(view.content), sha256=view.sha256.hex(),
        by=view.by, at=view.at,
    )  # fmt: skip


def render_preview(shown: Preview) -> TemplatePreview:
    """The preview's body."""
    made = shown.rendered
    return TemplatePreview(
        locale=shown.locale, subject=made.subject, body=made.body, html=made.html, title=made.title, link=made.link,
        content_sid=made.content_sid, variables=dict(made.variables), recording=made.recording, opt_out=made.opt_out,
        opt_out_key=made.opt_out_key, expires_hours=made.expires_hours, missing=list(shown.missing),
        refused=shown.refused, segments=None if shown.segments is None else SmsSegments.model_validate(shown.segments),
        costs=[Cost(numbers=numbers, cost=cost) for numbers, cost in shown.costs],
    )  # fmt: skip


@endpoint("GET", "/templates", right="templates.read", summary="Templates")
async def list_templates(ask: Ask, query: TemplatesQuery) -> Page[Template]:
    """The newest first."""
    found = await queries.list_templates(
        ask.house.db, ask.viewer, limit=query.limit + 1, after=id_cursor(query.cursor), channel=query.channel,
        archived=query.archived,
    )  # fmt: skip
    return paged(found, query.limit, lambda view: render_template(view, listed=True), lambda view: str(view.id))


@endpoint("POST", "/templates", right="templates.write", summary="Make a template", status=201)
async def create_template(ask: Ask, body: TemplateCreate) -> Reply[Template]:
    fields: Any = body.model_dump(exclude_none=True)
    made = await workflow.create_template(ask.house, ask.viewer, fields)
    return Reply(render_template(made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("GET", "/templates/placeholders", right="templates.read", summary="What placeholders may stand for")
async def template_placeholders(ask: Ask) -> Placeholders:
    custom = await custom_keys(ask.house.db, ask.viewer)
    return Placeholders(items=[*FIELDS, *(f"custom.{key}" for key in custom)])


@endpoint("POST", "/templates/preview", right="templates.read", summary="How a content would read")
async def preview_content(ask: Ask, body: ContentPreviewInput) -> TemplatePreview:
    """Nothing is kept."""
    channel, locale = channel_of(body.channel), body.locale or "en"
    given = {locale: body.content.model_dump(exclude_none=True)}
    content = await content_of(ask.house.db, ask.viewer, channel, given)
    return render_preview(await preview(ask.house, ask.viewer, channel, content, customer_id=body.customer_id))


@endpoint("GET", "/templates/{id}", right="templates.read", summary="One template")
async def get_template(ask: Ask, path: ById) -> Template:
    return render_template(await queries.get_template(ask.house.db, ask.viewer, path.id))


@endpoint("PATCH", "/templates/{id}", right="templates.write", summary="Change a template")
async def change_template(ask: Ask, path: ById, body: TemplateChange) -> Template:
    """What it says becomes a further version. Campaigns that are in review or approved with it must be reviewed
    again."""
    view = await queries.get_template(ask.house.db, ask.viewer, path.id)
    changes: Any = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"version"})
    expected = ask.expected_version(view.version, body.version)
    return render_template(await workflow.change_template(ask.house, ask.viewer, path.id, changes, expected))


@endpoint("GET", "/templates/{id}/versions", right="templates.read", summary="What a template said before")
async def template_versions(ask: Ask, path: ById) -> TemplateVersions:
    found = await queries.list_template_versions(ask.house.db, ask.viewer, path.id)
    return TemplateVersions(items=[render_version(view) for view in found])


@endpoint("GET", "/templates/{id}/versions/{number}", right="templates.read", summary="One version of a template")
async def get_template_version(ask: Ask, path: VersionPath) -> TemplateVersion:
    return render_version(await queries.get_template_version(ask.house.db, ask.viewer, path.id, path.number))


@endpoint("POST", "/templates/{id}/preview", right="templates.read", summary="How a template reads")
async def preview_template(ask: Ask, path: ById, body: PreviewInput) -> TemplatePreview:
    view = await queries.get_template(ask.house.db, ask.viewer, path.id)
    return render_preview(
        await preview(
            ask.house, ask.viewer, view.channel, view.content, locale=body.locale, customer_id=body.customer_id
        )
    )


@endpoint("POST", "/templates/{id}/test", right="templates.write", summary="Send yourself a test")
async def test_template(ask: Ask, path: ById, body: PreviewInput) -> TestSent:
    """To your own address and to nobody else; at most 20 an hour."""
    view = await queries.get_template(ask.house.db, ask.viewer, path.id)
    sent = await send_test(
        ask.house, ask.viewer, view.channel, view.content, template_id=view.id, locale=body.locale,
        customer_id=body.customer_id,
    )  # fmt: skip
    return TestSent.model_validate(sent)


@endpoint("POST", "/templates/{id}/archive", right="templates.write", summary="Take a template out of use")
async def archive_template(ask: Ask, path: ById) -> Template:
    return render_template(await workflow.archive_template(ask.house, ask.viewer, path.id))


@endpoint("POST", "/templates/{id}/restore", right="templates.write", summary="Bring an archived template back")
async def restore_template(ask: Ask, path: ById) -> Template:
    return render_template(await workflow.archive_template(ask.house, ask.viewer, path.id, archived=False))


routes: list[Endpoint] = [
    list_templates, create_template, template_placeholders, preview_content, get_template, change_template,
    template_versions, get_template_version, preview_template, test_template, archive_template, restore_template,
]  # fmt: skip
