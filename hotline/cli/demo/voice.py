"""The voices of the demo: the configured speech command, or silence and captions where there is none."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from hotline.cli.demo import silence
from hotline.media.converter import Converter
from hotline.media.speech import SpeechCommand, default_voice
from hotline.settings import Settings

_RATE = 8000


class Voice:
    """Reads what callers without a microphone say."""

    def __init__(self, settings: Settings) -> None:
        wanted = SpeechCommand(settings.speech_command)
        self.audible, self.command = wanted.available(), wanted.name or "the speech command"
        command = settings.speech_command if self.audible else SILENT
        self._speech, self._converter = SpeechCommand(command), Converter()
        self._voices = settings.speech_voices

    async def close(self) -> None:
        await self._converter.close()

    async def say(self, text: str) -> bytes:
        """A WAV file as telephones have it. Raises SpeechFailed."""
        language = "zh" if any("\u4e00" <= character <= "\u9fff" for character in text) else "en"
        with tempfile.TemporaryDirectory(prefix="hotline-voice-") as folder:
            spoken, heard = Path(folder, "spoken.wav"), Path(folder, "heard.wav")
            voice = self._voices.get(language, default_voice(language))
            await self._speech.say(text, voice, spoken, urgent=True)
            await self._converter.convert(spoken, {_RATE: heard})
            return await asyncio.to_thread(heard.read_bytes)


#: A speech command that says nothing, for as long as it takes to read it.
SILENT = (sys.executable, str(Path(silence.__file__)), "{text_file}", "{out}")


def with_voice(settings: Settings) -> Settings:
    """The settings with a speech command that is there: prompts are made all the same, and shown as captions."""
    if SpeechCommand(settings.speech_command).available():
        return settings
    return settings.model_copy(update={"speech_command": SILENT})
