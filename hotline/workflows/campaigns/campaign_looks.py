"""What a reviewer sees of a submission: the messages of recipients that the hash chose, what changed since the last
approval, and what there is to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.changes import Change, changes
from hotline.campaigns.compliance import Finding, Looked, findings
from hotline.campaigns.expected import Expected, Made, expect
from hotline.campaigns.experiment import Split, split
from hotline.campaigns.limits import read_limits
from hotline.campaigns.quiet_hours import DISTURBING
from hotline.campaigns.render import CompiledVersion, compile_version, render
from hotline.campaigns.render_errors import MissingValue, RenderError
from hotline.crm.queries.campaigns.campaigns import CampaignView, read_choices
from hotline.crm.queries.campaigns.manifests import ManifestView, last_approved
from hotline.crm.queries.campaigns.recipient_places import beginnings_of, places_of
from hotline.crm.queries.campaigns.recipient_samples import Chosen, among, choose
from hotline.crm.queries.campaigns.segments import read_definition, sample
from hotline.crm.queries.customers.customer_search import read_customers
from hotline.crm.queries.customers.customer_views import CustomerView
from hotline.crm.queries.pushes.push_campaigns import push_rates
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.campaigns.template_previews import HIDDEN, Preview, example_url, filled
from hotline.workflows.house import House
from hotline.workflows.pushes.prices import price_list
from hotline.workflows.pushes.push_channels import channels
from hotline.workflows.pushes.push_values import schema_of, values_for

#: Messages that a reviewer is shown, and recipients whose messages are made to see what is missing.
SHOWN: Final = 12
LOOKED_AT: Final = 500
#: Channels whose messages are priced by the recipient's number.
_PRICED: Final = frozenset({"sms", "whatsapp", "voice"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One recipient's message. ``customer`` None: erased, or not to be seen by the viewer. ``to`` is their address as
    the viewer may see it; ``variant`` None: held out, they get nothing."""

    position: int
    customer_id: UUID
    customer: CustomerView | None
    variant: str | None
    to: str
    preview: Preview | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """All of it. ``before`` is the submission that was approved last; ``same`` counts what is as it was there;
    ``expected`` is None while the recipients are counted."""

    manifest: ManifestView
    findings: tuple[Finding, ...]
    before: ManifestView | None
    changes: tuple[Change, ...]
    same: int
    samples: tuple[Sample, ...]
    looked: Looked
    expected: Expected | None = None


async def look_at(house: House, viewer: Viewer, campaign: CampaignView, manifest: ManifestView) -> Look:
    """What there is to see of a submission. Raises Forbidden."""
    viewer.require("campaigns.read")
    content = manifest.content
    if not content:
        return Look(manifest, (), None, (), 0, (), Looked())
    versions = {
        arm["variant"]: compile_version(content["channel"], {**arm["content"], "track_links": False})
        for arm in content["variants"]
    }
    parts = split(read_limits(content["limits"]).experiment, list(versions))
    chosen = await _chosen(house, manifest)
    looked, made = await _look(house, campaign.id, content, versions, parts, chosen, manifest.recipients)
    before = await last_approved(house.db, house.keyring, SYSTEM, campaign.id, manifest.number)
    changed, same = changes(before.content, content) if before is not None else ((), 0)
    senders = [each["id"] for each in (content["sender"], *content["fallback_senders"]) if each and each["id"]]
    paused = [each.address for each in (await read_choices(house.db, SYSTEM, [UUID(each) for each in senders])).values()
              if each.paused]  # fmt: skip
    found = findings(content, manifest.excluded, looked, now=house.clock(), zone=house.settings.timezone, paused=paused)
    samples = await _samples(house, viewer, campaign.id, content, versions, parts, chosen[:SHOWN])
    expected = await _expect(house, manifest, chosen, made)
    return Look(manifest, found, before, changed, same, tuple(samples), looked, expected)


async def sample_at(
    house: House, viewer: Viewer, campaign: CampaignView, manifest: ManifestView, position: int
) -> Sample | None:
    """One of the samples; None for a place that the hash did not choose."""
    viewer.require("campaigns.read")
    look = await look_at(house, viewer, campaign, manifest)
    return next((each for each in look.samples if each.position == position), None)


async def _chosen(house: House, manifest: ManifestView) -> list[Chosen]:
    if manifest.content["kind"] != "triggered":
        return await choose(house.db, SYSTEM, manifest.id, manifest.sha256, manifest.recipients, LOOKED_AT)
    definition = await read_definition(house.db, SYSTEM, UUID(manifest.content["segment"]["version_id"]))
    found = await sample(
        house.db, house.keyring, SYSTEM, definition, SHOWN, now=house.clock(), zone=house.settings.timezone,
        seed=int.from_bytes(manifest.sha256[:4], "big"),
    )  # fmt: skip
    return await among(house.db, SYSTEM, [each.id for each in found])


