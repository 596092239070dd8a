"""The bodies of campaigns and of what was submitted of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field

from hotline.campaigns.approval import LONGEST_REASON
from hotline.campaigns.consent import Channel, Purpose
from hotline.campaigns.content import as_written
from hotline.campaigns.limits import Limits
from hotline.campaigns.schedule import AnySchedule, Now, Schedule, read_schedule
from hotline.campaigns.states import Kind, ManifestState, State, Verdict, reference
from hotline.crm.queries.campaigns.campaigns import CampaignView, read_choices
from hotline.crm.queries.campaigns.manifests import ManifestView, read_manifests
from hotline.crm.queries.campaigns.templates import TemplateVersionView, read_versions
from hotline.crm.viewer import SYSTEM
from hotline.web.endpoint import Ask, Input, Output
from hotline.workflows.campaigns.campaigns import LONGEST_NAME, MOST_VARIANTS, CampaignInput

#: What a variant holds beside its name, its language and where it is from; which of them a channel takes, its
#: templates say.
_CONTENT: Final = (
    "subject", "preheader", "format", "body", "text", "content_sid", "variables", "title", "link", "expires_hours",
    "recording", "opt_out_key", "opt_out",
)  # fmt: skip


class VariantContent(Input):
    """One variant in one language, written here or taken from a template."""

    variant: str = Field("A", pattern=r"^[A-Za-z0-9]{1,8}$", description="Which of several that are compared.")
    locale: str | None = Field(None, max_length=16, description="Its language; `en` where none is named.")
    template_id: UUID | None = Field(None, description="A template with all of its languages, in place of content.")
    subject: str | None = Field(None, max_length=1_000)
    preheader: str | None = Field(None, max_length=1_000)
    body: str | None = Field(None, max_length=200_000)
    format: Literal["text", "html", "mjml"] | None = Field(None, description="Of a mail's body; seen by itself.")
    text: str | None = Field(None, max_length=200_000, description="A mail's text part; made of the body otherwise.")
    mjml: str | None = Field(None, max_length=500_000, description="A mail's body in MJML.")
    html: str | None = Field(None, max_length=500_000, description="A mail's body in HTML.")
    content_sid: str | None = Field(None, max_length=64, description="An approved WhatsApp template.")
    variables: dict[str, str] | None = Field(None, max_length=40)
    title: str | None = Field(None, max_length=1_000)
    link: str | None = Field(None, max_length=2_000)
    expires_hours: int | None = Field(None, ge=1, le=8_760)
    recording: str | None = Field(None, max_length=200, description="The name of a prompt.")
    opt_out_key: str | None = Field(None, max_length=1)
    opt_out: str | None = Field(None, max_length=1_000)


class CampaignFields(Input):
    """A campaign's own fields."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    channel: Channel
    purpose: Purpose = Field("marketing", description="Consent and opting out are separate for each.")
    sender: str | None = Field(
        None, max_length=254, description="Id or address of a sender; none for email: the company's mail address."
    )
    fallback_senders: list[str] = Field(
        default_factory=list, max_length=5, description="Who takes over, in this order, when the sender cannot send."
    )
    segment_id: UUID | None = None
    variants: list[VariantContent] = Field(default_factory=list, max_length=MOST_VARIANTS)
    schedule: Schedule = Now()
    limits: Limits = Limits()
    track_links: bool = False


class CampaignCreate(CampaignFields):
    """A campaign to be written down."""

    def fields(self) -> CampaignInput:
        """What was sent, for the workflow."""
        return _fields(self)


class CampaignChange(Input):
    """What to change; what is absent stays. A review or an approval of the campaign is void then."""

    name: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    channel: Channel | None = None
    purpose: Purpose | None = None
    sender: str | None = Field(None, max_length=254)
    fallback_senders: list[str] | None = Field(None, max_length=5)
    segment_id: UUID | None = None
    variants: list[VariantContent] | None = Field(None, max_length=MOST_VARIANTS)
    schedule: Schedule | None = None
    limits: Limits | None = None
    track_links: bool | None = None
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")

    def fields(self) -> CampaignInput:
        """What was sent, for the workflow; null empties the sender and the segment, elsewhere it says nothing."""
        return _fields(self)


def _fields(body: CampaignCreate | CampaignChange) -> CampaignInput:
    sent: Any = {
        name: getattr(body, name)
        for name in body.model_fields_set - {"version"}
        if getattr(body, name) is not None or name in ("sender", "segment_id")
    }
    if "variants" in sent:
        sent["variants"] = [each.model_dump(exclude_none=True) for each in sent["variants"]]
    return sent  # type: ignore[no-any-return]


class Decision(Input):
    """An approval."""

    sha256: str | None = Field(
        None, max_length=64, description="The hash of what was looked at; another one in review is a conflict."
    )
    reason: str = Field("", max_length=LONGEST_REASON)


class Rejection(Decision):
    """A rejection needs a reason."""


class Step(Input):
    """Starting, pausing and so on."""

    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class Withdrawal(Input):
    """Taking an approval or a submission back."""

    reason: str = Field("", max_length=LONGEST_REASON)


