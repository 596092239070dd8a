"""Mail as it comes: wrong, lying, huge and deep; and what is read of it all the same."""

from __future__ import annotations

import base64
import json
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.channels.mail.bounces import read_report
from hotline.channels.mail.charsets import header_text, text_of
from hotline.channels.mail.html import as_text, cleaned, for_view
from hotline.channels.mail.parse import HEADER_BYTES, MOST_PARTS, ORIGINAL, parse
from hotline.channels.mail.quotes import reply_of
from tests.material import real_file


def raw(head: str, body: bytes = b"Hello", kind: str = "text/plain; charset=utf-8") -> bytes:
    lines = [*head.splitlines(), "MIME-Version: 1.0", f"Content-Type: {kind}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


HEAD = "From: Ann <ann@x.example>\nTo: support@acme.example\nMessage-ID: <1@x.example>\nSubject: Hi"


def test_a_usual_mail() -> None:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"] = "Änn Bell <ann@x.example>", "support@acme.example, b@y.example"
    made["Subject"], made["Message-ID"], made["References"] = "Größe 你好", "<1@x.example>", "<a@b> <c@d>"
    made["Date"] = "Mon, 03 Nov 2025 10:00:00 +0100"
    made.set_content("Guten Tag\n")
    made.add_alternative('<p>Guten <b>Tag</b><img src="cid:logo@x"><script>x()</script></p>', subtype="html")
    made.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="b\u200bild.png", cid="<logo@x>")
    found = parse(made.as_bytes())
    assert (found.address, found.name, found.subject) == ("ann@x.example", "Änn Bell", "Größe 你好")
    assert (found.message_id, found.references) == ("1@x.example", ("a@b", "c@d"))
    assert found.to == ("support@acme.example", "b@y.example")
    assert (found.text, found.whole) == ("Guten Tag", True)
    assert found.html is not None
    assert "script" not in found.html
    assert 'src="cid:logo@x"' in found.html
    assert [(each.media_type, each.content_id, each.data) for each in found.files] == [
        ("image/png", "logo@x", b"\x89PNG")
    ]
    assert found.sent_at is not None
    assert found.sent_at.hour == 9


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("iso-8859-1", "Größe".encode(), "Größe"),  # lies: it is UTF-8
        ("us-ascii", "Größe".encode("latin-1"), "Größe"),
        ("utf-8", "Größe".encode("latin-1"), "Größe"),
        ("gb2312", "退款到账了吗，謝謝".encode("gb18030"), "退款到账了吗，謝謝"),
        ("no-such-charset", "你好".encode(), "你好"),
        ("base64", b"SGVsbG8=", "SGVsbG8="),  # a codec that is no charset unpacks nothing
        ("zip", b"x\x9c", "x"),
        ("utf-16", "hi".encode("utf-16"), "hi"),
        ("windows-1252", b"It\x92s", "It’s"),
        ('"utf-8"', b"a\x00b\x07c", "abc"),
    ],
)
def test_charsets_that_are_wrong_or_lie(charset: str, body: bytes, text: str) -> None:
    assert parse(raw(HEAD, body, f"text/plain; charset={charset}")).text.startswith(text)


def test_headers_that_are_broken() -> None:
    found = parse(
        raw("From: =?x-none?Q?=41nn?= <ann@x.example\nSubject: =?utf-8?B?4pyT?= =?gb2312?B?xOO6ww==?=\nDate: yes")
    )
    assert (found.address, found.subject, found.sent_at) == ("ann@x.example", "✓你好", None)
    assert parse(raw("From: Ann\nSubject: x")).address == ""
    assert parse(b"").text == ""
    assert parse(b"\x00\xff\xfe no mail at all").whole
    injected = parse(raw("From: a@b.example\nSubject: =?utf-8?Q?Hi=0D=0ABcc:_eve=40evil.example?="))
    assert "\n" not in injected.subject
    assert "\r" not in injected.subject
    assert header_text("a" * 5_000, 10) == "a" * 10


def test_huge_headers_are_cut_and_the_mail_is_kept_as_it_came() -> None:
    huge = raw(HEAD + "\n" + "\n".join(f"X-{number}: {'y' * 900}" for number in range(1_000)))
    found = parse(huge)
    assert (found.address, found.text, found.whole) == ("ann@x.example", "Hello", False)
    assert len(found.files[-1].data) < HEADER_BYTES + 1_000
    assert found.files[-1].name == ORIGINAL


def test_a_thousand_parts_are_read_in_part_and_kept_whole() -> None:
    parts = b"".join(
        b"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nx\r\n" for _ in range(1_000)
    )
    whole = raw(HEAD, parts + b"--b--", "multipart/mixed; boundary=b")
    found = parse(whole)
    assert not found.whole
    assert len(found.files) <= MOST_PARTS + 1
    assert found.files[-1].data == whole


@pytest.mark.parametrize("depth", [30, 1_100])
def test_parts_in_parts_in_parts_end(depth: int) -> None:
    body = b""
    for level in range(depth):
        body += f'--b{level}\r\nContent-Type: multipart/mixed; boundary="b{level + 1}"\r\n\r\n'.encode()
    found = parse(raw(HEAD, body + b"the end", 'multipart/mixed; boundary="b0"'))
    assert (found.address, found.subject, found.whole) == ("ann@x.example", "Hi", False)
    assert found.files[-1].name == ORIGINAL


def test_what_is_packed_is_never_unpacked() -> None:
    bomb = base64.b64encode(b"PK\x03\x04" + b"\0" * 1_000)
    found = parse(raw(HEAD + "\nContent-Transfer-Encoding: base64", bomb, "application/zip; name=bomb.zip"))
    assert [(each.name, each.media_type, len(each.data)) for each in found.files] == [
        ("bomb.zip", "application/zip", 1_004)
    ]


