"""The PBX's side of FastAGI: asks a server what to do for a caller, and does it with Asterisk 22's replies.

Format: https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Gateway-Interface-AGI/ One command is read, done and
answered at a time. A caller who hangs up ends the script, as with AGIEXITONHANGUP: the command under way is answered
with -1, HANGUP follows, and the connection is closed. The channel's time (TIMEOUT(absolute), SET AUTOHANGUP) is kept by
the PBX's own clock, whatever the server does.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol
from urllib.parse import urlsplit

from hotline.simulator.line import RATE, SAMPLE_BYTES, CallerGone, Line, Sound
from hotline.simulator.media import wave_of

log = logging.getLogger(__name__)

#: What AGISTATUS says, and TIMEOUT for a channel whose time was over, which goes to extension T.
SUCCESS, FAILURE, HANGUP, TIMEOUT = "SUCCESS", "FAILURE", "HANGUP", "TIMEOUT"
CONNECT_SECONDS: Final = 2.0
DEFAULT_PORT: Final = 4573
#: Bytes of one command (res/res_agi.c, AGI_BUF_LEN).
LONGEST_COMMAND: Final = 2048
#: Time-outs of GET DATA when the command names none (main/app.c, ast_app_getdata), in seconds.
_DATA_SECONDS: Final = 6.0
_MOST_DIGITS: Final = 1024

_USAGE: Final = (
    "520-Invalid command syntax.  Proper usage follows:\nUsage: see the command's documentation\n"
    "520 End of proper usage."
)
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_STAT = re.compile(r"STAT\(s,(.*)\)")


class Channel(Protocol):
    """What a script may do to a caller's channel. ``files`` are those that the PBX recorded, by path."""

    line: Line
    files: dict[str, bytes]

    def get(self, name: str) -> str | None: ...

    def set(self, name: str, value: str) -> None: ...

    async def sound(self, name: str) -> Sound | None: ...

    def is_up(self, channel: str) -> bool: ...

    def end(self) -> None:
        """The script hangs the channel up."""
        ...


class _Usage(Exception):
    """The command was formed wrongly."""


async def ask_script(url: str, environment: Mapping[str, str], channel: Channel, seconds: float) -> str:
    """Runs the script at ``agi://host:port/path`` for a channel that has ``seconds`` until it renews them (0: no end).

    Answers AGISTATUS: SUCCESS, FAILURE when the server refuses, HANGUP when the caller went, or TIMEOUT."""
    parts = urlsplit(url)
    path = url.split("/", 3)[3] if url.count("/") > 2 else ""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connecting = asyncio.open_connection(parts.hostname, parts.port or DEFAULT_PORT, limit=LONGEST_COMMAND)
            reader, writer = await connecting
    except (OSError, TimeoutError):
        return FAILURE
    fields = {"network": "yes", "network_script": path, "request": url, **environment}
    writer.write("".join(f"agi_{key}: {_one_line(value)}\n" for key, value in fields.items()).encode() + b"\n")
    script = _Script(reader, writer, channel)
    try:
        async with asyncio.timeout(seconds or None) as script.limit:
            return await script.run()
    except TimeoutError:
        return TIMEOUT
    except ConnectionError:
        return SUCCESS  # a server that goes away has had its say
    finally:
        channel.line.quiet()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def _one_line(value: str) -> str:
    return value.replace("\r", "").replace("\n", "")


