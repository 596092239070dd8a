"""The Asterisk Gateway Interface: bytes to an environment and to replies, and commands to bytes, without any I/O.

Format: https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Gateway-Interface-AGI/ A script is told its
environment in ``agi_name: value`` lines ended by an empty one; then one command is answered by one reply. Commands are
never sent ahead: Asterisk reads into a buffer of its own and would not look at a second line until more bytes come, and
a command that arrives while a prompt plays stops the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

from hotline.pbx.errors import MessageTooLong, UnsafeValue

#: An environment of Asterisk's own is below 2 kB in some 25 lines.
ENVIRONMENT_BYTES: Final = 16 << 10
ENVIRONMENT_LINES: Final = 200
#: A line of a reply; a variable's value is the longest, Asterisk cuts it at 4 kB.
LINE_BYTES: Final = 16 << 10
#: Lines of the usage text in a reply 520.
USAGE_LINES: Final = 200
#: Asterisk reads a command into 2,048 bytes (res/res_agi.c, AGI_BUF_LEN).
COMMAND_BYTES: Final = 2_000

SUCCESS: Final = 200
DEAD_CHANNEL: Final = 511
USAGE: Final = 520

_NAMED = re.compile(r'^\s*"?(?P<name>[^"<]*?)"?\s*<(?P<number>[^>]*)>\s*$')
_REPLY = re.compile(r"^(\d{3})([ -]|$)(.*)$", re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_UNSAFE = re.compile(r"[\r\n\0]")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")


@dataclass(frozen=True, slots=True)
class Environment:
    """What Asterisk tells a script at its start. ``fields`` are the values without ``agi_``, of a repeated one the
    first: what a caller smuggles into a name comes after the channel's own. Every value is text of strangers."""

    script: str
    parameters: Mapping[str, str]
    arguments: tuple[str, ...]
    fields: Mapping[str, str]

    def get(self, name: str) -> str:
        """A value, the empty text when it is absent."""
        return self.fields.get(name, "")

    @property
    def caller_number(self) -> str | None:
        """The caller's number as the PBX has it; None when there is none."""
        text = self.get("callerid")
        named = _NAMED.match(text)
        return _known(named["number"] if named else text)

    @property
    def caller_name(self) -> str | None:
        """The caller's own text; before Asterisk 1.4 it was a part of the caller id."""
        if "calleridname" in self.fields:
            return _known(self.get("calleridname"))
        named = _NAMED.match(self.get("callerid"))
        return _known(named["name"]) if named else None


def _known(text: str) -> str | None:
    text = text.strip()
    return None if not text or text.lower() in ("unknown", "<unknown>") else text


def parse_environment(lines: Iterable[str]) -> Environment:
    """The environment of a script's first lines, the empty one left out. What is no ``agi_…:`` line is passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name.startswith("agi_"):
            fields.setdefault(name[4:], value.strip())
    script = fields.get("network_script", "") or _path(fields.get("request", ""))
    path, _, query = script.partition("?")
    arguments: list[str] = []
    while (argument := fields.get(f"arg_{len(arguments) + 1}")) is not None:
        arguments.append(argument)
    # Of a parameter that comes twice the last counts, as with HTML forms that are sent again.
    parameters = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=20)) if query.count("&") < 20 else {}
    return Environment(unquote(path), parameters, tuple(arguments), fields)


def _path(request: str) -> str:
    """``flow/main?x`` of ``agi://host:4573/flow/main?x``."""
    return request.partition("://")[2].partition("/")[2]


