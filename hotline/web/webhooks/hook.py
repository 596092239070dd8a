"""One webhook of Twilio, verified and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from multidict import MultiDict, MultiMapping

from hotline.channels.twilio.signature import Tokens
from hotline.errors import Forbidden

#: Most bytes of a body and of an answer (Twilio's own limit, error 11750).
LARGEST: Final = 64_000
_MOST_FIELDS: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"
#: Charsets that a form may name. Twilio sends UTF-8.
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii", "iso-8859-1", "latin-1", "latin1", "windows-1252"})

_AGAIN: Final = "again"
_KEPT: Final = "again."
#: Most bytes of lost parameters that are carried on in an address, as they stand there.
_MOST_KEPT: Final = 2_000
#: What Twilio sends with each request about a call; everything else was said once and would be lost.
_STANDING: Final = frozenset(
    {
        "AccountSid", "ApiVersion", "ApplicationSid", "CallSid", "CallStatus", "CallToken", "Called", "Caller",
        "CallerName", "Direction", "ForwardedFrom", "From", "ParentCallSid", "StirPassportToken", "StirVerstat", "To",
        "CalledCity", "CalledCountry", "CalledState", "CalledZip", "CallerCity", "CallerCountry", "CallerState",
        "CallerZip", "FromCity", "FromCountry", "FromState", "FromZip", "ToCity", "ToCountry", "ToState", "ToZip",
    }
)  # fmt: skip


class Refused(Forbidden):
    """This request was not signed by Twilio for this installation."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """What Twilio sent. ``form`` has the first value of each parameter, without NULs; ``token`` is the same when Twilio
    sends it again; ``tries`` counts how often a caller was asked to hold before. ``body`` is what was no form."""

    account_sid: str
    path: str
    form: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    token: str
    at: datetime
    tries: int = 1
    body: bytes = field(default=b"", repr=False)

    def keys(self, *more: str) -> tuple[str, ...]:
        """The keys by which this event is claimed: Twilio's own token, and others of the event's own such as
        ``<sid>:<status>``. One at least: without a token and others it is what was sent."""
        own = (f"twilio:token:{self.token}",) if self.token else ()
        return (*own, *(f"twilio:{each}" for each in more)) or (self.key,)

    @property
    def key(self) -> str:
        """One key of this event: Twilio's token, else a digest of everything that was sent."""
        if self.token:
            return f"twilio:token:{self.token}"
        sent = urlencode([("", self.path), *sorted(self.query.items()), *sorted(self.form.items())])
        return f"twilio:sent:{sha256(sent.encode() + self.body).hexdigest()}"

    def again(self) -> str:
        """The path and query at which Twilio asks this once more, with what it said only this time."""
        query = {name: value for name, value in self.query.items() if not name.startswith(_AGAIN)}
        room = _MOST_KEPT
        for name, value in self.form.items():
            if name in _STANDING:
                continue
            size = len(urlencode({_KEPT + name: value})) + 1
            if size <= room:
                room -= size
                query[_KEPT + name] = value
        return f"{self.path}?{urlencode(query | {_AGAIN: str(self.tries + 1)})}"


class Opener:
    """Verifies webhooks by the tokens of the settings, over the public address."""

    def __init__(self, tokens: Tokens | None, base_url: str) -> None:
        self._tokens = tokens
        self._base_url = base_url

    def open(self, request: web.Request, path: str, body: bytes, at: datetime) -> Webhook:
        """The webhook. Raises Refused for anything that Twilio did not sign."""
        if self._tokens is None:
            raise Refused("Twilio is not set up.")
        url = self._base_url + request.raw_path
        if not url.isascii():
            raise Refused
        signature = request.headers.get("X-Twilio-Signature")
        form: MultiDict[str] = MultiDict()
        is_form = not body or request.content_type == _FORM
        if is_form:
            form = _form(body, _charset(request))
            signed = self._tokens.signed_form(url, form, signature)
        else:
            account = request.query.get("AccountSid", "")
            signed = self._tokens.signed_body(url, body, account, signature)
        if not signed:
            raise Refused
        query, values = _first(request.query), _first(form)
        if _AGAIN in query:
            for name, value in query.items():
                if name.startswith(_KEPT):
                    values.setdefault(name.removeprefix(_KEPT), value)
        return Webhook(
            account_sid=values.get("AccountSid") or self._tokens.account_sid,
            path=path,
            form=values,
            query=query,
            token=_token(request.headers.get("I-Twilio-Idempotency-Token", "")),
            at=at,
            tries=_tries(query.get(_AGAIN, "")),
            body=b"" if is_form else body,
        )


def _form(body: bytes, charset: str) -> MultiDict[str]:
    try:
        text = body.decode("ascii")
        fields = parse_qsl(text, keep_blank_values=True, encoding=charset, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:  # bytes that are no text of this charset, too many fields
        raise Refused from None
    return MultiDict(fields)


def _charset(request: web.Request) -> str:
    try:
        charset = (request.charset or "utf-8").lower()
    except ValueError:
        raise Refused from None
    if charset not in _CHARSETS:
        raise Refused
    return charset


def _first(fields: MultiMapping[str]) -> dict[str, str]:
    """The first value of each, without NULs, which the records cannot hold."""
    values: dict[str, str] = {}
    for name, value in fields.items():
        if name not in values:
            values[name] = value.replace("\0", "") if "\0" in value else value
    return values


def _token(text: str) -> str:
    return text if text.isascii() and text.isprintable() and len(text) <= 150 else ""


def _tries(text: str) -> int:
    return min(int(text), 1_000) if text.isascii() and text.isdecimal() and len(text) < 5 else 1
