"""Who reads a text aloud at Twilio, and which language its recogniser hears: by the languages of flows.

https://www.twilio.com/docs/voice/twiml/say/text-speech · https://www.twilio.com/docs/voice/twiml/gather#languagetags
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: How voices may be called: Polly.Joanna-Neural, Google.en-US-Chirp3-HD-Aoede, woman.
VOICE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,79}")


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of Twilio's: ``name`` as its ``<Say>`` wants it, the ``language`` it reads, and what the recogniser calls
    the same language."""

    name: str
    language: str
    hears: str


#: The voice of a language for who has chosen none.
VOICES: Final[Mapping[str, Voice]] = {
    "ar": Voice("Polly.Hala-Neural", "ar-AE", "ar-AE"),
    "da": Voice("Polly.Sofie-Neural", "da-DK", "da-DK"),
    "de": Voice("Polly.Vicki-Neural", "de-DE", "de-DE"),
    "de-AT": Voice("Polly.Hannah-Neural", "de-AT", "de-DE"),
    "en": Voice("Polly.Joanna-Neural", "en-US", "en-US"),
    "en-AU": Voice("Polly.Olivia-Neural", "en-AU", "en-AU"),
    "en-GB": Voice("Polly.Amy-Neural", "en-GB", "en-GB"),
    "en-IN": Voice("Polly.Kajal-Neural", "en-IN", "en-IN"),
    "es": Voice("Polly.Lucia-Neural", "es-ES", "es-ES"),
    "es-MX": Voice("Polly.Mia-Neural", "es-MX", "es-MX"),
    "es-US": Voice("Polly.Lupe-Neural", "es-US", "es-US"),
    "fi": Voice("Polly.Suvi-Neural", "fi-FI", "fi-FI"),
    "fr": Voice("Polly.Lea-Neural", "fr-FR", "fr-FR"),
    "fr-CA": Voice("Polly.Gabrielle-Neural", "fr-CA", "fr-CA"),
    "hi": Voice("Polly.Kajal-Neural", "hi-IN", "hi-IN"),
    "it": Voice("Polly.Bianca-Neural", "it-IT", "it-IT"),
    "ja": Voice("Polly.Kazuha-Neural", "ja-JP", "ja-JP"),
    "ko": Voice("Polly.Seoyeon-Neural", "ko-KR", "ko-KR"),
    "nl": Voice("Polly.Laura-Neural", "nl-NL", "nl-NL"),
    "pl": Voice("Polly.Ola-Neural", "pl-PL", "pl-PL"),
    "pt": Voice("Polly.Ines-Neural", "pt-PT", "pt-PT"),
    "pt-BR": Voice("Polly.Camila-Neural", "pt-BR", "pt-BR"),
    "ru": Voice("Polly.Tatyana", "ru-RU", "ru-RU"),
    "sv": Voice("Polly.Elin-Neural", "sv-SE", "sv-SE"),
    "tr": Voice("Polly.Filiz", "tr-TR", "tr-TR"),
    "yue": Voice("Polly.Hiujin-Neural", "yue-HK", "yue-Hant-HK"),
    "zh": Voice("Polly.Zhiyu-Neural", "cmn-CN", "cmn-Hans-CN"),
    "zh-HK": Voice("Polly.Hiujin-Neural", "yue-HK", "yue-Hant-HK"),
    "zh-TW": Voice("Google.cmn-TW-Standard-A", "cmn-TW", "cmn-Hant-TW"),
}
#: A voice's name often begins with its language: ``Google.en-GB-Neural2-A``.
_NAMED: Final = re.compile(r"Google\.([a-z]{2,3}-[A-Z]{2})-.*")


def voice_of(language: str, chosen: Mapping[str, str]) -> Voice | None:
    """The voice of a flow's language: the company's choice for it, else the usual one. None for a language that Twilio
    does not read: its own default then reads it."""
    base = language.partition("-")[0]
    usual = VOICES.get(language) or VOICES.get(base)
    name = chosen.get(language) or chosen.get(base)
    if not name or VOICE.fullmatch(name) is None:
        return usual
    named = _NAMED.fullmatch(name)
    known = next((each for each in VOICES.values() if each.name == name), None)
    language_of = named[1] if named else known.language if known else usual.language if usual else ""
    return Voice(name, language_of, usual.hears if usual else "")
