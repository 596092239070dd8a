"""Encodings guessed from what people's programs write."""

from __future__ import annotations

import pytest

from hotline.customers.import_encoding import UNREADABLE, decoder_of, guess_encoding, is_workbook, refuse_other_formats
from hotline.errors import Invalid

CHINESE = "姓名,电话,地址\n王秀英,13800006620,上海市浦东新区\n李国强,13900000412,北京市海淀区\n"
GERMAN = "Name,Straße\nJürgen Müller,Königstraße 5\nSören Groß,Am Äußeren Weg\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (GERMAN.encode(), "utf-8"),
        (b"\xef\xbb\xbf" + CHINESE.encode(), "utf-8"),
        (b"name,phone\nAnna,1\n", "utf-8"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (CHINESE.encode("gbk"), "gb18030"),
        (CHINESE.encode("utf-16"), "utf-16"),
        (GERMAN.encode("utf-16-le"), "utf-16-le"),
        (GERMAN.encode("utf-16-be"), "utf-16-be"),
        (GERMAN.encode("utf-32"), "utf-32"),
        (GERMAN.encode("windows-1252"), "windows-1252"),
        ("姓名,電話,地址\n王小明,0912345678,臺北市信義區\n陳美麗,0922333444,高雄市前鎮區\n".encode("big5"), "big5"),
        # One damaged byte makes no other encoding of it.
        ((GERMAN * 20).encode() + b"\xff\n" + GERMAN.encode(), "utf-8"),
    ],
)
def test_the_encoding_is_guessed(data: bytes, encoding: str) -> None:
    assert guess_encoding(data) == encoding


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "windows-1252", "shift_jis"])
def test_what_is_no_text_is_marked_and_the_rest_goes_on(encoding: str) -> None:
    broken = {"utf-16-le": b"\x00\xd8"}.get(encoding, b"\x81\xff" if encoding == "windows-1252" else b"\xff")
    data = "Anna,".encode(encoding) + broken + ",ok\n".encode(encoding)
    text = decoder_of(encoding)().decode(data, True)
    assert text.startswith("Anna,")
    assert UNREADABLE in text
    assert text.endswith("ok\n")


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "old Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "packed"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'y'>]>", "web page or XML"),
    ],
)
def test_other_formats_are_refused_with_what_to_do(head: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        refuse_other_formats(head)


def test_a_binary_is_no_text() -> None:
    with pytest.raises(Invalid, match="no text"):
        guess_encoding(bytes(range(256)) * 8 + bytes(2000))
    assert is_workbook(b"PK\x03\x04....")
    with pytest.raises(Invalid, match="encoding: expected one of"):
        decoder_of("rot13")
