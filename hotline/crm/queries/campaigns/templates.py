"""Templates of what campaigns send, and their versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.consent import Channel
from hotline.crm.database import Reader, Row
from hotline.crm.scopes import Arguments
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: However many are asked for, a page holds no more than this; nor more of one template's versions.
MOST: Final = 201
MOST_VERSIONS: Final = 100


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template with what it says now. ``number`` is that of its newest version, ``version_id`` that version's id;
    ``by`` is the name of who wrote it."""

    id: UUID
    name: str
    channel: Channel
    number: int
    version_id: UUID
    content: Mapping[str, Any] = field(repr=False)
    sha256: bytes
    by: str | None
    written_at: datetime
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TemplateVersionView:
    """What a template said from ``at`` on; ``template_id`` None: the content of one campaign alone."""

    id: UUID
    template_id: UUID | None
    number: int
    channel: Channel
    content: Mapping[str, Any] = field(repr=False)
    sha256: bytes
    user_id: UUID | None
    by: str | None
    at: datetime


_SELECT: Final = """
SELECT t.id, t.name, t.channel, t.current, t.archived_at, t.version, t.created_at, t.updated_at, v.id AS version_id,
    v.content, v.sha256, v.at, u.name AS by
FROM template t
JOIN template_version v ON v.template_id = t.id AND v.number = t.current
LEFT JOIN users u ON u.id = v.user_id
"""
_VERSIONS: Final = """
SELECT v.id, v.template_id, v.number, v.channel, v.content, v.sha256, v.user_id, v.at, u.name AS by
FROM template_version v LEFT JOIN users u ON u.id = v.user_id
"""


async def list_templates(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    channel: str | None = None,
    archived: bool = False,
) -> list[TemplateView]:
    """Templates, the newest first; those of a ``channel`` alone where one is given."""
    viewer.require("templates.read")
    bind = Arguments()
    asked = ["t.archived_at IS NOT NULL" if archived else "t.archived_at IS NULL"]
    if channel is not None:
        asked.append(f"t.channel = {bind(channel)}")
    if after is not None:
        asked.append(f"t.id < {bind(after)}")
    rows = await db.fetch(
        f"{_SELECT} WHERE {' AND '.join(asked)} ORDER BY t.id DESC LIMIT {bind(max(0, min(limit, MOST)))}", *bind.values
    )
    return [_template(row) for row in rows]


async def get_template(db: Reader, viewer: Viewer, template_id: UUID) -> TemplateView:
    """One template, archived or not. Raises NotFound."""
    viewer.require("templates.read")
    row = await db.fetchrow(f"{_SELECT} WHERE t.id = $1", template_id)
    if row is None:
        raise NotFound("There is no such template.")
    return _template(row)


async def list_template_versions(db: Reader, viewer: Viewer, template_id: UUID) -> list[TemplateVersionView]:
    """What it ever said, the latest first. Raises NotFound."""
    await get_template(db, viewer, template_id)
    rows = await db.fetch(
        f"{_VERSIONS} WHERE v.template_id = $1 ORDER BY v.number DESC LIMIT $2", template_id, MOST_VERSIONS
    )
    return [_version(row) for row in rows]


async def get_template_version(db: Reader, viewer: Viewer, template_id: UUID, number: int) -> TemplateVersionView:
    """One of its versions. Raises NotFound."""
    viewer.require("templates.read")
    row = await db.fetchrow(f"{_VERSIONS} WHERE v.template_id = $1 AND v.number = $2", template_id, number)
    if row is None:
        raise NotFound("There is no such version.")
    return _version(row)


async def read_versions(db: Reader, viewer: Viewer, ids: Iterable[UUID]) -> dict[UUID, TemplateVersionView]:
    """Versions by their ids, those without a template too; for who may read campaigns."""
    viewer.require("campaigns.read")
    rows = await db.fetch(f"{_VERSIONS} WHERE v.id = ANY($1::uuid[])", list(ids))
    return {row["id"]: _version(row) for row in rows}


def _template(row: Row) -> TemplateView:
    return TemplateView(
        id=row["id"], name=row["name"], channel=row["channel"], number=row["current"], version_id=row["version_id"],
        content=row["content"], sha256=row["sha256"], by=row["by"], written_at=row["at"],
        archived_at=row["archived_at"], version=row["version"], created_at=row["created_at"],
        updated_at=row["updated_at"],
    )  # fmt: skip


def _version(row: Row) -> TemplateVersionView:
    return TemplateVersionView(
        row["id"], row["template_id"], row["number"], row["channel"], row["content"], row["sha256"], row["user_id"],
        row["by"], row["at"],
    )  # fmt: skip
