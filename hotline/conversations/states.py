"""The words of conversations."""

from __future__ import annotations

from typing import Final, Literal, get_args

Channel = Literal["sms", "whatsapp", "email"]
#: ``waiting``: for the customer, or until an instant; ``closed``: done, what is written next begins another one.
State = Literal["open", "waiting", "closed"]
Direction = Literal["in", "out"]
#: ``note``: among colleagues, it never leaves; ``auto``: hotline's own answer.
Kind = Literal["message", "note", "auto"]

CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)


def reference(number: int) -> str:
    """A conversation's number as people say it."""
    return f"M{number}"
