"""Messages inside the company's own app: put into the customer's list, told to open apps at once and to devices by Web
Push, marked as they are shown and read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from hotline.campaigns import tokens
from hotline.channels.errors import AddressRefused, ChannelError, MediaRefused, PermanentlyRefused, TemporarilyRefused
from hotline.channels.web_push import LARGEST, Target, WebPush
from hotline.crm.commands.pushes import inapp as commands
from hotline.crm.commands.pushes.inapp import Mark
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.queries.pushes import inapp as queries
from hotline.crm.queries.pushes.inapp import Device, InappView
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import HotlineError, Invalid, NotFound, Unavailable
from hotline.workflows.campaigns import links
from hotline.workflows.house import House
from hotline.workflows.pushes import push_receipts
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, PushChannel

log = structlog.get_logger(__name__)

#: The bus topic of customers whose list has changed; the payload is the customer's id.
TOPIC: Final = "inapp"
#: What deliveries in the app have as their provider's account.
ACCOUNT: Final = "inapp"
#: How long a message is shown that says nothing of it, and how long one is kept.
SHOWN_FOR: Final = timedelta(days=30)
KEPT_FOR: Final = timedelta(days=365)
#: Hours for which an app's token may be good.
MOST_HOURS: Final = 720

_LONGEST_ENDPOINT: Final = 1_000
_LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True)
class InappToken:
    """What an app shows to read a customer's messages, until then."""

    token: str
    expires_at: datetime


async def send(house: House, push: Push) -> Accepted:
    """Put a message into the customer's list, once however often it is tried. Raises a ChannelError."""
    words = {"title": push.rendered.title, "body": push.rendered.body, "link": push.rendered.link or ""}
    hours = push.rendered.expires_hours
    expires_at = push.at + (timedelta(hours=hours) if hours is not None else SHOWN_FOR)
    try:
        async with house.unit(SYSTEM) as uow:
            kept = await commands.put_message(
                uow, push.delivery_id, push.customer_id, push.campaign_id, words, expires_at
            )
        devices = await queries.devices_of(house.db, house.keyring, SYSTEM, push.customer_id) if kept else []
    except Unavailable:
        # Trying it again puts the same message at the same place.
        raise TemporarilyRefused("The records are away.") from None
    if not kept:
        raise PermanentlyRefused("There is no such customer any more.")
    await _nudge(house, push.customer_id)
    if devices:
        await _tell(house, devices, push, words, expires_at)
    return Accepted(str(push.delivery_id), ACCOUNT)


async def shown(
    house: House, customer_id: UUID, *, limit: int, after: UUID | None = None
) -> tuple[list[InappView], int]:
    """A customer's messages, the newest first, and how many are unread. They count as delivered from now on."""
    found, unread = await queries.list_messages(
        house.db, house.keyring, SYSTEM, customer_id, house.clock(), limit=limit, after=after
    )
    await _mark(house, customer_id, [each.id for each in found if each.read_at is None], "shown")
    return found, unread


async def mark(house: House, customer_id: UUID, message_id: UUID, what: Mark) -> None:
    """The customer has read a message, or put it away; twice is as good as once."""
    await _mark(house, customer_id, [message_id], what)
    await _nudge(house, customer_id)


async def _mark(house: House, customer_id: UUID, message_ids: Sequence[UUID], what: Mark) -> None:
    if not message_ids:
        return
    async with house.unit(SYSTEM) as uow:
        for message_id in await commands.mark(uow, customer_id, message_ids, what):
            await push_receipts.told(
                uow, message_id, "delivered" if what == "shown" else "read", account=ACCOUNT,
                provider_id=str(message_id),
            )  # fmt: skip


async def keep_device(house: House, customer_id: UUID, endpoint: str, p256dh: str, auth: str) -> None:
    """Tell a browser or device of messages from now on. Raises Invalid, NotFound for a customer who is gone."""
    try:
        await pusher(house).check(endpoint)
    except MediaRefused:
        raise Invalid("endpoint: the https address of a push service.") from None
    if not 0 < len(p256dh) <= _LONGEST_KEY or not 0 < len(auth) <= _LONGEST_KEY or len(endpoint) > _LONGEST_ENDPOINT:
        raise Invalid("keys: p256dh and auth of the browser's subscription.")
    async with house.unit(SYSTEM) as uow:
        if not await commands.keep_device(uow, customer_id, endpoint, p256dh, auth):
            raise NotFound()


