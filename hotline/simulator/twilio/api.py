"""The API of the simulated Twilio: what hotline uses of it, answered in the shapes of Twilio's own description."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aiohttp import web

from hotline.simulator.twilio.line import Line
from hotline.simulator.twilio.messages import WHATSAPP
from hotline.simulator.twilio.records import VERSION, Call, Message, Recording

if TYPE_CHECKING:
    from hotline.simulator.twilio.server import Fault, SimulatedTwilio

Form = Sequence[tuple[str, str]]

_ACCOUNT: Final = f"/{VERSION}/Accounts/{{account}}"
_LARGEST_PAGE: Final = 1_000
#: Longest body of a message (error 21617), in characters.
_LONGEST_BODY: Final = 1_600
_E164: Final = re.compile(r"\+[1-9]\d{4,14}")
_SENT: Final = re.compile(r"(sip|client):.+|\+[1-9]\d{4,14}")


class ApiError(Exception):
    """A refusal with one of Twilio's codes."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


async def listen(twilio: SimulatedTwilio, port: int) -> tuple[str, Callable[[], Coroutine[Any, Any, None]]]:
    """Serves the API on loopback: its address, and what ends it."""
    app = web.Application(client_max_size=1 << 20)
    api = Api(twilio)
    for method, path, handler in api.routes():
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    found = runner.addresses[0][1]
    return f"http://127.0.0.1:{found}", runner.cleanup


Handler = Callable[[web.Request, Form], Awaitable[web.StreamResponse]]


