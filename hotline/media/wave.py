"""The head of a WAV file: what is in it, and how it is mended when whoever wrote it was stopped.

Microsoft's RIFF as Asterisk writes it (formats/format_wav.c): the sizes in the head are written last, so that a crash
leaves them 0 or too small, and a cut file has fewer bytes than they say.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from hotline.media.errors import NotSound

#: Format tags that browsers play: PCM, floats, A-law, µ-law, and the extensible form of these.
_PLAYED: Final = frozenset({0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE})
_GSM: Final = 0x0031

#: The head must be whole within so many bytes.
LONGEST_HEAD: Final = 4096


@dataclass(frozen=True, slots=True)
class Wave:
    """What a WAV holds. ``data_at`` is where its sound begins, ``data_size`` how many bytes the head says it has."""

    channels: int
    rate: int
    block: int
    data_at: int
    data_size: int

    def seconds(self, total: int) -> float:
        """How long a file of ``total`` bytes is, by what is there and not by what its head says."""
        return self._there(total) / (self.rate * self.block)

    def _there(self, total: int) -> int:
        left = max(0, total - self.data_at)
        size = self.data_size if 0 < self.data_size <= left else left
        return size - size % self.block

    def mended(self, head: bytes, total: int) -> bytes:
        """The first bytes of a file of ``total`` bytes, with sizes that are true."""
        fixed = bytearray(head)
        struct.pack_into("<I", fixed, 4, min(max(0, total - 8), 0xFFFFFFFF))
        struct.pack_into("<I", fixed, self.data_at - 4, min(self._there(total), 0xFFFFFFFF))
        return bytes(fixed)


def read_wave(head: bytes) -> Wave:
    """What the file that begins with ``head`` holds. Raises NotSound."""
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise NotSound("sound: not a WAV file")
    place, form = 12, None
    while place + 8 <= min(len(head), LONGEST_HEAD):
        name, size = head[place : place + 4], struct.unpack_from("<I", head, place + 4)[0]
        if name == b"fmt ":
            form = _form(head[place + 8 : place + 8 + size])
        elif name == b"data":
            if form is None:
                raise NotSound("sound: a WAV file that does not say its format")
            return Wave(*form, data_at=place + 8, data_size=size)
        place += 8 + size + size % 2
    raise NotSound("sound: a WAV file without sound")


def _form(data: bytes) -> tuple[int, int, int]:
    if len(data) < 16:
        raise NotSound("sound: a WAV file that does not say its format")
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", data)
    if tag == _GSM:
        raise NotSound("sound: a WAV49 (GSM) file, which browsers do not play; record in the format wav")
    if tag not in _PLAYED or not 1 <= channels <= 2 or not 4000 <= rate <= 192_000:
        raise NotSound("sound: a WAV file in a format that browsers do not play")
    if bits not in (8, 16, 24, 32) or block != channels * bits // 8:
        raise NotSound("sound: a WAV file whose head contradicts itself")
    return channels, rate, block
