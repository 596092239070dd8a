"""The newest records of somebody who has or sees very many, along the table's own order.

A page of the newest of a fifth of all records is found among the newest few hundred; reading the fifth, to sort it,
costs a thousand times that. Who has few is quicker found by these few, and how many they are is not known before: so
the newest WALKED records are asked, and only where these do not fill the page, all that somebody has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

#: Records that are asked one by one.
WALKED: Final = 4_000
#: Who has no more than these is found by them.
FEW: Final = 1_000


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest records, ``c``, for which ``plain`` and ``each`` hold, as SQL. ``plain`` are conditions on columns
    alone, ``each`` are asked row by row; ``having`` select the ids of all that each of these would leave."""

    table: Literal["call", "customer"]
    plain: Sequence[str]
    each: Sequence[str]
    having: Sequence[str]

    def ids(self, limit: str) -> str:
        """An array of their ids; fewer than ``limit`` are not all, unless ``complete``."""
        asked = " AND ".join([*self._many, *self.each])
        return f"ARRAY(SELECT c.id FROM ({self._latest('c.*')}) AS c WHERE {asked} ORDER BY c.id DESC LIMIT {limit})"  # noqa: S608

    @property
    def complete(self) -> str:
        """Whether every record was asked for which ``plain`` holds."""
        walked = f"(SELECT count(*) FROM ({self._latest('1')}) AS walked) < {WALKED}"  # noqa: S608
        return " AND ".join([*self._many, walked])

    def _latest(self, columns: str) -> str:
        where = " AND ".join(self.plain)
        return f"SELECT {columns} FROM {self.table} c WHERE {where} ORDER BY c.id DESC LIMIT {WALKED}"  # noqa: S608

    @property
    def _many(self) -> list[str]:
        counts = (f"SELECT count(*) FROM (SELECT 1 FROM ({ids}) AS few LIMIT {FEW + 1}) AS n" for ids in self.having)  # noqa: S608
        return [f"({count}) > {FEW}" for count in counts]
