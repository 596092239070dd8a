"""Text to speech by a command of the system, by default espeak-ng: never through a shell, bounded in time and size."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hotline.media.errors import SpeechFailed

#: The voice of a language when none is set. espeak-ng's plain ``cmn`` reads Chinese characters as the English
#: letters of their pinyin ("s i four"); only the voice for pinyin speaks them.
DEFAULT_VOICES: Final[Mapping[str, str]] = MappingProxyType({"en": "en-us", "zh": "cmn-latn-pinyin"})

#: Longest text of one prompt, in characters.
LONGEST_TEXT: Final = 1_000

#: Seconds that the command may take for one prompt, and bytes that it may write.
SECONDS: Final = 20.0
LARGEST_FILE: Final = 64 << 20

#: What makes a prompt beforehand gives way to everything else on the machine.
NICE: Final = 15

_MOST_WORDS: Final = 200


def default_voice(language: str) -> str:
    """The voice that reads a language when no other is set; of a language that hotline does not know, its own code."""
    return DEFAULT_VOICES.get(language, language)


class SpeechCommand:
    """A command with the placeholders ``{text_file}`` (UTF-8), ``{voice}`` and ``{out}`` (the WAV to write)."""

    def __init__(self, command: Sequence[str], *, seconds: float = SECONDS) -> None:
        self._command = tuple(command)
        self._seconds = seconds

    @property
    def name(self) -> str:
        """The program's name; empty without a command."""
        return self._command[0] if self._command else ""

    @property
    def identity(self) -> str:
        """What makes another sound of the same text when it changes."""
        return "\0".join(self._command)

    def available(self) -> bool:
        """Whether the program is there."""
        return bool(self._command) and shutil.which(self._command[0]) is not None

    async def say(self, text: str, voice: str, out: Path, *, urgent: bool = False) -> None:
        """Write ``text``, read by ``voice``, to ``out``. Raises SpeechFailed; ``out`` may then hold a part."""
        if not self._command:
            raise SpeechFailed("There is no speech command: HOTLINE_SPEECH_COMMAND is empty.")
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise SpeechFailed(f"A prompt has 1 to {LONGEST_TEXT} characters.")
        with tempfile.TemporaryDirectory(prefix="hotline-speech-") as folder:
            values = {"text_file": _written(folder, text), "voice": voice, "out": str(out)}
            # Not str.format on the whole line: a voice is one word whatever it holds.
            words = [_filled(word, values) for word in self._command]
            await self._run(words, urgent)
        if not _has_bytes(out):
            raise SpeechFailed(f"{self.name} ended without an error and wrote nothing.")

    async def _run(self, words: Sequence[str], urgent: bool) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SpeechFailed(f"{self.name} cannot be run ({error.strerror}).") from None
        _restrain(process.pid, nice=0 if urgent else NICE)
        try:
            async with asyncio.timeout(self._seconds):
                _, told = await process.communicate()
        except TimeoutError:
            raise SpeechFailed(f"{self.name} did not end within {self._seconds:g} s.") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode != 0:
            words_told = " ".join(told.decode("utf-8", "replace").split())[:_MOST_WORDS]
            raise SpeechFailed(f"{self.name} ended with {process.returncode}: {words_told or 'no words'}")


def _written(folder: str, text: str) -> str:
    path = Path(folder, "text")
    path.write_text(text, encoding="utf-8")
    return str(path)


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _filled(word: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        word = word.replace("{" + name + "}", value)
    return word


def _restrain(pid: int, *, nice: int) -> None:
    with suppress(OSError, ProcessLookupError):  # it may be over already
        if nice:
            os.setpriority(os.PRIO_PROCESS, pid, nice)
        if hasattr(resource, "prlimit"):  # Linux
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
