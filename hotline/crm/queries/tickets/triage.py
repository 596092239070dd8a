"""How often people gave a ticket another kind than its words were read as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer
from hotline.errors import Invalid

#: The longest time that is added up.
LONGEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Correction:
    """How often ``from_kind`` became ``to_kind``."""

    from_kind: str
    to_kind: str
    count: int


@dataclass(frozen=True, slots=True)
class TriageFigures:
    """Of ``tickets`` that messages opened in a time, ``corrected`` were given another kind, whenever that was."""

    tickets: int
    corrected: int
    corrections: tuple[Correction, ...]

    @property
    def right(self) -> float | None:
        """The part that nobody changed, 0 to 1; None without a ticket."""
        return 1 - self.corrected / self.tickets if self.tickets else None


async def triage_figures(db: Reader, viewer: Viewer, start: datetime, end: datetime) -> TriageFigures:
    """Of the tickets opened from ``start`` until before ``end``. Raises Invalid for more than a year."""
    viewer.require("tickets.read")
    if not start < end or end - start > LONGEST:
        raise Invalid("from, to: a time of at most a year.")
    tickets: int = await db.fetchval(
        """SELECT count(*) FROM ticket
           WHERE opened_at >= $1 AND opened_at < $2 AND source IN ('sms', 'whatsapp', 'email')""",
        *(start, end),
    )
    # From what triage said to what the ticket is now: who changed their mind counts once, or not at all.
    rows = await db.fetch(
        """SELECT from_kind, kind AS to_kind, count(*) AS count FROM (
               SELECT DISTINCT ON (c.ticket_id) c.from_kind, t.kind
               FROM triage_correction c JOIN ticket t ON t.id = c.ticket_id
               WHERE t.opened_at >= $1 AND t.opened_at < $2 ORDER BY c.ticket_id, c.at, c.id) each
           WHERE from_kind <> kind GROUP BY from_kind, kind ORDER BY count DESC, from_kind, kind""",
        *(start, end),
    )
    found = tuple(Correction(row["from_kind"], row["to_kind"], row["count"]) for row in rows)
    return TriageFigures(tickets, sum(each.count for each in found), found)
