"""Bytes of mail as text, whatever charset they claim to be in."""

from __future__ import annotations

import codecs
import re
from email.header import decode_header
from typing import Final

from charset_normalizer import from_bytes

#: Bytes by which a charset is guessed.
_SAMPLE: Final = 64_000
#: Of fewer bytes every guess is as good: Western Europe's are the most frequent.
_LEAST_GUESSED: Final = 48
#: Charsets in which any bytes mean something: bytes that are valid UTF-8 are that, whatever these claim.
_TAKES_ANYTHING: Final = frozenset({"iso8859-1", "cp1252", "latin-1", "iso8859-15", "ascii", "us-ascii"})
#: Names that mail uses and Python does not know, and narrow ones that are used for their wider sets.
_NAMES: Final = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030", "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949", "shift_jis": "cp932", "iso-8859-1": "cp1252", "x-unknown": "utf-8", "unknown-8bit": "utf-8",
    "utf8mb4": "utf-8", "unicode-1-1-utf-7": "utf-7", "iso-8859-8-i": "iso-8859-8", "x-sjis": "cp932",
}  # fmt: skip
_WORD: Final = re.compile(r"=\?[^?\s]{1,80}\?[bqBQ]\?[^?]{0,4000}\?=")
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def text_of(data: bytes, charset: str | None) -> str:
    """The text of ``data``: by the charset that it claims if the bytes bear it out, else by UTF-8, else by a guess;
    letters that mean nothing become U+FFFD."""
    name = _codec(charset)
    if name in _TAKES_ANYTHING or name is None:
        try:
            return _cleaned(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            pass
    if name is not None:
        try:
            return _cleaned(data.decode(name))
        except (UnicodeError, ValueError):
            pass
    try:
        return _cleaned(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        pass
    if len(data) < _LEAST_GUESSED:
        return _cleaned(data.decode("cp1252", "replace"))
    guessed = from_bytes(data[:_SAMPLE]).best()
    if guessed is not None and not guessed.encoding.startswith("utf_7"):
        return _cleaned(data.decode(guessed.encoding, "replace"))
    return _cleaned(data.decode(name or "utf-8", "replace"))


def header_text(value: str, most: int = 1_000) -> str:
    """A header as people read it: encoded words (RFC 2047) decoded, on one line, at most ``most`` letters."""
    value = " ".join(value[: 8 * most].split())
    if _WORD.search(value):
        try:
            parts = decode_header(value)
        except (ValueError, LookupError):
            parts = [(value, None)]
        value = "".join(part if isinstance(part, str) else text_of(part, charset or "ascii") for part, charset in parts)
    elif any("\udc80" <= letter <= "\udcff" for letter in value):
        # Bytes that stand in a header as they are.
        value = text_of(value.encode("utf-8", "surrogateescape"), None)
    return " ".join(_cleaned(value).split())[:most]


def _codec(charset: str | None) -> str | None:
    name = (charset or "").strip().strip("\"'").lower().replace(" ", "")
    if not name:
        return None
    try:
        found = codecs.lookup(_NAMES.get(name, name))
    except (LookupError, ValueError):
        return None
    # Codecs of bytes to bytes (zip, base64) are charsets of nothing: they would unpack what is sent.
    return found.name if found._is_text_encoding else None


def _cleaned(text: str) -> str:
    return _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
