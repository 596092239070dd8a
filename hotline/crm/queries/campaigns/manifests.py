"""What was submitted for review, and what reviewers decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.approval import enough
from hotline.campaigns.manifest import NotCanonical, decision, digest
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: Submissions of one campaign that are shown.
MOST: Final = 200

_COLUMNS: Final = """
    m.id, m.campaign_id, m.number, m.content, m.sha256, m.recipients, m.recipients_sha256, m.excluded, m.needed,
    m.submitted_by_id, (SELECT u.name FROM users u WHERE u.id = m.submitted_by_id) AS submitted_by, m.submitted_at,
    m.expires_at, m.approved_at, m.state, m.state_reason, m.state_at"""


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """What one person decided. ``genuine``: it bears hotline's signature; None: of a key that the setting lacks."""

    id: UUID
    user_id: UUID
    user: str
    verdict: str
    reason: str
    at: datetime
    genuine: bool | None


@dataclass(frozen=True, slots=True)
class ManifestView:
    """One submission. ``sha256`` is empty while it is prepared; ``intact``: the content still has that hash."""

    id: UUID
    campaign_id: UUID
    number: int
    content: Mapping[str, Any]
    sha256: bytes
    recipients: int
    recipients_sha256: bytes
    excluded: Mapping[str, int]
    needed: int
    submitted_by_id: UUID | None
    submitted_by: str | None
    submitted_at: datetime
    expires_at: datetime
    approved_at: datetime | None
    state: str
    state_reason: str | None
    state_at: datetime
    approvals: tuple[ApprovalView, ...] = field(default=())

    @property
    def intact(self) -> bool:
        """Whether the content is what the hash says."""
        try:
            return not self.sha256 or digest(self.content) == self.sha256
        except NotCanonical:
            return False

    @property
    def approved_by(self) -> tuple[UUID, ...]:
        """Whose approvals count: those that bear their signature."""
        return tuple(each.user_id for each in self.approvals if each.verdict == "approved" and each.genuine)

    @property
    def signed(self) -> bool:
        """Whether the content has its hash, enough others signed it and nobody took that back, and it is not held
        longer than they said: whatever else the records say, nothing leaves without this."""
        if not self.sha256 or not self.intact or not enough(self.approved_by, self.content):
            return False
        if any(each.verdict != "approved" and each.genuine for each in self.approvals):
            return False
        last = max(each.at for each in self.approvals if each.verdict == "approved" and each.genuine)
        return self.expires_at <= last + timedelta(days=int(self.content["valid_days"]))


async def get_manifest(db: Reader, keyring: Keyring, viewer: Viewer, manifest_id: UUID) -> ManifestView:
    """One submission by its id. Raises NotFound."""
    viewer.require("campaigns.read")
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM manifest m WHERE m.id = $1", manifest_id)  # noqa: S608
    if row is None:
        raise NotFound("There is no such submission.")
    return (await _views(db, keyring, [row]))[0]


async def find_manifest(db: Reader, keyring: Keyring, viewer: Viewer, campaign_id: UUID, number: int) -> ManifestView:
    """A campaign's submission by its number. Raises NotFound."""
    viewer.require("campaigns.read")
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM manifest m WHERE m.campaign_id = $1 AND m.number = $2",  # noqa: S608
        campaign_id,
        number,
    )
    if row is None:
        raise NotFound("There is no such submission.")
    return (await _views(db, keyring, [row]))[0]


async def list_manifests(db: Reader, keyring: Keyring, viewer: Viewer, campaign_id: UUID) -> list[ManifestView]:
    """A campaign's submissions, the latest first."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM manifest m WHERE m.campaign_id = $1 ORDER BY m.number DESC LIMIT $2",  # noqa: S608
        campaign_id,
        MOST,
    )
    return await _views(db, keyring, rows)


async def read_manifests(db: Reader, keyring: Keyring, viewer: Viewer, ids: Sequence[UUID]) -> dict[UUID, ManifestView]:
    """Submissions by their ids."""
    viewer.require("campaigns.read")
    if not ids:
        return {}
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM manifest m WHERE m.id = ANY($1::uuid[]) LIMIT $2",  # noqa: S608
        *(list(ids), MOST + 1),
    )
    return {view.id: view for view in await _views(db, keyring, rows)}


async def last_approved(
    db: Reader, keyring: Keyring, viewer: Viewer, campaign_id: UUID, before: int
) -> ManifestView | None:
    """The latest submission before the one called ``before`` that was approved, whatever became of it."""
    viewer.require("campaigns.read")
    row = await db.fetchrow(
        f"""SELECT {_COLUMNS} FROM manifest m WHERE m.campaign_id = $1 AND m.number < $2
            AND m.approved_at IS NOT NULL ORDER BY m.number DESC LIMIT 1""",  # noqa: S608
        *(campaign_id, before),
    )
    return None if row is None else (await _views(db, keyring, [row]))[0]


async def _views(db: Reader, keyring: Keyring, rows: Sequence[Row]) -> list[ManifestView]:
    found: dict[UUID, list[ApprovalView]] = {row["id"]: [] for row in rows}
    hashes = {row["id"]: bytes(row["sha256"] or b"") for row in rows}
    decided = await db.fetch(
        """SELECT a.id, a.manifest_id, a.user_id, u.name AS user, a.verdict, a.reason, a.at, a.master, a.mac
           FROM approval a JOIN users u ON u.id = a.user_id
           WHERE a.manifest_id = ANY($1::uuid[]) ORDER BY a.at, a.id""",
        list(found),
    )
    for row in decided:
        found[row["manifest_id"]].append(
            ApprovalView(
                row["id"], row["user_id"], row["user"], row["verdict"], row["reason"], row["at"],
                is_genuine(keyring, row, hashes[row["manifest_id"]]),
            )
        )  # fmt: skip
    return [
        ManifestView(
            **{
                **dict(row),
                "sha256": hashes[row["id"]],
                "recipients_sha256": bytes(row["recipients_sha256"] or b""),
                "approvals": tuple(found[row["id"]]),
            }
        )
        for row in rows
    ]


def is_genuine(keyring: Keyring, row: Row, sha256: bytes) -> bool | None:
    """Whether a row of ``approval`` bears hotline's signature over a manifest with this hash."""
    message = decision(row["id"], row["manifest_id"], sha256, row["user_id"], row["verdict"], row["reason"], row["at"])
    return keyring.verify(row["master"], message, bytes(row["mac"]))


async def expired(db: Reader, viewer: Viewer, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Campaigns, with their manifests, whose review or approval is past its time."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        """SELECT c.id AS campaign_id, m.id FROM manifest m JOIN campaign c ON c.manifest_id = m.id
           WHERE m.state IN ('submitted', 'approved') AND m.expires_at <= $1
             AND c.state IN ('in_review', 'approved', 'scheduled', 'running', 'paused')
           ORDER BY m.expires_at LIMIT $2""",
        now,
        limit,
    )
    return [(row["campaign_id"], row["id"]) for row in rows]
