"""Writing what is submitted for review, and what reviewers decide about it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from hotline.campaigns.manifest import decision, digest
from hotline.campaigns.states import Verdict
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict


async def create_manifest(uow: UnitOfWork, manifest_id: UUID, campaign_id: UUID, expires_at: datetime) -> int:
    """A manifest whose audience and content follow (``fill_manifest``); its number within the campaign."""
    number: int = await uow.fetchval(
        """INSERT INTO manifest (id, campaign_id, number, submitted_by_id, submitted_at, expires_at, state, state_at)
           SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, 'preparing', $4 FROM manifest
           WHERE campaign_id = $2 RETURNING number""",
        *(manifest_id, campaign_id, uow.viewer.user_id, uow.now, expires_at),
    )
    await uow.execute(
        "UPDATE campaign SET manifest_id = $2, version = version + 1, updated_at = $3 WHERE id = $1",
        *(campaign_id, manifest_id, uow.now),
    )
    return number


async def fill_manifest(
    uow: UnitOfWork, manifest_id: UUID, content: Mapping[str, Any], excluded: Mapping[str, int]
) -> bytes:
    """Freeze a manifest: from now on its content never changes. Its SHA-256. Raises Conflict when it is not prepared
    any more: the campaign was changed meanwhile."""
    sha256 = digest(content)
    recipients = content["recipients"]
    done = await uow.fetchval(
        """UPDATE manifest SET content = $2, sha256 = $3, recipients = $4, recipients_sha256 = $5, excluded = $6,
               needed = $7, state = 'submitted', state_at = $8
           WHERE id = $1 AND state = 'preparing' RETURNING id""",
        *(manifest_id, dict(content), sha256, recipients["count"], bytes.fromhex(recipients["sha256"])),
        *(dict(excluded), content["approvals"], uow.now),
    )
    if done is None:
        raise Conflict("The campaign was changed while it was prepared: submit it again.")
    uow.audit(
        "manifest:frozen", manifest_id, campaign_id=content["campaign"]["id"], sha256=sha256.hex(),
        recipients=recipients["count"], recipients_sha256=recipients["sha256"],
    )  # fmt: skip
    return sha256


async def note_decision(
    uow: UnitOfWork, manifest_id: UUID, sha256: bytes, user_id: UUID, verdict: Verdict, reason: str
) -> UUID:
    """Keep what somebody decided, signed; its id. A second withdrawal by the same person stands beside nothing: the
    manifest is withdrawn already."""
    approval_id = uow.new_id()
    master, mac = uow.keyring.sign(decision(approval_id, manifest_id, sha256, user_id, verdict, reason, uow.now))
    await uow.execute(
        """INSERT INTO approval (id, manifest_id, user_id, verdict, reason, at, master, mac)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        *(approval_id, manifest_id, user_id, verdict, reason, uow.now, master, mac),
    )
    uow.audit(
        f"manifest:{verdict}", manifest_id, approval_id=approval_id, sha256=sha256.hex(),
        reason_sha256=hashlib.sha256(reason.encode()).hexdigest(),
    )  # fmt: skip
    return approval_id


async def set_expiry(uow: UnitOfWork, manifest_id: UUID, expires_at: datetime) -> None:
    """Until when a manifest that was just approved holds."""
    await uow.execute("UPDATE manifest SET expires_at = $2 WHERE id = $1", manifest_id, expires_at)
