"""What Twilio's error codes mean for a message or a call, as data, and how a refusal becomes an exception.

Codes: https://www.twilio.com/docs/api/errors. Codes come and go; one that is not here is decided by the HTTP status.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hotline.channels.errors import (
    AddressRefused,
    ChannelError,
    Filtered,
    OptedOut,
    PermanentlyRefused,
    SenderPaused,
    TemplateNeeded,
    TemporarilyRefused,
    Unknown,
    WindowClosed,
)


class Meaning(StrEnum):
    """What a code says."""

    OPTED_OUT = "opted_out"
    ADDRESS = "address"
    SLOW_DOWN = "slow_down"
    NEXT_DAY = "next_day"
    FEW_RETRIES = "few_retries"
    FILTERED = "filtered"
    SENDER = "sender"
    WINDOW = "window"
    TEMPLATE = "template"
    OTHER = "other"


CODES: Final[Mapping[int, Meaning]] = {
    **dict.fromkeys((21610, 63014), Meaning.OPTED_OUT),
    **dict.fromkeys((21211, 21614, 30005, 30006, 63024), Meaning.ADDRESS),
    **dict.fromkeys((20429, 21611, 30001, 30022, 63017, 63018), Meaning.SLOW_DOWN),
    63038: Meaning.NEXT_DAY,
    **dict.fromkeys((30003, 30008), Meaning.FEW_RETRIES),
    **dict.fromkeys((30004, 30007), Meaning.FILTERED),
    **dict.fromkeys((20003, 30002, 21408, 30032, 30034), Meaning.SENDER),
    **dict.fromkeys((30036, 30047, 30610), Meaning.WINDOW),
    63016: Meaning.TEMPLATE,
}

#: Seconds after which a sender over its daily limit may go on.
DAY_SECONDS: Final = 86_400.0
#: Further tries of a message whose recipient was not reachable for once.
FEW: Final = 2
_TOO_MANY: Final = 429


def meaning(code: int | None) -> Meaning:
    """What a code says; OTHER for one that is not known."""
    return Meaning.OTHER if code is None else CODES.get(code, Meaning.OTHER)


def refusal(code: int | None, text: str = "", retry_after: float | None = None) -> ChannelError:
    """The exception for a code, of an answer or of a callback; PermanentlyRefused for one that is not known."""
    said = meaning(code)
    match said:
        case Meaning.SLOW_DOWN:
            return TemporarilyRefused(text, provider_code=code, retry_after=retry_after)
        case Meaning.FEW_RETRIES:
            return TemporarilyRefused(text, provider_code=code, retry_after=retry_after, tries=FEW)
        case Meaning.WINDOW:
            return WindowClosed(text, provider_code=code)
        case Meaning.NEXT_DAY:
            return SenderPaused(text, provider_code=code, resume_after=DAY_SECONDS)
        case Meaning.SENDER:
            return SenderPaused(text, provider_code=code)
    kind = _FOR_GOOD.get(said, PermanentlyRefused)
    return kind(text, provider_code=code)


_FOR_GOOD: Final[Mapping[Meaning, type[PermanentlyRefused]]] = {
    Meaning.OPTED_OUT: OptedOut,
    Meaning.ADDRESS: AddressRefused,
    Meaning.FILTERED: Filtered,
    Meaning.TEMPLATE: TemplateNeeded,
}


def answered(
    status: int, code: int | None, text: str, *, retry_after: float | None = None, changes: bool = True
) -> ChannelError:
    """The exception for an answer of the API that is no success.

    ``changes``: the request was to do something, so that after a 5xx nobody knows whether it was done.
    """
    if status == _TOO_MANY:  # a limit of concurrency: nothing was processed, whatever else the answer says
        return TemporarilyRefused(text, provider_code=code, retry_after=retry_after)
    if status >= 500:
        return Unknown(text, provider_code=code) if changes else TemporarilyRefused(text, provider_code=code)
    return refusal(code, text, retry_after)