def test_a_mail_in_the_mail_is_a_file() -> None:
    inner = raw("From: old@x.example\nSubject: Old", b"old text")
    found = parse(
        raw(
            HEAD,
            b"--b\r\n\r\nSee below\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--",
            "multipart/mixed; boundary=b",
        )
    )
    assert found.text == "See below"
    assert [each.media_type for each in found.files] == ["message/rfc822"]
    assert b"old text" in found.files[0].data


@given(st.binary(max_size=600))
@settings(max_examples=80, deadline=None)
def test_any_bytes_are_a_mail(data: bytes) -> None:
    parse(data)
    parse(HEAD.encode() + b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + data)


@pytest.mark.parametrize(
    "html",
    ["<div>" * 90_000, "<b x=1><p>" * 9_000, "<" * 400_000, "<script>" * 50_000, "<!--" * 90_000, "<table>" * 9_000],
)
def test_html_that_asks_for_much_work_gets_little(html: str) -> None:
    # Quadratic ways through it would take minutes: the time limit of the tests is the measure.
    assert isinstance(as_text(html), str)
    assert isinstance(cleaned(html), str)


def test_html_is_shown_without_what_runs_loads_or_hides() -> None:
    html = (
        '<p onclick="x()" style="position:fixed">Hi</p><img src="https://spy.example/1.gif"><img src="cid:a@b">'
        '<a href="javascript:x()">no</a><a href="https://ok.example">ok</a><form action="/x"><input></form>'
        '<iframe src="x"></iframe><svg><script>x()</script></svg><style>body{display:none}</style>'
    )
    shown = for_view(cleaned(html), {"a@b": "/files/1"})
    assert 'src="/files/1"' in shown
    assert 'target="_blank"' in shown
    for bad in ("spy.example", "javascript", "onclick", "style", "form", "iframe", "svg", "script", "cid:"):
        assert bad not in shown, bad
    assert "/files/1" not in for_view(html, {})
    assert as_text("<p>One<br>two</p><ul><li>three</ul>") == "One\ntwo\n\n  * three"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Thanks!\n\nOn Mon, 3 Nov 2025 at 10:00, Acme <s@a.example> wrote:\n> Hi\n> Bye", "Thanks!"),
        ("好的\n\n在 2025年11月3日，客服 <a@b.c> 写道：\n> 您好", "好的"),
        ("Yes\n\n-----Original Message-----\nFrom: Acme\nSent: Monday\n\nold", "Yes"),
        ("Ja\n\nAm 03.11.2025 um 10:00 schrieb Acme <s@a.example>:\n> Hallo", "Ja"),
        ("Yes\n\nFrom: Acme <s@a.example>\nSent: Monday\nTo: me\nSubject: x\n\nold", "Yes"),
        ("> one?\nyes\n> two?\nno", "> one?\nyes\n> two?\nno"),
        ("> only a quote", "> only a quote"),
        ("No quote here, on Monday I wrote: nothing", "No quote here, on Monday I wrote: nothing"),
    ],
)  # fmt: skip
def test_what_is_quoted_is_cut_off(text: str, reply: str) -> None:
    assert reply_of(text) == reply


@pytest.mark.parametrize(
    "text", ["On " * 20_000, "\n" * 19_000, "> a\n" * 30_000, "From: a\n" * 9_000, "On " * 160 + "\n"]
)
def test_texts_that_ask_for_much_work_get_little(text: str) -> None:
    assert isinstance(reply_of(text), str)


def test_every_report_of_other_people_s_servers_is_read() -> None:
    lines = real_file("mail/flufl_expected.jsonl").read_text("utf-8").splitlines()
    assert len(lines) > 100
    for line in lines:
        wanted = json.loads(line)
        found = read_report(real_file(f"mail/flufl/{wanted['file']}").read_bytes())
        told = found.recipients if found is not None else ()
        failed = {each.address for each in told if each.fate == "failed"}
        delayed = {each.address for each in told if each.fate == "delayed"}
        assert failed == {each.lower() for each in wanted["permanent"]}, wanted["file"]
        assert delayed == {each.lower() for each in wanted["temporary"]}, wanted["file"]


def test_a_report_of_unwanted_mail_is_a_complaint() -> None:
    text = (
        "From: fbl@isp.example\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nabuse\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        "Feedback-Type: abuse\r\nOriginal-Rcpt-To: <ann@x.example>\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        "Message-ID: <ours@acme.example>\r\n--b--\r\n"
    )
    found = read_report(text.encode())
    assert found is not None
    assert [(each.address, each.fate) for each in found.recipients] == [("ann@x.example", "complaint")]
    assert found.message_ids == ("ours@acme.example",)


@pytest.mark.parametrize(("kind", "complaint"), [("abuse", True), ("not-spam", False), ("auth-failure", False)])
def test_a_complaint_may_leave_out_whose_it_is_and_other_feedback_is_none(kind: str, complaint: bool) -> None:
    text = (
        "From: fbl@isp.example\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nfeedback\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: isp/1\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "Message-ID: <ours@acme.example>\r\nSubject: News\r\n\r\nHello\r\n--b--\r\n"
    )
    found = read_report(text.encode())
    assert (found is not None) is complaint
    if found is not None:
        assert [(each.address, each.fate) for each in found.recipients] == [("", "complaint")]
        assert found.message_ids == ("ours@acme.example",)


def test_text_of_guesses_when_nothing_is_said() -> None:
    assert text_of("Привет, как дела сегодня у вас".encode("koi8-r"), None)
    assert message_from_bytes(b"", policy=default) is not None
