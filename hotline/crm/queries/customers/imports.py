"""Imports as their viewer may see them: what was brought, how it is read, which rows were refused and why."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Database, Reader, Row
from hotline.crm.import_seal import RefusedRow
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.upkeep.background import seconds_left
from hotline.crm.scopes import Arguments
from hotline.crm.viewer import Viewer
from hotline.customers.import_record import Reason
from hotline.errors import Conflict, NotFound

MOST: Final = 201
_BLOCKS: Final = 4


@dataclass(frozen=True, slots=True)
class JobState:
    """What a background job of an import or export is at. ``done`` and ``total`` count rows."""

    id: UUID
    state: str
    done: int
    total: int | None
    failed: int
    rate: float | None
    result: Mapping[str, Any]
    error: str | None
    undo_until: datetime | None

    @property
    def seconds_left(self) -> int | None:
        """Seconds until it is done at the present rate; None when that cannot be told."""
        return seconds_left(self.state, self.done, self.total, self.rate)


@dataclass(frozen=True, slots=True)
class ImportView:
    """An import. ``headings`` and ``rows`` are empty for viewers who may not see them; ``key`` opens its file."""

    id: UUID
    name: str
    format: str
    bytes: int
    path: str
    reading: Mapping[str, Any]
    mapping: tuple[str | None, ...]
    options: Mapping[str, Any]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    orders: tuple[str, ...]
    sheets: tuple[str, ...]
    guessed: tuple[str, ...]
    rows_estimated: int | None
    created_by: UUID | None
    created_by_login: str | None
    created_at: datetime
    file_deleted_at: datetime | None
    check: JobState | None
    job: JobState | None
    version: int
    key: PersonalKey

    @property
    def columns(self) -> int:
        """How wide the table is."""
        return len(self.mapping)


@dataclass(frozen=True, slots=True)
class MappingView:
    """A saved mapping: headings, folded, and what their columns are."""

    id: UUID
    name: str
    columns: Mapping[str, str | None]
    reading: Mapping[str, Any]
    options: Mapping[str, Any]
    updated_at: datetime
    version: int


#: What the job of a row is at, for ``job_state``; the column that names it goes in.
JOB: Final = """(SELECT jsonb_build_object('id', j.id, 'state', j.state, 'done', j.done, 'total', j.total,
    'failed', j.failed, 'rate', j.rate, 'result', j.result, 'error', j.error, 'undo_until', j.undo_until,
    'undoing', j.undoing) FROM background_job j WHERE j.id = {})"""
_SELECT: Final = f"""
SELECT i.*, k.wrapped, k.master, u.login AS created_by_login,
    {JOB.format("i.check_job_id")} AS check_job, {JOB.format("i.job_id")} AS run_job
FROM customer_import i JOIN personal_key k ON k.id = i.key_id LEFT JOIN users u ON u.id = i.created_by_id
"""  # noqa: S608


async def get_import(db: Reader, keyring: Keyring, viewer: Viewer, import_id: UUID) -> ImportView:
    """One import. Raises NotFound, also for somebody else's when the viewer may not see what stands in files."""
    viewer.require("customers.import")
    bind = Arguments(import_id)
    row = await db.fetchrow(f"{_SELECT} WHERE i.id = $1 AND {_seen(viewer, bind)}", *bind.values)
    if row is None or row["wrapped"] is None:
        raise NotFound()
    return _view(keyring, row)


async def list_imports(
    db: Reader, keyring: Keyring, viewer: Viewer, *, limit: int, after: UUID | None = None
) -> list[ImportView]:
    """Imports, the newest first."""
    viewer.require("customers.import")
    bind = Arguments()
    conditions = [_seen(viewer, bind), "k.wrapped IS NOT NULL"]
    if after is not None:
        conditions.append(f"i.id < {bind(after)}")
    sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY i.id DESC LIMIT {bind(max(0, min(limit, MOST)))}"
    return [_view(keyring, row) for row in await db.fetch(sql, *bind.values)]


async def refused_rows(
    db: Database, keyring: Keyring, viewer: Viewer, view: ImportView, job_id: UUID, *, most: int | None = None
) -> AsyncIterator[RefusedRow]:
    """The refused rows of one of an import's jobs, in the order of the file."""
    viewer.require("customers.import")
    after, told = 0, 0
    while blocks := await db.fetch(
        "SELECT id, block_id, cipher FROM import_refusal WHERE job_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        *(job_id, after, _BLOCKS),
    ):
        for block in blocks:
            text = keyring.decrypt(view.key, "import_refusal", "cipher", block["block_id"], block["cipher"])
            for number, reasons, cells in json.loads(text):
                yield RefusedRow(number, tuple(Reason(*reason) for reason in reasons), tuple(cells))
                told += 1
                if most is not None and told >= most:
                    return
        after = blocks[-1]["id"]


async def list_mappings(db: Reader, viewer: Viewer) -> list[MappingView]:
    """The saved mappings by name."""
    viewer.require("customers.import")
    rows = await db.fetch("SELECT * FROM import_mapping ORDER BY lower(name) LIMIT 500")
    return [_mapping(row) for row in rows]


