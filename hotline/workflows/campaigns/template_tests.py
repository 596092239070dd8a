"""A test of a template, or of what was submitted for review, sent to whoever asks for it: to their own address and to
nobody else, so that it is no way around a review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.consent import Channel
from hotline.campaigns.render import SIGNATURE, Rendered
from hotline.campaigns.render_errors import RenderError
from hotline.channels.errors import ChannelError
from hotline.crm.queries.campaigns.manifests import ManifestView
from hotline.crm.queries.campaigns.template_tests import ACTION, count_tests, is_customers
from hotline.crm.queries.conversations.senders import default_sender
from hotline.crm.queries.people.users import get_user
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import contact_points
from hotline.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from hotline.workflows.campaigns.template_previews import preview
from hotline.workflows.house import House
from hotline.workflows.pushes.push_channels import Push, channels

#: Tests that one person sends in an hour.
MOST_AN_HOUR: Final = 20
_HOUR: Final = timedelta(hours=1)
_KINDS: Final[Mapping[str, contact_points.Kind]] = {
    "sms": "phone", "whatsapp": "phone", "email": "email",
}  # fmt: skip
#: Those of other channels would reach a customer, or need a call's own way.
TESTED: Final = frozenset({*_KINDS, "console"})
_MARK: Final = {"en": "[Test]", "zh": "[测试]"}


@dataclass(frozen=True, slots=True)
class Tested:
    """A test that left: where to, masked, and what of the content is missing for that customer."""

    channel: Channel
    to: str
    provider_id: str
    missing: tuple[str, ...]


async def send_submitted(
    house: House, viewer: Viewer, manifest: ManifestView, *, variant: str | None = None, locale: str | None = None
) -> Tested:
    """Send what was submitted for review to the viewer's own address: ``variant``, the first one where none is named,
    in ``locale``, else in the language for every other. Raises NotFound for a variant that it has not, and as
    ``send_test``."""
    viewer.require("campaigns.read")
    if not (viewer.may("campaigns.approve") or viewer.may("campaigns.write")):
        raise Forbidden()
    arms = manifest.content.get("variants", ())
    found = next((each for each in arms if variant in (None, each["variant"])), None)
    if found is None:
        raise NotFound("There is no such variant.")
    content = {**found["content"], "track_links": False}
    channel, template_id = manifest.content["channel"], found["template_id"]
    return await _send(
        house, viewer, channel, content, UUID(template_id) if template_id else manifest.campaign_id, locale, None
    )


async def send_test(
    house: House,
    viewer: Viewer,
    channel: Channel,
    content: Mapping[str, Any],
    *,
    template_id: UUID | None = None,
    locale: str | None = None,
    customer_id: UUID | None = None,
) -> Tested:
    """Send a content to the viewer's own address, marked as a test, filled in as ``preview`` does it.

    Raises Invalid where they have no such address or the channel takes no tests, Conflict while everything outbound is
    stopped, where the address is a customer's, or when the provider refuses, TooMany after twenty in an hour.
    """
    viewer.require("templates.write")
    return await _send(house, viewer, channel, content, template_id, locale, customer_id)


async def _send(
    house: House,
    viewer: Viewer,
    channel: Channel,
    content: Mapping[str, Any],
    subject_id: UUID | None,
    locale: str | None,
    customer_id: UUID | None,
) -> Tested:
    served = channels().get(channel) if channel in TESTED else None
    if served is None:
        raise Invalid("channel: messages of this channel cannot be tried out.")
    to = await _own_address(house, viewer, channel)
    shown = await preview(house, viewer, channel, content, locale=locale, customer_id=customer_id)
    if shown.refused is not None:
        raise RenderError(shown.refused)
    sender = await default_sender(house.db, SYSTEM, channel) if channel in _KINDS else None
    # The trail comes first: what left is in it whatever becomes of this process.
    async with house.unit(viewer) as uow:
        sent = await count_tests(uow, viewer, uow.now - _HOUR)
        if sent is None:
            raise Conflict("Everything outbound is stopped.")
        if sent >= MOST_AN_HOUR:
            raise TooMany(f"At most {MOST_AN_HOUR} tests an hour; wait a little.")
        if channel in _KINDS and await is_customers(uow, uow.keyring, viewer, _KINDS[channel], to):
            raise Conflict("Your own address is a customer's, too: what they get must be reviewed.")
        uow.audit(ACTION, subject_id, channel=channel, locale=shown.locale)
        test_id, now = uow.new_id(), uow.now
    push = Push(
        delivery_id=test_id, campaign_id=test_id, customer_id=test_id, channel=channel,
        purpose="service", attempt=1, at=now, to=to, sender_id=None if sender is None else sender.id,
        sender="" if sender is None else sender.address, sender_name="" if sender is None else sender.name,
        account_sid=None if sender is None else sender.account_sid,
        service_sid=None if sender is None else sender.service_sid, locale=shown.locale,
        rendered=_marked(channel, shown.rendered, shown.locale), unsubscribe_url="", expires_at=None,
    )  # fmt: skip
    try:
        accepted = await served.send(house, push)
    except ChannelError as error:
        raise Conflict(f"The test did not leave: {error.detail}") from error
    return Tested(channel, masked(channel, to), accepted.provider_id, shown.missing)


async def _own_address(house: House, viewer: Viewer, channel: Channel) -> str:
    if viewer.user_id is None:
        raise Forbidden("Tests go to whoever asks for them: sign in as a person.")
    if channel not in _KINDS:
        return str(viewer.user_id)
    user = await get_user(house.db, viewer, viewer.user_id, house.keyring)
    found = user.email if channel == "email" else user.phone
    if not found:
        if channel == "email":
            raise Invalid("channel: you have no email address: an administrator enters it with your other data.")
        raise Invalid("channel: you have no telephone number: an administrator enters it with your other data.")
    return contact_points.normalise(_KINDS[channel], found, house.settings.region, "channel").value


def masked(channel: Channel, address: str) -> str:
    """An address as it may be shown."""
    return contact_points.mask(_KINDS[channel], address) if channel in _KINDS else ""


def _marked(channel: Channel, rendered: Rendered, locale: str) -> Rendered:
    """A message that says of itself that it is a test, where there is room for it and no provider approved the text."""
    mark = _MARK["zh" if locale.startswith("zh") else "en"]
    if channel == "email":
        return replace(rendered, subject=f"{mark} {rendered.subject}")
    if rendered.content_sid is not None:
        return rendered
    # A signature stays at the start: carriers refuse the message otherwise.
    signature, closed, text = rendered.body.partition("】")
    if rendered.body.startswith(SIGNATURE) and closed:
        return replace(rendered, body=f"{signature}{closed}{mark}{text}")
    return replace(rendered, body=f"{mark} {rendered.body}")
