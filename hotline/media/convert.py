"""Turns any sound file into prompts: mono, 16 bits, at the telephone's rates, trimmed and of one loudness.

Runs as a process of its own (``python -m hotline.media.convert``), since what people upload is read by a library in
C: a file that breaks it breaks this process only. Takes one JSON object a line, answers one line each, and ends when
it has nothing to do.
"""

from __future__ import annotations

import json
import resource
import selectors
import sys
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]

#: What may be uploaded, as libsndfile names it.
FORMATS: Final = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3"})
RATES: Final = (4_000, 192_000)
MOST_CHANNELS: Final = 8

#: Where speech lies after it was levelled, and its highest peak, in dB below full scale: the level of Asterisk's own.
LOUDNESS_DB: Final = -20.0
PEAK_DB: Final = -1.5
#: Most by which something quiet is raised: beyond it the noise would be heard, not the words.
MOST_GAIN_DB: Final = 24.0
#: What is this far below the loudest part counts as silence, and is cut off but for a short rest at both ends.
SILENCE_DB: Final = 45.0
LEAD_SECONDS: Final = 0.05
TAIL_SECONDS: Final = 0.15
FADE_SECONDS: Final = 0.005
#: Below this even the loudest part is nothing to hear.
NOTHING_DB: Final = -60.0

_FRAME_SECONDS: Final = 0.02
_MEMORY: Final = 2 << 30
_LARGEST_FILE: Final = 64 << 20
IDLE_SECONDS: Final = 30.0


class Unusable(Exception):
    """Why a file makes no prompt; the message is for a person."""


def read(path: Path, most_seconds: float) -> tuple[Samples, int]:
    """The file's sound in one channel, and its rate. Raises Unusable."""
    try:
        with soundfile.SoundFile(path) as file:
            if file.format not in FORMATS:
                raise Unusable(f"a sound file of the kind {file.format} cannot be used; send WAV, FLAC, OGG or MP3")
            if not RATES[0] <= file.samplerate <= RATES[1] or not 1 <= file.channels <= MOST_CHANNELS:
                raise Unusable(f"{file.samplerate} Hz in {file.channels} channels cannot be used")
            most = int(most_seconds * file.samplerate)
            sound = file.read(frames=most + 1, dtype="float32", always_2d=True)
            rate = file.samplerate
    except soundfile.SoundFileError as error:
        raise Unusable("not a sound file that can be read") from error
    if len(sound) > most:
        raise Unusable(f"longer than {most_seconds:g} seconds")
    mono = np.nan_to_num(sound.mean(axis=1, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(mono, -1.0, 1.0).astype(np.float32), rate


def pleasant(sound: Samples, rate: int) -> Samples:
    """Without the silence around it, at one loudness, without a click at its ends. Raises Unusable for silence."""
    if len(sound) == 0:
        raise Unusable("there is no sound in it")
    sound = sound - sound.mean()
    levels = _levels(sound, rate)
    loudest = float(levels.max())
    if loudest < NOTHING_DB:
        raise Unusable("there is only silence in it")
    heard = np.flatnonzero(levels > loudest - SILENCE_DB)
    frame = max(1, int(rate * _FRAME_SECONDS))
    start = max(0, int(heard[0]) * frame - int(LEAD_SECONDS * rate))
    stop = min(len(sound), (int(heard[-1]) + 1) * frame + int(TAIL_SECONDS * rate))
    sound = sound[start:stop]
    # The loudness of the words, not of the rests between them.
    words = levels[levels > loudest - 20.0]
    gain = min(LOUDNESS_DB - 10 * np.log10(np.mean(10 ** (words / 10))), MOST_GAIN_DB)
    peak = 20 * np.log10(max(float(np.abs(sound).max()), 1e-9))
    sound = sound * np.float32(10 ** (min(gain, PEAK_DB - peak) / 20))
    fade = min(int(FADE_SECONDS * rate), len(sound) // 2)
    if fade:
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        sound[:fade] *= ramp
        sound[-fade:] *= ramp[::-1]
    return sound.astype(np.float32)


def _levels(sound: Samples, rate: int) -> NDArray[np.float64]:
    """The level of each 20 ms in dB of full scale."""
    frame = max(1, int(rate * _FRAME_SECONDS))
    padded = np.pad(sound, (0, -len(sound) % frame)).reshape(-1, frame).astype(np.float64)
    return cast("NDArray[np.float64]", 10 * np.log10(np.mean(padded**2, axis=1) + 1e-12))


def convert(source: Path, targets: dict[int, Path], most_seconds: float) -> float:
    """Write ``source`` at each rate to its target; how many seconds it has. Raises Unusable and OSError."""
    sound, rate = read(source, most_seconds)
    sound = pleasant(sound, rate)
    for wanted, target in targets.items():
        resampled = sound if wanted == rate else soxr.resample(sound, rate, wanted, quality="HQ")
        with target.open("wb") as file:
            soundfile.write(file, np.clip(resampled, -1.0, 1.0), wanted, subtype="PCM_16", format="WAV")
    return len(sound) / rate


def _answer(line: bytes) -> dict[str, Any]:
    try:
        job = json.loads(line)
        targets = {int(rate): Path(path) for rate, path in job["targets"].items()}
        return {"seconds": convert(Path(job["source"]), targets, float(job["most_seconds"]))}
    except Unusable as error:
        return {"unusable": str(error)}
    except OSError as error:
        return {"errno": error.errno}
    except MemoryError:
        return {"unusable": "too large"}


def main() -> None:
    """Serve standard input until it closes or nothing came for a while."""
    for limit, value in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_FSIZE, _LARGEST_FILE)):
        resource.setrlimit(limit, (value, value))
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin.fileno(), selectors.EVENT_READ)
    while waiting.select(IDLE_SECONDS):
        # Unbuffered, so that select sees what has not been read; one line is under way at a time.
        line = sys.stdin.buffer.readline()
        if not line:
            return
        sys.stdout.write(json.dumps(_answer(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
