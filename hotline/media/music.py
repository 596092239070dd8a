"""Music for who waits: a few quiet chords, made here, so that nobody's rights are in it and nothing is fetched."""

from __future__ import annotations

import math
import struct
from array import array
from functools import lru_cache
from typing import Final

RATE: Final = 8_000
#: Seconds of one chord.
CHORD_SECONDS: Final = 3.0
#: Frequencies of the chords in Hz: A minor, F, C, G and back, all where a telephone carries them.
_CHORDS: Final = (
    (440.00, 523.25, 659.26),
    (349.23, 440.00, 523.25),
    (523.25, 659.26, 783.99),
    (392.00, 493.88, 587.33),
    (440.00, 523.25, 659.26),
    (349.23, 440.00, 523.25),
    (392.00, 493.88, 587.33),
    (523.25, 659.26, 783.99),
)
_LOUDNESS: Final = 3_500


@lru_cache(maxsize=1)
def waiting_music() -> bytes:
    """The music as a WAV file: 8 kHz, 16 bits, one channel, some 400 kB. Takes a moment: call it in a thread."""
    samples = array("h")
    length = int(CHORD_SECONDS * RATE)
    for chord in _CHORDS:
        waves = [2 * math.pi * tone / RATE for tone in chord]
        for n in range(length):
            # Each tone begins a moment after the one below it, and all fade away.
            value = 0.0
            for late, wave in enumerate(waves):
                since = n - late * RATE // 4
                if since > 0:
                    value += math.sin(wave * since) * min(1.0, since / 400) * math.exp(-since / (RATE * 1.2))
            samples.append(int(_LOUDNESS * value))
    if struct.pack("=h", 1) != struct.pack("<h", 1):
        samples.byteswap()
    data = samples.tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16, b"data",
        len(data),
    )  # fmt: skip
    return head + data
