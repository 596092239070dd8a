"""AMI bytes to messages and actions to bytes, without any I/O.

Format:
https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Manager-Interface-AMI/AMI-v2-Specification/ A
message is ``Header: value`` lines ended by CR LF and one empty line. The greeting is one line without an
empty one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from hotline.calls.facts import AmiEvent
from hotline.pbx.errors import MessageTooLong, UnsafeValue

END = b"\r\n\r\n"
GREETING = b"Asterisk Call Manager/"
#: A message never grows past this many bytes; Asterisk's own are below 64 kB.
MESSAGE_LIMIT = 1 << 20
#: Asterisk reads an action's line into 1,025 bytes and cuts or drops the rest (main/manager.c, inbuf).
LINE_LIMIT = 1_000
_EVENT = b"Event: "
_EVENT_LENGTH = len(_EVENT)


class Splitter:
    """Cuts a stream of bytes into messages, wherever the packets were cut.

    Work is linear in the bytes fed, also when they come one at a time. ``greeting`` is the server's first
    line without the words ``Asterisk Call Manager/``, or None while none was seen.
    """

    __slots__ = ("_buffer", "_limit", "_scanned", "_started", "greeting")

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._scanned = 0
        self._started = False
        self.greeting: str | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes, without their empty line; raises MessageTooLong."""
        buffer = self._buffer
        buffer += data
        if not self._started and not self._take_greeting():
            return []
        # The end may lie across the last packet's edge: look again at its last three bytes.
        if buffer.find(END, max(self._scanned - 3, 0)) < 0:
            if len(buffer) > self._limit:
                raise MessageTooLong
            self._scanned = len(buffer)
            return []
        blocks = bytes(buffer).split(END)
        rest = blocks.pop()
        if len(rest) > self._limit:
            raise MessageTooLong
        self._buffer = bytearray(rest)
        self._scanned = 0
        return blocks

    def _take_greeting(self) -> bool:
        """Whether the greeting is behind us; a server that sends none is tolerated."""
        buffer = self._buffer
        head = bytes(buffer[: len(GREETING)])
        if len(head) < len(GREETING) and GREETING.startswith(head):
            return False
        if head == GREETING:
            end = buffer.find(b"\n")
            if end < 0:
                if len(buffer) > LINE_LIMIT:
                    raise MessageTooLong
                return False
            self.greeting = bytes(buffer[len(GREETING) : end]).decode("utf-8", "replace").strip()
            del buffer[: end + 1]
        self._started = True
        return True


def event_name(block: bytes) -> bytes | None:
    """The name of the event in ``block``, or None when it does not start as an event does."""
    if not block.startswith(_EVENT):
        return None
    end = block.find(b"\r\n", _EVENT_LENGTH)
    return block[_EVENT_LENGTH:end] if end >= 0 else block[_EVENT_LENGTH:]


def decode(block: bytes) -> str:
    """Text of a message; bytes that are not UTF-8 become U+FFFD, NUL too (no database stores it)."""
    text = block.decode("utf-8", "replace")
    return text.replace("\0", "\ufffd") if "\0" in text else text


def parse_event(block: bytes, clock_offset: float = 0.0) -> AmiEvent:
    """An event out of its bytes, which start with ``Event: ``.

    ``clock_offset`` is how many seconds the PBX's clock is ahead of ours; ``at`` comes out in our time.
    """
    lines = decode(block).split("\r\n")
    name = lines[0][_EVENT_LENGTH:]
    del lines[0]
    try:
        fields = dict([line.split(": ", 1) for line in lines])
    except ValueError:
        fields = dict(_headers(lines))
    repeated: Mapping[str, tuple[str, ...]] = {}
    if len(fields) != len(lines):
        repeated = _repeated(lines)
    return AmiEvent(name, fields, instant(fields.get("Timestamp"), clock_offset), repeated)


def event_from_headers(headers: Iterable[tuple[str, str]], clock_offset: float = 0.0) -> AmiEvent:
    """An event out of header pairs, for recorded calls; the first ``Event`` header is its name."""
    name = ""
    lines: list[str] = []
    for key, value in headers:
        if key == "Event" and not name:
            name = value
        else:
            lines.append(f"{key}: {value}")
    fields = dict(_headers(lines))
    return AmiEvent(name, fields, instant(fields.get("Timestamp"), clock_offset), _repeated(lines))


def instant(timestamp: str | None, clock_offset: float = 0.0) -> datetime | None:
    """The PBX's ``Timestamp`` (seconds of the epoch) as an instant by our clock; None when it is absent or
    odd.
    """
    if not timestamp:
        return None
    try:
        return datetime.fromtimestamp(float(timestamp) - clock_offset, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _headers(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs out of lines that need not be well formed: a line without a colon is left out."""
    pairs = []
    for line in lines:
        key, colon, value = line.strip("\r\n").partition(":")
        if colon:
            pairs.append((key, value[1:] if value.startswith(" ") else value))
    return pairs


def _repeated(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    values: dict[str, list[str]] = {}
    for key, value in _headers(lines):
        values.setdefault(key, []).append(value)
    return {key: tuple(several) for key, several in values.items() if len(several) > 1}


def check_header(key: str, value: str) -> None:
    """Refuse what could become a second header or a second action; raises UnsafeValue.

    This is the one gate through which every action passes (``encode_action``): a value with CR or LF would be
    a second action, NUL ends Asterisk's C string, and a line longer than Asterisk's buffer is cut into two.
    """
    if not key.isascii() or not key.replace("-", "").isalnum():
        raise UnsafeValue(f"{key!r} is not the name of an AMI header.")
    # U+0085, U+2028 and the like are harmless to Asterisk, but no value of ours has a reason to hold a
    # control.
    if any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in value):
        raise UnsafeValue(f"{key} has a line break or another control character.")
    try:
        length = len(value.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise UnsafeValue(f"{key} is not valid text.") from error
    if len(key) + 2 + length > LINE_LIMIT:
        raise UnsafeValue(f"{key} is longer than Asterisk reads.")


def encode_action(headers: Sequence[tuple[str, str]]) -> bytes:
    """The bytes of one action, in the order given; raises UnsafeValue before anything is written."""
    for key, value in headers:
        check_header(key, value)
    return "".join([f"{key}: {value}\r\n" for key, value in headers]).encode() + b"\r\n"
