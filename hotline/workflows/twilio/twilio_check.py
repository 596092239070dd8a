"""Whether Twilio and this installation find each other, and if not, what to change: for ``hotline doctor``."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from hotline.channels.errors import ChannelError, SenderPaused, TemporarilyRefused
from hotline.channels.twilio.client import TwilioClient
from hotline.crm.queries.conversations.senders import list_senders
from hotline.crm.queries.twilio.twilio_calls import recordings_given_up
from hotline.crm.queries.upkeep.support import DAYS
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError
from hotline.settings import Settings
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_setup import Plan, plan

Verdict = Literal["ok", "warning", "wrong", "unknown"]

#: Seconds in which the public address must answer.
PUBLIC_SECONDS: Final = 8.0
_SETUP: Final = "hotline twilio setup"
#: Most numbers that one finding names.
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``advice`` are the lines to change."""

    name: str
    verdict: Verdict
    found: str
    advice: tuple[str, ...] = ()


async def check_twilio(house: House) -> AsyncIterator[Check]:
    """Every check, the ones that others need first."""
    settings = house.settings
    client = house.twilio
    if client is None:
        yield _unset(settings)
        return
    yield (address := check_address(settings))
    if address.verdict != "wrong":
        yield await _reached(settings)
    yield await _recordings(house)
    account = await _account(client)
    yield account
    if account.verdict != "ok":
        return
    for sub in client.tokens.accounts:
        if sub != client.account_sid:
            yield await _account(client, sub)
    if not settings.public_url:
        return
    try:
        found = await plan(house)
    except HotlineError as error:
        yield Check("twilio numbers", "wrong", error.detail)
        return
    for check in _webhooks(found):
        yield check
    yield await _senders(house, found)


def _unset(settings: Settings) -> Check:
    if settings.twilio_account_sid or settings.twilio_auth_token:
        missing = "AUTH_TOKEN" if settings.twilio_account_sid else "ACCOUNT_SID"
        return Check("twilio", "wrong", "half set up", (f"HOTLINE_TWILIO_{missing}: the main account's is missing",))
    return Check("twilio", "ok", "off: HOTLINE_TWILIO_ACCOUNT_SID is not set")


def check_address(settings: Settings) -> Check:
    """Whether the public address is one that Twilio can reach, by its looks."""
    name = "twilio address"
    url = settings.public_url
    wanted = ("HOTLINE_PUBLIC_URL=https://hotline.example.com",)
    if not url:
        return Check(name, "wrong", "Twilio has no address to call", wanted)
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        return Check(name, "wrong", "the public address must have no ? and no #", wanted)
    if settings.twilio_api_url:
        return Check(name, "ok", f"{url} (another Twilio stands at HOTLINE_TWILIO_API_URL)")
    if parts.scheme != "https":
        return Check(name, "wrong", "callers' numbers and texts would travel without TLS", wanted)
    if _is_private(parts.hostname or ""):
        return Check(name, "wrong", f"{parts.hostname} is an address that the internet does not reach", wanted)
    return Check(name, "ok", url)


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".local", ".internal", ".localhost", ".lan")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host


async def _reached(settings: Settings) -> Check:
    """From here, the public address leads to hotline: not what Twilio sees, but what is wrong most often shows."""
    name, url = "twilio reaches us", f"{settings.public_url.rstrip('/')}/webhooks/twilio/voice"
    advice = ("is hotline serving, and does the proxy pass /webhooks/ on to it unchanged?",)
    try:
        async with (
            asyncio.timeout(PUBLIC_SECONDS),
            ClientSession(timeout=ClientTimeout(total=PUBLIC_SECONDS)) as session,
            session.post(url, data={"AccountSid": "doctor"}, allow_redirects=False) as response,
        ):
            status, server = response.status, response.headers.get("Server", "")
            problem = response.content_type == "application/problem+json"
    except (ClientError, OSError, TimeoutError) as error:
        return Check(name, "unknown", f"{url} does not answer from here: {type(error).__name__}", advice)
    if status == 403 and problem:
        return Check(name, "ok", "the public address leads here, and strangers are refused")
    return Check(name, "wrong", f"{url} answers {status}{f' ({server})' if server else ''}, not hotline's 403", advice)


async def _account(client: TwilioClient, account_sid: str | None = None) -> Check:
    name = "twilio account" if account_sid is None else f"twilio sub-account …{account_sid[-6:]}"
    try:
        status = await client.account_status(account_sid)
    except SenderPaused as error:
        return Check(name, "wrong", error.detail, ("HOTLINE_TWILIO_ACCOUNT_SID and HOTLINE_TWILIO_AUTH_TOKEN",))
    except TemporarilyRefused as error:
        return Check(name, "unknown", error.detail, ("does a firewall let hotline reach api.twilio.com, port 443?",))
    except ChannelError as error:
        return Check(name, "wrong", error.detail)
    if status != "active":
        return Check(name, "wrong", f"the account is {status}", ("see the Twilio console",))
    return Check(name, "ok", "active")


async def _recordings(house: House) -> Check:
    """Whether what callers said at Twilio has come."""
    name = "twilio recordings"
    lost = await recordings_given_up(house.db, SYSTEM, house.clock())
    if not lost:
        return Check(name, "ok", f"none was given up in the last {DAYS} days")
    why = ", ".join(f"{error} {count}" for error, count in lost.items())
    advice = ("what is still at Twilio can be heard in its console, Monitor, Call recordings; the log names each:",
              "twilio_fetch.failed")  # fmt: skip
    return Check(name, "warning", f"{sum(lost.values())} of the last {DAYS} days were given up: {why}", advice)


def _webhooks(found: Plan) -> list[Check]:
    checks = [Check(f"twilio {name}", "warning", f"cannot be listed: {why}") for name, why in found.unread]
    numbers = [step for step in found.steps if step.subject == "number"]
    if not numbers:
        checks.append(Check("twilio numbers", "warning", "the account has no number", ("buy one at Twilio",)))
    away = [step for step in found.steps if not step.is_done]
    for step in [step for step in found.steps if step.left_alone][:_NAMED]:
        checks.append(
            Check(f"twilio {step.address}", "warning", step.left_alone, ("take it off there at Twilio's console",))
        )
    if away:
        named = ", ".join(step.address or step.name for step in away[:_NAMED]) + (" …" if len(away) > _NAMED else "")
        advice = (f"{_SETUP} --dry-run shows what differs, {_SETUP} changes it",)
        checks.append(Check("twilio webhooks", "wrong", f"{len(away)} point elsewhere: {named}", advice))
    elif found.steps:
        checks.append(Check("twilio webhooks", "ok", f"{len(found.steps)} point here"))
    return checks


async def _senders(house: House, found: Plan) -> Check:
    name = "twilio senders"
    known = [each for each in await list_senders(house.db, SYSTEM) if each.account_sid]
    there = {(each["channel"], each["address"]) for each in found.senders}
    gone = [each for each in known if (each.channel, each.address) not in there and each.enabled]
    new = there - {(each.channel, each.address) for each in known}
    if gone:
        named = ", ".join(f"{each.channel} {each.address}" for each in gone[:_NAMED])
        return Check(name, "warning", f"no longer in the account: {named}", ("disable them at Settings, Numbers",))
    if new:
        return Check(name, "warning", f"{len(new)} are not known here yet", (_SETUP,))
    return Check(name, "ok", f"{len(known)}")
