"""Mails over a few connections, with several commands in one packet where the relay takes that, and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from hotline.channels.errors import AddressRefused, Filtered, TemporarilyRefused, Unknown
from hotline.channels.mail.bulk_pool import BulkPool
from hotline.settings.mail import smtp_server

MAIL = b"Subject: x\r\n\r\nHello\r\n"


class Relay:
    """Answers commands by a table; notes what it was asked."""

    def __init__(self, *, pipelining: bool, **answers: str) -> None:
        self.pipelining = pipelining
        self.answers = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 taken", "RSET": "250 ok"}
        self.answers |= {"." if name == "END" else name: answer for name, answer in answers.items()}
        self.asked: list[str] = []
        self.packets = 0
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 relay\r\n")
        try:
            while line := (await reader.readline()).decode().strip():
                verb = line[:4].upper()
                self.asked.append(verb)
                if verb == "EHLO":
                    writer.write(
                        b"250-relay\r\n250-PIPELINING\r\n250 SIZE\r\n" if self.pipelining else b"250 relay\r\n"
                    )
                    continue
                answer = self.answers.get(verb, "250 ok")
                if answer == "drop":
                    break
                writer.write(f"{answer}\r\n".encode())
                if verb == "DATA" and answer.startswith("354"):
                    await self._content(reader)
                    if self.answers["."] == "drop":
                        break
                    writer.write(f"{self.answers['.']}\r\n".encode())
                if verb == "QUIT":
                    break
        finally:
            writer.close()

    async def _content(self, reader: asyncio.StreamReader) -> None:
        empty = True
        while (line := await reader.readline()) not in (b".\r\n", b""):
            empty = False
            assert line.endswith(b"\r\n")
        self.asked.append("empty" if empty else "mail")


@asynccontextmanager
async def relay(found: Relay) -> AsyncIterator[BulkPool]:
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pool = BulkPool(smtp_server(f"smtp://127.0.0.1:{port}?starttls=no"), most=2)
    try:
        yield pool
    finally:
        await pool.close()
        server.close()


async def sent(pool: BulkPool) -> None:
    await pool.send("news@company.example", ["anna@example.com"], MAIL)


@pytest.mark.parametrize("pipelining", [True, False])
async def test_mails_go_over_one_connection_one_after_the_other(pipelining: bool) -> None:
    found = Relay(pipelining=pipelining)
    async with relay(found) as pool:
        for _ in range(3):
            await sent(pool)
    assert found.connections == 1
    assert found.asked.count("mail") == 3
    assert "empty" not in found.asked


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_refused_recipient_gets_nothing_and_the_next_mail_goes(pipelining: bool) -> None:
    found = Relay(pipelining=pipelining, RCPT="550 5.1.1 no such user", END="554 no valid recipients")
    async with relay(found) as pool:
        with pytest.raises(AddressRefused):
            await sent(pool)
        assert "mail" not in found.asked
        found.answers |= {"RCPT": "250 ok", ".": "250 taken"}
        await sent(pool)
    assert found.connections == 1
    assert found.asked.count("mail") == 1


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("verb", "answer", "error"),
    [
        ("MAIL", "451 4.3.0 later", TemporarilyRefused),
        ("RCPT", "450 4.2.1 later", TemporarilyRefused),
        ("DATA", "451 later", TemporarilyRefused),
        ("MAIL", "drop", TemporarilyRefused),
        ("DATA", "drop", TemporarilyRefused),
        ("END", "554 5.7.1 spam", Filtered),
        ("END", "452 4.3.1 full", TemporarilyRefused),
        ("END", "drop", Unknown),
    ],
)
async def test_what_a_relay_says_where_is_what_is_known(
    pipelining: bool, verb: str, answer: str, error: type[Exception]
) -> None:
    found = Relay(pipelining=pipelining, **{verb: answer})
    async with relay(found) as pool:
        with pytest.raises(error):
            await sent(pool)
        found.answers |= Relay(pipelining=pipelining).answers
        await sent(pool)
    assert found.asked[-1] in ("mail", "QUIT")


async def test_many_at_once_use_no_more_connections_than_there_are() -> None:
    found = Relay(pipelining=True)
    work: Callable[[BulkPool], Awaitable[None]] = sent
    async with relay(found) as pool:
        await asyncio.gather(*(work(pool) for _ in range(20)))
    assert found.connections == 2
    assert found.asked.count("mail") == 20