async def get_mapping(db: Reader, viewer: Viewer, name: str) -> MappingView:
    """One saved mapping."""
    viewer.require("customers.import")
    row = await db.fetchrow("SELECT * FROM import_mapping WHERE name = $1", name)
    if row is None:
        raise NotFound()
    return _mapping(row)


async def ended_files(db: Reader, viewer: Viewer, before: datetime, *, limit: int) -> Sequence[UUID]:
    """Imports whose file is no longer needed: their job ended, or nobody started them since a moment."""
    viewer.require("customers.import")
    rows = await db.fetch(
        """SELECT i.id FROM customer_import i LEFT JOIN background_job j ON j.id = COALESCE(i.job_id, i.check_job_id)
           WHERE i.file_deleted_at IS NULL
             AND ((i.job_id IS NOT NULL AND (j.id IS NULL OR j.state IN ('done', 'cancelled', 'undone')))
                  OR (i.created_at < $1 AND (j.id IS NULL OR j.state NOT IN ('queued', 'running'))))
           ORDER BY i.id LIMIT $2""",
        before,
        limit,
    )
    return [row["id"] for row in rows]


async def kept_paths(db: Reader, viewer: Viewer, paths: Collection[str]) -> set[str]:
    """Those of the paths that belong to an import whose file is kept."""
    viewer.require("customers.import")
    rows = await db.fetch(
        "SELECT path FROM customer_import WHERE path = ANY($1::text[]) AND file_deleted_at IS NULL", list(paths)
    )
    return {row["path"] for row in rows}


def _seen(viewer: Viewer, bind: Arguments) -> str:
    """One's own imports; all of them for who sees everything of every customer, which a file holds unmasked."""
    if viewer.kind == "system" or (not viewer.masks and viewer.scope_of("customers") == "all"):
        return "true"
    return f"i.created_by_id = {bind(viewer.user_id)}"


def job_state(kept: Mapping[str, Any] | None) -> JobState | None:
    """A job as it was selected beside its import or export."""
    if kept is None:
        return None
    until = kept["undo_until"]
    undoing = kept["undoing"] and kept["state"] in ("queued", "running", "paused")
    return JobState(
        UUID(kept["id"]),
        "undoing" if undoing else kept["state"],
        kept["done"],
        kept["total"],
        kept["failed"],
        kept["rate"],
        kept["result"] or {},
        kept["error"],
        None if until is None else datetime.fromisoformat(until),
    )


def _view(keyring: Keyring, row: Row) -> ImportView:
    key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
    sample = json.loads(keyring.decrypt(key, "customer_import", "sample_cipher", row["id"], row["sample_cipher"]))
    return ImportView(
        id=row["id"],
        name=keyring.decrypt(key, "customer_import", "name_cipher", row["id"], row["name_cipher"]),
        format=row["format"],
        bytes=row["bytes"],
        path=row["path"],
        reading=row["reading"],
        mapping=tuple(row["mapping"]),
        options=row["options"],
        headings=tuple(sample["headings"]),
        rows=tuple(tuple(cells) for cells in sample["rows"]),
        orders=tuple(sample["orders"]),
        sheets=tuple(sample["sheets"]),
        guessed=tuple(sample["guessed"]),
        rows_estimated=row["rows_estimated"],
        created_by=row["created_by_id"],
        created_by_login=row["created_by_login"],
        created_at=row["created_at"],
        file_deleted_at=row["file_deleted_at"],
        check=job_state(row["check_job"]),
        job=job_state(row["run_job"]),
        version=row["version"],
        key=key,
    )


def _mapping(row: Row) -> MappingView:
    return MappingView(
        row["id"], row["name"], row["columns"], row["reading"], row["options"], row["updated_at"], row["version"]
    )


def raise_for_gone_file(view: ImportView) -> None:
    """Raise Conflict when the file of an import has ended."""
    if view.file_deleted_at is not None:
        raise Conflict("The file of this import is gone; bring it again.")


async def known_words(db: Reader, viewer: Viewer) -> tuple[dict[str, UUID], dict[str, UUID], list[str]]:
    """What cells may name: users by login, name and email address being the login; tiers by key; tags, at most 20,000.
    Users of one name are told apart by their login only."""
    viewer.require("customers.import")
    tiers = {row["key"]: row["id"] for row in await db.fetch("SELECT id, key FROM tier")}
    users: dict[str, UUID] = {}
    names: dict[str, list[UUID]] = {}
    for row in await db.fetch("SELECT id, login, name FROM users WHERE disabled_at IS NULL ORDER BY id LIMIT 20000"):
        users[row["login"]] = row["id"]
        names.setdefault(row["name"], []).append(row["id"])
    users = {**{name: ids[0] for name, ids in names.items() if len(ids) == 1}, **users}
    tags = [row["name"] for row in await db.fetch("SELECT name FROM tag ORDER BY name LIMIT 20000")]
    return users, tiers, tags
