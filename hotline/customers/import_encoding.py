"""In which encoding a table was written, guessed from its first bytes; and what is no table at all.

A byte order mark decides; then what is valid UTF-8; then the shape of the bytes. Who imports can correct a
guess.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Final

from hotline.errors import Invalid

#: Encodings that can be chosen, by the names that Python knows them by; those that are guessed come first.
ENCODINGS: Final = (
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "windows-1252", "big5", "shift_jis"),
    *("euc-kr", "windows-1250", "windows-1251", "windows-1253", "windows-1254", "iso-8859-15"),
)
#: Bytes that a guess looks at.
SAMPLE: Final = 256 << 10
#: What stands in a text where bytes were none in its encoding; a lone surrogate, which no text holds.
UNREADABLE: Final = "\udc80"
#: The name of the decoding that leaves UNREADABLE behind and goes on.
MARKING: Final = "hotline-unreadable"

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: How files begin that people take for tables, and what to do with them.
_OTHERS: Final = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is a workbook of an old Excel; save it as XLSX or CSV."),
    (b"%PDF", "this is a PDF; export the table as CSV or XLSX."),
    (b"\x1f\x8b", "this file is packed; unpack it first."),
    (b"7z\xbc\xaf", "this file is packed; unpack it first."),
    (b"Rar!", "this file is packed; unpack it first."),
    (b"{\\rtf", "this is a text document; export the table as CSV or XLSX."),
)
_MARKUP: Final = (b"<!doctype", b"<html", b"<?xml", b"<table")

# Where common Chinese characters stand in GB 18030: the first level of GB 2312, and its signs and full-width letters.
_GB_COMMON: Final = range(0xB0, 0xD8)
_GB_SIGNS: Final = range(0xA1, 0xAA)
_GB_SHARE: Final = 0.7
#: Valid sequences of UTF-8 for each byte that is none, above which a text is UTF-8 with faults.
_FAULTY_UTF8: Final = 10
_WESTERN: Final = "windows-1252"
_FOUND_AS: Final = {
    "cp1252": "windows-1252", "cp1250": "windows-1250", "cp1251": "windows-1251", "cp1253": "windows-1253",
    "cp1254": "windows-1254", "cp949": "euc-kr", "euc_kr": "euc-kr", "cp932": "shift_jis", "shift_jis": "shift_jis",
    "big5": "big5", "cp950": "big5",
}  # fmt: skip


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE, error.end


codecs.register_error(MARKING, _mark)


def refuse_other_formats(head: bytes) -> None:
    """Raise Invalid, saying what to do, when ``head`` begins a file that is neither CSV nor XLSX."""
    for magic, why in _OTHERS:
        if head.startswith(magic):
            raise Invalid(f"file: {why}")
    start = head[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_MARKUP):
        raise Invalid("file: this is a web page or XML; export the table as CSV or XLSX.")


def is_workbook(head: bytes) -> bool:
    """Whether the file may be an XLSX workbook: a ZIP archive."""
    return head.startswith(b"PK\x03\x04")


def guess_encoding(sample: bytes) -> str:
    """The likeliest of ENCODINGS. Raises Invalid when the bytes are no text at all."""
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    if (wide := _without_mark(sample)) is not None:
        return wide
    if sample.count(0) * 20 > len(sample):
        raise Invalid("file: this is no text; export the table as CSV or XLSX.")
    if _is_utf8(sample):
        return "utf-8"
    if _is_chinese(sample):
        return "gb18030"
    from charset_normalizer import from_bytes  # its tables cost a process that only reads as long as all the rest

    head = sample[:65_536]
    found = from_bytes(head, cp_isolation=list(_FOUND_AS)).best()
    likeliest = _FOUND_AS.get(found.encoding, _WESTERN) if found is not None else _WESTERN
    # Where the Western one reads the same, nothing speaks for the rarer one.
    return _WESTERN if head.decode(likeliest, "replace") == head.decode(_WESTERN, "replace") else likeliest


def decoder_of(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    """What makes a decoder of the encoding that marks unreadable bytes. Raises Invalid for an unknown encoding."""
    if encoding not in ENCODINGS:
        raise Invalid(f"encoding: expected one of {', '.join(ENCODINGS)}.")
    found = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)
    return lambda: found(MARKING)


def _without_mark(sample: bytes) -> str | None:
    """UTF-16 by its many zero bytes on one side; at least the separators and line ends are such."""
    pairs = len(sample) // 2
    if pairs < 2:
        return None
    high, low = sample[1::2].count(0), sample[0::2].count(0)
    if high * 5 > pairs and low * 50 < high:
        return "utf-16-le"
    if low * 5 > pairs and high * 50 < low:
        return "utf-16-be"
    return None


def _is_utf8(sample: bytes) -> bool:
    text = codecs.getincrementaldecoder("utf-8")(MARKING).decode(sample)
    faults = text.count(UNREADABLE)
    if not faults:
        return True
    return sum(1 for letter in text if letter > "\x7f" and letter != UNREADABLE) > faults * _FAULTY_UTF8


def _is_chinese(sample: bytes) -> bool:
    """Whether most characters beyond ASCII are common ones of GB 18030, and none is invalid."""
    common = others = at = 0
    while at < len(sample) - 1:
        lead, trail = sample[at], sample[at + 1]
        if lead < 0x80:
            at += 1
            continue
        if trail in range(0x30, 0x3A):
            others, at = others + 1, at + 4
            continue
        if lead in (0x80, 0xFF) or trail < 0x40 or trail in (0x7F, 0xFF):
            return False
        common += trail >= 0xA1 and (lead in _GB_COMMON or lead in _GB_SIGNS)
        others, at = others + 1, at + 2
    return others > 0 and common >= others * _GB_SHARE
