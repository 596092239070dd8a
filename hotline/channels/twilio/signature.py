"""Twilio's signatures of webhooks: https://www.twilio.com/docs/usage/security#validating-requests.

The signature covers the exact public address and every parameter, blank and unknown ones too; of a body that is no
form, its SHA-256 in the address. Anything that cannot be checked is refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs, urlsplit

from multidict import MultiDict
from twilio.request_validator import RequestValidator, add_port, remove_port

#: What ``hotline twilio setup`` adds to the addresses of numbers and messaging services: Twilio tries twice more,
#: within its 15 seconds, whatever goes wrong. It does not come with the request.
#: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
RETRIES: Final = "#rc=2&rp=all"
#: Longest signature: base64 of 20 bytes is 28 characters.
_LONGEST: Final = 100


class Tokens:
    """The auth tokens by account: several of one account while they are rotated, and those of its sub-accounts."""

    def __init__(self, account_sid: str, tokens: Sequence[tuple[str, str]]) -> None:
        """``tokens`` are (account, token) in their order; an empty account stands for ``account_sid``."""
        found: dict[str, list[str]] = {}
        for account, token in tokens:
            found.setdefault(account or account_sid, []).append(token)
        self.account_sid = account_sid
        self._tokens: Mapping[str, tuple[str, ...]] = {sid: tuple(each) for sid, each in found.items() if sid}
        self._validators = {sid: tuple(map(RequestValidator, each)) for sid, each in self._tokens.items()}

    def of(self, account_sid: str) -> tuple[str, ...]:
        """The tokens of one account, the current one first; none for a stranger."""
        return self._tokens.get(account_sid, ())

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account that has a token, the main one first."""
        return tuple(sorted(self._tokens, key=lambda sid: (sid != self.account_sid, sid)))

    def signed_form(self, url: str, form: MultiDict[str], signature: str | None) -> bool:
        """Whether this form was signed by the account that its ``AccountSid`` names."""
        return self._signed(form.get("AccountSid", self.account_sid), url, form, signature)

    def signed_body(self, url: str, body: bytes, account_sid: str, signature: str | None) -> bool:
        """Whether a body that is no form was signed: by the ``bodySHA256`` of the address, and false without one."""
        wanted = parse_qs(urlsplit(url).query).get("bodySHA256", [])
        if len(wanted) != 1 or not hmac.compare_digest(
            sha256(body).hexdigest().encode(), wanted[0].lower().encode("utf-8", "replace")
        ):
            return False
        return self._signed(account_sid or self.account_sid, url, MultiDict(), signature)

    def _signed(self, account_sid: str, url: str, form: MultiDict[str], signature: str | None) -> bool:
        if not signature or len(signature) > _LONGEST or not signature.isascii():
            return False
        validators = self._validators.get(account_sid, ())
        return any(
            hmac.compare_digest(each.compute_signature(variant, form), signature)
            for variant in _variants(url)
            for each in validators
        )


def _variants(url: str) -> Iterator[str]:
    """The address as it is, then with and without its port: Twilio is not of one mind about that; nor do its pages say
    whether what it was given after the # is signed."""
    yield url
    parts = urlsplit(url)
    others = [variant for variant in (remove_port(parts), add_port(parts)) if variant != url]
    yield from others
    yield from (variant + RETRIES for variant in (url, *others))


def sign(token: str, url: str, form: MultiDict[str]) -> str:
    """The signature that Twilio would send for a form."""
    return str(RequestValidator(token).compute_signature(url, form))
