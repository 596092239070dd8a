"""Files that are sealed while they come in, and are there whole or not at all: imports and exports."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from pathlib import Path
from time import time
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from hotline.crm.keys import PersonalKey
from hotline.errors import HotlineError, Invalid
from hotline.media.errors import NoRoom
from hotline.media.sealed import SealedWriter

T = TypeVar("T")

#: Bytes of the disk that these files never take.
SPARED: Final = 256 << 20
#: Bytes that are encrypted and written in one go.
BATCH: Final = 1 << 20
#: Files without a row are a crash's, when nobody has written to them for so long, in seconds.
ORPHANED_SECONDS: Final = 3600.0

#: Files that are looked up at once, of however many there are.
ASKED_AT_ONCE: Final = 1_000

SUFFIX: Final = ".hls"
PART: Final = ".part"


class FileTooLarge(HotlineError):
    """This file is larger than what is accepted."""

    code: ClassVar[str] = "too_large"
    status: ClassVar[int] = 413


async def in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Not cut off in the middle by a caller who goes away: a file must not be written to after it was removed."""
    task = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def receive(
    path: Path, key: PersonalKey, owner: UUID, body: AsyncIterator[bytes], largest: int, check: Callable[[bytes], None]
) -> int:
    """Seal what comes in into ``path``; its size in bytes. ``check`` sees the first piece, and may raise.

    Raises FileTooLarge, NoRoom, and Invalid for nothing at all; then no file is left.
    """
    await in_thread(_need_room, path)
    async with written(path, key, owner) as writer:
        batch = bytearray()
        async for data in body:
            batch += data
            if writer.size + len(batch) > largest:
                raise FileTooLarge()
            if len(batch) >= BATCH:
                if not writer.size:
                    check(bytes(batch))
                await in_thread(writer.write, bytes(batch))
                batch.clear()
        if not writer.size:
            if not batch:
                raise Invalid("file: it is empty.")
            check(bytes(batch))
        await in_thread(writer.write, bytes(batch))
    return writer.size


@asynccontextmanager
async def written(path: Path, key: PersonalKey, owner: UUID) -> AsyncIterator[SealedWriter]:
    """A file to be written piece by piece: there with the end of the block, or not at all. What a crash left of it is
    removed first. Raises NoRoom."""
    part = path.with_name(path.name + PART)
    await in_thread(remove, part)
    writer = await in_thread(SealedWriter, part, key.secret, owner)
    try:
        yield writer
        await in_thread(finish, writer, part, path)
    except BaseException:
        with suppress(OSError):
            writer.abandon()
        raise


def finish(writer: SealedWriter, part: Path, path: Path) -> None:
    """Write what is left and give the file its name. Blocking."""
    writer.finish(lambda first, _: first)
    os.replace(part, path)
    sync_folder(path.parent)


def sync_folder(place: Path) -> None:
    """A file that was renamed is there after a power cut, too. Blocking."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file; one that is gone is fine. Blocking."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


async def sweep(
    folder: Path, kept: Callable[[Collection[str]], Coroutine[Any, Any, set[str]]], orphaned: float = ORPHANED_SECONDS
) -> int:
    """Remove files of a folder that no row has and nobody has touched for ``orphaned`` seconds; how many."""
    removed = 0
    files = _old_files(folder, time() - orphaned)
    while old := await in_thread(_some, files):
        keep = await kept(old)
        for path in old:
            if path not in keep:
                await in_thread(remove, folder / path)
                removed += 1
    return removed


def _some(files: Iterator[str]) -> list[str]:
    return list(islice(files, ASKED_AT_ONCE))


def _old_files(folder: Path, before: float) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with suppress(OSError):
                if path.is_file() and path.stat().st_mtime < before:
                    yield path.relative_to(folder).as_posix()


def _need_room(path: Path) -> None:
    place = path
    while not place.exists():
        place = place.parent
    if shutil.disk_usage(place).free < SPARED:
        raise NoRoom()
