"""Mail: the LMTP server of this process, the mailbox that one process reads, and the relay's connections."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from hotline.channels.mail.imap import OpenMailbox, open_mailbox
from hotline.channels.mail.lmtp import LmtpServer, TooLargeMail
from hotline.errors import HotlineError
from hotline.settings.mail import ImapServer
from hotline.workflows.house import House
from hotline.workflows.leases import Lease, acquire_lease, release_lease, renew_lease
from hotline.workflows.mail import mail_in, mail_out, mailboxes

log = structlog.get_logger(__name__)

#: Seconds between two looks into the mailbox when the server tells nothing, and until it is tried anew.
LOOK_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 15.0
LONGEST_RETRY_SECONDS: Final = 300.0
#: Who reads the mailbox has it for so long without a sign of life.
LEASE: Final = timedelta(minutes=5)
IDLE_SECONDS: Final = 15.0
#: A mail that cannot be taken in is passed over after so many tries: it stays in the mailbox, unread.
MOST_TRIES: Final = 3
#: A mail larger than this is not fetched; the company's own limit is smaller.
MOST_BYTES: Final = 100 << 20


class _Trouble:
    """What keeps this process from the mailbox; empty when it is well or another process reads."""

    text = ""


def trouble(house: House) -> str:
    """What is wrong with the mailbox that is read, for the system page; empty when nothing is."""
    found: _Trouble = house.kept.setdefault(_Trouble, _Trouble())
    return found.text


class Door:
    """What the LMTP server gives mail to."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def accepts(self, address: str) -> bool | None:
        """As ``mail_in.accepts``."""
        return await mail_in.accepts(self._house, address)

    async def take(self, raw: bytes, envelope_sender: str, recipient: str) -> None:
        """As ``mail_in.take``."""
        await mail_in.take(self._house, raw, envelope_sender=envelope_sender, recipient=recipient)


async def serve(house: House, sockets: Sequence[socket.socket]) -> LmtpServer:
    """The LMTP server on bound sockets, listening."""
    server = LmtpServer(Door(house), house.settings.mail_lmtp_sources)
    await server.start(sockets)
    return server


async def run(house: House) -> None:
    """Read the mailbox, if one is set, and keep the relay's connections young, until cancelled."""
    reading = house.spawn(_read_forever(house, house.settings.imap), "mailbox") if house.settings.imap else None
    try:
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            await mail_out.close_idle(house)
    finally:
        while reading is not None and not reading.done():
            # Until Python 3.12 wait_for, which the library is built of, may swallow a cancellation.
            reading.cancel()
            await asyncio.wait([reading], timeout=1)
        await mail_out.close(house)


async def _read_forever(house: House, server: ImapServer) -> None:
    wait = RETRY_SECONDS
    reader = Reader(house, server)
    while True:
        try:
            lease = await acquire_lease(house, f"mailbox:{reader.name}", LEASE)
            if lease is not None:
                try:
                    await reader.read(lease)
                finally:
                    await release_lease(house, lease)
            wait = RETRY_SECONDS
        except HotlineError as error:
            house.kept.setdefault(_Trouble, _Trouble()).text = error.detail
            log.warning("mailbox.waiting", reason=error.code, seconds=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_RETRY_SECONDS)
            continue
        except Exception:
            log.exception("mailbox.failed")
        await asyncio.sleep(RETRY_SECONDS)


class Reader:
    """Takes in what is new in one mailbox. A mail counts as read when it is committed."""

    def __init__(self, house: House, server: ImapServer) -> None:
        self._house = house
        self._server = server
        known = f"{server.user}@{server.host}:{server.port}/{server.folder}"
        self.name = hashlib.sha256(known.encode()).hexdigest()[:32]
        self._tries: dict[int, int] = {}

    async def read(self, lease: Lease) -> None:
        """Read until the lease is lost or the mailbox goes away."""
        async with open_mailbox(self._server) as mailbox:
            self._house.kept.setdefault(_Trouble, _Trouble()).text = ""
            while True:
                await self.once(mailbox)
                if await renew_lease(self._house, lease, LEASE) is None:
                    return
                await mailbox.changed(LOOK_SECONDS)

    async def once(self, mailbox: OpenMailbox) -> int:
        """Take in all that is new now; how many mails that were."""
        taken = 0
        known = await mailboxes.read(self._house, self.name)
        if known is None or known[0] != mailbox.uid_validity:
            # Read for the first time, or numbered anew: what nobody has read is new.
            newest = await mailbox.last_uid()
            for uid in await mailbox.uids(None):
                taken += await self._take(mailbox, uid, note=False)
            await mailboxes.read_up_to(self._house, self.name, mailbox.uid_validity, newest)
            return taken
        after = known[1]
        while uids := await mailbox.uids(after):
            for uid in uids:
                taken += await self._take(mailbox, uid, note=True)
            after = uids[-1]
        return taken

    async def _take(self, mailbox: OpenMailbox, uid: int, *, note: bool) -> bool:
        mail = await mailbox.fetch(uid, MOST_BYTES)
        kept = False
        if mail is not None:
            try:
                if mail.raw is None:
                    raise TooLargeMail
                await mail_in.take(self._house, mail.raw)
                kept = True
            except TooLargeMail:
                log.warning("mailbox.too_large", uid=uid, bytes=mail.size)
            except Exception as error:
                if isinstance(error, HotlineError) and error.retry:
                    raise  # the records' bad day
                # This mail's own: the ones behind it must not wait for ever.
                self._tries[uid] = self._tries.get(uid, 0) + 1
                if self._tries[uid] < MOST_TRIES:
                    raise
                log.exception("mailbox.passed_over", uid=uid)
            if kept:
                await mailbox.mark_read(uid)
        if note:
            passed = mail is not None and not kept
            await mailboxes.read_up_to(self._house, self.name, mailbox.uid_validity, uid, passed=passed)
        return kept