class Copy(Input):
    """What the copy is called."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)


class CampaignVariant(Output):
    """One variant in one language."""

    variant: str
    locale: str
    template_id: UUID | None = Field(description="The template that it follows.")
    version_id: UUID | None = Field(description="The version of the content; null: the template's newest one.")
    subject: str | None = None
    preheader: str | None = None
    format: str | None = None
    body: str | None = None
    text: str | None = None
    content_sid: str | None = None
    variables: dict[str, str] | None = None
    title: str | None = None
    link: str | None = None
    expires_hours: int | None = None
    recording: str | None = None
    opt_out_key: str | None = None
    opt_out: str | None = None


class Decided(Output):
    """What one person decided."""

    id: UUID
    user_id: UUID
    user: str = Field(description="Their name.")
    verdict: Verdict
    reason: str
    at: datetime
    genuine: bool | None = Field(description="It bears hotline's signature; null: by a key that is not set any more.")


class Manifest(Output):
    """What was submitted once: frozen, counted and hashed."""

    id: UUID
    number: int = Field(description="Within the campaign.")
    state: ManifestState
    state_reason: str | None
    sha256: str | None = Field(description="Of its canonical JSON (RFC 8785); null while it is prepared.")
    recipients: int
    recipients_sha256: str | None = Field(description="Of the recipients' ids, 16 bytes each, in their order.")
    excluded: dict[str, int] = Field(description="Who of the segment gets nothing, by reason.")
    needed: int = Field(description="Approvals that it needs.")
    approvals: list[Decided]
    submitted_by: str | None
    submitted_at: datetime
    approved_at: datetime | None
    expires_at: datetime


class ManifestWhole(Manifest):
    """With its content."""

    content: dict[str, Any]
    intact: bool = Field(description="The content has the hash.")


class Campaign(Output):
    """A campaign as its author has it now, and what is in review or approved of it."""

    id: UUID
    number: str = Field(examples=["P10001"])
    name: str
    kind: Kind
    channel: Channel
    purpose: Purpose
    state: State
    state_reason: str | None = Field(description="A code: withdrawn, changed, expired, failure_rate …")
    state_at: datetime
    state_by: str | None
    sender: str | None = Field(description="Its address.")
    sender_id: UUID | None
    fallback_senders: list[str]
    segment_id: UUID | None
    segment: str | None = Field(description="Its name.")
    variants: list[CampaignVariant]
    schedule: AnySchedule
    limits: Limits
    track_links: bool
    author: str | None
    author_id: UUID | None
    manifest: Manifest | None
    started_at: datetime | None
    completed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class CampaignSender(Output):
    """A number or address that a campaign may be sent from."""

    id: UUID
    channel: str
    address: str
    name: str
    paused: str | None = Field(description="The provider's code for which nothing leaves through it at the moment.")


class CampaignSenders(Output):
    """All of them."""

    items: list[CampaignSender]
    next: str | None = None


def _of_manifest(view: ManifestView) -> dict[str, Any]:
    return {
        "id": view.id, "number": view.number, "state": view.state, "state_reason": view.state_reason,
        "sha256": view.sha256.hex() or None, "recipients": view.recipients,
        "recipients_sha256": view.recipients_sha256.hex() or None, "excluded": dict(view.excluded),
        "needed": view.needed, "approvals": [Decided.model_validate(each) for each in view.approvals],
        "submitted_by": view.submitted_by, "submitted_at": view.submitted_at, "approved_at": view.approved_at,
        "expires_at": view.expires_at,
    }  # fmt: skip


def render_manifest(view: ManifestView) -> Manifest:
    """A submission's body."""
    return Manifest(**_of_manifest(view))


def render_whole(view: ManifestView) -> ManifestWhole:
    """The same with its content."""
    return ManifestWhole(**_of_manifest(view), content=dict(view.content), intact=view.intact)


async def render_campaigns(ask: Ask, views: Sequence[CampaignView]) -> list[Campaign]:
    """The bodies of some campaigns."""
    db = ask.house.db
    senders = await read_choices(
        db,
        SYSTEM,
        list({each for view in views for each in (view.sender_id, *view.fallback_sender_ids) if each is not None}),
    )
    manifests = await read_manifests(
        db, ask.house.keyring, ask.viewer, [view.manifest_id for view in views if view.manifest_id is not None]
    )
    wanted = {arm.version_id for view in views for arm in view.arms if arm.version_id is not None}
    versions = await read_versions(db, SYSTEM, list(wanted))
    found = []
    for view in views:
        addresses = [senders[each].address for each in view.fallback_sender_ids if each in senders]
        sender = None if view.sender_id is None else senders.get(view.sender_id)
        manifest = None if view.manifest_id is None else manifests.get(view.manifest_id)
        found.append(
            Campaign(
                id=view.id, number=reference(view.number), name=view.name, kind=view.kind, channel=view.channel,
                purpose=view.purpose, state=view.state, state_reason=view.state_reason, state_at=view.state_at,
                state_by=view.state_by, sender=None if sender is None else sender.address, sender_id=view.sender_id,
                fallback_senders=addresses, segment_id=view.segment_id, segment=view.segment,
                variants=_variants(view, versions), schedule=read_schedule(dict(view.schedule)),
                limits=Limits.model_validate(view.limits), track_links=view.track_links, author=view.author,
                author_id=view.author_id, manifest=None if manifest is None else render_manifest(manifest),
                started_at=view.started_at, completed_at=view.completed_at, version=view.version,
                created_at=view.created_at, updated_at=view.updated_at,
            )
        )  # fmt: skip
    return found


async def render_campaign(ask: Ask, view: CampaignView) -> Campaign:
    """One campaign's body."""
    return (await render_campaigns(ask, [view]))[0]


def _variants(view: CampaignView, versions: Mapping[UUID, TemplateVersionView]) -> list[CampaignVariant]:
    found = []
    for arm in view.arms:
        version = None if arm.version_id is None else versions.get(arm.version_id)
        named: Any = {"variant": arm.variant, "template_id": arm.template_id, "version_id": arm.version_id}
        if version is None:
            found.append(CampaignVariant(**named, locale=""))
            continue
        for locale, content in version.content["locales"].items():
            written = as_written(view.channel, content)
            kept = {name: written[name] for name in _CONTENT if name in written}
            found.append(CampaignVariant(**named, locale=locale, **kept))
    return found
