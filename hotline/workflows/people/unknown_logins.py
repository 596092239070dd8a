"""Tries to sign in as somebody who does not exist, counted as a user's are: a lock must not tell which logins exist."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

#: How many logins a process remembers; the one tried longest ago is forgotten first.
KEPT: Final = 10_000


@dataclass(slots=True)
class _Tries:
    failed: int = 0
    locked_until: datetime | None = None


class UnknownLogins:
    """The wrong tries of one process; nothing of them is written to the records."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def count(self, login: str, now: datetime, most: int, lock: timedelta) -> tuple[datetime | None, datetime | None]:
        """Count a try. The end of a lock that is on, or else the end of the one that this try begins."""
        tries = self._tries.setdefault(login, _Tries())
        self._tries.move_to_end(login)
        if len(self._tries) > KEPT:
            self._tries.popitem(last=False)
        if tries.locked_until is not None:
            if now < tries.locked_until:
                return tries.locked_until, None
            tries.failed, tries.locked_until = 0, None
        tries.failed += 1
        if tries.failed >= most:
            tries.locked_until = now + lock
        return None, tries.locked_until
