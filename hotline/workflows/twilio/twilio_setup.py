"""Pointing a Twilio account at this installation: which addresses Twilio asks for what reaches the company's numbers,
messaging services and WhatsApp senders, what differs now, and the senders that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from hotline.channels.errors import ChannelError, NotConfigured
from hotline.channels.twilio.client import TwilioClient
from hotline.channels.twilio.resources import ChannelSender, Number, Service
from hotline.channels.twilio.signature import RETRIES
from hotline.crm.commands.conversations.senders import create_sender, update_sender
from hotline.crm.queries.conversations.senders import SenderView, list_senders
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid, SettingError
from hotline.phone import NotANumber, parse
from hotline.workflows.house import House

DOOR: Final = "/webhooks/twilio"

#: What Twilio shall ask, by its own names for the settings of a number.
VOICE: Final[Mapping[str, str]] = {
    "voice_url": f"{DOOR}/voice",
    "voice_fallback_url": f"{DOOR}/voice/fallback",
    "status_callback": f"{DOOR}/voice/status",
}
MESSAGES: Final[Mapping[str, str]] = {
    "sms_url": f"{DOOR}/messages",
    "sms_fallback_url": f"{DOOR}/messages/fallback",
}
SERVICE: Final[Mapping[str, str]] = {
    "inbound_request_url": f"{DOOR}/messages",
    "fallback_url": f"{DOOR}/messages/fallback",
    "status_callback": f"{DOOR}/messages/status",
}
WHATSAPP: Final[Mapping[str, str]] = {
    "callback_url": f"{DOOR}/messages",
    "fallback_url": f"{DOOR}/messages/fallback",
    "status_callback_url": f"{DOOR}/messages/status",
}
_METHODS: Final[Mapping[str, str]] = {
    "voice_url": "voice_method",
    "status_callback": "status_callback_method",
    "voice_fallback_url": "voice_fallback_method",
    "sms_url": "sms_method",
    "sms_fallback_url": "sms_fallback_method",
    "inbound_request_url": "inbound_method",
    "fallback_url": "fallback_method",
    "callback_url": "callback_method",
    "status_callback_url": "status_callback_method",
}
_WHATSAPP: Final = "whatsapp:"

Subject = Literal["number", "service", "whatsapp"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting at Twilio that is not as it should be."""

    setting: str
    is_now: str
    shall_be: str


@dataclass(frozen=True, slots=True)
class Step:
    """One number, service or WhatsApp sender: what differs, and what is left as it is on purpose."""

    subject: Subject
    sid: str
    account_sid: str
    address: str
    name: str
    differences: tuple[Difference, ...]
    left_alone: str = ""

    @property
    def is_done(self) -> bool:
        """Whether nothing need change."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``hotline twilio setup`` would do. ``unread`` are accounts or parts that could not be listed, with why."""

    steps: tuple[Step, ...]
    senders: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    unread: tuple[tuple[str, str], ...] = ()


async def plan(house: House, only: Sequence[str] = ()) -> Plan:
    """What differs between the account and this installation; ``only`` these numbers, in E.164.

    Raises NotConfigured, SettingError without an address that Twilio can reach, and a ChannelError when Twilio refuses
    the main account.
    """
    client = house.twilio
    if client is None:
        raise NotConfigured("Twilio is not set up: HOTLINE_TWILIO_ACCOUNT_SID, HOTLINE_TWILIO_AUTH_TOKEN.")
    base = house.settings.public_url.rstrip("/")
    if not base:
        raise SettingError("HOTLINE_PUBLIC_URL: Twilio needs the address at which the internet reaches hotline")
    wanted = {_e164(each, house.settings.region) for each in only}
    numbers = await _numbers(client)
    unread: list[tuple[str, str]] = []
    services = await _optional(client.list_services(), "messaging services", unread)
    whatsapp = await _optional(client.list_channel_senders(), "WhatsApp senders", unread)
    served = {number: service for service in services for number in service.numbers}
    steps = [
        *(_number_step(each, served.get(each.number), base) for each in numbers),
        *(_service_step(each, client.account_sid, base) for each in services if each.numbers),
        *(_whatsapp_step(each, client.account_sid, base) for each in whatsapp),
    ]
    if wanted:
        if missing := wanted - {step.address for step in steps}:
            raise Invalid(f"This account has no number {sorted(missing)[0]}.")
        within = {service.sid for number, service in served.items() if number in wanted}
        steps = [step for step in steps if step.address in wanted or step.sid in within]
    senders = [*_number_senders(numbers, served), *_whatsapp_senders(whatsapp, client.account_sid)]
    kept = [sender for sender in senders if not wanted or sender["address"] in wanted]
    return Plan(tuple(steps), tuple(kept), tuple(unread))


async def carry_out(house: House, made: Plan) -> int:
    """Change at Twilio what differs, and keep the senders; how many steps were taken. Doing it again changes nothing.

    Raises a ChannelError at the first that Twilio refuses: what was changed before stays.
    """
    client = house.twilio
    if client is None:
        raise NotConfigured
    taken = 0
    for step in made.steps:
        if step.is_done:
            continue
        changes = _with_methods(step)
        if step.subject == "number":
            await client.update_number(step.sid, changes, account_sid=step.account_sid)
        elif step.subject == "service":
            await client.update_service(step.sid, changes)
        else:
            await client.update_channel_sender(step.sid, changes)
        taken += 1
    await keep_senders(house, made.senders)
    return taken


