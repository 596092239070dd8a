"""Marking words that are translated where they are shown, and turning refusals into the person's language."""

from __future__ import annotations

import re
from typing import Final

from hotline.errors import HotlineError


def N_(message: str) -> str:  # noqa: N802 - the name that gettext tools look for
    """Marks a message for extraction; it is translated when it is shown."""
    return message


#: What a workflow refuses (``field: reason``) → the same in words that are translated.
_REASONS: Final = (
    (r"something must stand here\.", N_("Something must stand here.")),
    (
        r"at most (?P<most>\d+) characters, these are (?P<have>\d+)\.",
        N_("At most {most} characters, these are {have}."),
    ),
    (r"at most (?P<most>\d+)\.", N_("At most {most}.")),
    (r"this is not your password\.", N_("This is not your password.")),
    (
        r"letters, digits and \. @ \+ - _ only.*",
        N_("Letters, digits and . @ + - _ only, and a letter or a digit first."),
    ),
    (r"digits, \*, # and \+ only\.", N_("Digits, *, # and + only.")),
    (
        r"expected a name as the PBX has it, for example (?P<example>\S+?)\.",
        N_("Write it as the PBX has it, for example {example}."),
    ),
    (r".*(?:telephone|phone) number.*", N_("This is not a telephone number.")),
    (r".*at least (?P<least>\d+).*", N_("At least {least} characters.")),
    (r".*(?:taken|exists|already).*", N_("This is taken already.")),
    (r".*last administrator.*", N_("This is the last administrator. Make another one first.")),
    (r".*(?:guess|common|login).*", N_("This password is too easy to guess.")),
    (r".*e-?mail.*", N_("This is not an email address.")),
)


def reason(error: HotlineError) -> tuple[str, str, dict[str, str]]:
    """The field that ``error`` names ("" for none), its reason as a message to translate, and the message's values."""
    field, colon, text = error.detail.partition(": ")
    if not colon or not re.fullmatch(r"[a-z_]+(\[\d+\])?(\.[a-z_]+)?", field):
        field, text = "", error.detail
    for pattern, message in _REASONS:
        if found := re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL):
            return field.partition("[")[0], message, found.groupdict()
    return field.partition("[")[0], text, {}
