"""The line of a caller who talks with a script: what they hear, the keys they press, what they say, when they go.

Keys that nobody takes yet wait for the next command that does, as on a real channel; a prompt that no key may stop
loses those that are pressed meanwhile. Times are seconds of the loop's clock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

KEYS: Final = "0123456789*#"
#: Keys that wait at most; a caller who leans on the keypad loses the rest.
MOST_AHEAD: Final = 32
#: Lines of what was heard, pressed and said that are kept.
MOST_HEARD: Final = 60
#: What is recorded: mono, 16 bits, samples a second.
RATE: Final = 8000
SAMPLE_BYTES: Final = 2


class CallerGone(Exception):
    """The caller hung up."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Something to be heard: where it comes from and how long it is."""

    url: str
    seconds: float


class Line:
    """One caller. ``changed`` is called after every change of ``state``; ``clock`` gives seconds since 1970."""

    def __init__(self, changed: Callable[[], None], clock: Callable[[], float], pace: float = 1.0) -> None:
        self._changed, self._clock, self._pace = changed, clock, pace
        self._keys: deque[str] = deque(maxlen=MOST_AHEAD)
        self._voice: list[bytes] = []
        self._news = asyncio.Event()
        self._serial = 0
        self._phase = ""
        self._url = ""
        self._heard: deque[dict[str, Any]] = deque(maxlen=MOST_HEARD)
        #: How many questions were asked: commands that wait for a key after their sound.
        self.questions = 0
        self._left = asyncio.Event()
        #: What the last recording holds.
        self.recorded = b""

    # ---- the person's side ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What the person hears now (``phase``: nothing, playing, listening or recording) and heard before."""
        return {"phase": self._phase, "url": self._url, "serial": self._serial, "heard": list(self._heard)}

    @property
    def gone(self) -> bool:
        """Whether they hung up."""
        return self._left.is_set()

    def press(self, key: str) -> None:
        """The person presses one key."""
        if len(self._keys) < MOST_AHEAD:
            self._keys.append(key)
        self._note("key", key)
        self._wake()

    def say(self, samples: bytes) -> None:
        """The person says something: 16-bit samples, RATE a second."""
        self._voice.append(samples)
        self._note("said", f"{len(samples) / SAMPLE_BYTES / RATE:.1f}")
        self._wake()

    def hang_up(self) -> None:
        """The person goes."""
        self._left.set()
        self._wake()

    async def until_gone(self) -> None:
        """Returns when the person has gone."""
        await self._left.wait()

    def quiet(self) -> None:
        """The script is over: nothing is played any more."""
        self._show("", "")

    def _note(self, kind: str, what: str) -> None:
        self._heard.append({"at": self._clock(), "kind": kind, "what": what})

    def _wake(self) -> None:
        self._news.set()
        self._changed()

    def _show(self, phase: str, url: str) -> None:
        if (phase, url) == (self._phase, self._url) and not url:
            return
        self._phase, self._url = phase, url
        self._serial += 1
        self._changed()

    # ---- the script's side: every method raises CallerGone ---------------------------------------------------

    async def play(self, sound: Sound, stops: str) -> tuple[str, float]:
        """Lets the person hear a sound; the key of ``stops`` that stopped it, and the seconds that were heard."""
        self._check()
        key = self._take(stops)
        if key:
            return key, 0.0
        self._note("prompt", sound.url)
        self._show("playing", sound.url)
        began = self._now()
        try:
            key = await self._key(began + sound.seconds * self._pace, stops)
        finally:
            self._show("", "")
        return key, min(self._now() - began, sound.seconds) if self._pace else sound.seconds

    async def key(self, seconds: float) -> str:
        """The next key; empty after so many seconds."""
        self._check()
        return await self._listen(seconds, KEYS)

    async def digits(self, sound: Sound | None, seconds: float, most: int) -> tuple[str, bool]:
        """Keys up to ``#`` or so many, while a sound plays and then for ``seconds`` after it and after each; and
        whether the time was over."""
        keys = ""
        if sound is not None:
            keys, _ = await self.play(sound, KEYS)
        else:
            self._check()
        while len(keys) < most and not keys.endswith("#"):
            key = await self._listen(seconds, KEYS)
            if not key:
                return keys, True
            keys += key
        return keys.removesuffix("#"), False

    async def record(self, most: float, silence: float, stops: str) -> tuple[str, bytes]:
        """Records the person until a key of ``stops`` (answered), so many seconds, or so long a silence.

        A silence counts only after something was said: a person at a page needs a while to type it. What was said
        until the person went is kept too: the samples are in ``recorded`` then.
        """
        self._check()
        self._voice.clear()
        self.recorded = b""
        self._show("recording", "")
        end = self._now() + most
        try:
            while True:
                spoken = len(self._voice)
                quiet = self._now() + silence if silence and spoken else end
                key = await self._key(min(end, quiet), stops, lambda spoken=spoken: len(self._voice) > spoken)  # type: ignore[misc]
                if key or len(self._voice) == spoken:
                    break
        finally:
            self.recorded = b"".join(self._voice)[: int(most * RATE) * SAMPLE_BYTES]
            self._show("", "")
        return key, self.recorded

    async def _listen(self, seconds: float, keys: str) -> str:
        key = self._take(keys)
        if key:
            return key
        if seconds >= 0.5:
            self.questions += 1
            self._show("listening", "")
        try:
            return await self._key(self._now() + seconds, keys)
        finally:
            if self._phase == "listening":
                self._show("", "")

    async def _key(self, until: float, keys: str, other: Callable[[], bool] = lambda: False) -> str:
        """The next of ``keys``, dropping others; empty at the time ``until`` or when ``other`` comes true."""
        while True:
            self._check()
            key = self._take(keys)
            left = until - self._now()
            if key or left <= 0 or other():
                return key
            self._news.clear()
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _take(self, keys: str) -> str:
        while self._keys:
            key = self._keys.popleft()
            if key in keys:
                return key
        return ""

    def _check(self) -> None:
        if self.gone:
            raise CallerGone

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
