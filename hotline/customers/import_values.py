"""Cells as people and spreadsheets write them, read as the values of a customer's fields."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

from babel import Locale

from hotline.customers.import_mapping import Order

#: What a cell says that means nothing.
_NOTHING: Final = frozenset(("", "-", "--", "n/a", "na", "null", "none", "nil", "#n/a", "无", "空", "—", "–", "?"))
_FORMULA_TEXT: Final = re.compile(r'="((?:[^"]|"")*)"')
_SPOILED: Final = re.compile(r"\d([.,]\d+)?[eE]\+?\d+")
_FLOAT: Final = re.compile(r"-?\d+\.0+")
_ERRORS: Final = frozenset(("#n/a", "#ref!", "#name?", "#value!", "#div/0!", "#null!", "#num!"))
_PARTS: Final = re.compile(r"\s*[;；\n\r、]\s*|\s*[,，]\s*(?=[+＋(（\d０-９])")
_WEAK_PARTS: Final = re.compile(r"\s*/\s*|\s+(?:or|oder|或)\s+", re.IGNORECASE)
_LISTED: Final = re.compile(r"\s*[;；,，、|\n\r]\s*")
_DATE: Final = re.compile(
    r"(\d{1,4})\s*[-./年]\s*(\d{1,2})\s*[-./月]\s*(\d{1,4})\s*日?(?:[ T](\d{1,2}:\d{2}(?::\d{2})?).*)?"
)


def _words(table: str) -> dict[str, str]:
    """Lines of a value and the words for it."""
    return {
        word: line.split(maxsplit=1)[0]
        for line in table.strip().splitlines()
        for word in line.split(maxsplit=1)[1].split("|")
    }


_KINDS: Final = _words("""
person        person|private|individual|consumer|b2c|privatperson|个人|自然人|私人
organisation  organisation|organization|company|business|corporate|b2b|firm|firma|公司|企业|单位|机构|组织|法人
""")
_LOCALES: Final = _words("""
en     english|englisch|anglais|英语|英文|eng
zh     chinese|中文|汉语|chinesisch|普通话|国语|简体中文|简体|mandarin|zho|chi
zh-TW  繁体中文|繁體中文|繁体|traditional chinese
de     german|deutsch|德语|deu|ger
fr     french|français|francais|法语|fra|fre
es     spanish|español|espanol|西班牙语|spa
it     italian|italiano|意大利语|ita
pt     portuguese|português|portugues|葡萄牙语|por
ja     japanese|日本語|日语|jpn
ko     korean|한국어|韩语|kor
ru     russian|русский|俄语|rus
nl     dutch|nederlands|荷兰语|nld|dut
ar     arabic|العربية|阿拉伯语|ara
""")
#: Countries by names that Unicode's tables lack; those tables know the others in English, Chinese and German.
_COUNTRIES: Final = _words("""
CN  prc|chn|中国大陆|中华人民共和国|p.r. china|mainland china
HK  hong kong|香港|hkg
MO  macau|macao|澳门
TW  台湾|twn
GB  great britain|england|uk|gbr|scotland|wales
US  usa|u.s.a.|u.s.|america|united states of america
NL  holland|the netherlands|nederland
KR  korea|republic of korea
CH  suisse|svizzera
ES  españa
IT  italia
FR  fra
DE  deu|brd
AT  aut
BE  belgique|belgië
PL  polska
BR  brasil
TR  turkey
CZ  czech republic
RU  russian federation
""")
_LOCALE: Final = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z0-9]{2,8}))?(?:[-_]([A-Za-z0-9]{2,8}))?(?:\..*)?")

_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")


def bare(cell: str) -> str:
    """A cell without what spreadsheets put around its text, empty for the ways of writing nothing.

    ``="0138"`` and ``'0138`` are texts that somebody kept from being numbers; ``138.0`` is a number that was one.
    """
    text = cell.strip()
    if not text:
        return ""
    if text[0] == "=" and (found := _FORMULA_TEXT.fullmatch(text)):
        text = found[1].replace('""', '"').strip()
    elif text[0] == "'" and len(text) > 1 and text[1] in "=+-@0123456789＝＋－＠\t":
        text = text[1:].strip()
    return "" if len(text) < 5 and text.casefold() in _NOTHING else text


def is_formula(text: str) -> bool:
    """Whether the cell is a formula, or the error of one."""
    return text[:1] in ("=", "＝") or text.casefold() in _ERRORS


def is_spoiled(text: str) -> bool:
    """Whether a spreadsheet made a rounded number of the digits: 8.6138E+12."""
    return _SPOILED.fullmatch(text) is not None


def whole_number(text: str) -> str:
    """``4930123456.0`` as ``4930123456``."""
    return text.partition(".")[0] if _FLOAT.fullmatch(text) else text


def several(text: str) -> list[str]:
    """The numbers or addresses of a cell that holds several."""
    return [part for part in _PARTS.split(text) if part] if _PARTS.search(text) else [text]


def perhaps_several(text: str) -> list[str]:
    """The same for a part that is no number by itself: 030/123 456 is one, 0170 1234567 / 030 123456 are two."""
    return [part for part in _WEAK_PARTS.split(text) if part]


def listed(text: str) -> list[str]:
    """The words of a cell that lists some, each once."""
    return list(dict.fromkeys(part for part in _LISTED.split(text) if part))


def kind_of(text: str) -> str | None:
    """``person`` or ``organisation``, None when it says neither."""
    return _KINDS.get(text.casefold())


def locale_of(text: str) -> str | None:
    """A language as it is kept, ``zh-CN``; None for what is none."""
    if (known := _LOCALES.get(text.casefold())) is not None:
        return known
    found = _LOCALE.fullmatch(text)
    if found is None:
        return None
    parts = [found[1].lower()]
    for part in (found[2], found[3]):
        if part:
            parts.append(part.upper() if len(part) == 2 else part.title())
    return "-".join(parts)


def country_of(text: str) -> str | None:
    """A country as two letters, None for what is not known."""
    found = _countries().get(text.casefold())
    if found is None and _COUNTRY.fullmatch(text) and text.upper() in _countries().values():
        return text.upper()
    return found


@cache
def _countries() -> dict[str, str]:
    named = dict(_COUNTRIES)
    for language in ("de", "zh", "en"):
        for code, name in Locale.parse(language).territories.items():
            if _COUNTRY.fullmatch(code) and code not in ("EU", "EZ", "UN", "ZZ", "XA", "XB"):
                named.setdefault(name.casefold(), code)
    return named


def iso_date(text: str, order: Order) -> str:
    """A date in the order of its column as ``2026-01-31``, with its time when it has one; anything else as it is."""
    found = _DATE.fullmatch(unicodedata.normalize("NFKC", text))
    if found is None:
        return text
    if len(found[1]) == 4:
        year, month, day = found[1], found[2], found[3]
    elif order == "mdy":
        month, day, year = found[1], found[2], found[3]
    else:
        day, month, year = found[1], found[2], found[3]
    if len(year) == 2:
        year = f"20{year}" if int(year) < 70 else f"19{year}"
    time = f"T{found[4].zfill(5)}" if found[4] else ""
    return f"{year.zfill(4)}-{month.zfill(2)}-{day.zfill(2)}{time}"