class Api:
    """The routes."""

    def __init__(self, twilio: SimulatedTwilio) -> None:
        self._twilio = twilio

    def routes(self) -> list[tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]]:
        """Method, path, handler."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", f"{_ACCOUNT}.json", self._account),
            ("GET", f"{_ACCOUNT}/Messages.json", self._list_messages),
            ("POST", f"{_ACCOUNT}/Messages.json", self._create_message),
            ("GET", f"{_ACCOUNT}/Messages/{{sid}}.json", self._message),
            ("GET", f"{_ACCOUNT}/Messages/{{sid}}/Media.json", self._list_media),
            ("GET", f"{_ACCOUNT}/Messages/{{sid}}/Media/{{media}}", self._media),
            ("GET", f"{_ACCOUNT}/Calls.json", self._list_calls),
            ("POST", f"{_ACCOUNT}/Calls.json", self._create_call),
            ("GET", f"{_ACCOUNT}/Calls/{{sid}}.json", self._call),
            ("POST", f"{_ACCOUNT}/Calls/{{sid}}.json", self._update_call),
            ("GET", f"{_ACCOUNT}/Recordings.json", self._list_recordings),
            ("GET", f"{_ACCOUNT}/Recordings/{{sid}}.json", self._recording),
            ("DELETE", f"{_ACCOUNT}/Recordings/{{sid}}.json", self._delete_recording),
            ("GET", f"{_ACCOUNT}/Recordings/{{sid}}", self._sound),
            ("GET", f"{_ACCOUNT}/Transcriptions/{{sid}}.json", self._transcription),
            ("DELETE", f"{_ACCOUNT}/Transcriptions/{{sid}}.json", self._delete_transcription),
            ("GET", f"{_ACCOUNT}/IncomingPhoneNumbers.json", self._list_numbers),
            ("POST", f"{_ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", self._update_number),
            ("GET", "/v1/Services", self._list_services),
            ("POST", "/v1/Services/{sid}", self._update_service),
            ("GET", "/v1/Services/{sid}/PhoneNumbers", self._service_numbers),
            ("GET", "/v2/Channels/Senders", self._list_senders),
            ("POST", "/v2/Channels/Senders/{sid}", self._update_sender),
        ]
        return [(method, path, self._guarded(handler)) for method, path, handler in table]

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            posted = await request.post() if request.method == "POST" else request.query
            form = [(name, value) for name, value in posted.items() if isinstance(value, str)]
            self._twilio.requests.append((request.method, request.path, form))
            fault = self._fault(request)
            if fault is not None and fault.seconds:
                await asyncio.sleep(fault.seconds)
            if fault is not None and not fault.done:
                return await _faulty(request, fault)
            try:
                self._check(request, form)
                answer = await handler(request, form)
            except ApiError as error:
                answer = _error(error.status, error.code, error.message)
            return answer if fault is None else await _faulty(request, fault)

        return handle

    def _fault(self, request: web.Request) -> Fault | None:
        for fault in self._twilio.faults:
            if fault.method in ("", request.method) and fault.path in request.path:
                self._twilio.faults.remove(fault)
                return fault
        return None

    def _check(self, request: web.Request, form: Form) -> None:
        account = request.match_info.get("account", self._twilio.account_sid)
        user, _, password = _basic(request.headers.get("Authorization", "")).partition(":")
        tokens = self._twilio.tokens
        if tokens.get(user) != password or user not in (account, self._twilio.account_sid) or account not in tokens:
            raise ApiError(401, 20003, "Authenticate")
        for said in self._twilio.examine(request.method, request.path, list(form)):
            self._twilio.complaints.append(f"{request.method} {request.path}: {said}")

    # Messages

    async def _create_message(self, request: web.Request, form: Form) -> web.StreamResponse:
        fields = dict(form)
        to = fields.get("To", "")
        fate = self._twilio.messages.fates.get(to)
        if fate is not None and fate.refused is not None:
            raise ApiError(429 if fate.refused == 20429 else 400, fate.refused, "refused")
        if not _E164.fullmatch(to.removeprefix(WHATSAPP)):
            raise ApiError(400, 21211, f"Invalid 'To' Phone Number: {to[:4]}XXXX")
        if len(fields.get("Body", "")) > _LONGEST_BODY:
            raise ApiError(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        media = [value for name, value in form if name == "MediaUrl"]
        if not (fields.get("Body") or media or fields.get("ContentSid")):
            raise ApiError(400, 21619, "A text message body or media urls must be specified")
        service = fields.get("MessagingServiceSid")
        from_ = fields.get("From") or next(iter(self._numbers_of(service)), "")
        if not from_:
            raise ApiError(400, 21603, "A 'From' phone number is required")
        message = Message(
            account_sid=request.match_info["account"],
            from_=from_,
            to=to,
            body=fields.get("Body", ""),
            direction="outbound-api",
            status="accepted" if service else "queued",
            service_sid=service,
            status_callback=fields.get("StatusCallback") or self._callback_of(service),
            content_sid=fields.get("ContentSid"),
            content_variables=fields.get("ContentVariables"),
            media_urls=media,
        )
        self._twilio.messages.create(message)
        return web.json_response(message.json(), status=201)

    def _numbers_of(self, service: str | None) -> list[str]:
        found = self._twilio.services.get(service or "")
        return found.numbers if found is not None else []

    def _callback_of(self, service: str | None) -> str | None:
        found = self._twilio.services.get(service or "")
        return found.webhooks.get("status_callback") if found is not None else None

    async def _list_messages(self, request: web.Request, form: Form) -> web.StreamResponse:
        fields = dict(form)
        found = [
            message
            for message in reversed(list(self._twilio.messages.all.values()))
            if message.account_sid == request.match_info["account"]
            and fields.get("To") in (None, message.to)
            and fields.get("From") in (None, message.from_)
            and _since(fields, "DateSent", message.at)
        ]
        return _page(request, "messages", [message.json() for message in found])

    async def _message(self, request: web.Request, form: Form) -> web.StreamResponse:
        return web.json_response(_there(self._twilio.messages.all, request).json())

    async def _list_media(self, request: web.Request, form: Form) -> web.StreamResponse:
        message = _there(self._twilio.messages.all, request)
        files = [
            {
                "sid": file.sid, "account_sid": message.account_sid, "parent_sid": message.sid,
                "content_type": file.content_type, "uri": f"{message.path}/Media/{file.sid}.json",
                "date_created": None, "date_updated": None,
            }
            for file in message.media
        ]  # fmt: skip
        return _page(request, "media_list", files)

    async def _media(self, request: web.Request, form: Form) -> web.StreamResponse:
        message = _there(self._twilio.messages.all, request)
        for file in message.media:
            if file.sid == request.match_info["media"]:
                return web.Response(body=file.data, headers={"Content-Type": file.content_type})
        raise ApiError(404, 20404, "The requested resource was not found")

    # Calls

    async def _create_call(self, request: web.Request, form: Form) -> web.StreamResponse:
        fields = dict(form)
        to = fields.get("To", "")
        if not _SENT.fullmatch(to):
            raise ApiError(400, 21211, "Invalid 'To'")
        if not (fields.get("Url") or fields.get("Twiml") or fields.get("ApplicationSid")):
            raise ApiError(400, 21205, "Url or Twiml is required")
        events = [value for name, value in form if name == "StatusCallbackEvent"]
        call = Call(request.match_info["account"], fields.get("From", ""), to, "outbound-api")
        line = Line(
            self._twilio,
            call,
            status_callback=fields.get("StatusCallback", ""),
            events=events or ["completed"],
            fallback=fields.get("FallbackUrl", ""),
        )
        line.headers = {"CallerId": fields.get("CallerId", "")}
        line.detects = "MachineDetection" in fields
        line.amd_callback = fields.get("AsyncAmdStatusCallback", "") if fields.get("AsyncAmd") == "true" else ""
        self._twilio.place(line, fields.get("Url", ""), fields.get("Twiml", ""), float(fields.get("Timeout", "60")))
        return web.json_response(call.json(), status=201)

    async def _list_calls(self, request: web.Request, form: Form) -> web.StreamResponse:
        fields = dict(form)
        found = [
            line.call
            for line in reversed(list(self._twilio.lines.values()))
            if line.call.account_sid == request.match_info["account"]
            and fields.get("Status") in (None, line.call.status)
            and fields.get("ParentCallSid") in (None, line.call.parent_sid)
            and _since(fields, "StartTime", line.call.created_at)
        ]
        return _page(request, "calls", [call.json() for call in found])

    async def _call(self, request: web.Request, form: Form) -> web.StreamResponse:
        return web.json_response(_there(self._twilio.lines, request).call.json())

    async def _update_call(self, request: web.Request, form: Form) -> web.StreamResponse:
        fields = dict(form)
        line = _there(self._twilio.lines, request)
        if line.over.is_set():
            raise ApiError(400, 21220, "Call is not in-progress. Cannot redirect.")
        if status := fields.get("Status"):
            line.end("canceled" if status == "canceled" and line.call.started_at is None else "completed")
        else:
            line.send(url=fields.get("Url", ""), document=fields.get("Twiml", ""))
        return web.json_response(line.call.json())

    # Recordings

    async def _list_recordings(self, request: web.Request, form: Form) -> web.StreamResponse:
        fields = dict(form)
        found = [
            recording.json()
            for recording in reversed(list(self._twilio.recordings.values()))
            if fields.get("CallSid") in (None, recording.call_sid)
        ]
        return _page(request, "recordings", found)

    async def _recording(self, request: web.Request, form: Form) -> web.StreamResponse:
        return web.json_response(_there(self._twilio.recordings, request).json())

    async def _delete_recording(self, request: web.Request, form: Form) -> web.StreamResponse:
        _there(self._twilio.recordings, request)
        del self._twilio.recordings[request.match_info["sid"]]
        return web.Response(status=204)

    async def _sound(self, request: web.Request, form: Form) -> web.StreamResponse:
        sid, _, suffix = request.match_info["sid"].partition(".")
        recording = self._twilio.recordings.get(sid)
        if recording is None:
            raise ApiError(404, 20404, "The requested resource was not found")
        kind = "audio/mpeg" if suffix == "mp3" else "audio/x-wav"
        return web.Response(body=recording.data, headers={"Content-Type": kind})

    def _transcribed(self, request: web.Request) -> Recording:
        """The recording that a text belongs to: their ids differ in their first letters alone."""
        recording = self._twilio.recordings.get(f"RE{request.match_info['sid'][2:]}")
        if recording is None or not recording.text:
            raise ApiError(404, 20404, "The requested resource was not found")
        return recording

    async def _transcription(self, request: web.Request, form: Form) -> web.StreamResponse:
        return web.json_response(self._transcribed(request).transcription())

    async def _delete_transcription(self, request: web.Request, form: Form) -> web.StreamResponse:
        self._transcribed(request).text = ""
        return web.Response(status=204)

    # The account

    async def _account(self, request: web.Request, form: Form) -> web.StreamResponse:
        sid = request.match_info["account"]
        return web.json_response(
            {
                "sid": sid, "friendly_name": "simulated", "status": "active", "type": "Full",
                "owner_account_sid": self._twilio.account_sid, "auth_token": "", "date_created": None,
                "date_updated": None, "uri": f"/{VERSION}/Accounts/{sid}.json", "subresource_uris": {},
            }
        )  # fmt: skip

    async def _list_numbers(self, request: web.Request, form: Form) -> web.StreamResponse:
        found = [
            number.json()
            for number in self._twilio.numbers.values()
            if number.account_sid == request.match_info["account"]
        ]
        return _page(request, "incoming_phone_numbers", found)

    async def _update_number(self, request: web.Request, form: Form) -> web.StreamResponse:
        number = _there(self._twilio.numbers, request)
        number.webhooks |= {_snake(name): value for name, value in form}
        return web.json_response(number.json())

    async def _list_services(self, request: web.Request, form: Form) -> web.StreamResponse:
        found = [service.json() for service in self._twilio.services.values()]
        return _meta(request, "services", found)

    async def _service_numbers(self, request: web.Request, form: Form) -> web.StreamResponse:
        service = _there(self._twilio.services, request)
        by_number = {number.number: number for number in self._twilio.numbers.values()}
        found = [
            {
                "sid": by_number[number].sid if number in by_number else "PN" + "0" * 32,
                "account_sid": service.account_sid, "service_sid": service.sid, "phone_number": number,
                "country_code": "US", "capabilities": [], "date_created": None, "date_updated": None,
                "url": f"/v1/Services/{service.sid}/PhoneNumbers",
            }
            for number in service.numbers
        ]  # fmt: skip
        return _meta(request, "phone_numbers", found)

    async def _update_service(self, request: web.Request, form: Form) -> web.StreamResponse:
        service = _there(self._twilio.services, request)
        for name, value in form:
            service.webhooks[_snake(name)] = value == "true" if value in ("true", "false") else value
        return web.json_response(service.json())

    async def _list_senders(self, request: web.Request, form: Form) -> web.StreamResponse:
        return _meta(request, "senders", [sender.json() for sender in self._twilio.senders.values()])

    async def _update_sender(self, request: web.Request, form: Form) -> web.StreamResponse:
        sender = _there(self._twilio.senders, request)
        told = json.loads(await request.text())
        sender.webhooks |= {name: value for name, value in (told.get("webhook") or {}).items() if value is not None}
        return web.json_response(sender.json(), status=202)


def _there(records: Mapping[str, Any], request: web.Request) -> Any:
    found = records.get(request.match_info["sid"])
    if found is None:
        raise ApiError(404, 20404, f"The requested resource {request.path} was not found")
    return found


def _page(request: web.Request, name: str, items: list[dict[str, Any]]) -> web.Response:
    """A page of a list of the old API."""
    size = min(int(request.query.get("PageSize", "50")), _LARGEST_PAGE)
    page = int(request.query.get("Page", "0"))
    shown = items[page * size : (page + 1) * size]
    more = len(items) > (page + 1) * size
    here = dict(request.query)

    def uri(number: int) -> str:
        return f"{request.path}?{urlencode(here | {'Page': str(number), 'PageSize': str(size)})}"

    return web.json_response(
        {
            name: shown, "page": page, "page_size": size, "uri": uri(page), "first_page_uri": uri(0),
            "next_page_uri": uri(page + 1) if more else None, "previous_page_uri": uri(page - 1) if page else None,
            "start": page * size, "end": page * size + max(len(shown) - 1, 0),
        }
    )  # fmt: skip


def _meta(request: web.Request, key: str, items: list[dict[str, Any]]) -> web.Response:
    """A list of the newer API; all on one page."""
    return web.json_response(
        {
            key: items,
            "meta": {
                "key": key, "page": 0, "page_size": 50, "url": str(request.url), "first_page_url": str(request.url),
                "next_page_url": None, "previous_page_url": None,
            },
        }
    )  # fmt: skip


def _since(fields: Mapping[str, str], name: str, at: datetime) -> bool:
    """Twilio compares whole days: ``DateSent``, ``DateSent>``, ``DateSent<``."""
    day = at.astimezone(UTC).date()
    for suffix, holds in (("", day.__eq__), (">", day.__ge__), ("<", day.__le__)):
        if (text := fields.get(f"{name}{suffix}")) and not holds(date.fromisoformat(text[:10])):
            return False
    return True


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _basic(header: str) -> str:
    kind, _, value = header.partition(" ")
    try:
        return base64.b64decode(value).decode() if kind.lower() == "basic" else ""
    except ValueError:
        return ""


def _error(status: int, code: int | None, message: str, retry_after: int | None = None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return web.json_response(body | {"status": status}, status=status, headers=headers)


async def _faulty(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.drops:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)
    return _error(fault.status, fault.code, "at fault", fault.retry_after)
