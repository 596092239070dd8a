"""Files of customers: taken in sealed, told by their content, handed out as downloads, taken away and given back.

A file is encrypted while it comes in, under a key of its own, and gets a row only when it is whole and on the disk.
What is taken away can be given back for a day; then its key is destroyed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from hotline.crm import company
from hotline.crm.commands.customers import customer_files as commands
from hotline.crm.commands.customers import customers
from hotline.crm.commands.customers.customer_files import NewFile
from hotline.crm.queries.customers import customer_files as queries
from hotline.crm.queries.customers.customer_files import FileView, SealedFile
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import file_types
from hotline.errors import HotlineError, Invalid, Unavailable
from hotline.media.errors import Damaged, NoRoom
from hotline.media.sealed import SealedReader
from hotline.workflows import sealed_files
from hotline.workflows.company import company as settings_of
from hotline.workflows.customers.customers import reader_of
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Files that one process takes in at once.
MOST_UPLOADS: Final = 16
#: For how long what was taken away can be given back: files, relations, purchases.
GIVEN_BACK: Final = timedelta(days=1)
_MOST_FORGOTTEN: Final = 500


class FileRefused(HotlineError):
    """Files of this kind are not accepted: they run on the computer of who opens them."""

    code = "file_refused"
    status = 415


@dataclass(slots=True)
class _Kept:
    """How many files this process takes in just now."""

    uploading: int = 0


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


def folder(house: House) -> Path:
    """Where files of customers lie."""
    return house.settings.data_dir / "files"


async def add_file(
    house: House, viewer: Viewer, customer_id: UUID, name: str, length: int | None, body: AsyncIterator[bytes]
) -> FileView:
    """Take in a file. Raises NotFound, Invalid for its name, FileTooLarge, FileRefused, NoRoom, and Unavailable while
    too many come at once. Whatever it raises, nothing of the file is kept."""
    viewer.require("customers.write")
    incoming_name = file_types.file_name(name)
    section = await settings_of.get(house, company.Files)
    largest = section.largest_mb << 20
    if length is not None and length > largest:
        raise sealed_files.FileTooLarge()
    own = await require_customer(house.db, reader_of(viewer), customer_id)
    async with house.unit(viewer) as uow:
        await customers.lock_customer(uow, own)  # seen, not erased; before megabytes are sent
    await _need_room(house, section, own, length or 0)
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    if kept.uploading >= MOST_UPLOADS:
        raise Unavailable("Too many files are sent at once; try again soon.")
    kept.uploading += 1
    try:
        return await _take(house, viewer, own, _Incoming(incoming_name, section.refuse_programs), largest, body)
    finally:
        kept.uploading -= 1


async def _take(
    house: House, viewer: Viewer, customer_id: UUID, incoming: _Incoming, largest: int, body: AsyncIterator[bytes]
) -> FileView:
    file_id = house.new_id()
    key, wrapped = house.keyring.new_personal_key(house.new_id())
    # The name on the disk is ours: nothing of what the sender wrote is in it.
    path = f"{house.clock():%Y-%m}/{file_id}-{secrets.token_hex(4)}{sealed_files.SUFFIX}"
    place = folder(house) / path
    size = await sealed_files.receive(place, key, file_id, incoming.hashed(body), largest, incoming.look)
    new = NewFile(file_id, incoming.name, incoming.media_type, size, incoming.digest.digest(), path)
    # When the records go away just now, nobody knows whether they have it: the file stays, and the sweeper decides.
    async with house.unit(viewer) as uow:
        customer = await customers.lock_customer(uow, customer_id)
        await commands.add_file(uow, customer, new, key, wrapped)
        return (await queries.get_file(uow, uow.keyring, reader_of(viewer), customer.id, file_id)).view


async def _need_room(house: House, section: company.Files, customer_id: UUID, coming: int) -> None:
    everybody, own = await queries.usage(house.db, SYSTEM, customer_id)
    if own.files >= section.most_per_customer:
        raise Invalid(f"file: at most {section.most_per_customer} files of one customer.")
    if everybody.bytes + coming > section.quota_mb << 20:
        raise NoRoom("The quota for files is used up.")


async def open_file(
    house: House, viewer: Viewer, customer_id: UUID, file_id: UUID, *, noted: bool = True
) -> tuple[SealedFile, SealedReader]:
    """A file, to be closed by the caller; ``noted`` writes into the audit trail that somebody got it.

    Raises NotFound, and Damaged when it is gone from the disk or was changed there.
    """
    sealed = await queries.get_file(house.db, house.keyring, viewer, customer_id, file_id)
    try:
        reader = await sealed_files.in_thread(SealedReader, folder(house) / sealed.path, sealed.key.secret, file_id)
    except Damaged:
        log.error("customer_file.damaged", file=str(file_id))
        raise Damaged("The file is missing, cut or changed.") from None
    if noted:
        try:
            async with house.unit(viewer) as uow:
                await commands.audit_access(uow, file_id, sealed.view.customer_id)
        except BaseException:
            reader.close()
            raise
    return sealed, reader


async def delete_file(house: House, viewer: Viewer, customer_id: UUID, file_id: UUID) -> None:
    """Take a file away; ``restore_file`` gives it back for a day. Raises NotFound."""
    viewer.require("customers.write")
    async with house.unit(viewer) as uow:
        found = await queries.get_file(uow, uow.keyring, viewer, customer_id, file_id)
        customer = await customers.lock_customer(uow, found.view.customer_id)
        await commands.set_deleted(uow, customer, file_id, found.view.name, deleted=True)


async def restore_file(house: House, viewer: Viewer, customer_id: UUID, file_id: UUID) -> FileView:
    """Give a file back that was taken away. Raises NotFound."""
    viewer.require("customers.write")
    async with house.unit(viewer) as uow:
        own = await require_customer(uow, reader_of(viewer), customer_id)
        customer = await customers.lock_customer(uow, own)
        await commands.set_deleted(uow, customer, file_id, None, deleted=False)
        return (await queries.get_file(uow, uow.keyring, reader_of(viewer), own, file_id)).view


async def keep_files(house: House) -> int:
    """Forget for good what was taken away a day ago, and remove files that no row has; how many files went."""
    before = house.clock() - GIVEN_BACK
    async with house.unit(SYSTEM) as uow:
        paths = await commands.forget_deleted(uow, before, limit=_MOST_FORGOTTEN)
    gone = _MOST_FORGOTTEN
    while gone >= _MOST_FORGOTTEN:
        async with house.unit(SYSTEM) as uow:
            gone = await commands.forget_taken_away(uow, before, limit=_MOST_FORGOTTEN)
    for path in paths:
        await sealed_files.in_thread(sealed_files.remove, folder(house) / path)

    async def kept(some: Collection[str]) -> set[str]:
        return set(await queries.kept_paths(house.db, SYSTEM, some))

    return len(paths) + await sealed_files.sweep(folder(house), kept)