class EnvironmentReader:
    """Collects the lines of an environment from packets cut anywhere. Raises MessageTooLong past its limits."""

    __slots__ = ("_buffer", "_lines", "_size")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> tuple[Environment, bytes] | None:
        """The environment once it is complete, with the bytes after it; None while more must come."""
        self._size += len(data)
        if self._size > ENVIRONMENT_BYTES:
            raise MessageTooLong("The environment of an AGI script is too long.")
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = self._buffer[:end].decode("utf-8", "replace").removesuffix("\r")
            del self._buffer[: end + 1]
            if not line:
                return parse_environment(self._lines), bytes(self._buffer)
            self._lines.append(line)
            if len(self._lines) > ENVIRONMENT_LINES:
                raise MessageTooLong("The environment of an AGI script has too many lines.")
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command came to. ``result`` is text, empty when Asterisk says nothing; ``extra`` what it says in brackets,
    for example ``timeout``; ``usage`` how the command goes, of a reply 520."""

    code: int
    result: str = ""
    extra: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    usage: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """``result`` as a number, -1 when it is none."""
        digits = self.result.removeprefix("-")
        return int(self.result) if digits.isascii() and digits.isdigit() and len(digits) < 12 else -1

    @property
    def key(self) -> str:
        """The key whose code ``result`` is, or nothing."""
        number = self.number
        return chr(number) if 0 < number < 128 and chr(number) in "0123456789*#" else ""


class Hangup:
    """The text HANGUP: the caller has hung up."""

    __slots__ = ()


def parse_reply(lines: list[str]) -> Reply | None:
    """The reply of its lines, one but for code 520; None for what is none."""
    match = _REPLY.match(lines[0])
    if match is None:
        return None
    code, rest = int(match[1]), match[3].strip()
    if len(lines) > 1:
        return Reply(code, text=rest, usage=tuple(line.strip() for line in lines[1:-1]))
    if not rest.startswith("result="):
        return Reply(code, text=rest)
    result, _, rest = rest.removeprefix("result=").partition(" ")
    extra, rest = _bracketed(rest.lstrip())
    attributes = {name: _unquoted(value) for name, value in _ATTRIBUTE.findall(rest)}
    return Reply(code, result, extra, attributes)


def _bracketed(text: str) -> tuple[str, str]:
    """``(a (b)) c=1`` → ``a (b)`` and `` c=1``; a bracket that is never closed is no bracket."""
    if not text.startswith("("):
        return "", text
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[1:place], text[place + 1 :]
    last = text.rfind(")")
    return (text[1:last], text[last + 1 :]) if last > 0 else ("", text)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


class ReplyReader:
    """Cuts a stream of bytes into replies and hang-ups, wherever the packets were cut.

    ``HANGUP`` may come without its line's end, which older versions send as urgent data, and before a reply that was
    on its way.
    """

    __slots__ = ("_buffer", "_usage")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._usage: list[str] = []

    def feed(self, data: bytes) -> list[Reply | Hangup]:
        """What is complete now. Raises MessageTooLong for a line or a usage text without end."""
        self._buffer += data
        found: list[Reply | Hangup] = []
        while True:
            if not self._usage and self._buffer.startswith(b"HANGUP"):
                del self._buffer[:6]
                found.append(Hangup())
                continue
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > LINE_BYTES:
                    raise MessageTooLong("A reply of the PBX is too long.")
                return found
            line = self._buffer[:end].decode("utf-8", "replace").removesuffix("\r")
            del self._buffer[: end + 1]
            reply = self._line(line)
            if reply is not None:
                found.append(reply)

    def _line(self, line: str) -> Reply | None:
        if self._usage:
            self._usage.append(line)
            if len(self._usage) > USAGE_LINES:
                raise MessageTooLong("A usage text of the PBX is too long.")
            if not line.startswith(f"{USAGE} "):
                return None
            lines, self._usage = self._usage, []
            return parse_reply(lines)
        if line.startswith(f"{USAGE}-"):
            self._usage = [line]
            return None
        return parse_reply([line]) if line else None


def command(*words: str | float) -> bytes:
    """One command's line; the words of its name may be one text. Raises UnsafeValue for a line break, a NUL or a
    command longer than Asterisk reads.

    >>> command("STREAM FILE", "hello world", "")
    b'STREAM FILE "hello world" ""\\n'
    """
    name, *arguments = (word if isinstance(word, str) else f"{word:g}" for word in words)
    if not re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)*", name):
        raise UnsafeValue("This is no AGI command.")
    line = " ".join([name, *map(_quoted, arguments)]).encode() + b"\n"
    if len(line) > COMMAND_BYTES:
        raise UnsafeValue("The AGI command is too long.")
    return line


def _quoted(word: str) -> str:
    """A word as Asterisk takes it apart again (res/res_agi.c, parse_args)."""
    if _UNSAFE.search(word):
        raise UnsafeValue("A value for the PBX holds a line break or a NUL.")
    if _PLAIN_WORD.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