async def _look(
    house: House,
    campaign_id: UUID,
    content: Mapping[str, Any],
    versions: Mapping[str, CompiledVersion],
    parts: Split,
    chosen: Sequence[Chosen],
    recipients: int,
) -> tuple[Looked, dict[UUID, int]]:
    """Make the message of each who was chosen, to see who lacks what; and the parts of each that was made."""
    names = list(versions)
    missing, other, segments, locales = Counter[str](), Counter[str](), Counter[int](), Counter[str]()
    defaulted = held_out = 0
    wanted: dict[UUID, tuple[CompiledVersion, str]] = {}
    for each in chosen:
        place = parts.variant(campaign_id, each.customer_id)
        if place is None:
            held_out += 1
        elif each.locale is not None:
            version = versions[names[place]]
            locale = version.locale_for(each.locale)
            locales[locale] += 1
            defaulted += locale.partition("-")[0] != each.locale.partition("-")[0]
            wanted[each.customer_id] = (version, locale)
    parts_of: dict[UUID, int] = {}
    fields = frozenset().union(*(version.fields for version in versions.values()))
    values = await values_for(house, {customer_id: locale for customer_id, (_, locale) in wanted.items()}, fields)
    for customer_id, (version, locale) in wanted.items():
        try:
            rendered = render(version.for_locale(locale), _whole(house, values.get(customer_id, {}), fields))
        except MissingValue as error:
            missing[error.name] += 1
        except RenderError as error:
            other[error.code] += 1
        else:
            parts_of[customer_id] = rendered.segments if content["channel"] == "sms" else 1
            if content["channel"] == "sms":
                segments[rendered.segments] += 1
    looked = Looked(
        recipients=recipients, people=len(wanted), missing=missing, other=other, segments=segments, locales=locales,
        defaulted=defaulted, nowhere=await _nowhere(house, content["channel"], chosen), held_out=held_out,
    )  # fmt: skip
    return looked, parts_of


def _whole(house: House, values: Mapping[str, str], fields: frozenset[str]) -> dict[str, str]:
    """A customer's values with those that only sending, or what sets a message off, knows."""
    later = {name: f"[{name}]" for name in fields if name.partition(".")[0] in ("ticket", "purchase", "fee")}
    return {**later, **values, "unsubscribe_url": example_url(house)}


async def _expect(
    house: House, manifest: ManifestView, chosen: Sequence[Chosen], parts_of: Mapping[UUID, int]
) -> Expected:
    """What it is expected to cost and how long it takes, by the messages that were made."""
    content = manifest.content
    channel = content["channel"]
    numbers: dict[UUID, str] = {}
    if channel in _PRICED:
        points = {each.customer_id: each.contact_point_id for each in chosen if each.customer_id in parts_of}
        numbers = await beginnings_of(house.db, house.keyring, SYSTEM, points)
    made = [Made(numbers.get(customer_id, ""), parts) for customer_id, parts in parts_of.items()]
    recipients = manifest.recipients if content["kind"] != "triggered" else content["schedule"]["daily_cap"]
    return expect(content, recipients, len(chosen), made, await price_list(house), await _paces(house, content))


async def _paces(house: House, content: Mapping[str, Any]) -> list[float]:
    """How many messages a second may leave: through the channel, and from the sender."""
    rates = await push_rates(house.db, SYSTEM)
    channel, sender = content["channel"], content["sender"]
    found = [rates.channel[channel].per_second] if channel in rates.channel else []
    own = rates.sender.get(str((sender["id"] or sender["address"]) if sender else ""))
    usual = channels()[channel].per_second
    if own is not None:
        found.append(own.per_second)
    elif usual is not None:
        found.append(usual)
    return found


async def _nowhere(house: House, channel: str, chosen: Sequence[Chosen]) -> int:
    """How many may be in more than one time zone, by their number."""
    if channel not in DISTURBING or not chosen:
        return 0
    places = await places_of(
        house.db, house.keyring, SYSTEM, {each.customer_id: each.contact_point_id for each in chosen}
    )
    return sum(len(place.zones) != 1 for place in places.values())


async def _samples(
    house: House,
    viewer: Viewer,
    campaign_id: UUID,
    content: Mapping[str, Any],
    versions: Mapping[str, CompiledVersion],
    parts: Split,
    chosen: Sequence[Chosen],
) -> list[Sample]:
    names = list(versions)
    seen: dict[UUID, CustomerView] = {}
    if viewer.may("customers.read"):
        readable = await read_customers(house.db, house.keyring, viewer, [each.customer_id for each in chosen])
        seen = {customer.id: customer for customer in readable}
    fields = frozenset().union(*(version.fields for version in versions.values()))
    private: set[str] = set()
    if "private" in viewer.masks:
        schema = await schema_of(house)
        private = {f"custom.{each.key}" for each in schema.fields.fields if each.private}
    languages = {each.customer_id: each.locale or "en" for each in chosen if each.customer_id in seen}
    values = await values_for(house, languages, fields)
    found = []
    for each in chosen:
        place = parts.variant(campaign_id, each.customer_id)
        customer = seen.get(each.customer_id)
        made = None
        if place is not None and customer is not None:
            known = _whole(house, values.get(each.customer_id, {}), fields)
            shown = {name: HIDDEN if name in private else value for name, value in known.items()}
            made = filled(versions[names[place]].for_locale(each.locale), shown)
        variant = None if place is None else names[place]
        found.append(Sample(each.position, each.customer_id, customer, variant, _to(customer, each), made))
    return found


def _to(customer: CustomerView | None, chosen: Chosen) -> str:
    points = () if customer is None else customer.contact_points
    return next((point.display for point in points if point.id == chosen.contact_point_id), "")
