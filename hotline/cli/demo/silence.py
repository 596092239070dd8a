"""In place of a speech command that is not there: a WAV of silence as long as the text would take.

``python silence.py TEXT_FILE OUT``. The demo's callers read the prompts then; a PBX still waits for their end.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path

RATE = 8000
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
        sound.writeframes(bytes(2 * int(RATE * seconds(Path(source).read_text("utf-8")))))


if __name__ == "__main__":
    main(*sys.argv[1:])
