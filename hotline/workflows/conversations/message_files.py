"""Files of messages: fetched once from where the provider has them, told by their content, sealed, and handed out as
downloads. A file is on the disk, whole, before its row says so."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from hotline.channels.errors import ChannelError, MediaRefused, NotConfigured
from hotline.channels.outgoing_urls import Gone, TooLarge
from hotline.crm import company
from hotline.crm.commands.conversations import message_files as commands
from hotline.crm.commands.conversations.conversations import conversation_marks, lock_conversation
from hotline.crm.commands.conversations.message_files import KeptFile, RefusedFile, WaitingFile
from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.queries.conversations import message_files as queries
from hotline.crm.queries.conversations.conversations import require_conversation
from hotline.crm.queries.conversations.message_files import SealedMessageFile
from hotline.crm.queries.conversations.messages import MessageFileView
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import file_types
from hotline.errors import Invalid, Unavailable
from hotline.media.errors import Damaged, NoRoom
from hotline.media.sealed import SealedReader
from hotline.workflows import sealed_files
from hotline.workflows.company import company as settings_of
from hotline.workflows.customers.customer_files import FileRefused, folder
from hotline.workflows.house import House
from hotline.workflows.sealed_files import FileTooLarge

log = structlog.get_logger(__name__)

FETCHED: Final = Counter("hotline_message_files", "Files of messages by what became of them.", ["outcome"])

#: Files fetched at once by one process, tries of one, and how long until the next.
AT_ONCE: Final = 2
MOST_TRIES: Final = 6
FIRST_WAIT: Final = timedelta(seconds=20)
LEASE: Final = timedelta(minutes=3)
#: Files beside a reply that nobody sent are kept for so long.
UNSENT: Final = timedelta(days=1)
#: Files that one process takes in beside replies at once.
MOST_UPLOADS: Final = 8


@dataclass
class _Fetching:
    """Wakes the fetching of this process; how many files come in."""

    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    uploading: int = 0


def _state(house: House) -> _Fetching:
    found: _Fetching = house.kept.setdefault(_Fetching, _Fetching())
    return found


def wake_fetching(house: House) -> None:
    """Files wait: fetch them now, in this process."""
    _state(house).wanted.set()


async def fetching_wanted(house: House, seconds: float) -> None:
    """Wait until files wait, as far as this process knows, at most so long."""
    wanted = _state(house).wanted
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wanted.wait()
    wanted.clear()


@dataclass(slots=True)
class _Incoming:
    """What is learnt of a file while it comes in."""

    name: str
    refuse_programs: bool
    media_type: str = file_types.UNKNOWN
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def look(self, head: bytes) -> None:
        """Tell what it is by its first bytes. Raises FileRefused."""
        head = head[: file_types.HEAD]
        if self.refuse_programs and file_types.is_program(head, self.name):
            raise FileRefused()
        self.media_type = file_types.media_type(head, self.name)

    async def hashed(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body, hashed on its way."""
        async for data in body:
            self.digest.update(data)
            yield data


def safe_name(name: str, position: int = 0) -> str:
    """A file's name as it is shown and saved; one that is none gets one."""
    try:
        return file_types.file_name(name)
    except Invalid:
        return f"file-{position + 1}" if position else "file"


async def keep(house: House, name: str, data: bytes, content_id: str | None = None) -> KeptFile | RefusedFile:
    """Seal a file that came with a message and put it on the disk, before the unit of work that keeps the message; what
    no row names an hour later is removed."""
    section = await settings_of.get(house, company.Messages)

    async def whole() -> AsyncIterator[bytes]:
        yield data

    cleaned = safe_name(name)
    try:
        if len(data) > section.largest_mb << 20:
            raise FileTooLarge()
        file_id, key, wrapped = house.new_id(), *house.keyring.new_personal_key(house.new_id())
        return await _seal(house, file_id, key, wrapped, cleaned, whole(), section.largest_mb << 20, content_id)
    except (FileTooLarge, FileRefused, NoRoom, Invalid) as error:
        reason = _REASONS.get(type(error), "empty")
        FETCHED.labels(reason).inc()
        return RefusedFile(cleaned, file_types.media_type(data[: file_types.HEAD], cleaned), reason, content_id)