async def forget_device(house: House, customer_id: UUID, endpoint: str) -> None:
    """Tell a device nothing any more."""
    async with house.unit(SYSTEM) as uow:
        await commands.forget_device(uow, customer_id, endpoint)


async def make_token(house: House, viewer: Viewer, customer_id: UUID, hours: int) -> InappToken:
    """A token by which the company's app reads a customer's messages for so many hours. Raises NotFound, Invalid."""
    viewer.require("customers.write")
    if not 1 <= hours <= MOST_HOURS:
        raise Invalid(f"hours: 1 to {MOST_HOURS}.")
    found = await require_customer(house.db, viewer, customer_id)
    expires = (house.clock() + timedelta(hours=hours)).replace(microsecond=0)
    async with house.unit(viewer) as uow:
        uow.audit("inapp_token:made", found, expires_at=expires)
    return InappToken(tokens.inapp(links.secrets(house), found, expires), expires)


async def customer_of(house: House, token: str) -> UUID | None:
    """Whose messages a token shows; None for one that is forged, past its time, or of somebody who is erased."""
    found = tokens.read_inapp(links.secrets(house), token, house.clock())
    return await queries.customer_of(house.db, SYSTEM, found) if found is not None else None


def pusher(house: House) -> WebPush:
    """The company as browsers know it: one key for the life of the installation."""
    found: WebPush | None = house.kept.get(WebPush)
    if found is None:
        url = house.settings.public_url
        subject = url.rstrip("/") if url.startswith("https://") else "mailto:hotline@localhost.localdomain"
        found = house.kept[WebPush] = WebPush(house.keyring.own_key("web push").secret, subject)
    return found


async def forget_old(house: House, *, limit: int) -> int:
    """Delete messages of a year ago, so many at most; how many."""
    async with house.unit(SYSTEM) as uow:
        return await commands.forget_old(uow, uow.now - KEPT_FOR, limit=limit)


async def _nudge(house: House, customer_id: UUID) -> None:
    try:
        await house.bus.publish(TOPIC, customer_id.hex.encode())
    except HotlineError as error:
        log.debug("inapp.nudge_failed", reason=error.code)  # open apps look by themselves every now and then


async def _tell(
    house: House, devices: Sequence[Device], push: Push, words: dict[str, str], expires_at: datetime
) -> None:
    """Tell devices. The message is in the list already: what fails here takes nothing away."""
    note = _note(push.delivery_id, words)
    seconds = int((expires_at - push.at).total_seconds())
    service, now = pusher(house), house.clock()

    async def tell(device: Device) -> ChannelError | None:
        try:
            await service.send(Target(device.endpoint, device.p256dh, device.auth), note, seconds=seconds, now=now)
        except ChannelError as error:
            return error
        return None

    results = await asyncio.gather(*(tell(device) for device in devices))
    told = [device.id for device, error in zip(devices, results, strict=True) if error is None]
    gone = [device.id for device, error in zip(devices, results, strict=True) if isinstance(error, AddressRefused)]
    failed = [device.id for device in devices if device.id not in told and device.id not in gone]
    try:
        async with house.unit(SYSTEM) as uow:
            await commands.note_devices(uow, told, failed, gone)
    except Unavailable:
        log.debug("inapp.devices_not_noted")


def _note(message_id: UUID, words: dict[str, str]) -> bytes:
    """What a device is told: as much of the text as a push service takes."""
    body = words["body"]
    while True:
        note = json.dumps({"id": str(message_id), **words, "body": body}, ensure_ascii=False).encode()
        if len(note) <= LARGEST or not body:
            return note[:LARGEST]
        over = (len(note) - LARGEST) // 4 + 1
        body = body[: max(0, len(body) - over - 1)]


INAPP: Final = PushChannel(send=send, at_once=lambda _house: 8, seconds=30.0, addressless=True)
