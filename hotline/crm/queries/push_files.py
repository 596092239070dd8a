"""Files of campaigns that lie for a day, as who brought them or asked for them sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.imports import JobState, job_state
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: However many are asked for, a page holds no more than this.
MOST: Final = 201
#: The right that each kind takes.
RIGHTS: Final[Mapping[str, str]] = {"suppressions": "consents.write", "deliveries": "campaigns.export"}


@dataclass(frozen=True, slots=True)
class PushFileView:
    """A file; ``key`` opens it, None once it has ended."""

    id: UUID
    kind: str
    name: str = field(repr=False)
    format: str
    language: str
    chosen: Mapping[str, Any]
    path: str | None
    bytes: int | None
    rows: int | None
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime
    deleted_at: datetime | None
    job: JobState | None
    key: PersonalKey | None


_SELECT: Final = """
SELECT f.*, k.wrapped, k.master,
    (SELECT jsonb_build_object('id', j.id, 'state', j.state, 'done', j.done, 'total', j.total, 'failed', j.failed,
        'rate', j.rate, 'result', j.result, 'error', j.error, 'undo_until', j.undo_until, 'undoing', j.undoing)
     FROM background_job j WHERE j.id = f.job_id) AS job
FROM push_file f JOIN personal_key k ON k.id = f.key_id
"""


async def get_push_file(db: Reader, keyring: Keyring, viewer: Viewer, file_id: UUID, kind: str) -> PushFileView:
    """One's own file. Raises NotFound; nobody sees another one's: it shows what that one may see."""
    viewer.require(RIGHTS[kind])
    row = await db.fetchrow(
        f"{_SELECT} WHERE f.id = $1 AND f.kind = $2 AND f.created_by_id IS NOT DISTINCT FROM $3",
        *(file_id, kind, viewer.user_id),
    )
    if row is None:
        raise NotFound()
    return _view(keyring, row)


async def read_push_file(db: Reader, keyring: Keyring, viewer: Viewer, file_id: UUID, kind: str) -> PushFileView:
    """A file for its job, whose viewer is whose it is, with their rights of now."""
    viewer.require(RIGHTS[kind])
    row = await db.fetchrow(f"{_SELECT} WHERE f.id = $1 AND f.kind = $2", file_id, kind)
    if row is None:
        raise NotFound()
    return _view(keyring, row)


async def list_push_files(
    db: Reader, keyring: Keyring, viewer: Viewer, kind: str, *, limit: int, after: UUID | None = None
) -> list[PushFileView]:
    """One's own files of a kind, the newest first."""
    viewer.require(RIGHTS[kind])
    rows = await db.fetch(
        f"""{_SELECT} WHERE f.created_by_id IS NOT DISTINCT FROM $1 AND f.kind = $2 AND ($3::uuid IS NULL OR f.id < $3)
            ORDER BY f.id DESC LIMIT $4""",
        *(viewer.user_id, kind, after, max(0, min(limit, MOST))),
    )
    return [_view(keyring, row) for row in rows]


async def kept_push_paths(db: Reader, viewer: Viewer, paths: Collection[str]) -> set[str]:
    """Those of the paths that belong to a file that is kept."""
    viewer.require("campaigns.export")
    rows = await db.fetch("SELECT path FROM push_file WHERE path = ANY($1::text[]) AND deleted_at IS NULL", list(paths))
    return {row["path"] for row in rows}


def _view(keyring: Keyring, row: Row) -> PushFileView:
    key = None if row["wrapped"] is None else keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
    name = ""
    if key is not None and row["name_cipher"] is not None:
        name = keyring.decrypt(key, "push_file", "name_cipher", row["id"], row["name_cipher"])
    return PushFileView(
        id=row["id"],
        kind=row["kind"],
        name=name,
        format=row["format"],
        language=row["language"],
        chosen=row["chosen"],
        path=row["path"],
        bytes=row["bytes"],
        rows=row["rows"],
        created_by=row["created_by_id"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        deleted_at=row["deleted_at"],
        job=job_state(row["job"]),
        key=key,
    )
