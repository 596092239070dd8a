"""Files of campaigns that lie for a day, as who brought them or asked for them sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.ending_files import MOST, EndingFile, fields_of, file_of_job, key_of, own_file, selected
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

TABLE: Final = "push_file"
#: The right that each kind takes.
RIGHTS: Final[Mapping[str, str]] = {"suppressions": "consents.write", "deliveries": "campaigns.export"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFileView(EndingFile):
    """A list that was brought, or a table of deliveries."""

    kind: str
    name: str = field(repr=False)
    chosen: Mapping[str, Any]


async def get_push_file(db: Reader, keyring: Keyring, viewer: Viewer, file_id: UUID, kind: str) -> PushFileView:
    """One's own file. Raises NotFound."""
    return _of(keyring, await own_file(db, viewer, RIGHTS[kind], TABLE, file_id), kind)


async def read_push_file(db: Reader, keyring: Keyring, viewer: Viewer, file_id: UUID, kind: str) -> PushFileView:
    """A file for its job. Raises NotFound."""
    return _of(keyring, await file_of_job(db, viewer, RIGHTS[kind], TABLE, file_id), kind)


async def list_push_files(
    db: Reader, keyring: Keyring, viewer: Viewer, kind: str, *, limit: int, after: UUID | None = None
) -> list[PushFileView]:
    """One's own files of a kind, the newest first."""
    viewer.require(RIGHTS[kind])
    rows = await db.fetch(
        f"""{selected(TABLE)} WHERE f.created_by_id IS NOT DISTINCT FROM $1 AND f.kind = $2
            AND ($3::uuid IS NULL OR f.id < $3) ORDER BY f.id DESC LIMIT $4""",
        *(viewer.user_id, kind, after, max(0, min(limit, MOST))),
    )
    return [_view(keyring, row) for row in rows]


def _of(keyring: Keyring, row: Row, kind: str) -> PushFileView:
    if row["kind"] != kind:
        raise NotFound()
    return _view(keyring, row)


def _view(keyring: Keyring, row: Row) -> PushFileView:
    key = key_of(keyring, row)
    name = ""
    if key is not None and row["name_cipher"] is not None:
        name = keyring.decrypt(key, TABLE, "name_cipher", row["id"], row["name_cipher"])
    return PushFileView(kind=row["kind"], name=name, chosen=row["chosen"], **fields_of(row, key))
