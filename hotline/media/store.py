"""The folder of finished prompts: two files each, 8 and 16 kHz, named by a digest of what they say and how.

What has one name never changes, so that a PBX and every cache on the way may keep it for good; another text or another
recording is another name.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

#: Rate in Hz → the ending by which Asterisk knows the format.
SUFFIXES: Final = {8000: ".wav", 16000: ".wav16"}

#: Prompts that no flow wants any more, and texts made for one caller, stay this long after their last use.
KEEP_SECONDS: Final = 30 * 86_400.0
#: Most prompts that are kept beyond those that flows want.
MOST_SPARE: Final = 5_000

_HEADER: Final = 44
_NAME: Final = re.compile(r"[0-9a-f]{32}")


class PromptStore:
    """Prompts by digest. Reads the folder once; what others add later is found when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seconds: dict[str, float] = {}
        self._touched: dict[str, float] = {}

    def seconds(self, digest: str) -> float | None:
        """How long a prompt is, None when it is not there."""
        found = self._seconds.get(digest)
        if found is None:
            found = self._look(digest)
        if found is not None:
            self._use(digest)
        return found

    def path(self, digest: str, rate: int) -> Path:
        """The file of a prompt."""
        if not _NAME.fullmatch(digest):
            raise ValueError("not a digest")
        return self.folder / (digest + SUFFIXES[rate])

    def draft(self) -> dict[int, Path]:
        """Names to write a new prompt's files to, before ``keep``; the caller removes what is left of them."""
        name = f".{os.getpid()}-{secrets.token_hex(8)}"
        return {rate: self.folder / (name + suffix) for rate, suffix in SUFFIXES.items()}

    def keep(self, digest: str, draft: dict[int, Path]) -> None:
        """Make a draft the prompt of this name."""
        for rate in sorted(draft, reverse=True):  # 8 kHz last: it is what says that both are there
            os.replace(draft[rate], self.path(digest, rate))
        self._look(digest)

    def forget(self, digest: str) -> None:
        """Delete a prompt."""
        self._seconds.pop(digest, None)
        self._touched.pop(digest, None)
        for rate in SUFFIXES:
            self.path(digest, rate).unlink(missing_ok=True)

    def sweep(self, wanted: Collection[str], now: float | None = None) -> int:
        """Delete what nobody wanted for long, the drafts of a crash, and what is too much; how many files."""
        now = time.time() if now is None else now
        removed, spare = 0, []
        for entry in list(os.scandir(self.folder)):
            with suppress(OSError):
                age = now - entry.stat().st_mtime
                if entry.name.startswith(".") and age > 3600:
                    os.unlink(entry.path)
                    removed += 1
                elif entry.name.endswith(SUFFIXES[8000]) and _NAME.fullmatch(entry.name.removesuffix(".wav")):
                    digest = entry.name.removesuffix(".wav")
                    if digest not in wanted:
                        spare.append((age, digest))
        spare.sort()
        for place, (age, digest) in enumerate(spare):
            if place < MOST_SPARE and age <= KEEP_SECONDS:
                continue
            with suppress(OSError):
                self.forget(digest)
                removed += len(SUFFIXES)
        return removed

    def _look(self, digest: str) -> float | None:
        try:
            size = self.path(digest, 8000).stat().st_size
        except FileNotFoundError:
            return None
        seconds = self._seconds[digest] = max(0, size - _HEADER) / 2 / 8000
        return seconds

    def _use(self, digest: str) -> None:
        """Note once a day that it is in use."""
        now = time.monotonic()
        if now - self._touched.get(digest, float("-inf")) > 86_400:
            self._touched[digest] = now
            with suppress(OSError):
                os.utime(self.path(digest, 8000))
