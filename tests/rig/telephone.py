"""A caller who listens: dials, hears, presses keys, speaks and hangs up, each at the moment the test says so."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import struct
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, cast

from tests.rig import sound
from tests.rig.softphone import Address, Dialog, Message, Softphone
from tests.rig.sound import RATE, Sound

#: One packet carries 20 ms.
TICK: Final = 0.02
FRAME: Final = 160
PCMU: Final = 0
EVENT: Final = 96
KEYS: Final = "0123456789*#ABCD"
#: How long a key is held and released, in ticks.
HELD: Final = 6
RELEASED: Final = 6
#: A lost second or more is a new stream, not a gap.
LONGEST_GAP: Final = RATE

Way = Literal["rfc4733", "info"]


class Line(asyncio.DatagramProtocol):
    """The audio of a call: RTP (RFC 3550) with µ-law both ways, keys as telephone events (RFC 4733)."""

    def __init__(self, peer: Callable[[], Address | None]) -> None:
        self._peer = peer
        self.changed = asyncio.Event()
        self._heard = bytearray()
        self._next: int | None = None
        self._speech: deque[bytes] = deque()
        self._keys: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._ssrc = secrets.randbits(32)
        self._numbers = itertools.count(secrets.randbits(15))
        self._at = secrets.randbits(31)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        first, kind, _, at = struct.unpack_from("!BBHI", data)
        if kind & 0x7F != PCMU:
            return
        payload = data[12 + 4 * (first & 15) :]
        gap = (at - self._next) % 2**32 if self._next is not None else 0
        self._heard += b"\xff" * (gap if gap < LONGEST_GAP else 0) + payload
        self._next = (at + len(payload)) % 2**32
        self.changed.set()

    @property
    def heard(self) -> Sound:
        """Everything so far."""
        return sound.decode(bytes(self._heard))

    def say(self, words: Sound) -> None:
        """Speak, after what is being said already."""
        ulaw = sound.encode(words)
        self._speech.extend(ulaw[at : at + FRAME].ljust(FRAME, b"\xff") for at in range(0, len(ulaw), FRAME))

    @property
    def speaking(self) -> bool:
        return bool(self._speech)

    async def press(self, key: str) -> None:
        """Hold a key and let it go."""
        done = asyncio.get_running_loop().create_future()
        self._keys.append((key, done))
        await done

    async def run(self) -> None:
        """Send a packet every 20 ms, for as long as the call lasts: a phone that is silent still sends silence."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for packets in self._packets():
            if peer := self._peer():
                for packet in packets:
                    self._transport.sendto(packet, peer)
            due += TICK
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _packets(self) -> Iterator[list[bytes]]:
        while True:
            if self._keys:
                key, done = self._keys.popleft()
                yield from self._key(KEYS.index(key))
                if not done.done():
                    done.set_result(None)
            else:
                yield [self._voice()]

    def _key(self, code: int) -> Iterator[list[bytes]]:
        began = self._at
        for tick in range(1, HELD + 1):
            yield [self._packet(EVENT, struct.pack("!BBH", code, 10, tick * FRAME), began, marker=tick == 1)]
            self._at += FRAME
        # The end is told three times, since a packet may be lost.
        yield [self._packet(EVENT, struct.pack("!BBH", code, 0x80 | 10, HELD * FRAME), began) for _ in range(3)]
        self._at += FRAME
        for _ in range(RELEASED):
            yield [self._voice()]

    def _voice(self) -> bytes:
        packet = self._packet(PCMU, self._speech.popleft() if self._speech else b"\xff" * FRAME, self._at)
        self._at += FRAME
        return packet

    def _packet(self, kind: int, payload: bytes, at: int, *, marker: bool = False) -> bytes:
        number = next(self._numbers) % 2**16
        return struct.pack("!BBHII", 0x80, kind | marker << 7, number, at % 2**32, self._ssrc) + payload


class Telephone:
    """One call to ``to``; entering dials, leaving hangs up. Every wait raises TimeoutError after its ``seconds``."""

    def __init__(self, pbx_port: int, to: str, number: str, *, name: str = "", withheld: bool = False) -> None:
        self._pbx: Address = ("127.0.0.1", pbx_port)
        self._to, self._number, self._name, self._withheld = to, number, name, withheld
        self._dialog: Dialog | None = None
        self.line = Line(lambda: self._dialog.media if self._dialog else None)
        self._phone = Softphone("trunk", lambda: self.line)

    async def __aenter__(self) -> Telephone:
        await self._phone.start()
        self._sending = asyncio.create_task(self.line.run())
        self._dialog = self._phone.call(
            self._to, self._pbx, caller=self._number, name=self._name, withheld=self._withheld
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.dialog.state not in ("over", "calling"):
            self._phone.hang_up(self.dialog)
        self._sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sending
        self._phone.close()

    @property
    def dialog(self) -> Dialog:
        assert self._dialog is not None
        return self._dialog

    async def answered(self, seconds: float = 30.0) -> None:
        """Wait until the PBX answers."""
        await self.dialog.until("up", seconds=seconds)

    async def press(self, keys: str, *, by: Way = "rfc4733") -> None:
        """Press keys, as desk phones and mobiles do (RFC 4733) or as some PBXs and adapters do (SIP INFO)."""
        for key in keys:
            if by == "info":
                await self._phone.info(self.dialog, key)
            else:
                await self.line.press(key)

    def say(self, words: Sound | Path) -> None:
        """Speak; a path is a WAV file of 8 kHz and 16 bits."""
        self.line.say(sound.read(words) if isinstance(words, Path) else words)

    async def hears(self, wanted: Sound | Path, *, seconds: float = 30.0, begin: float = 1.0) -> float:
        """Wait until the first ``begin`` seconds of ``wanted`` were heard; when, in seconds of what was heard."""
        words = sound.read(wanted) if isinstance(wanted, Path) else wanted
        async with asyncio.timeout(seconds):
            while True:
                if (at := sound.find(self.line.heard, words, seconds=begin)) is not None:
                    return at
                self.line.changed.clear()
                await self.line.changed.wait()
                # A few packets at once: each look goes over everything that was heard.
                await asyncio.sleep(10 * TICK)

    @property
    def heard(self) -> Sound:
        """Everything that was heard so far, at 8 kHz; ``sound.write`` makes a file of it."""
        return self.line.heard

    def hang_up(self) -> None:
        """Hang up, or give up before the answer."""
        self._phone.hang_up(self.dialog)

    async def over(self, seconds: float = 30.0) -> None:
        """Wait until the call is over, whoever ends it."""
        await self.dialog.until("over", seconds=seconds)


class CalledTelephone(Telephone):
    """Somebody outside whom the PBX calls over its trunk; entering switches the phone on at ``port``."""

    def __init__(self, port: int) -> None:
        super().__init__(0, "", "")
        self._phone = Softphone("trunk", lambda: self.line, port=port)

    async def __aenter__(self) -> CalledTelephone:
        await self._phone.start()
        self._sending = asyncio.create_task(self.line.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._dialog is None:
            self._dialog = Dialog(False, Message("", []), ("", 0), "", "", "", "", state="over")
        await super().__aexit__(kind, error, trace)

    async def rings(self, seconds: float = 30.0) -> str:
        """Wait until it rings; who calls, as the phone shows it."""
        self._dialog = await self._phone.rings(seconds)
        return self.dialog.invite.get("From")

    def decline(self) -> None:
        """Be busy."""
        self._phone.decline(self.dialog)

    async def pick_up(self, words: Sound) -> None:
        """Answer, and speak."""
        await self._phone.answer(self.dialog)
        self.say(words)
