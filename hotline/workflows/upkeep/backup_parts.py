"""The folders that belong to the records: what a backup takes beside the database, and a restore puts back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from hotline.settings import Settings

#: Parts that no backup takes: what is in them ends within a day, and can be made anew. A restore empties them.
PASSING: Final = frozenset({"imports", "exports", "pushes"})

#: Names of files that are being written, or that a restore has put aside.
_UNFINISHED: Final = (".part", ".tmp", ".new")


def parts(settings: Settings) -> Mapping[str, Path]:
    """Every part by its name in a backup."""
    data = settings.data_dir
    found = {
        "recordings": settings.recordings_dir or data / "recordings",
        "prompts": settings.prompts_dir or data / "prompts",
        "files": data / "files",
        "imports": data / "imports",
        "exports": data / "exports",
        "pushes": data / "pushes",
    }
    if settings.flows_dir is not None:
        found["flows"] = settings.flows_dir
    return found


def files(folder: Path) -> Iterator[str]:
    """The files of a part, by their place below it; none when there is no such folder. What is being written, and what
    begins with a dot, is left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if not name.startswith(".") and not name.endswith(_UNFINISHED) and path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix()
