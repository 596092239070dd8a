"""A caller's line: prompts, keys and recordings by AGI commands, one after the other.

Keys that a caller types ahead count: those that stop a prompt, and those that come while hotline looks something up.
Asterisk drops what is pressed between two commands, so one command plays a question's last prompt and takes its first
key, and another takes the rest of a number.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from hotline.ivr.effects import Collect, Failed, Pressed, Prompt, Recorded, RecordMessage, TimedOut
from hotline.telephony.agi.wire import REPLY_SECONDS, AgiConnection
from hotline.workflows.calls.recordings import Upload
from hotline.workflows.ivr.prompts import Spoken

KEYS: Final = "0123456789*#"
#: Keys that are kept for the questions to come.
MOST_TYPED: Final = 30
#: What a step gets beyond its prompts and its time-outs, before the dialplan takes the caller back.
MARGIN_SECONDS: Final = 6.0
#: RECORD FILE writes ``wav``: 8,000 samples a second of 16 bits, after a header.
_SAMPLES: Final = 8_000
_WAV_HEADER: Final = 44
_BEEP_SECONDS: Final = 1.0

#: What takes longer than this listens to the caller's keys meanwhile, in turns of so long.
_QUIET_SECONDS: Final = 0.03
_TURN_SECONDS: Final = 0.05

T = TypeVar("T")
Speak = Callable[[Sequence[Prompt]], Coroutine[Any, Any, list[Spoken]]]
Spawn = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]


class Line:
    """One caller. ``speak`` finds what a prompt sounds like, ``spawn`` runs what must not be waited for in silence.
    Every method may raise CallerGone."""

    def __init__(self, connection: AgiConnection, speak: Speak, spawn: Spawn) -> None:
        self._ask = connection.ask
        self._spawn = spawn
        self._speak = speak
        self._typed = ""

    async def allow(self, seconds: float) -> None:
        """Give the step so many seconds; after them the PBX takes the caller back to its dialplan, whatever became of
        this process."""
        await self._ask("SET AUTOHANGUP", str(math.ceil(seconds + MARGIN_SECONDS)))

    async def set(self, name: str, value: str) -> None:
        """Set a variable of the caller's channel."""
        await self._ask("SET VARIABLE", name, value)

    async def get(self, expression: str) -> str:
        """What the PBX makes of ``${…}``, the empty text for nothing."""
        reply = await self._ask("GET FULL VARIABLE", expression)
        return reply.extra if reply.result == "1" else ""

    # Prompts and keys

    async def say(self, prompts: Sequence[Prompt], *, keep_keys: bool) -> None:
        """Let the caller hear these; with ``keep_keys`` a key stops them and counts for the next question."""
        spoken = await self._spoken(prompts)
        await self.allow(sum(each.seconds for each in spoken))
        await self._play(spoken, keep_keys=keep_keys)

    async def collect(self, effect: Collect, before: Sequence[Prompt] = ()) -> Pressed | TimedOut:
        """Ask and take keys; ``before`` are prompts that a key stops just the same."""
        spoken = await self._spoken((*before, *effect.prompts)) if not self._typed else []
        waits = effect.first_seconds + effect.next_seconds * max(effect.most - 1, 0)
        await self.allow(sum(each.seconds for each in spoken) + waits)
        keys, done = self._take_typed(effect)
        if not keys and not done:
            await self._first_key(spoken, effect.first_seconds)
            keys, done = self._take_typed(effect)
            if not keys and not done:
                return TimedOut()
        if not done:
            more, done = await self._more_keys(effect, effect.most - len(keys))
            keys += more
        # The finish key is an answer of its own, also after too few others.
        return Pressed(keys) if done or len(keys) >= effect.least else TimedOut()

    async def meanwhile(self, asked: Coroutine[Any, Any, T], name: str) -> T:
        """What ``asked`` answers. When that takes a while the caller's keys are listened to, and kept."""
        task = self._spawn(asked, name)
        try:
            await asyncio.wait({task}, timeout=_QUIET_SECONDS)
            while not task.done():
                await self.listen(_TURN_SECONDS)
        except BaseException:
            task.cancel()
            raise
        answer: T = task.result()
        return answer

    async def listen(self, seconds: float) -> None:
        """Keep the line open for a moment; a key is kept for the next question."""
        reply = await self._ask("WAIT FOR DIGIT", str(int(seconds * 1000)), seconds=seconds + REPLY_SECONDS)
        self._type(reply.key)

    def _type(self, key: str) -> None:
        self._typed = (self._typed + key)[:MOST_TYPED]

    def _take_typed(self, effect: Collect) -> tuple[str, bool]:
        """What was typed ahead for this question, and whether that answers it."""
        keys = ""
        while self._typed and len(keys) < effect.most:
            key, self._typed = self._typed[0], self._typed[1:]
            if key == effect.finish:
                return keys, True
            keys += key
        return keys, len(keys) == effect.most

    async def _spoken(self, prompts: Sequence[Prompt]) -> list[Spoken]:
        """What can be heard of the prompts; what is missing is reported where prompts are made."""
        if not prompts:
            return []
        spoken = await self.meanwhile(self._speak(prompts), "ivr prompts")
        return [each for each in spoken if each.url is not None]

    async def _play(self, spoken: Sequence[Spoken], *, keep_keys: bool) -> None:
        for each in spoken:
            if keep_keys and self._typed:
                return
            reply = await self._ask(
                "STREAM FILE", each.url or "", KEYS if keep_keys else "", seconds=each.seconds + REPLY_SECONDS
            )
            self._type(reply.key)

    async def _first_key(self, spoken: Sequence[Spoken], seconds: float) -> None:
        """Play, and wait for a key from then on; none comes within ``seconds``: nothing is typed."""
        await self._play(spoken[:-1], keep_keys=True)
        if self._typed:
            return
        if spoken:
            last = spoken[-1]
            reply = await self._ask(
                "GET DATA", last.url or "", _milliseconds(seconds), "1", seconds=last.seconds + seconds + REPLY_SECONDS
            )
            if reply.result != "-1":
                # Without a time-out an empty answer is the key that Asterisk itself takes for the end.
                self._type(reply.result or ("" if reply.extra == "timeout" else "#"))
                return
        # Nothing could be played, or the prompt's address led nowhere: the question is asked in silence.
        await self.listen(seconds)

    async def _more_keys(self, effect: Collect, most: int) -> tuple[str, bool]:
        """At most so many keys, and whether the caller ended them or all came."""
        if effect.finish == "#" and most > 1:
            # All in one command, so that no key of a quick typist is lost between two.
            reply = await self._ask(
                "GET DATA",
                "",
                _milliseconds(effect.next_seconds),
                str(most),
                seconds=effect.next_seconds * most + REPLY_SECONDS,
            )
            return (reply.result, reply.extra != "timeout") if reply.result != "-1" else ("", False)
        keys = ""
        while len(keys) < most:
            reply = await self._ask(
                "WAIT FOR DIGIT", _milliseconds(effect.next_seconds), seconds=effect.next_seconds + REPLY_SECONDS
            )
            if not reply.key or reply.key == effect.finish:
                return keys, bool(reply.key)
            keys += reply.key
        return keys, True

    # Recording

    async def record(self, effect: RecordMessage, upload: Upload) -> Recorded | Failed:
        """Record a message after a tone. The dialplan uploads it, also when the caller hangs up meanwhile."""
        spool = await self.get("${HOTLINE_SPOOL}")
        if not spool.startswith("/"):
            return Failed("refused")
        await self.allow(effect.most_seconds + _BEEP_SECONDS)
        await self.set("HOTLINE_VOICEMAIL", str(upload.id))
        await self.set("HOTLINE_VOICEMAIL_URL", upload.url)
        path = f"{spool.rstrip('/')}/{upload.id}"
        options = ["BEEP", f"s={effect.silence_seconds}"] if effect.silence_seconds else ["BEEP"]
        reply = await self._ask(
            "RECORD FILE",
            path,
            "wav",
            effect.finish,
            _milliseconds(effect.most_seconds),
            *options,
            seconds=effect.most_seconds + _BEEP_SECONDS + REPLY_SECONDS,
        )
        position = reply.attributes.get("endpos", "")
        samples = int(position) if position.isascii() and position.isdigit() and len(position) < 12 else 0
        if reply.extra == "hangup":
            return Recorded(samples / _SAMPLES)
        if reply.extra == "writefile" or not await self._whole(path, samples):
            await self.set("HOTLINE_VOICEMAIL", "")
            return Failed("full")
        if samples >= _SAMPLES:
            await self.set("VMSTATUS", "SUCCESS")
        return Recorded(samples / _SAMPLES)

    async def _whole(self, path: str, samples: int) -> bool:
        """Whether the file has what was recorded: Asterisk says nothing of a full disk. Where the PBX does not tell a
        file's size (live_dangerously), it is believed."""
        size = await self.get(f"${{STAT(s,{path}.wav)}}")
        if not (size.isascii() and size.isdigit()):
            return True
        return int(size) >= _WAV_HEADER + samples  # half of its bytes: the rest may still be in a buffer


def _milliseconds(seconds: float) -> str:
    return str(max(1, int(seconds * 1000)))
