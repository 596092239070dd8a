"""Writes of templates. A version is only ever added; what campaigns used stays what it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from hotline.campaigns import links
from hotline.campaigns.consent import Channel
from hotline.campaigns.manifest import digest
from hotline.campaigns.render import urls_of
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Invalid, NotFound

#: Most templates that are not archived.
MOST: int = 1_000


async def create_template(uow: UnitOfWork, name: str, channel: Channel, content: Mapping[str, Any]) -> UUID:
    """Keep a template with its first version. Raises Conflict for a name that is taken."""
    await _claim_name(uow, name, None)
    if await uow.fetchval("SELECT count(*) FROM template WHERE archived_at IS NULL") >= MOST:
        raise Conflict("There are too many templates already: archive some first.")
    template_id = uow.new_id()
    await uow.execute(
        """INSERT INTO template (id, name, channel, created_by_id, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $5)""",
        *(template_id, name, channel, uow.viewer.user_id, uow.now),
    )
    await _add_version(uow, template_id, 1, channel, content)
    uow.audit("template:created", template_id, channel=channel, sha256=digest(content).hex())
    return template_id


async def update_template(
    uow: UnitOfWork,
    template_id: UUID,
    expected_version: int | None,
    *,
    name: str | None = None,
    content: Mapping[str, Any] | None = None,
) -> bool:
    """Change a template; what is None stays. Whether what it says became a new version. Raises NotFound, Conflict."""
    row = await uow.fetchrow(
        "SELECT name, channel, current, version, archived_at FROM template WHERE id = $1 FOR UPDATE", template_id
    )
    if row is None:
        raise NotFound("There is no such template.")
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict()
    if row["archived_at"] is not None:
        raise Conflict("This template is archived: restore it first.")
    if name is not None and name != row["name"]:
        await _claim_name(uow, name, template_id)
    before: bytes = await uow.fetchval(
        "SELECT sha256 FROM template_version WHERE template_id = $1 AND number = $2", template_id, row["current"]
    )
    says = content is not None and digest(content) != before
    if not says and name in (None, row["name"]):
        return False
    number = row["current"] + 1 if says else row["current"]
    await uow.execute(
        """UPDATE template SET name = COALESCE($2, name), current = $3, version = version + 1, updated_at = $4
           WHERE id = $1""",
        *(template_id, name, number, uow.now),
    )
    if says and content is not None:
        await _add_version(uow, template_id, number, row["channel"], content)
        uow.audit("template:changed", template_id, number=number, sha256=digest(content).hex())
    else:
        uow.audit("template:renamed", template_id)
    return says


async def archive_template(uow: UnitOfWork, template_id: UUID, *, archived: bool) -> None:
    """Take a template out of use, or bring it back. Raises NotFound, Conflict for a name that is taken meanwhile."""
    row = await uow.fetchrow("SELECT name, archived_at FROM template WHERE id = $1 FOR UPDATE", template_id)
    if row is None:
        raise NotFound("There is no such template.")
    if (row["archived_at"] is not None) == archived:
        return
    if not archived:
        await _claim_name(uow, row["name"], template_id)
    await uow.execute(
        """UPDATE template SET archived_at = CASE WHEN $2 THEN $3::timestamptz END, version = version + 1,
               updated_at = $3 WHERE id = $1""",
        *(template_id, archived, uow.now),
    )
    uow.audit("template:archived" if archived else "template:restored", template_id)


async def keep_anonymous(uow: UnitOfWork, channel: Channel, content: Mapping[str, Any]) -> UUID:
    """A version without a template, for one campaign's own content; the same content is kept once for each who wrote
    it, for whoever wrote what is sent cannot approve it."""
    sha256 = digest(content)
    # Held, so that it does not go as one that no campaign has.
    found: UUID | None = await uow.fetchval(
        """SELECT id FROM template_version WHERE template_id IS NULL AND sha256 = $1 AND channel = $2
               AND user_id IS NOT DISTINCT FROM $3 LIMIT 1 FOR SHARE""",
        *(sha256, channel, uow.viewer.user_id),
    )
    return found or await _add_version(uow, None, 1, channel, content)


async def freeze_links(uow: UnitOfWork, manifest_id: UUID, version_ids: Iterable[UUID]) -> dict[str, int]:
    """Note where the tracked links of a manifest's versions lead; address → number, as the manifest holds it. Empty
    where nothing is tracked. Raises Invalid for too many."""
    rows = await uow.fetch(
        "SELECT id, channel, content FROM template_version WHERE id = ANY($1::uuid[]) ORDER BY id", list(version_ids)
    )
    urls = (url for row in rows if row["content"].get("track_links") for url in urls_of(row["channel"], row["content"]))
    frozen = links.numbered(urls)
    if len(frozen) > links.MOST:
        raise Invalid(f"variants: at most {links.MOST} different links are tracked in one campaign.")
    await uow.execute(
        """INSERT INTO tracked_link (manifest_id, n, url) SELECT $1, n, url
           FROM unnest($2::smallint[], $3::text[]) AS link (n, url) ON CONFLICT (manifest_id, n) DO NOTHING""",
        *(manifest_id, list(frozen.values()), list(frozen)),
    )
    return dict(frozen)


async def _add_version(
    uow: UnitOfWork, template_id: UUID | None, number: int, channel: Channel, content: Mapping[str, Any]
) -> UUID:
    version_id = uow.new_id()
    await uow.execute(
        """INSERT INTO template_version (id, template_id, number, channel, content, sha256, user_id, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        *(version_id, template_id, number, channel, dict(content), digest(content), uow.viewer.user_id, uow.now),
    )
    return version_id


async def _claim_name(uow: UnitOfWork, name: str, template_id: UUID | None) -> None:
    # Held until the end: two templates must not take one name that differs in case only.
    await uow.execute("LOCK TABLE template IN SHARE ROW EXCLUSIVE MODE")
    taken = await uow.fetchval(
        """SELECT 1 FROM template WHERE lower(name) = lower($1) AND archived_at IS NULL
               AND ($2::uuid IS NULL OR id <> $2)""",
        *(name, template_id),
    )
    if taken is not None:
        raise Conflict("name: there is a template of this name already.")
