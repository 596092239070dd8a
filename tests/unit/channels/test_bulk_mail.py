"""Mails of campaigns as bytes: what readers read out of them is what was written, whatever was written."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.channels.errors import AddressRefused, PermanentlyRefused
from hotline.channels.mail.bulk import BulkMail, compose_bulk, letterhead
from hotline.channels.mail.bulk_pool import wire_ready

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HEAD = letterhead("news@company.example", "Größe & Söhne")
WRITTEN = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=200)


def mail(**fields: object) -> BulkMail:
    return BulkMail(
        **{  # type: ignore[arg-type]
            "to": "anna@example.com",
            "subject": "News",
            "text": "Hello",
            "html": "<p>Hello</p>",
            "message_id": "m1@company.example",
            "unsubscribe_url": "https://company.example/u/u1",
            "language": "en",
        }
        | fields
    )


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n").rstrip("\n")


def test_rule_01_both_headers_of_one_click_stand_in_a_mail_of_marketing_alone() -> None:
    found = read(compose_bulk(mail(), HEAD, AT))
    assert found["list-unsubscribe"] == "<https://company.example/u/u1>"
    assert found["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    (sender,) = found["from"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Größe & Söhne", "news@company.example")
    notice = read(compose_bulk(mail(unsubscribe_url=""), HEAD, AT))
    assert notice["list-unsubscribe"] is None
    assert notice["list-unsubscribe-post"] is None


@given(subject=WRITTEN, text=WRITTEN, html=WRITTEN)
@settings(max_examples=60, deadline=None)
def test_what_was_written_is_what_is_read(subject: str, text: str, html: str) -> None:
    raw = compose_bulk(mail(subject=subject, text=text, html=html), HEAD, AT)
    found = read(raw)
    assert not found.defects
    assert str(found["subject"]) == " ".join("".join(c if c.isprintable() else " " for c in subject).split())
    assert part(found, "plain") == text.rstrip("\n")
    assert part(found, "html") == html.rstrip("\n")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "name", ["Anna\r\nBcc: evil@example.com", "Anna\nX-Evil: 1", "Anna\x0bBcc: x", "=?utf-8?q?x?="]
)
def test_rule_06_nothing_that_was_written_begins_a_header(name: str) -> None:
    found = read(compose_bulk(mail(subject=f"News for {name}"), letterhead("news@company.example", name), AT))
    assert found["bcc"] is None
    assert found["x-evil"] is None
    assert len(found.get_all("subject", [])) == 1


@pytest.mark.parametrize(
    "to", ["", "anna", "anna@example.com>\r\nRCPT TO:<x@y", "a b@example.com", "anna@exa mple.com"]
)
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(AddressRefused):
        compose_bulk(mail(to=to), HEAD, AT)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x/\r\nBcc: y", "https://x/>,<mailto:y", "x"])
def test_an_address_to_unsubscribe_at_is_one(url: str) -> None:
    with pytest.raises(PermanentlyRefused):
        compose_bulk(mail(unsubscribe_url=url), HEAD, AT)


def test_dots_at_the_start_of_lines_go_twice_over_the_wire_and_one_ends_it() -> None:
    assert wire_ready(b".a\r\n..b\r\nc.\r\n") == b"..a\r\n...b\r\nc.\r\n.\r\n"
    assert wire_ready(b"a") == b"a\r\n.\r\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Hello Anna,\n\n.dot\nFrom here = 2\n", "7bit"),
        ("a" * 78, "7bit"),
        ("a" * 79, "quoted-printable"),
        ("Grüße an alle, die dies lesen mögen", "quoted-printable"),
        ("新品上市", "base64"),
        ("bell\x07", "quoted-printable"),
        ("--=_hotline_part--\nevil", "quoted-printable"),
    ],
)
def test_parts_are_encoded_only_where_they_must_be(text: str, encoding: str) -> None:
    found = read(compose_bulk(mail(text=text), HEAD, AT))
    plain = found.get_body(("plain",))
    assert plain is not None
    assert plain["content-transfer-encoding"] == encoding
    assert part(found, "plain") == text.rstrip("\n")
    assert part(found, "html") == "<p>Hello</p>"
