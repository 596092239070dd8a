"""Mail that leaves: its headers, and the relay's connections against a real server."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hotline.channels.errors import (
    AddressRefused,
    ChannelError,
    Filtered,
    PermanentlyRefused,
    SenderPaused,
    TemporarilyRefused,
    Unknown,
)
from hotline.channels.mail import smtp
from hotline.channels.mail.answers import GivenUp
from hotline.channels.mail.compose import Draft, OutgoingFile, compose
from hotline.channels.mail.smtp import SmtpPool
from hotline.settings.mail import smtp_server
from tests.fakes.mail import mail_sink

AT = dt.datetime(2025, 11, 3, 10, 0, tzinfo=dt.UTC)


def draft(**values: Any) -> Draft:
    given = {
        "sender": "support@acme.example", "to": "ann@x.example", "subject": "Re: Hi", "text": "Hello",
        "message_id": "m1@acme.example", "at": AT,
    }  # fmt: skip
    return Draft(**{**given, **values})


def read(raw: bytes) -> Message[Any, Any]:
    return message_from_bytes(raw, policy=default)


def test_what_people_wrote_begins_no_header() -> None:
    evil = "x\r\nBcc: eve@evil.example\r\n\r\nbody"
    made = compose(
        draft(sender_name=evil, to_name=evil, subject=evil, language=evil, in_reply_to=evil, references=(evil, "a@b"))
    )
    found = read(made)
    assert found["Bcc"] is None
    assert found["In-Reply-To"] is None
    assert found["References"] == "<a@b>"
    assert found["Subject"] == "x Bcc: eve@evil.example body"
    assert found["To"].addresses[0].addr_spec == "ann@x.example"


@pytest.mark.parametrize(
    "to", ["ann", "a@b\r\nRCPT TO:<eve@x>", "a b@c.example", "@x.example", "a@-x.example", "a@" + "b" * 300]
)
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(AddressRefused):
        compose(draft(to=to))


def test_a_domain_in_other_letters_goes_in_ascii() -> None:
    assert read(compose(draft(to="ann@müller.example")))["To"].addresses[0].domain == "xn--mller-kva.example"


def test_long_ids_stay_whole_and_the_middle_of_a_long_thread_is_left_out() -> None:
    ids = tuple(f"{'x' * 120}{number}@mail.example" for number in range(60))
    raw = compose(draft(references=ids, in_reply_to=ids[-1]))
    found = str(read(raw)["References"]).split()
    assert len(found) == 20
    assert (found[0], found[-1]) == (f"<{ids[0]}>", f"<{ids[-1]}>")
    assert max(len(line) for line in raw.split(b"\r\n")) < 998


def test_a_mail_with_files_and_letters_of_the_world() -> None:
    files = [OutgoingFile("Größe\r\n.html", "text/html", b"<script>"), OutgoingFile("b.png", "image/png", b"\x89PNG")]
    found = read(compose(draft(text="你好\nGrüße", files=files, reply_to="support+r1@acme.example", automatic=True)))
    assert found["Auto-Submitted"] == "auto-replied"
    assert found["Reply-To"] == "support+r1@acme.example"
    body: Any = found
    assert body.get_body().get_content().replace("\r\n", "\n") == "你好\nGrüße\n"
    got = [(each.get_filename(), each.get_content_type(), each.get_content()) for each in body.iter_attachments()]
    assert got == [("Größe .html", "application/octet-stream", b"<script>"), ("b.png", "image/png", b"\x89PNG")]


async def test_connections_are_used_again_and_not_for_ever() -> None:
    async with mail_sink() as sink:
        pool = SmtpPool(smtp_server(f"smtp://127.0.0.1:{sink.port}?starttls=no"), mails=3)
        for _ in range(6):
            await pool.send("s@a.example", ["ann@x.example"], b"Subject: x\r\n\r\nx\r\n")
        await pool.close()
        assert (len(sink.mails), sink.connections) == (6, 2)
        await asyncio.gather(*(pool.send("s@a.example", [f"{n}@x.example"], b"x\r\n") for n in range(30)))
        await pool.close()
        assert len(sink.mails) == 36
        assert sink.connections <= 2 + 30


async def test_some_recipients_of_several_may_be_refused() -> None:
    async with mail_sink() as sink:
        sink.refuse["no@x.example"] = "550 5.1.1 unknown"
        pool = SmtpPool(smtp_server(f"smtp://127.0.0.1:{sink.port}?starttls=no"))
        handed = await pool.send("s@a.example", ["ann@x.example", "no@x.example"], b"x\r\n")
        assert list(handed.refused) == ["no@x.example"]
        assert isinstance(handed.refused["no@x.example"], AddressRefused)
        assert sink.mails[0].recipients == ["ann@x.example"]
        await pool.close()


@pytest.mark.parametrize(
    ("refuse", "answer", "hang_up", "error", "again"),
    [
        ("550 5.1.1 unknown", "250 ok", "", AddressRefused, True),
        ("550 5.7.1 not you", "250 ok", "", Filtered, True),
        ("451 4.7.1 greylisted", "250 ok", "", TemporarilyRefused, True),
        ("", "552 5.3.4 too big", "", PermanentlyRefused, True),
        ("", "554 5.7.1 spam", "", Filtered, True),
        ("", "450 4.3.2 later", "", TemporarilyRefused, True),
        ("503 5.5.1 bad sequence", "250 ok", "", GivenUp, False),
        ("", "503 bad sequence", "", GivenUp, False),
        ("", "220 what", "", Unknown, False),
        ("", "250 ok", "rcpt", TemporarilyRefused, False),
        ("", "250 ok", "data", Unknown, False),
    ],
)  # fmt: skip
async def test_what_an_answer_means_and_whether_the_connection_lives(
    refuse: str, answer: str, hang_up: str, error: type[ChannelError], again: bool
) -> None:
    async with mail_sink() as sink:
        pool = SmtpPool(smtp_server(f"smtp://127.0.0.1:{sink.port}?starttls=no"))
        if refuse:
            sink.refuse["ann@x.example"] = refuse
        sink.answer, sink.hang_up = answer, hang_up
        with pytest.raises(ChannelError) as caught:
            await pool.send("s@a.example", ["ann@x.example"], b"x\r\n")
        assert type(caught.value) is error
        sink.refuse, sink.answer, sink.hang_up = {}, "250 ok", ""
        await pool.send("s@a.example", ["ann@x.example"], b"x\r\n")
        assert sink.connections == (1 if again else 2)
        await pool.close()


@pytest.mark.parametrize(
    ("sender", "refuse", "error"),
    [
        ("s@a.example", "550 5.1.8 no such domain", SenderPaused),
        ("s@a.example", "553 not owned by the user", SenderPaused),
        ("s@a.example", "452 4.3.1 full", TemporarilyRefused),
        ("s@a.example", "552 5.3.4 too big", PermanentlyRefused),
        ("", "550 5.1.7 no null sender", Filtered),
    ],
)
async def test_a_relay_that_refuses_our_address_marks_nobody_elses(
    sender: str, refuse: str, error: type[ChannelError]
) -> None:
    async with mail_sink() as sink:
        pool = SmtpPool(smtp_server(f"smtp://127.0.0.1:{sink.port}?starttls=no"))
        sink.refuse_sender[sender] = refuse
        with pytest.raises(ChannelError) as caught:
            await pool.send(sender, ["ann@x.example"], b"x\r\n")
        assert type(caught.value) is error
        sink.refuse_sender, sink.answer = {}, "550 5.1.8 bad sender"
        with pytest.raises(SenderPaused):
            await pool.send("s@a.example", ["ann@x.example"], b"x\r\n")
        await pool.close()


async def test_a_relay_that_falls_silent_after_the_content_leaves_nobody_knowing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp, "CONTENT_SECONDS", 0.2)
    async with mail_sink() as sink:
        silent = asyncio.Event()

        async def wait(*_: object) -> str:
            await silent.wait()
            return "250 late"

        monkeypatch.setattr(sink, "handle_DATA", wait)
        pool = SmtpPool(smtp_server(f"smtp://127.0.0.1:{sink.port}?starttls=no"))
        with pytest.raises(Unknown):
            await pool.send("s@a.example", ["ann@x.example"], b"x\r\n")
        silent.set()
        await pool.close()


async def test_a_relay_that_is_away_or_refuses_us() -> None:
    async with mail_sink(password="right") as sink:
        pool = SmtpPool(smtp_server(f"smtp://user:wrong@127.0.0.1:{sink.port}?starttls=no"))
        with pytest.raises(SenderPaused):
            await pool.send("s@a.example", ["ann@x.example"], b"x\r\n")
        port = sink.port
        right = SmtpPool(smtp_server(f"smtp://user:right@127.0.0.1:{port}?starttls=no"))
        await right.send("s@a.example", ["ann@x.example"], b"x\r\n")
        await right.close()
    with pytest.raises(TemporarilyRefused):
        await SmtpPool(smtp_server(f"smtp://127.0.0.1:{port}?starttls=no")).send("s@a.example", ["a@x.example"], b"x")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    folder: Path = tmp_path_factory.mktemp("tls")
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.mark.parametrize(("scheme", "start_tls"), [("smtps", False), ("smtp", True)])
async def test_certificates_are_checked_unless_told_otherwise(
    tls: ssl.SSLContext, scheme: str, start_tls: bool
) -> None:
    async with mail_sink(tls=tls, start_tls=start_tls) as sink:
        url = f"{scheme}://127.0.0.1:{sink.port}"
        with pytest.raises(TemporarilyRefused):
            await SmtpPool(smtp_server(url)).send("s@a.example", ["ann@x.example"], b"x\r\n")
        pool = SmtpPool(smtp_server(f"{url}?verify=no"))
        await pool.send("s@a.example", ["ann@x.example"], b"x\r\n")
        await pool.close()
        assert len(sink.mails) == 1


async def test_no_word_in_the_clear_where_tls_is_wanted() -> None:
    async with mail_sink() as sink:
        pool = SmtpPool(smtp_server(f"smtp://127.0.0.1:{sink.port}?starttls=yes"))
        with pytest.raises(TemporarilyRefused):
            await pool.send("s@a.example", ["ann@x.example"], b"x\r\n")
        assert sink.mails == []


@pytest.mark.parametrize(
    "url", ["http://x", "smtp://", "smtp://h/path", "smtp://h?starttls=maybe", "smtp://h?x=1", "smtp://a%0a:b@h"]
)
def test_an_address_of_a_relay_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected|starttls|unknown|control"):
        smtp_server(url)
