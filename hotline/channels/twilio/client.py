"""What hotline asks of Twilio's API, through Twilio's own library: each request has an end, each refusal is a channel
error, and what comes back is small and has types.

POST is not idempotent there: Unknown means that nobody may send it again. https://www.twilio.com/docs/usage/api
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from twilio.rest import Client

from hotline.channels.errors import NotConfigured, PermanentlyRefused, SenderPaused, TemporarilyRefused
from hotline.channels.twilio.media import Media, fetch
from hotline.channels.twilio.signature import Tokens
from hotline.channels.twilio.transport import Transport
from hotline.settings import Settings

#: Error code of wrong credentials: the request was not looked at.
_UNAUTHORISED: Final = 20003
#: Error code of what is not there (any more).
NOT_FOUND: Final = 20404
#: Seconds that a list of several pages may take, in requests.
_PAGES: Final = 6
#: Most numbers, messages or calls that one list answers.
MOST: Final = 1_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as Twilio has it. ``status`` is Twilio's own word; addresses carry their channel's prefix."""

    sid: str
    account_sid: str
    status: str
    direction: str
    from_: str
    to: str
    body: str
    error_code: int | None
    segments: int | None
    media: int
    at: datetime | None
    service_sid: str | None


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call as Twilio has it. ``seconds`` is its length once it is over."""

    sid: str
    account_sid: str
    parent_sid: str | None
    status: str
    direction: str
    from_: str
    to: str
    started_at: datetime | None
    ended_at: datetime | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number of the account, and where Twilio goes with what reaches it."""

    sid: str
    account_sid: str
    number: str
    name: str
    capabilities: tuple[str, ...]
    #: The settings of its webhooks by Twilio's own names: voice_url, sms_url …
    webhooks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """A messaging service, and where Twilio goes with what reaches it."""

    sid: str
    name: str
    numbers: tuple[str, ...]
    webhooks: Mapping[str, str]
    #: Whether the webhooks of its numbers are used instead of its own.
    numbers_decide: bool


@dataclass(frozen=True, slots=True)
class ChannelSender:
    """A WhatsApp sender: ``address`` is ``whatsapp:+…``."""

    sid: str
    address: str
    name: str
    status: str
    webhooks: Mapping[str, str]


