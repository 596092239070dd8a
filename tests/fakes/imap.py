"""A mailbox on loopback that speaks as much of IMAP (RFC 3501, RFC 2177) as a reader of mail asks for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Mailbox:
    """``mails`` by their ids, ``seen`` those marked as read."""

    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    validity: int = 7
    port: int = 0
    logins: int = 0
    idling: set[asyncio.StreamWriter] = field(default_factory=set)
    idles: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, raw: bytes) -> int:
        """One more mail; who idles is told."""
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = raw
        for writer in self.idling:
            writer.write(f"* {len(self.mails)} EXISTS\r\n".encode())
        return uid

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                tag, _, command = line.decode().strip().partition(" ")
                if not await self._answer(tag, command, reader, writer):
                    break
                await writer.drain()
        writer.close()

    async def _answer(self, tag: str, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        word = command.upper()
        if word.startswith("CAPABILITY"):
            writer.write(b"* CAPABILITY IMAP4rev1 IDLE\r\n")
        elif word.startswith("LOGIN"):
            self.logins += 1
            if "right" not in command:
                writer.write(f"{tag} NO no\r\n".encode())
                return True
        elif word.startswith("SELECT"):
            writer.write(f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] ids\r\n".encode())
        elif word.startswith("UID SEARCH"):
            found = self._search(word.removeprefix("UID SEARCH").strip())
            writer.write(f"* SEARCH{''.join(f' {uid}' for uid in found)}\r\n".encode())
        elif match := re.match(r"UID FETCH (\d+)", word):
            self._fetch(int(match[1]), word, writer)
        elif match := re.match(r"UID STORE (\d+) \+FLAGS", word):
            self.seen.add(int(match[1]))
        elif word == "IDLE":
            writer.write(b"+ idling\r\n")
            self.idling.add(writer)
            self.idles.set()
            await reader.readline()
            self.idling.discard(writer)
        elif word == "LOGOUT":
            writer.write(f"* BYE\r\n{tag} OK\r\n".encode())
            return False
        writer.write(f"{tag} OK done\r\n".encode())
        return True

    def _search(self, criterion: str) -> list[int]:
        if criterion == "UNSEEN":
            return sorted(set(self.mails) - self.seen)
        if criterion == "UID *":
            return [max(self.mails)] if self.mails else []
        after = int(criterion.removeprefix("UID ").partition(":")[0])
        # As servers do: n:* always names the last one.
        return sorted({uid for uid in self.mails if uid >= after} | ({max(self.mails)} if self.mails else set()))

    def _fetch(self, uid: int, word: str, writer: asyncio.StreamWriter) -> None:
        raw = self.mails.get(uid)
        if raw is None:
            return
        if "RFC822.SIZE" in word:
            writer.write(f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw)})\r\n".encode())
        else:
            writer.write(f"* {uid} FETCH (UID {uid} BODY[] {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")


@asynccontextmanager
async def imap_server() -> AsyncIterator[Mailbox]:
    """A mailbox that can be read while the context is open; the password is ``right``."""
    mailbox = Mailbox()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await mailbox.serve(reader, writer)
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
