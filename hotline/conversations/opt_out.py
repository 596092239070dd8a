"""Words by which people stop, start again, or ask for help. The whole message must be the word: "don't stop" stops
nothing (CTIA Messaging Principles §5.1.3; 47 CFR 64.1200(a)(10); Twilio's default keywords; 通信短信息服务管理规定).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

Word = Literal["stop", "start", "help"]

#: By language, as people write them; compared without case, accents, spaces, hyphens and punctuation around.
STOP: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("STOP", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPT OUT"),
    "zh": ("退订", "退訂", "回复退订", "取消订阅", "取消訂閱", "停止", "拒收", "TD", "T", "R"),
    "de": ("STOPP", "ABMELDEN", "ABBESTELLEN"),
    "fr": ("ARRÊT", "ARRÊTER", "DÉSABONNER", "DÉSINSCRIRE"),
    "es": ("ALTO", "PARAR", "BAJA", "CANCELAR", "DETENER"),
    "pt": ("PARE", "SAIR", "CANCELAR"),
    "it": ("FERMA", "BASTA", "DISISCRIVI", "CANCELLAMI"),
    "nl": ("AFMELDEN", "UITSCHRIJVEN"),
}
START: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("START", "UNSTOP", "YES", "SUBSCRIBE", "OPT IN"),
    "zh": ("订阅", "訂閱", "恢复", "恢復", "重新订阅"),
    "de": ("ANMELDEN",),
    "fr": ("ABONNER",),
    "es": ("ALTA", "SUSCRIBIR"),
}
HELP: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("HELP", "INFO"),
    "zh": ("帮助", "幫助"),
    "de": ("HILFE",),
    "fr": ("AIDE",),
    "es": ("AYUDA",),
}

_ALSO_SAID: Final = ("YES", "ALTA")
#: A confirmation comes within so long after the word, and once (47 CFR 64.1200(a)(12)).
CONFIRM_WITHIN: Final = timedelta(minutes=5)
#: Longer texts are no single word in any language; they are not looked at.
_LONGEST: Final = 60
_AROUND: Final = re.compile(r"^[\W_]+|[\W_]+$")
_BETWEEN: Final = re.compile(r"[\s\-‐-―_.]+")


def normalised(text: str) -> str:
    """A message as opt-out words are compared: without case, accents, widths, spaces, or anything around it."""
    wide = unicodedata.normalize("NFKD", text[: _LONGEST * 4]).casefold()
    plain = "".join(letter for letter in wide if not unicodedata.combining(letter) and letter.isprintable())
    return _BETWEEN.sub("", _AROUND.sub("", unicodedata.normalize("NFKC", plain)))


def _table(words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {normalised(word): language for language, some in reversed(list(words.items())) for word in some}


_TABLES: Final[Mapping[Word, dict[str, str]]] = {"stop": _table(STOP), "start": _table(START), "help": _table(HELP)}


_SAID: Final = frozenset(normalised(word) for word in _ALSO_SAID)


def word_of(text: str | None, also: Collection[str] = ()) -> tuple[Word, str] | None:
    """Which word a whole message is, and its language; None for every other message. ``also`` are further words by
    which the company's customers stop."""
    if not text or len(text) > _LONGEST:
        return None
    said = normalised(text)
    if not said:
        return None
    for word, table in _TABLES.items():
        if said in table:
            return word, table[said]
    if said in {normalised(each) for each in also}:
        return "stop", "en"
    return None


def may_be_said(text: str) -> bool:
    """Whether a word that starts messages again is what people say to each other, too."""
    return normalised(text) in _SAID


def may_confirm(at: datetime, now: datetime, confirmed_at: datetime | None) -> bool:
    """Whether a word that came ``at`` is answered still, ``confirmed_at`` being when one of the same was last."""
    if now - at > CONFIRM_WITHIN:
        return False
    return confirmed_at is None or now - confirmed_at > CONFIRM_WITHIN