class TwilioClient:
    """One installation's Twilio. Raises NotConfigured when made without an account or a token."""

    def __init__(self, settings: Settings) -> None:
        tokens = [(each.account, each.token.get_secret_value()) for each in settings.twilio_auth_token]
        self.tokens = Tokens(settings.twilio_account_sid, tokens)
        self.account_sid = settings.twilio_account_sid
        if not self.account_sid or not self.tokens.of(self.account_sid):
            raise NotConfigured("Twilio is not set up: HOTLINE_TWILIO_ACCOUNT_SID, HOTLINE_TWILIO_AUTH_TOKEN.")
        self.transport = Transport(seconds=settings.twilio_timeout, api_url=settings.twilio_api_url)
        self.api_url = settings.twilio_api_url
        self._seconds = settings.twilio_timeout
        self._current = 0
        self._clients: dict[tuple[str, str], Client] = {}
        self._accounts: dict[tuple[Client, str], Any] = {}

    async def close(self) -> None:
        """Close its connections."""
        await self.transport.close()

    # Messages

    async def create_message(
        self,
        *,
        to: str,
        from_: str | None = None,
        service_sid: str | None = None,
        body: str | None = None,
        media_urls: Sequence[str] = (),
        content_sid: str | None = None,
        content_variables: str | None = None,
        status_callback: str | None = None,
        validity_seconds: int | None = None,
        account_sid: str | None = None,
    ) -> SentMessage:
        """Send a message. Exactly once: after Unknown it must not be asked again."""
        options = _given(
            to=to,
            from_=from_,
            messaging_service_sid=service_sid,
            body=body,
            media_url=list(media_urls) or None,
            content_sid=content_sid,
            content_variables=content_variables,
            status_callback=status_callback,
            validity_period=validity_seconds,
        )
        made = await self.ask(lambda api: api.messages.create_async(**options), account_sid)
        return _message(made)

    async def list_messages(
        self, since: datetime, *, to: str | None = None, account_sid: str | None = None, limit: int = MOST
    ) -> list[SentMessage]:
        """Messages of both directions since a moment, at most ``limit``; the newest first, as Twilio lists them."""
        # Twilio compares whole days, by the time of sending.
        options = _given(date_sent_after=since.astimezone(UTC) - timedelta(days=1), to=to, limit=limit)
        found = await self.ask(lambda api: api.messages.list_async(**options), account_sid, pages=_PAGES)
        messages = [_message(each) for each in found]
        return [each for each in messages if each.at is None or each.at >= since]

    # Calls

    async def create_call(
        self,
        *,
        to: str,
        from_: str,
        url: str | None = None,
        twiml: str | None = None,
        status_callback: str | None = None,
        status_events: Sequence[str] = (),
        ring_seconds: int | None = None,
        account_sid: str | None = None,
        **more: Any,
    ) -> PlacedCall:
        """Call somebody; ``url`` or ``twiml`` says what then happens. ``more`` are further parameters by the library's
        names. Exactly once: after Unknown it must not be asked again."""
        options = _given(
            to=to,
            from_=from_,
            url=url,
            twiml=twiml,
            status_callback=status_callback,
            status_callback_event=list(status_events) or None,
            timeout=ring_seconds,
            **more,
        )
        return _call(await self.ask(lambda api: api.calls.create_async(**options), account_sid))

    async def update_call(
        self,
        call_sid: str,
        *,
        status: str | None = None,
        twiml: str | None = None,
        url: str | None = None,
        account_sid: str | None = None,
    ) -> PlacedCall:
        """Change a call that is under way: end it (``completed``, ``canceled``) or give it something else to do."""
        options = _given(status=status, twiml=twiml, url=url)
        return _call(await self.ask(lambda api: api.calls(call_sid).update_async(**options), account_sid))

    async def fetch_call(self, call_sid: str, *, account_sid: str | None = None) -> PlacedCall | None:
        """One call as it is now; None for one that Twilio does not have."""
        try:
            return _call(await self.ask(lambda api: api.calls(call_sid).fetch_async(), account_sid))
        except PermanentlyRefused as error:
            if error.provider_code != NOT_FOUND:
                raise
            return None

    async def list_calls(
        self, since: datetime, *, account_sid: str | None = None, limit: int = MOST
    ) -> list[PlacedCall]:
        """Calls that began since a moment, at most ``limit``; the newest first."""
        options = _given(start_time_after=since.astimezone(UTC) - timedelta(days=1), limit=limit)
        found = await self.ask(lambda api: api.calls.list_async(**options), account_sid, pages=_PAGES)
        calls = [_call(each) for each in found]
        return [each for each in calls if each.started_at is None or each.started_at >= since]

    # Files

    async def fetch_media(self, url: str, limit: int, *, account_sid: str | None = None) -> Media:
        """A file by the address that a webhook named, at most ``limit`` bytes. Raises MediaRefused for an address that
        is nobody's business, a file that is too large, or one that is gone."""
        return await fetch(
            self.transport.session(),
            url,
            limit,
            credentials=self.credentials(account_sid),
            api_url=self.api_url,
            seconds=self._seconds * 3,
        )

    # The account

    async def account_status(self, account_sid: str | None = None) -> str:
        """``active``, ``suspended`` or ``closed``."""
        found = await self.ask(lambda api: api.fetch_async(), account_sid)
        return str(found.status)

    async def list_numbers(self, *, account_sid: str | None = None) -> list[Number]:
        """The account's telephone numbers."""
        found = await self.ask(lambda api: api.incoming_phone_numbers.list_async(limit=MOST), account_sid, pages=_PAGES)
        return [_number(each) for each in found]

    async def update_number(
        self, number_sid: str, webhooks: Mapping[str, str], *, account_sid: str | None = None
    ) -> Number:
        """Change where Twilio goes with what reaches a number: parameters by Twilio's names, in small letters."""
        return _number(
            await self.ask(lambda api: api.incoming_phone_numbers(number_sid).update_async(**webhooks), account_sid)
        )

    async def list_services(self) -> list[Service]:
        """The main account's messaging services with their numbers."""
        found = await self._asked(lambda client: client.messaging.v1.services.list_async(limit=100), None, _PAGES)
        services = []
        for each in found:
            numbers = await self._service_numbers(each.sid)
            services.append(
                Service(
                    each.sid,
                    each.friendly_name or "",
                    tuple(str(number.phone_number) for number in numbers),
                    _texts(each, SERVICE_WEBHOOKS),
                    bool(each.use_inbound_webhook_on_number),
                )
            )
        return services

    async def _service_numbers(self, sid: str) -> Any:
        def work(client: Client) -> Any:
            return client.messaging.v1.services(sid).phone_numbers.list_async(limit=400)

        return await self._asked(work, None, _PAGES)

    async def update_service(self, service_sid: str, webhooks: Mapping[str, Any]) -> None:
        """Change where Twilio goes with what reaches a messaging service."""
        await self._asked(lambda client: client.messaging.v1.services(service_sid).update_async(**webhooks), None)

    async def list_channel_senders(self) -> list[ChannelSender]:
        """The main account's WhatsApp senders."""
        found = await self._asked(
            lambda client: client.messaging.v2.channels_senders.list_async(channel="whatsapp", limit=100), None, _PAGES
        )
        senders = []
        for each in found:
            webhook, profile = _plain(each.webhook), _plain(each.profile)
            senders.append(
                ChannelSender(
                    str(each.sid),
                    str(each.sender_id),
                    str(profile.get("name") or ""),
                    str(each.status),
                    {name: str(webhook.get(name) or "") for name in SENDER_WEBHOOKS},
                )
            )
        return senders

    async def update_channel_sender(self, sender_sid: str, webhooks: Mapping[str, str]) -> None:
        """Change where Twilio goes with what reaches a WhatsApp sender."""
        from twilio.rest.messaging.v2.channels_sender import ChannelsSenderList as Senders

        body = Senders.MessagingV2ChannelsSenderRequestsUpdate({"webhook": dict(webhooks)})
        await self._asked(lambda client: client.messaging.v2.channels_senders(sender_sid).update_async(body), None)

    # How it is asked

    def credentials(self, account_sid: str | None) -> tuple[str, str]:
        """(account, token) for what belongs to an account: its own, else the main account's, which may see all. While
        tokens are rotated the one that worked last."""
        account = account_sid if account_sid and self.tokens.of(account_sid) else self.account_sid
        tokens = self.tokens.of(account)
        return account, tokens[self._current % len(tokens) if account == self.account_sid else 0]

    async def ask(self, work: Callable[[Any], Awaitable[T]], account_sid: str | None = None, *, pages: int = 1) -> T:
        """``work`` gets the library's resources of an account: the main one, or the sub-account ``account_sid``."""
        return await self._asked(lambda client: work(self._resources(client, account_sid)), account_sid, pages)

    def _resources(self, client: Client, account_sid: str | None) -> Any:
        key = client, account_sid or self.account_sid
        if key not in self._accounts:
            self._accounts[key] = client.api.v2010.accounts(key[1])
        return self._accounts[key]

    async def _asked(self, work: Callable[[Client], Awaitable[T]], account_sid: str | None, pages: int = 1) -> T:
        """While tokens are rotated the next one is tried where the first is unknown: that request was not looked at."""
        account = account_sid if account_sid and self.tokens.of(account_sid) else self.account_sid
        tokens = self.tokens.of(account)
        for attempt in range(len(tokens)):
            place = (self._current + attempt) % len(tokens)
            key = account, tokens[place]
            if key not in self._clients:
                self._clients[key] = Client(*key, http_client=self.transport)
            client = self._clients[key]
            try:
                if pages == 1:
                    answer = await work(client)  # each request has an end of its own
                else:
                    async with asyncio.timeout(self._seconds * pages + 1):
                        answer = await work(client)
            except TimeoutError as error:
                raise TemporarilyRefused("Twilio takes too long.") from error
            except SenderPaused as error:
                if error.provider_code != _UNAUTHORISED or attempt + 1 == len(tokens):
                    raise
                continue
            if account == self.account_sid:
                self._current = place
            return answer
        raise NotConfigured


