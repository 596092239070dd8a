"""Sound of a telephone line in tests: µ-law (ITU-T G.711) and 16-bit samples at 8 kHz, WAV files, what is in them."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000
#: Samples, 16 bits each.
Sound: TypeAlias = NDArray[np.int16]

#: How alike two pieces must be (their normalised correlation) to count as the same sound.
ALIKE: Final = 0.7


def _decoding_table() -> Sound:
    code = ~np.arange(256, dtype=np.uint8)
    size = (((code & 15).astype(np.int32) << 3) + 0x84) << ((code >> 4) & 7).astype(np.int32)
    return np.where(code & 128, 0x84 - size, size - 0x84).astype(np.int16)


_DECODED: Final = _decoding_table()
_ORDER: Final = np.argsort(_DECODED, kind="stable")


def decode(ulaw: bytes) -> Sound:
    """The samples of µ-law bytes."""
    return _DECODED[np.frombuffer(ulaw, np.uint8)]


def encode(sound: Sound) -> bytes:
    """The µ-law bytes of samples, each the nearest there is."""
    levels = _DECODED[_ORDER].astype(np.int32)
    between = (levels[1:] + levels[:-1]) / 2
    return bytes(_ORDER[np.searchsorted(between, sound)].astype(np.uint8))


def read(path: Path) -> Sound:
    """A WAV file of one channel, 8 kHz and 16 bits."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE), path
        return np.frombuffer(file.readframes(file.getnframes()), np.dtype("<i2")).astype(np.int16)


def write(path: Path, sound: Sound) -> None:
    """Write a WAV file, for a person who listens to what a test heard."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.astype("<i2").tobytes())


def tone(hertz: float, seconds: float) -> Sound:
    """A pure tone, loud enough for any silence detection."""
    at = np.arange(int(seconds * RATE)) / RATE
    return (8000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def loudness(sound: Sound) -> float:
    """Root mean square; silence on a line is below 20."""
    return float(np.sqrt(np.mean(sound.astype(np.float64) ** 2))) if len(sound) else 0.0


def find(heard: Sound, sound: Sound, *, seconds: float = 1.0) -> float | None:
    """Where in ``heard`` the first ``seconds`` of ``sound`` are, in seconds from its beginning; None: nowhere.

    Silence at the beginning of ``sound`` does not count.
    """
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > 300)
    assert len(loud), "there is nothing to hear in the sound that is looked for"
    wanted = sound[loud[0] :][: int(seconds * RATE)].astype(np.float64)
    room = heard.astype(np.float64)
    if len(room) < len(wanted):
        return None
    size = 1 << (len(room) + len(wanted)).bit_length()
    product = np.fft.irfft(np.fft.rfft(room, size) * np.conj(np.fft.rfft(wanted, size)), size)
    product = product[: len(room) - len(wanted) + 1]
    sums = np.concatenate(([0.0], np.cumsum(room**2)))
    energy = sums[len(wanted) :] - sums[: len(product)]
    likeness = product / (np.sqrt(np.maximum(energy, 1.0)) * np.linalg.norm(wanted))
    best = int(np.argmax(likeness))
    return max(0, best - int(loud[0])) / RATE if likeness[best] >= ALIKE else None
