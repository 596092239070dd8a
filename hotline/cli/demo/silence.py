"""In place of a speech command that is not there: a WAV as long as the text would take, with the faint hiss of a quiet
line (of a file without any sound no prompt is made).

``python silence.py TEXT_FILE OUT``. The demo's callers read the prompts then; a PBX still waits for their end.
"""

from __future__ import annotations

import random
import sys
import wave
from array import array
from pathlib import Path

RATE = 8000
#: Of 32767: some 58 dB below full scale.
LEVEL = 72
#: Characters that are read in a second; of Chinese ones fewer.
LATIN, CHINESE = 15.0, 4.5


def seconds(text: str) -> float:
    """How long it takes to read a text."""
    chinese = sum(character > "\u2e80" for character in text)
    return 0.5 + chinese / CHINESE + (len(text) - chinese) / LATIN


def main(source: str, out: str) -> None:
    """Writes the file."""
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        frames = int(RATE * seconds(Path(source).read_text("utf-8")))
        hiss = random.Random(1)  # noqa: S311 - nothing secret
        sound.writeframes(array("h", [hiss.randint(-LEVEL, LEVEL) for _ in range(frames)]).tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
