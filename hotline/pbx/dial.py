"""Values that become a part of the dialplan: extensions, contexts, interfaces, caller ids.

The dialplan gives meaning to ``${}``, ``,``, ``&``, ``|``, quotes and brackets, so each of these values is checked
against what it may hold, and refused otherwise; nothing is escaped, since Asterisk has no one way to do it.
"""

from __future__ import annotations

import re
from typing import Final

from hotline.pbx.errors import UnsafeValue

_EXTENSION: Final = re.compile(r"[0-9A-Za-z*#+_-]{1,80}")
_DIGITS: Final = re.compile(r"[0-9*#]{1,80}")
_NUMBER: Final = re.compile(r"\+?[0-9]{1,20}")
_CONTEXT: Final = re.compile(r"[0-9A-Za-z_-]{1,80}")
_INTERFACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,31}/[^\s\x00-\x1f\x7f,;|&\"'`$\\{}()<>]{1,160}")
_CHANNEL: Final = re.compile(r"[^\s\x00-\x1f\x7f,;|&\"'`$\\{}()<>]{1,160}(;[12])?")
_QUEUE: Final = re.compile(r"[^\s\x00-\x1f\x7f,;|&\"'`$\\{}()<>]{1,80}")
_NO_NAME: Final = re.compile(r"[^\w .'-]")
_NO_REASON: Final = re.compile(r"[\"\\${}<>|\x00-\x1f\x7f]")
LONGEST_REASON: Final = 80


def extension(value: str) -> str:
    """An extension to go to; raises UnsafeValue."""
    return _checked(_EXTENSION, value, "an extension")


def digits(value: str) -> str:
    """An extension that is dialled as keys of a phone; raises UnsafeValue."""
    return _checked(_DIGITS, value, "an extension of digits")


def context(value: str) -> str:
    """A dialplan context; raises UnsafeValue."""
    return _checked(_CONTEXT, value, "a dialplan context")


def interface(value: str) -> str:
    """A phone, such as ``PJSIP/agent1`` or ``Local/1001@from-queue/n``; raises UnsafeValue."""
    return _checked(_INTERFACE, value, "an interface")


def channel(value: str) -> str:
    """A channel's name or uniqueid; raises UnsafeValue."""
    return _checked(_CHANNEL, value, "a channel")


def queue(value: str) -> str:
    """A queue's name; raises UnsafeValue."""
    return _checked(_QUEUE, value, "a queue")


def reason(value: str) -> str:
    """Why an agent pauses: free text without the letters that the dialplan or the queue's log understand."""
    if len(value) > LONGEST_REASON:
        raise UnsafeValue(f"reason: at most {LONGEST_REASON} letters.")
    if _NO_REASON.search(value):
        raise UnsafeValue("reason: without quotes, line breaks and any of \\ $ { } < > |")
    return value


def caller_id(name: str, number: str | None) -> str | None:
    """``"Anna" <1001>`` for an agent; None without a number. What a phone cannot show is left out of the name."""
    if not number or not _DIGITS.fullmatch(number):
        return None
    plain = " ".join(_NO_NAME.sub(" ", name).replace("_", " ").split())[:40]
    return f'"{plain}" <{number}>' if plain else f"<{number}>"


def caller_number(value: str) -> str:
    """``<+4930123456>``, the company's own number as a caller id; raises UnsafeValue."""
    return f"<{_checked(_NUMBER, value, 'a number')}>"


def _checked(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"This is not {what} that the PBX can be told safely.")
    return value
