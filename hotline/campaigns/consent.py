"""What consent there is and what it allows. Consent is given for a channel and a purpose; that somebody's number is
known is none (47 CFR 64.1200(f)(9); GDPR article 7; 个人信息保护法 第十四条)."""

from __future__ import annotations

from typing import Final, Literal, get_args

Channel = Literal["sms", "whatsapp", "email", "voice", "inapp", "console"]
#: ``service``: what somebody needs to know of what they bought or asked; everything else is marketing.
Purpose = Literal["marketing", "service"]
State = Literal["granted", "withdrawn"]

CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
STATES: Final[tuple[State, ...]] = get_args(State)
#: The channels that reach a person: the console is the operator's own.
ASKED: Final[tuple[Channel, ...]] = ("email", "sms", "whatsapp", "voice", "inapp")

#: The kinds of contact points that a channel reaches somebody by; in-app needs none.
REACHED_BY: Final[dict[Channel, tuple[str, ...]]] = {
    "sms": ("phone", "whatsapp"),
    "whatsapp": ("whatsapp", "phone"),
    "voice": ("phone", "whatsapp"),
    "email": ("email",),
    "inapp": (),
    "console": (),
}


def allows(channel: Channel, purpose: Purpose, state: State | None) -> bool:
    """Whether something may be sent, ``state`` being the consent to it, None where nothing was ever said. Marketing
    needs consent; what somebody must know goes until they take it back."""
    if channel == "console":
        return True
    return state == "granted" if purpose == "marketing" else state != "withdrawn"


def stricter(one: State | None, other: State | None) -> State | None:
    """What holds for one person of whom two records say this: whoever said no has said no."""
    if "withdrawn" in (one, other):
        return "withdrawn"
    return one or other


def purposes_of(scope: str) -> tuple[Purpose, ...]:
    """The purposes that ``all`` or a single one means."""
    return PURPOSES if scope == "all" else tuple(each for each in PURPOSES if each == scope)