_REASONS: Final[Mapping[type[Exception], str]] = {
    FileTooLarge: "too_large",
    TooLarge: "too_large",
    FileRefused: "program",
    NoRoom: "no_room",
    Gone: "gone",
}


async def _seal(
    house: House,
    file_id: UUID,
    key: PersonalKey,
    wrapped: Wrapped,
    name: str,
    body: AsyncIterator[bytes],
    largest: int,
    content_id: str | None = None,
) -> KeptFile:
    files = await settings_of.get(house, company.Files)
    if await queries.bytes_kept(house.db, SYSTEM) > files.quota_mb << 20:
        raise NoRoom("The quota for files is used up.")
    incoming = _Incoming(name, files.refuse_programs)
    # The name on the disk is ours: nothing of what the sender wrote is in it.
    path = f"{house.clock():%Y-%m}/{file_id}-{secrets.token_hex(4)}{sealed_files.SUFFIX}"
    size = await sealed_files.receive(folder(house) / path, key, file_id, incoming.hashed(body), largest, incoming.look)
    return KeptFile(file_id, key, wrapped, name, incoming.media_type, size, incoming.digest.digest(), path, content_id)


async def add_file(
    house: House, viewer: Viewer, conversation_id: UUID, name: str, length: int | None, body: AsyncIterator[bytes]
) -> MessageFileView:
    """Take in a file beside the reply that the viewer writes, to be sent with it by its id within a day.

    Raises NotFound, Invalid, FileTooLarge, FileRefused, NoRoom, and Unavailable while too many come at once.
    """
    viewer.require("conversations.write")
    await require_conversation(house.db, viewer, conversation_id)
    section = await settings_of.get(house, company.Messages)
    largest = section.largest_mb << 20
    if length is not None and length > largest:
        raise FileTooLarge()
    state = _state(house)
    if state.uploading >= MOST_UPLOADS:
        raise Unavailable("Too many files are sent at once; try again soon.")
    state.uploading += 1
    try:
        file_id, key, wrapped = house.new_id(), *house.keyring.new_personal_key(house.new_id())
        kept = await _seal(house, file_id, key, wrapped, file_types.file_name(name), body, largest)
    finally:
        state.uploading -= 1
    async with house.unit(viewer) as uow:
        await commands.add_files(uow, conversation_id, None, [kept])
        return (await queries.get_message_file(uow, uow.keyring, viewer, conversation_id, file_id)).view


async def open_file(
    house: House, viewer: Viewer, conversation_id: UUID, file_id: UUID
) -> tuple[MessageFileView, SealedReader]:
    """A file of a conversation that the viewer sees, to be closed by the caller; the trail notes who got it.

    Raises NotFound, and Damaged when it is gone from the disk or was changed there.
    """
    sealed = await queries.get_message_file(house.db, house.keyring, viewer, conversation_id, file_id)
    reader = await opened(house, sealed)
    try:
        async with house.unit(viewer) as uow:
            uow.audit("message_file:downloaded", file_id, conversation_id=conversation_id)
    except BaseException:
        reader.close()
        raise
    return sealed.view, reader


async def opened(house: House, sealed: SealedMessageFile) -> SealedReader:
    """What is in a file, to be closed by the caller. Raises Damaged."""
    try:
        return await sealed_files.in_thread(
            SealedReader, folder(house) / sealed.path, sealed.key.secret, sealed.view.id
        )
    except Damaged:
        log.error("message_file.damaged", file=str(sealed.view.id))
        raise Damaged("The file is missing, cut or changed.") from None


async def open_sent(house: House, file_id: UUID) -> tuple[MessageFileView, SealedReader]:
    """A file of a message that leaves, to be closed by the caller; whoever asks has shown that they may have it. Raises
    NotFound, Damaged."""
    sealed = await queries.get_any_file(house.db, house.keyring, SYSTEM, file_id)
    return sealed.view, await opened(house, sealed)


