"""WAV files made for tests."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def tone(hertz: float, seconds: float, rate: int, *, level: float = 0.5) -> Samples:
    """A pure tone; ``level`` is its peak."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def silence(seconds: float, rate: int) -> Samples:
    """Nothing."""
    return np.zeros(int(seconds * rate), np.float32)


def wav(sound: Samples, rate: int, *, subtype: str = "PCM_16", form: str = "WAV") -> bytes:
    """The bytes of a sound file."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, subtype=subtype, format=form)
    return file.getvalue()


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A RIFF file of these chunks, whatever they hold."""
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def form(tag: int = 1, channels: int = 1, rate: int = 8000, block: int = 2, bits: int = 16) -> bytes:
    """The body of a ``fmt`` chunk."""
    return struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)


def loudness(path: Path) -> tuple[float, float, float]:
    """(level of the words in dB, peak in dB, seconds) of a file."""
    sound, rate = soundfile.read(path)
    frame = rate // 50
    levels = np.array(
        [np.mean(part**2) for part in np.split(sound[: len(sound) // frame * frame], len(sound) // frame)]
    )
    words = levels[levels > levels.max() / 100]
    return 10 * np.log10(np.mean(words)), 20 * np.log10(np.abs(sound).max()), len(sound) / rate
