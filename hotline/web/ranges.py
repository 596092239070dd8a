"""Parts of a file by bytes: the Range header (RFC 9110 §14), one range at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hotline.errors import HotlineError

_RANGE: Final = re.compile(r"\s*bytes\s*=\s*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))\s*", re.IGNORECASE)


class NotThere(HotlineError):
    """The file has no such part."""

    code = "range"
    status = 416


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from ``start`` up to ``stop``."""

    start: int
    stop: int

    def __str__(self) -> str:
        return f"bytes {self.start}-{self.stop - 1}"


def part_of(header: str | None, size: int) -> Part | None:
    """The part that is asked for; None for the whole, also when several parts are asked for or nobody understands it.

    Raises NotThere when it begins behind the end.
    """
    asked = _RANGE.fullmatch(header) if header else None
    if asked is None:
        return None
    first, last, suffix = asked.groups()
    if suffix is not None:
        start, stop = max(0, size - int(suffix)), size
        if int(suffix) == 0:
            raise NotThere()
    else:
        start, stop = int(first), min(size, int(last) + 1) if last is not None else size
        if last is not None and int(last) < int(first):
            return None
    if start >= size:
        raise NotThere()
    return Part(start, stop)
