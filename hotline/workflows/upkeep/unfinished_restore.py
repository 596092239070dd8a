"""The mark of a restore that was cut off: while it lies in the data folder, nothing starts on what is half restored."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hotline.errors import SettingError

MARK: Final = "restore.unfinished"


def refuse(data_dir: Path) -> None:
    """Raise SettingError while a restore was not finished."""
    if (data_dir / MARK).exists():
        raise SettingError(
            f"{data_dir / MARK}: a restore was cut off in the middle. Run hotline restore again; it needs no --replace "
            "now."
        )
