"""What callers say instead of pressing a key: which key it means, and which words a recogniser should expect.

A recogniser answers with a sentence ("I'd like to make a complaint, please"). It means a key when exactly one key's
words are in it; a longer word goes before a shorter one inside it. Whoever says the key itself ("two", "press 2", "二")
is understood without any words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

#: Most words that are told to a recogniser, and the longest of them (Twilio: 500 phrases of 100 characters).
MOST_HINTS: Final = 100
LONGEST_HINT: Final = 100
_LONGEST_SAID: Final = 500

#: What callers say for a kind of ticket, by language.
KIND_WORDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "consultation": {
        "en": ("advice", "consultation", "question", "information", "enquiry", "inquiry"),
        "zh": ("咨询", "问题", "询问", "了解"),
    },
    "complaint": {
        "en": ("complaint", "complain", "complaints", "unhappy", "dissatisfied"),
        "zh": ("投诉", "不满", "抱怨"),
    },
    "service_request": {
        "en": ("service request", "service", "repair", "request"),
        "zh": ("业务", "办理", "报修", "服务"),
    },
}
#: What callers say for a language: in it, and in the other ones.
LANGUAGE_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ar": ("arabic", "العربية", "阿拉伯语"),
    "de": ("german", "deutsch", "德语"),
    "en": ("english", "英语", "英文"),
    "es": ("spanish", "español", "西班牙语"),
    "fr": ("french", "français", "法语"),
    "it": ("italian", "italiano", "意大利语"),
    "ja": ("japanese", "日本語", "日语"),
    "ko": ("korean", "한국어", "韩语"),
    "nl": ("dutch", "nederlands", "荷兰语"),
    "pl": ("polish", "polski", "波兰语"),
    "pt": ("portuguese", "português", "葡萄牙语"),
    "ru": ("russian", "русский", "俄语"),
    "tr": ("turkish", "türkçe", "土耳其语"),
    "yue": ("cantonese", "粤语", "廣東話", "广东话"),
    "zh": ("chinese", "mandarin", "中文", "普通话", "汉语", "国语"),
}
#: Whoever wants a person says so, whatever the menu calls it.
AGENT_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("agent", "operator", "representative", "somebody", "a person", "human"),
    "zh": ("人工", "客服", "座席", "真人"),
}

_DIGITS: Final[Mapping[str, str]] = {
    **dict(zip(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), "0123456789",
               strict=True)),
    "oh": "0",
    **dict(zip("零一二三四五六七八九", "0123456789", strict=True)),
    "〇": "0", "幺": "1", "两": "2",
}  # fmt: skip
_SIGNS: Final[Mapping[str, str]] = {
    "star": "*", "asterisk": "*", "hash": "#", "pound": "#", "星号": "*", "井号": "#",
}  # fmt: skip
#: What stands around a key that is said, and means nothing itself.
_AROUND: Final = frozenset(
    {"press", "number", "key", "option", "choice", "the", "please", "按", "键", "请", "我", "选"}
)
_TOKEN: Final = re.compile(r"[0-9]|[*#]|[㐀-鿿]|[^\W\d_㐀-鿿]+(?:['’][^\W\d_㐀-鿿]+)*")
_CJK: Final = re.compile(r"[㐀-鿿぀-ヿ가-힯]")


def key_said(said: str, words: Mapping[str, Iterable[str]]) -> str | None:
    """The key that a caller means, among those of ``words``; None when that cannot be told."""
    text = _plain(said)
    found: dict[str, str] = {}
    for key, spoken in words.items():
        for word in spoken:
            plain = _plain(word)
            if plain and _holds(text, plain):
                found[key] = max(found.get(key, ""), plain, key=len)
    # "service" inside another key's "customer service" does not count.
    kept = {key for key, word in found.items() if not any(word != other and word in other for other in found.values())}
    if len(kept) == 1:
        return kept.pop()
    if kept:
        return None
    left = [token for token in _tokens(text) if token not in _AROUND]
    keys = [_DIGITS.get(token) or _SIGNS.get(token) or token for token in left]
    return keys[0] if len(keys) == 1 and keys[0] in words else None


def digits_said(said: str) -> str:
    """The digits of a number as it was said: ``one zero 0 2`` is 1002. Empty when none were."""
    found = (_DIGITS.get(token, token) for token in _tokens(_plain(said)))
    return "".join(digit for digit in found if len(digit) == 1 and digit in "0123456789")


def hints(words: Mapping[str, Iterable[str]]) -> str:
    """What a recogniser should expect, by comma."""
    spoken = dict.fromkeys(" ".join(word.replace(",", " ").split()) for each in words.values() for word in each)
    return ", ".join([word for word in spoken if 0 < len(word) <= LONGEST_HINT][:MOST_HINTS])


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text[:_LONGEST_SAID]).casefold().split())


def _holds(text: str, word: str) -> bool:
    """Whether a word stands in a text: as a whole word, or anywhere in a script that writes no spaces."""
    if _CJK.search(word):
        return word in text.replace(" ", "")
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _tokens(text: str) -> Iterator[str]:
    for sign, key in _SIGNS.items():
        if _CJK.search(sign):
            text = text.replace(sign, key)
    yield from (found[0] for found in _TOKEN.finditer(text))
