"""Files of campaigns that lie for a day: where they are, and their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final

from hotline.crm.commands import push_files as commands
from hotline.crm.queries.push_files import kept_push_paths
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError
from hotline.workflows import sealed_files
from hotline.workflows.house import House
from hotline.workflows.sealed_files import in_thread

#: How long a file is kept, from when it is whole.
KEPT: Final = timedelta(hours=24)


class FileGone(HotlineError):
    """This file has ended."""

    code: ClassVar[str] = "export_gone"
    status: ClassVar[int] = 410


def folder(house: House) -> Path:
    """Where they lie until they end."""
    return house.settings.data_dir / "pushes"


async def keep_push_files(house: House) -> int:
    """End files that are past their time, and remove what a crash left; how many."""
    async with house.unit(SYSTEM) as uow:
        paths = await commands.end_expired_files(uow)
    await remove_files(house, paths)
    return len(paths) + await sealed_files.sweep(folder(house), lambda some: kept_push_paths(house.db, SYSTEM, some))


async def remove_files(house: House, paths: Sequence[str]) -> None:
    """Remove files that have ended."""
    for path in paths:
        await in_thread(sealed_files.remove, folder(house) / path)
