"""Agents' phones that Twilio rings, as a user's ``interfaces`` name them: ``tel:+49…``, ``sip:…``, ``client:…``.

All others are a PBX's, for example ``PJSIP/agent1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

#: A phone of Twilio's. A Client's name has letters, digits and underscores (Twilio: identity, at most 121).
TWILIO_PHONE: Final = re.compile(
    r"tel:\+[1-9][0-9]{5,14}"
    r"|sips?:[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9.-]{1,120}(:[0-9]{1,5})?"
    r"|client:[A-Za-z0-9_.@-]{1,120}"
)


def is_twilio_phone(interface: str) -> bool:
    """Whether Twilio rings this phone."""
    return TWILIO_PHONE.fullmatch(interface) is not None


def twilio_phones(interfaces: Iterable[str]) -> list[str]:
    """Those of a user's phones that Twilio rings, in the user's order."""
    return [each for each in interfaces if is_twilio_phone(each)]


def pbx_phones(interfaces: Iterable[str]) -> list[str]:
    """Those of a user's phones that a PBX rings, in the user's order."""
    return [each for each in interfaces if not is_twilio_phone(each)]


def address(interface: str) -> str:
    """What Twilio is asked to call."""
    return interface.removeprefix("tel:")


def is_number(interface: str) -> bool:
    """Whether it is a telephone in the public network: a voicemail may answer there."""
    return interface.startswith("tel:")