class _Script:
    """One run."""

    limit: asyncio.Timeout

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, channel: Channel) -> None:
        self._reader, self._writer, self._channel, self._line = reader, writer, channel, channel.line
        self._ended = False

    async def run(self) -> str:
        """Commands until the server closes, or the caller goes."""
        while True:
            command = await self._next()
            if command is None:
                return HANGUP if self._line.gone or self._ended else SUCCESS
            if not command.strip():
                continue
            try:
                reply = await self._answer(words_of(command))
            except CallerGone:
                await self._hang_up(self._last_words(command))
                return HANGUP
            except _Usage:
                reply = _USAGE
            self._writer.write(f"{reply}\n".encode())
            if self._ended:
                await self._hang_up("")
                return HANGUP
            await self._writer.drain()

    async def _next(self) -> str | None:
        """The next command; None when the server closed, or the caller went while it was silent."""
        reading = asyncio.ensure_future(self._reader.readline())
        leaving = asyncio.ensure_future(self._line.until_gone())
        try:
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await self._hang_up("")
                return None
            line = reading.result()
        except ValueError:
            return None  # longer than Asterisk reads
        finally:
            # Not awaited: that would swallow a cancellation of this run, which comes just then.
            reading.cancel()
            leaving.cancel()
        return line.decode("utf-8", "replace").rstrip("\r\n") if line.endswith(b"\n") else None

    def _last_words(self, command: str) -> str:
        """The reply to a command during which the caller went."""
        if command.upper().startswith("RECORD FILE"):
            return f"200 result=-1 (hangup) endpos={len(self._line.recorded) // SAMPLE_BYTES}\n"
        return "200 result=-1\n"

    async def _hang_up(self, reply: str) -> None:
        self._writer.write(f"{reply}HANGUP\n".encode())
        with suppress(ConnectionError):
            await self._writer.drain()

    async def _answer(self, words: Sequence[str]) -> str:
        upper = [word.upper() for word in words]
        for name, act in COMMANDS.items():
            parts = name.split(" ")
            if upper[: len(parts)] == parts:
                return await act(self, words[len(parts) :])
        return "510 Invalid or unknown command"

    # ---- commands --------------------------------------------------------------------------------------------

    async def _done(self, words: Sequence[str]) -> str:
        return "200 result=0"

    async def _verbose(self, words: Sequence[str]) -> str:
        return "200 result=1"

    async def _hangup(self, words: Sequence[str]) -> str:
        if words and not self._channel.is_up(words[0]):
            return "200 result=-1"
        self._ended = True
        self._channel.end()
        return "200 result=1"

    async def _status(self, words: Sequence[str]) -> str:
        return "200 result=-1" if words and not self._channel.is_up(words[0]) else "200 result=6"

    async def _autohangup(self, words: Sequence[str]) -> str:
        (seconds,) = _exactly(words, 1)
        limit = _number(seconds)
        self.limit.reschedule(asyncio.get_running_loop().time() + limit if limit > 0 else None)
        return "200 result=0"

    async def _set(self, words: Sequence[str]) -> str:
        name, value = _exactly(words, 2)
        self._channel.set(name, value)
        return "200 result=1"

    async def _get(self, words: Sequence[str]) -> str:
        (name,) = _exactly(words, 1)
        value = self._channel.get(name)
        return "200 result=0" if value is None else f"200 result=1 ({_one_line(value)})"

    async def _get_full(self, words: Sequence[str]) -> str:
        if not words:
            raise _Usage
        return f"200 result=1 ({_one_line(self._expanded(words[0]))})"

    def _expanded(self, text: str) -> str:
        def known(found: re.Match[str]) -> str:
            stat = _STAT.fullmatch(found[1])
            if stat:
                data = self._channel.files.get(stat[1])
                return "" if data is None else str(len(data))
            return self._channel.get(found[1]) or ""

        return _VARIABLE.sub(known, text)

    async def _exec(self, words: Sequence[str]) -> str:
        if not words:
            raise _Usage
        return "200 result=0" if words[0].lower() in ("noop", "verbose", "set", "system", "answer") else "200 result=-2"

    async def _stream(self, words: Sequence[str]) -> str:
        if not 2 <= len(words) <= 3:
            raise _Usage
        sound = await self._channel.sound(words[0])
        if sound is None:
            return "200 result=-1 endpos=0"
        key, heard = await self._line.play(sound, words[1])
        return f"200 result={ord(key) if key else 0} endpos={int(heard * RATE)}"

    async def _wait(self, words: Sequence[str]) -> str:
        (milliseconds,) = _exactly(words, 1)
        wanted = _number(milliseconds)
        key = await self._line.key(wanted / 1000 if wanted >= 0 else float("inf"))
        return f"200 result={ord(key) if key else 0}"

    async def _data(self, words: Sequence[str]) -> str:
        if not 1 <= len(words) <= 3:
            raise _Usage
        wanted = _number(words[1]) if len(words) > 1 else 0
        most = _number(words[2]) if len(words) > 2 else _MOST_DIGITS
        sound = None
        if words[0]:
            sound = await self._channel.sound(words[0])
            if sound is None:
                return "200 result=-1"
        keys, over = await self._line.digits(sound, wanted / 1000 if wanted > 0 else _DATA_SECONDS, int(most))
        return f"200 result={keys} (timeout)" if over else f"200 result={keys}"

    async def _record(self, words: Sequence[str]) -> str:
        if len(words) < 4:
            raise _Usage
        path, kind, stops, most, *options = words
        silence = next((_number(word[2:]) for word in options if word.lower().startswith("s=")), 0.0)
        seconds = _number(most) / 1000
        name = f"{path}.{kind}"
        try:
            key, samples = await self._line.record(seconds if seconds > 0 else 3600.0, silence, stops)
        finally:
            self._channel.files[name] = wave_of(self._line.recorded)
        how = "dtmf" if key else "timeout"
        return f"200 result={ord(key) if key else 0} ({how}) endpos={len(samples) // SAMPLE_BYTES}"


COMMANDS: Final[Mapping[str, Callable[[_Script, Sequence[str]], Awaitable[str]]]] = {
    "ANSWER": _Script._done, "NOOP": _Script._done, "SET CONTEXT": _Script._done, "SET EXTENSION": _Script._done,
    "SET PRIORITY": _Script._done, "SET CALLERID": _Script._verbose, "VERBOSE": _Script._verbose,
    "HANGUP": _Script._hangup, "CHANNEL STATUS": _Script._status, "SET AUTOHANGUP": _Script._autohangup,
    "SET VARIABLE": _Script._set, "GET VARIABLE": _Script._get, "GET FULL VARIABLE": _Script._get_full,
    "EXEC": _Script._exec, "STREAM FILE": _Script._stream, "WAIT FOR DIGIT": _Script._wait,
    "GET DATA": _Script._data, "RECORD FILE": _Script._record,
}  # fmt: skip


def _exactly(words: Sequence[str], count: int) -> Sequence[str]:
    if len(words) != count:
        raise _Usage
    return words


def _number(text: str) -> float:
    try:
        return float(int(text))
    except ValueError:
        raise _Usage from None


def words_of(line: str) -> list[str]:
    """A command's words as Asterisk takes them apart (res/res_agi.c, parse_args): blanks separate, quotes join, and a
    backslash takes the next character as it is."""
    words: list[str] = []
    word: list[str] | None = None
    quoted = escaped = False
    for character in line:
        if escaped:
            word, escaped = [*(word or []), character], False
        elif character == "\\":
            word, escaped = word or [], True
        elif character == '"':
            word, quoted = word if word is not None else [], not quoted
        elif character in " \t" and not quoted:
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = [*(word or []), character]
    return words if word is None else [*words, "".join(word)]
