"""Messages of the simulated Twilio: those that people send to the company, and what becomes of those it sends."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from defusedxml.ElementTree import fromstring

from hotline.simulator.twilio.records import VERSION, Media, Message

if TYPE_CHECKING:
    from hotline.simulator.twilio.server import SimulatedTwilio

WHATSAPP: Final = "whatsapp:"
_STATES: Final = ("sent", "delivered")


@dataclass(frozen=True)
class Fate:
    """What becomes of messages to an address: the states that are told, and Twilio's code with the last of them.
    ``refused`` is a code with which the request is refused."""

    states: Sequence[str] = _STATES
    code: int | None = None
    refused: int | None = None


class Messages:
    """What people and the company write to each other."""

    def __init__(self, twilio: SimulatedTwilio) -> None:
        self._twilio = twilio
        self.all: dict[str, Message] = {}
        #: By the address written to; others are delivered.
        self.fates: dict[str, Fate] = {}
        #: What people got, in order.
        self.received: list[Message] = []

    # People write

    async def write(
        self,
        from_: str,
        to: str,
        body: str = "",
        media: Sequence[tuple[str, bytes]] = (),
        *,
        account_sid: str = "",
        sid: str = "",
        tell: bool = True,
        **more: str,
    ) -> Message:
        """Somebody writes to the company; ``more`` are further parameters of the webhook. Answers when the webhook has
        answered; its reply's messages are among ``received``. Without ``tell`` the webhook is never called."""
        files = [Media(kind, data) for kind, data in media]
        message = Message(
            account_sid or self._twilio.account_sid, from_, to, body, "inbound", "received", media=files, sid=sid
        )
        self.all[message.sid] = message
        if tell:
            await self.tell(message, **more)
        return message

    async def tell(self, message: Message, **more: str) -> None:
        """Call the webhook of what somebody wrote."""
        place = self._twilio.inbound_of(message.to, message.account_sid)
        if place is None:
            return
        url, fallback, service = place
        message.service_sid = service
        found = await self._twilio.hooks.call(
            url, inbound_params(self._twilio.url, message) | more, fallback=fallback, kind="messaging"
        )
        if found is not None and found.body:
            self._replies(message, found.body)

    def _replies(self, message: Message, document: str) -> None:
        try:
            root = fromstring(document)
        except ElementTree.ParseError:
            self._twilio.hooks.errors.append((12100, message.sid))
            return
        for verb in root.iter("Message"):
            body = verb.find("Body")
            text = (body.text if body is not None else verb.text) or ""
            reply = Message(message.account_sid, message.to, message.from_, text.strip(), "outbound-reply", "delivered")
            self.all[reply.sid] = reply
            self.received.append(reply)
            self._twilio.changed()

    # The company writes

    def create(self, message: Message) -> None:
        """Takes a message of the company's; it goes its way by itself."""
        self.all[message.sid] = message
        self._twilio.spawn(self._go(message))

    async def _go(self, message: Message) -> None:
        fate = self.fates.get(message.to, Fate())
        for state in fate.states:
            await self.advance(message, state, fate.code if state == fate.states[-1] else None)
        if "delivered" in fate.states or "read" in fate.states:
            self.received.append(message)
        self._twilio.changed()

    async def advance(self, message: Message, state: str, code: int | None = None) -> None:
        """A message gets a state, and its callback is called."""
        message.status, message.error_code = state, code
        message.history.append(state)
        if message.status_callback:
            await self._twilio.hooks.call(message.status_callback, status_params(message, state, code))


def inbound_params(api_url: str, message: Message) -> dict[str, str]:
    """The parameters of https://www.twilio.com/docs/messaging/guides/webhook-request."""
    params = {
        "MessageSid": message.sid, "SmsSid": message.sid, "SmsMessageSid": message.sid,
        "AccountSid": message.account_sid, "From": message.from_, "To": message.to, "Body": message.body,
        "NumMedia": str(len(message.media)), "NumSegments": "1", "SmsStatus": "received", "ApiVersion": VERSION,
    }  # fmt: skip
    if message.service_sid:
        params["MessagingServiceSid"] = message.service_sid
    if message.from_.startswith(WHATSAPP):
        params |= {"WaId": message.from_.removeprefix(f"{WHATSAPP}+"), "MessageType": "text"}
    else:
        params |= {"FromCountry": country_of(message.from_), "ToCountry": country_of(message.to)}
    for place, file in enumerate(message.media):
        params[f"MediaUrl{place}"] = f"{api_url}{message.path}/Media/{file.sid}"
        params[f"MediaContentType{place}"] = file.content_type
    return params


def status_params(message: Message, state: str, code: int | None) -> dict[str, str]:
    """The parameters of a status callback."""
    params = {
        "MessageSid": message.sid, "SmsSid": message.sid, "MessageStatus": state, "SmsStatus": state,
        "AccountSid": message.account_sid, "From": message.from_, "To": message.to, "ApiVersion": VERSION,
    }  # fmt: skip
    if message.service_sid:
        params["MessagingServiceSid"] = message.service_sid
    if code is not None:
        params |= {"ErrorCode": str(code)}
    return params


_COUNTRIES: Final[Mapping[str, str]] = {"+1": "US", "+44": "GB", "+49": "DE", "+86": "CN"}


def country_of(address: str) -> str:
    """Roughly the country of a number."""
    number = re.sub(r"^[a-z]+:", "", address)
    return next((country for prefix, country in _COUNTRIES.items() if number.startswith(prefix)), "")
