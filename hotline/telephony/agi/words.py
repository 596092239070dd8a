"""What the door itself says to callers, beside the flows: their place in a queue, and that calls end."""

from __future__ import annotations

from typing import Final

from hotline.ivr.effects import Prompt

#: Beyond this a caller hears that many are waiting, not how many.
MOST_POSITION: Final = 20

_FIRST: Final = {"en": "You are the next caller.", "zh": "您是下一位。"}
_PLACE: Final = {"en": "You are number {n} in the queue.", "zh": "您在队列中排第 {n} 位。"}
_MANY: Final = {"en": "Many callers are waiting before you.", "zh": "您前面有较多来电在等待。"}
_NO_MORE: Final = {
    "en": "Thank you. We will not call you about this any more. Goodbye.",
    "zh": "谢谢,我们今后不再就此致电。再见。",
}


def no_more_calls(language: str) -> Prompt:
    """What somebody hears who pressed the key that ends calls of campaigns."""
    return Prompt("hotline.push.ended", _NO_MORE, language)


def position(n: int, language: str) -> Prompt:
    """The caller's place in the queue, 1 being the next."""
    texts = _FIRST if n <= 1 else _MANY if n > MOST_POSITION else _PLACE
    filled = {key: text.format(n=n) for key, text in texts.items()}
    return Prompt(f"hotline.position.{min(max(n, 1), MOST_POSITION + 1)}", filled, language)
