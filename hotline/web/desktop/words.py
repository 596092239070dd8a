"""Words that are translated where they are shown; turning refusals into the person's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from hotline.errors import HotlineError
from hotline.web.desktop import refusals
from hotline.web.desktop.marking import N_

__all__ = ["N_", "reason"]


#: What a workflow refuses (``field: reason``) → the same in words that are translated.
_REASONS: Final = (
    (r"something must stand here\.", N_("Something must stand here.")),
    (
        r"at most (?P<most>\d+) characters, these are (?P<have>\d+)\.",
        N_("At most {most} characters, these are {have}."),
    ),
    (r"at most (?P<most>\d+) characters\.", N_("At most {most} characters.")),
    (r"at most (?P<most>\d+)\.", N_("At most {most}.")),
    (r"at least (?P<least>\d+) characters\.", N_("At least {least} characters.")),
    (r"it must not be the login\.", N_("The password must not be the login.")),
    (r"this is not your password\.", N_("This is not your password.")),
    (r"another user has this login\.", N_("Another user has this login.")),
    (r"(?P<name>\S+) belongs to (?P<login>\S+) already\.", N_("{name} belongs to {login} already.")),
    (r"there is no such role\.", N_("There is no such role.")),
    (r"there is no such tier\.|there is no tier .*", N_("There is no such tier.")),
    (
        r"there is no tag '(?P<tag>.*)', and you may not make one\.",
        N_("There is no tag “{tag}”, and your role may not make one."),
    ),
    (
        r"letters, digits and \. @ \+ - _ only.*",
        N_("Letters, digits and . @ + - _ only, and a letter or a digit first."),
    ),
    (r"digits, \*, # and \+ only\.", N_("Digits, *, # and + only.")),
    (
        r"expected a name as the PBX has it, for example (?P<example>\S+?)\.",
        N_("Write it as the PBX has it, for example {example}."),
    ),
    (r"this is not a telephone number\.", N_("This is not a telephone number.")),
    (
        r"this number is not complete.*",
        N_("This number is not complete; write it with its area code or as +country number."),
    ),
    (r"this is not an email address\.", N_("This is not an email address.")),
    (r"expected a country as two letters.*", N_("Write the country as two letters, for example CN.")),
    (r"choose somebody else\.", N_("Choose somebody else.")),
    (r"there is no such user\.", N_("There is no such user.")),
    (r"this user may not sign in\.", N_("This user may not sign in.")),
    (r"from 1 to 65535\.", N_("From 1 to 65535.")),
    (r"letters, digits, dot, dash and underscore only\.", N_("Letters, digits, dot, dash and underscore only.")),
    (r"expected a host name or an address\.", N_("Write a host name or an address.")),
    (
        r"this PBX is set by HOTLINE_AMI_URLS; change it there\.",
        N_("This PBX is set by HOTLINE_AMI_URLS; change it there."),
    ),
    (r"to whom\?", N_("To whom?")),
    (r"there is no such calendar\.", N_("There is no such calendar.")),
    (r"the list \w+ does not offer this\.", N_("The list does not offer this.")),
    (r"You cannot let yourself go.*", N_("You cannot let yourself go; a colleague does it for you.")),
    (r"This user has not left\.", N_("This user has not left.")),
    (
        r"Your role asks for two-step sign-in; .*",
        N_("Your role asks for two-step sign-in; it can be set up anew, but not turned off."),
    ),
    (r"This is done signed in at the desk.*", N_("This is done signed in at the desk, not by a token.")),
    (r"This is the last administrator.*", N_("This is the last administrator. Make another one first.")),
    (
        r"This Idempotency-Key was used with another request\.",
        N_("What you sent first has arrived. Look at the list before you send this as a second one."),
    ),
    (r"One like it exists already\.", N_("One like it exists already.")),
    (r"This customer was erased( already)?\.", N_("This customer was erased.")),
    (r"send the customer's number, (?P<reference>\w+).*", N_("Type {reference}, the number of this customer.")),
    (r"This person is on the telephone.*", N_("They are on the telephone. Erase them when the call is over.")),
    (r"This customer was merged into another one.*", N_("This customer was merged into another one.")),
)


def reason(error: HotlineError) -> tuple[str, str, Mapping[str, str]]:
    """The field that ``error`` names ("" for none), its reason as a message to translate, and the message's values."""
    field, colon, text = error.detail.partition(": ")
    if not colon or not re.fullmatch(r"[a-z][a-z0-9_]*(\[[^\]]*\])?(\.[a-z0-9_]+)*", field):
        field, text = "", error.detail
    name = re.split(r"[\[.]", field)[0]
    for pattern, message in _REASONS:
        if found := re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL):
            return name, message, found.groupdict()
    if (told := refusals.known(text)) is not None:
        return name, *told
    return name, text, {}
