"""What hotline asks of Twilio's API, through Twilio's own library: each request has an end, each refusal is a channel
error, and what comes back is small and has types.

POST is not idempotent there: Unknown means that nobody may send it again. https://www.twilio.com/docs/usage/api
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import structlog
from twilio.rest import Client

from hotline.channels.errors import NotConfigured, PermanentlyRefused, SenderPaused, TemporarilyRefused
from hotline.channels.twilio.media import Media, fetch
from hotline.channels.twilio.resources import (
    SENDER_WEBHOOKS,
    SERVICE_WEBHOOKS,
    ChannelSender,
    Number,
    PlacedCall,
    SentMessage,
    Service,
    call_of,
    message_of,
    number_of,
    plain,
    texts,
)
from hotline.channels.twilio.signature import Tokens
from hotline.channels.twilio.transport import Transport
from hotline.settings import Settings

log = structlog.get_logger(__name__)

#: Error code of wrong credentials: the request was not looked at.
_UNAUTHORISED: Final = 20003
#: Error code of what is not there (any more).
NOT_FOUND: Final = 20404
#: Seconds that a list of several pages may take, in requests.
_PAGES: Final = 6
#: Most numbers, messages or calls that one list or page answers; most pages.
MOST: Final = 1_000
MOST_PAGES: Final = 500

T = TypeVar("T")


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
        return message_of(made)

    async def list_messages(
        self, since: datetime, *, to: str | None = None, account_sid: str | None = None, limit: int = MOST
    ) -> list[SentMessage]:
        """Messages of both directions since a moment, at most ``limit``; the newest first, as Twilio lists them."""
        # Twilio compares whole days, by the time of sending.
        options = _given(date_sent_after=since.astimezone(UTC) - timedelta(days=1), to=to, limit=limit)
        found = await self.ask(lambda api: api.messages.list_async(**options), account_sid, pages=_PAGES)
        messages = [message_of(each) for each in found]
        return [each for each in messages if each.at is None or each.at >= since]

    async def message_pages(
        self, since: datetime, *, account_sid: str | None = None
    ) -> AsyncIterator[list[SentMessage]]:
        """All messages of both directions since a moment, page by page; the newest first, as Twilio lists them."""
        after = since.astimezone(UTC) - timedelta(days=1)
        async for page in self._pages(
            lambda api: api.messages.page_async(date_sent_after=after, page_size=MOST), account_sid
        ):
            messages = [message_of(each) for each in page]
            yield [each for each in messages if each.at is None or each.at >= since]
            if _all_before(since, [each.at for each in messages]):
                return

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
        return call_of(await self.ask(lambda api: api.calls.create_async(**options), account_sid))

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
        return call_of(await self.ask(lambda api: api.calls(call_sid).update_async(**options), account_sid))

    async def fetch_call(self, call_sid: str, *, account_sid: str | None = None) -> PlacedCall | None:
        """One call as it is now; None for one that Twilio does not have."""
        try:
            return call_of(await self.ask(lambda api: api.calls(call_sid).fetch_async(), account_sid))
        except PermanentlyRefused as error:
            if error.provider_code != NOT_FOUND:
                raise
            return None

    async def call_pages(self, since: datetime, *, account_sid: str | None = None) -> AsyncIterator[list[PlacedCall]]:
        """All calls that began since a moment, page by page; the newest first."""
        after = since.astimezone(UTC) - timedelta(days=1)
        async for page in self._pages(
            lambda api: api.calls.page_async(start_time_after=after, page_size=MOST), account_sid
        ):
            calls = [call_of(each) for each in page]
            yield [each for each in calls if each.started_at is None or each.started_at >= since]
            if _all_before(since, [each.started_at for each in calls]):
                return

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
        return [number_of(each) for each in found]

    async def update_number(
        self, number_sid: str, webhooks: Mapping[str, str], *, account_sid: str | None = None
    ) -> Number:
        """Change where Twilio goes with what reaches a number: parameters by Twilio's names, in small letters."""
        return number_of(
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
                    texts(each, SERVICE_WEBHOOKS),
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
            webhook, profile = plain(each.webhook), plain(each.profile)
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

    async def _pages(self, first: Callable[[Any], Awaitable[Any]], account_sid: str | None) -> AsyncIterator[Any]:
        """The pages of one of the library's lists, each asked when it is wanted; at most ``MOST_PAGES``."""
        page = await self.ask(first, account_sid)
        for _ in range(MOST_PAGES):
            if page is None:
                return
            yield page
            page = await self._asked(lambda _client, page=page: page.next_page_async(), account_sid)  # type: ignore[misc]
        log.error("twilio.list_too_long", pages=MOST_PAGES)

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


def _all_before(since: datetime, moments: Sequence[datetime | None]) -> bool:
    """Whether a page of a list is older than what is wanted: Twilio goes by whole days."""
    return all(each is not None and each < since for each in moments)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