async def keep_senders(house: House, found: Iterable[Mapping[str, Any]]) -> int:
    """Write down the account's numbers as senders: new ones come in, known ones keep what people said of them. How many
    changed."""
    changed = 0
    async with house.unit(SYSTEM) as uow:
        known = {(each.channel, each.address): each for each in await list_senders(uow, SYSTEM)}
        for values in found:
            place = values["channel"], values["address"]
            earlier: SenderView | None = known.get(place)
            if earlier is None:
                await create_sender(uow, *place, values)
                changed += 1
                continue
            provider = ("account_sid", "provider_sid", "service_sid", "capabilities")
            changes = {name: values[name] for name in provider if _now(earlier, name) != values[name]}
            if changes:
                await update_sender(uow, earlier.id, changes)
                changed += 1
    return changed


def _now(sender: SenderView, name: str) -> Any:
    value = getattr(sender, name)
    return list(value) if isinstance(value, tuple) else value


async def _numbers(client: TwilioClient) -> list[Number]:
    found: list[Number] = []
    for account in client.tokens.accounts:
        found += await client.list_numbers(account_sid=account)
    return found


async def _optional(listing: Any, name: str, unread: list[tuple[str, str]]) -> Any:
    """What an account need not have, and what one with few rights may not list."""
    try:
        return await listing
    except ChannelError as error:
        unread.append((name, error.detail))
        return []


def _number_step(number: Number, service: Service | None, base: str) -> Step:
    wanted: dict[str, str] = {}
    left_alone = []
    if "voice" in number.capabilities:
        if elsewhere := _elsewhere(number, "trunk_sid", "voice_application_sid"):
            left_alone.append(f"calls go to {elsewhere}")
        else:
            wanted |= VOICE
    if {"sms", "mms"} & set(number.capabilities) and (service is None or service.numbers_decide):
        if elsewhere := _elsewhere(number, "sms_application_sid"):
            left_alone.append(f"messages go to {elsewhere}")
        else:
            wanted |= MESSAGES
    return Step(
        "number",
        number.sid,
        number.account_sid,
        number.number,
        number.name,
        _differences(wanted, number.webhooks, base),
        ", ".join(left_alone),
    )


def _elsewhere(number: Number, *settings: str) -> str:
    """What goes before the number's own webhooks. It cannot be emptied by the API, only at Twilio's console."""
    for name in settings:
        if sid := number.webhooks[name]:
            return f"SIP trunk {sid}" if name == "trunk_sid" else f"application {sid}"
    return ""


def _service_step(service: Service, account_sid: str, base: str) -> Step:
    wanted = {"status_callback": SERVICE["status_callback"]} if service.numbers_decide else SERVICE
    found = _differences(wanted, service.webhooks, base)
    return Step("service", service.sid, account_sid, "", service.name, found)


def _whatsapp_step(sender: ChannelSender, account_sid: str, base: str) -> Step:
    address = sender.address.removeprefix(_WHATSAPP)
    found = _differences(WHATSAPP, sender.webhooks, base, retries="")  # its pages tell of none for these
    return Step("whatsapp", sender.sid, account_sid, address, sender.name, found)


def _differences(
    wanted: Mapping[str, str], now: Mapping[str, str], base: str, retries: str = RETRIES
) -> tuple[Difference, ...]:
    found = []
    for name, path in wanted.items():
        shall, is_now = f"{base}{path}{retries}", now.get(name, "")
        # How often it is tried is the administrator's where they have set the address themselves.
        if is_now.partition("#")[0] != f"{base}{path}" or now.get(_METHODS.get(name, ""), "POST") not in ("POST", ""):
            found.append(Difference(name, is_now, shall))
    return tuple(found)


def _with_methods(step: Step) -> dict[str, str]:
    changes: dict[str, str] = {}
    for each in step.differences:
        changes[each.setting] = each.shall_be
        # A messaging service has no method for its status callback.
        if each.setting in _METHODS and (step.subject, each.setting) != ("service", "status_callback"):
            changes[_METHODS[each.setting]] = "POST"
    return changes


def _number_senders(numbers: Iterable[Number], served: Mapping[str, Service]) -> list[dict[str, Any]]:
    senders = []
    for number in numbers:
        able = set(number.capabilities)
        for channel in ("voice", "sms"):
            if channel in able:
                service = served.get(number.number) if channel == "sms" else None
                senders.append(_sender(channel, number.number, number.name, number.account_sid, number.sid) | {
                    "service_sid": service.sid if service is not None else None,
                    "capabilities": sorted(able & {"sms", "mms"}) if channel == "sms" else ["voice"],
                })  # fmt: skip
    return senders


def _whatsapp_senders(senders: Iterable[ChannelSender], account_sid: str) -> list[dict[str, Any]]:
    return [
        _sender("whatsapp", each.address.removeprefix(_WHATSAPP), each.name, account_sid, each.sid) for each in senders
    ]


def _sender(channel: str, address: str, name: str, account_sid: str, sid: str) -> dict[str, Any]:
    try:
        country = parse(address, "US").country
    except NotANumber:
        country = None
    return {
        "channel": channel,
        "address": address,
        "name": "" if name == address else name[:100],
        "account_sid": account_sid,
        "provider_sid": sid,
        "service_sid": None,
        "country": country,
        "capabilities": [],
    }


def _e164(text: str, region: str) -> str:
    try:
        return parse(text, region).value
    except NotANumber:
        raise Invalid(f"{text} is no telephone number; begin with + and the country.") from None