#: The settings of webhooks by Twilio's names.
NUMBER_WEBHOOKS: Final = (
    "voice_url", "voice_method", "voice_fallback_url", "voice_fallback_method", "status_callback",
    "status_callback_method", "sms_url", "sms_method", "sms_fallback_url", "sms_fallback_method",
    "voice_application_sid", "sms_application_sid", "trunk_sid",
)  # fmt: skip
SERVICE_WEBHOOKS: Final = (
    "inbound_request_url", "inbound_method", "fallback_url", "fallback_method", "status_callback"
)  # fmt: skip
SENDER_WEBHOOKS: Final = (
    "callback_url", "callback_method", "fallback_url", "fallback_method", "status_callback_url",
    "status_callback_method",
)  # fmt: skip


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _texts(record: Any, names: Sequence[str]) -> dict[str, str]:
    return {name: str(getattr(record, name, None) or "") for name in names}


def _plain(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    found = value.to_dict() if hasattr(value, "to_dict") else value
    return found if isinstance(found, Mapping) else {}


def _message(record: Any) -> SentMessage:
    return SentMessage(
        sid=str(record.sid),
        account_sid=str(record.account_sid),
        status=str(record.status or ""),
        direction=str(record.direction or ""),
        from_=str(record.from_ or ""),
        to=str(record.to or ""),
        body=str(record.body or ""),
        error_code=_number_of(record.error_code),
        segments=_number_of(record.num_segments),
        media=_number_of(record.num_media) or 0,
        at=record.date_sent or record.date_created,
        service_sid=record.messaging_service_sid or None,
    )


def _call(record: Any) -> PlacedCall:
    return PlacedCall(
        sid=str(record.sid),
        account_sid=str(record.account_sid),
        parent_sid=record.parent_call_sid or None,
        status=str(record.status or ""),
        direction=str(record.direction or ""),
        from_=str(record._from or ""),
        to=str(record.to or ""),
        started_at=record.start_time or record.date_created,
        ended_at=record.end_time,
        seconds=_number_of(record.duration),
    )


def _number(record: Any) -> Number:
    able = _plain(record.capabilities)
    return Number(
        sid=str(record.sid),
        account_sid=str(record.account_sid),
        number=str(record.phone_number),
        name=str(record.friendly_name or ""),
        capabilities=tuple(sorted(name for name, has in able.items() if has)),
        webhooks=_texts(record, NUMBER_WEBHOOKS),
    )


def _number_of(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None
