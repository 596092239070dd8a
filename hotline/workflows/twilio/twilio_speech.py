"""How callers of a Twilio number hear a flow's prompts: by hotline's own sound files, else by Twilio's voices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hotline.channels.twilio.voice import Hear, Heard, Listening
from hotline.channels.twilio.voices import voice_of
from hotline.crm.company import TwilioIvr
from hotline.ivr.effects import Collect, Effect, Prompt, Say
from hotline.media.store import SUFFIXES
from hotline.workflows.company import company
from hotline.workflows.house import House
from hotline.workflows.ivr.prompts import book, speak, ways_in

#: Seconds that prompts get to be made when the company wants all of them from its own files.
PATIENCE: Final = 1.0
#: Twilio plays telephone quality; a finer file would only take longer to fetch.
_RATE: Final = 8000


async def hearing(house: House, effects: Sequence[Effect]) -> Hear:
    """How each prompt of these effects is heard."""
    section = company.known(house, TwilioIvr)
    if section.prompts == "all":
        said = [prompt for each in effects if isinstance(each, Say | Collect) for prompt in each.prompts]
        await speak(house, said, _RATE, PATIENCE)

    def hear(prompt: Prompt) -> Heard | None:
        return _heard(house, section, prompt)

    return hear


def _heard(house: House, section: TwilioIvr, prompt: Prompt) -> Heard | None:
    """The prompt in its language, else in the company's, else in any: as the PBX's callers get it."""
    for language in dict.fromkeys((prompt.language, house.settings.locale, *prompt.texts)):
        url = None if section.prompts == "none" else _file(house, prompt, language, made=section.prompts == "all")
        if url is not None:
            return Heard(url)
        text = " ".join(prompt.texts.get(language, "").split())
        if text:
            return Heard(text=text, voice=voice_of(language, {str(key): name for key, name in section.voices.items()}))
    return None


def _file(house: House, prompt: Prompt, language: str, *, made: bool) -> str | None:
    """Where Twilio fetches the prompt's sound; ``made``: one that a speech command read counts, too."""
    prompts = book(house)
    brought = prompts.recorded.get((prompt.name, language)) if prompt.fixed else None
    digests = [brought.digest] if brought is not None else []
    if made:
        digests += [way.digest for way in ways_in(house, prompt, language)]
    for digest in digests:
        if prompts.store.seconds(digest) is not None:
            return f"{house.settings.base_url}/prompts/{digest}{SUFFIXES[_RATE]}"
    return None


def listening(house: House, language: str) -> Listening | None:
    """How callers are understood who speak; None when they are to press keys."""
    if not company.known(house, TwilioIvr).speech:
        return None
    voice = voice_of(language, {})
    return Listening(voice.hears) if voice is not None else None