async def whole_file(house: House, file_id: UUID) -> tuple[MessageFileView, bytes]:
    """A file of a message that leaves, whole: no larger than the company's limit. Raises NotFound, Damaged."""
    view, reader = await open_sent(house, file_id)
    try:
        return view, await sealed_files.in_thread(lambda: b"".join(reader.read(0, reader.size)))
    finally:
        reader.close()


# What is fetched, by every node: each file by one of them


async def fetch_waiting(house: House) -> int:
    """Fetch files that are due; how many were looked at."""
    async with house.unit(SYSTEM) as uow:
        waiting = await commands.lease_waiting(uow, uow.now + LEASE, AT_ONCE)
    await asyncio.gather(*(_fetch(house, each) for each in waiting))
    return len(waiting)


async def _fetch(house: House, file: WaitingFile) -> None:
    section = await settings_of.get(house, company.Messages)
    largest = section.largest_mb << 20
    kept: KeptFile | None = None
    try:
        if house.twilio is None:
            raise NotConfigured
        media = await house.twilio.fetch_media(file.url, largest, account_sid=file.account_sid)

        async def whole() -> AsyncIterator[bytes]:
            yield media.data

        name = safe_name(file.name or _name_for(media.data))
        kept = await _seal(house, file.id, file.key, Wrapped("", b""), name, whole(), largest)
    except (MediaRefused, FileTooLarge, FileRefused, Invalid) as error:
        await _refuse(house, file, _REASONS.get(type(error), "address" if isinstance(error, MediaRefused) else "empty"))
    except (ChannelError, NoRoom, Unavailable) as error:
        if file.attempts >= MOST_TRIES:
            await _refuse(house, file, "gone")
            return
        log.warning("message_file.later", file=str(file.id), reason=error.code, tries=file.attempts)
        async with house.unit(SYSTEM) as uow:
            await commands.put_off(uow, file.id, uow.now + FIRST_WAIT * 2**file.attempts)
    else:
        async with house.unit(SYSTEM) as uow:
            there = await commands.keep_fetched(
                uow, file, name=kept.name, media_type=kept.media_type, size=kept.size, sha256=kept.sha256,
                path=kept.path,
            )  # fmt: skip
            if there:
                await _tell(uow, file)
        if not there:  # its customer was erased meanwhile
            await sealed_files.in_thread(sealed_files.remove, folder(house) / kept.path)
        FETCHED.labels("kept").inc()


def _name_for(data: bytes) -> str:
    """A name for a file that came without: by what it is."""
    kind = file_types.media_type(data[: file_types.HEAD], "")
    return f"file{_ENDINGS.get(kind, '')}"


_ENDINGS: Final = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "application/pdf": ".pdf",
    "video/mp4": ".mp4", "video/3gpp": ".3gp", "audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/amr": ".amr",
    "text/plain": ".txt", "text/vcard": ".vcf",
}  # fmt: skip


async def _refuse(house: House, file: WaitingFile, reason: str) -> None:
    log.warning("message_file.refused", file=str(file.id), reason=reason)
    FETCHED.labels(reason).inc()
    async with house.unit(SYSTEM) as uow:
        await commands.refuse_fetched(uow, file.id, reason)
        await _tell(uow, file)


async def _tell(uow: UnitOfWork, file: WaitingFile) -> None:
    conversation = await lock_conversation(uow, file.conversation_id)
    uow.emit(
        "message.updated", conversation_marks(conversation), message_id=file.message_id,
        conversation_id=conversation.id, ticket_id=conversation.ticket_id, version=conversation.version, kind="message",
        state="received",
    )  # fmt: skip


async def forget_unsent(house: House) -> int:
    """Remove files that lie beside replies which nobody sent; how many."""
    async with house.unit(SYSTEM) as uow:
        paths = await commands.forget_unsent(uow, uow.now - UNSENT, limit=200)
    for path in paths:
        await sealed_files.in_thread(sealed_files.remove, folder(house) / path)
    return len(paths)
