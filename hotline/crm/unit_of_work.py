"""One unit of work: rows, audit entries and outbox events that commit together or not at all (DESIGN §3).

``workflows.house.House.unit`` opens one and publishes its events after the commit. Events and audit entries are kept
until then and written by one statement, since each round trip is on the path of a screen pop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from tortoise.backends.asyncpg.client import TransactionWrapper

from hotline.crm.copy_rows import stream
from hotline.crm.database import Row
from hotline.crm.failures import translated
from hotline.crm.keys import Keyring
from hotline.crm.viewer import Viewer
from hotline.events import EVENT_TYPES, Event
from hotline.ids import NewId

# One statement for both tables. Audiences are arrays of different lengths, which unnest cannot carry: they go as
# text joined by a unit separator, which no mark holds.
_SEPARATOR: Final = "\x1f"
_FLUSH: Final = """
WITH audited AS (
    INSERT INTO audit_entry (id, at, actor_kind, actor_id, action, subject_id, data)
    SELECT id, $1, $2, $3, action, subject_id, data
    FROM unnest($4::uuid[], $5::text[], $6::uuid[], $7::jsonb[]) AS entry (id, action, subject_id, data)
)
INSERT INTO outbox (id, type, audience, data, at)
SELECT id, type, string_to_array(audience, E'\\x1f'), data, $1
FROM unnest($8::uuid[], $9::text[], $10::text[], $11::jsonb[]) AS event (id, type, audience, data)
"""

#: What JSON carries as it is: most of what there is.
_PLAIN: Final = frozenset((str, int, float, bool, type(None)))
#: Bytes that are handed to a COPY at once.
_PIECE: Final = 1 << 18


class UnitOfWork:
    """``now`` is one instant for the whole unit. ``conn`` is the transaction, for models (``using_db=uow.conn``)."""

    def __init__(
        self, conn: TransactionWrapper, viewer: Viewer, now: datetime, new_id: NewId, keyring: Keyring
    ) -> None:
        self.conn = conn
        self.viewer = viewer
        self.now = now
        self.new_id = new_id
        self.keyring = keyring
        self.events: list[Event] = []
        self._audit: list[tuple[UUID, str, UUID | None, dict[str, Any]]] = []
        self._connection = conn._connection

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        """All rows, in this transaction."""
        with translated():
            return cast(Sequence[Row], await self._connection.fetch(sql, *args))

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        """The first row, or None, in this transaction."""
        with translated():
            return cast("Row | None", await self._connection.fetchrow(sql, *args))

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None, in this transaction."""
        with translated():
            return await self._connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Run one statement in this transaction; answers PostgreSQL's command tag, for example ``UPDATE 1``."""
        with translated():
            return cast(str, await self._connection.execute(sql, *args))

    async def copy(self, table: str, columns: Sequence[str], records: Sequence[Sequence[Any]]) -> None:
        """Write many rows at once by COPY, in this transaction."""
        if records:
            with translated():
                await self._connection.copy_records_to_table(table, records=records, columns=columns)

    async def copy_made(self, table: str, columns: Sequence[str], rows: Sequence[bytes], end: bytes = b"") -> None:
        """The same for rows made by ``crm.copy_rows``; ``end``: the last fields of every row."""
        if rows:
            source = _pieces(stream(rows, end))
            with translated():
                await self._connection.copy_to_table(table, source=source, columns=columns, format="binary")

    async def execute_many(self, sql: str, arguments: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each of the arguments, in this transaction."""
        if arguments:
            with translated():
                await self._connection.executemany(sql, arguments)

    def emit(self, type: str, audience: Iterable[str], **data: Any) -> Event:
        """Tell an event when this unit commits. ``data`` holds ids, codes and times, never personal data."""
        if type not in EVENT_TYPES:
            raise ValueError(f"{type} is not in hotline.events.EVENT_TYPES")
        event = Event(self.new_id(), type, self.now, tuple(dict.fromkeys(audience)), plain(data))
        self.events.append(event)
        return event

    def audit(self, action: str, subject_id: UUID | None, **data: Any) -> None:
        """Note who did what: ``action`` is ``subject:verb``; ``data`` names what changed, never personal data."""
        if ":" not in action:
            raise ValueError(f"{action} is not subject:action")
        self._audit.append((self.new_id(), action, subject_id, plain(data)))

    async def flush(self) -> None:
        """Write the events and audit entries; ``House.unit`` calls it just before the commit."""
        if not self.events and not self._audit:
            return
        entries, self._audit = self._audit, []
        events = self.events
        await self.execute(
            _FLUSH,
            self.now, self.viewer.kind, self.viewer.user_id,
            [entry[0] for entry in entries], [entry[1] for entry in entries],
            [entry[2] for entry in entries], [entry[3] for entry in entries],
            [event.id for event in events], [event.type for event in events],
            [_SEPARATOR.join(event.audience) for event in events], [event.data for event in events],
        )  # fmt: skip


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    # What is no file, asyncpg takes as it comes: files it reads in a thread, piece by piece.
    for at in range(0, len(data), _PIECE):
        yield data[at : at + _PIECE]


def plain(value: Any) -> Any:
    """``value`` with ids and instants as text, as JSON carries them."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value
