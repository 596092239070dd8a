"""The ways that mail comes in by: LMTP from the mail server, and a mailbox that is read."""

from __future__ import annotations

import asyncio
import smtplib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from pydantic import SecretStr

from hotline.channels.errors import NotConfigured, TemporarilyRefused
from hotline.channels.mail.imap import open_mailbox
from hotline.channels.mail.lmtp import LmtpServer
from hotline.errors import Conflict, Unavailable
from hotline.jobs import mail as job
from hotline.settings.mail import imap_server as imap_address
from hotline.workflows.house import House
from hotline.workflows.mail import mail_in
from tests.fakes.imap import Mailbox, imap_server
from tests.integration.mail import SUPPORT, mail, mail_house
from tests.waiting import until


def listening() -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


class Client:
    """A mail server that hands mail over."""

    def __init__(self, port: int) -> None:
        self._lmtp = smtplib.LMTP("127.0.0.1", port)

    async def give(self, raw: bytes, *recipients: str, sender: str = "ann@x.example") -> list[int]:
        """The codes of each answer."""
        return await asyncio.to_thread(self._give, raw, recipients, sender)

    def _give(self, raw: bytes, recipients: tuple[str, ...], sender: str) -> list[int]:
        self._lmtp.ehlo_or_helo_if_needed()
        codes = [self._lmtp.mail(sender)[0], *(self._lmtp.rcpt(each)[0] for each in recipients)]
        if 250 in codes[1:]:
            codes.append(self._lmtp.data(raw)[0])
        self._lmtp.rset()
        return codes

    def close(self) -> None:
        self._lmtp.close()


@asynccontextmanager
async def door(house: House) -> AsyncIterator[Client]:
    sock = listening()
    server = await job.serve(house, [sock])
    client = await asyncio.to_thread(Client, sock.getsockname()[1])
    try:
        yield client
    finally:
        client.close()
        await server.stop()


async def kept(house: House) -> int:
    found: int = await house.db.fetchval("SELECT count(*) FROM message WHERE direction = 'in'")
    return found


async def test_a_mail_is_accepted_when_it_is_committed(house: House) -> None:
    async with mail_house(house), door(house) as client:
        assert await client.give(mail(), SUPPORT) == [250, 250, 250]
        assert await kept(house) == 1
        assert await client.give(mail(), SUPPORT) == [250, 250, 250]
        assert await kept(house) == 1
        assert await client.give(mail(), "nobody@acme.example") == [250, 550]
        assert await client.give(mail(message_id="<2@x.example>"), SUPPORT, "other@acme.example") == [
            250,
            250,
            452,
            250,
        ]


async def test_records_that_are_away_make_the_mail_server_keep_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mail_house(house, largest_mb=1), door(house) as client:

        async def away(*_: object, **__: object) -> None:
            raise Unavailable

        async def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a defect")

        for trouble in (away, broken):
            with monkeypatch.context() as patched:
                patched.setattr(mail_in, "take", trouble)
                assert await client.give(mail(), SUPPORT) == [250, 250, 451]
        assert await client.give(mail("x" * 900 + "\n") + b"y\r\n" * (1 << 19), SUPPORT) == [250, 250, 552]
        assert await client.give(mail("long" * 60_000), SUPPORT) == [250, 250, 250]


async def test_nothing_set_up_yet_is_no_reason_to_lose_mail(house: House) -> None:
    async with door(house) as client:
        assert await client.give(mail(), SUPPORT) == [250, 451]


def test_who_may_speak(house: House) -> None:
    local = LmtpServer(job.Door(house), [])
    assert local.may_speak("127.0.0.1")
    assert local.may_speak("::1")
    assert local.may_speak("::ffff:127.0.0.1")
    assert not local.may_speak("10.0.0.1")
    assert not local.may_speak("")
    listed = LmtpServer(job.Door(house), [ip_network("10.0.0.0/8")])
    assert listed.may_speak("10.1.2.3")
    assert not listed.may_speak("127.0.0.1")


async def test_who_is_not_listed_hears_nothing(house: House) -> None:
    sock = listening()
    server = LmtpServer(job.Door(house), [ip_network("10.0.0.0/8")])
    await server.start([sock])
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"LHLO x\r\n")
    assert (await reader.read()).startswith(b"421")
    writer.close()
    await server.stop()


def reader_of(house: House, mailbox: Mailbox, password: str = "right") -> job.Reader:
    return job.Reader(house, imap_address(f"imap://me:{password}@127.0.0.1:{mailbox.port}/INBOX"))


async def look(reader: job.Reader) -> int:
    async with open_mailbox(reader._server) as mailbox:
        return await reader.once(mailbox)


async def test_a_mailbox_is_read_once_from_where_it_was_left(house: House) -> None:
    async with mail_house(house), imap_server() as mailbox:
        old = mailbox.add(mail(message_id="<old@x.example>"))
        mailbox.seen.add(old)
        mailbox.add(mail())
        reader = reader_of(house, mailbox)
        assert await look(reader) == 1  # what somebody has read before is theirs
        assert mailbox.seen == {1, 2}
        mailbox.add(mail(message_id="<3@x.example>"))
        mailbox.seen.add(3)  # read by a person meanwhile: it is new to us all the same
        assert await look(reader_of(house, mailbox)) == 1
        assert await look(reader_of(house, mailbox)) == 0
        mailbox.validity += 1  # numbered anew: what comes again is known
        mailbox.seen.clear()
        await look(reader_of(house, mailbox))
        assert await kept(house) == 3


@pytest.mark.parametrize("trouble", [RuntimeError("a defect"), Conflict("never")])
async def test_a_mail_that_trips_the_reader_stops_it_no_longer_than_its_tries(
    house: House, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    async with mail_house(house), imap_server() as mailbox:
        reader = reader_of(house, mailbox)
        await look(reader)
        mailbox.add(mail(message_id="<bad@x.example>"))
        mailbox.add(mail(message_id="<good@x.example>"))
        real = mail_in.take

        async def trips(house: House, raw: bytes, **more: str) -> mail_in.Taken:
            if b"bad@" in raw:
                raise trouble
            return await real(house, raw, **more)

        monkeypatch.setattr(mail_in, "take", trips)
        for _ in range(job.MOST_TRIES - 1):
            with pytest.raises(type(trouble)):
                await look(reader)
        assert await look(reader) == 1
        assert mailbox.seen == {2}  # the other one stays unread, for people
        assert await house.db.fetchval("SELECT passed FROM mailbox") == 1


async def test_a_mailbox_that_refuses_or_is_away(house: House) -> None:
    async with imap_server() as mailbox:
        with pytest.raises(NotConfigured):
            await look(reader_of(house, mailbox, "wrong"))
        reader = reader_of(house, mailbox)
    with pytest.raises(TemporarilyRefused):
        await look(reader)


async def test_the_job_hears_of_new_mail_and_ends_well(house: House) -> None:
    async with mail_house(house), imap_server() as mailbox:
        house.settings = house.settings.model_copy(
            update={"imap_url": SecretStr(f"imap://me:right@127.0.0.1:{mailbox.port}/INBOX")}
        )
        running = house.spawn(job.run(house), "mail")
        async with asyncio.timeout(60):
            await mailbox.idles.wait()
        mailbox.add(mail())
        await until(lambda: kept(house))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
