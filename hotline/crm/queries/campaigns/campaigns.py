"""Campaigns: lists, one of them, and what it consists of at the moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.consent import Channel, Purpose
from hotline.campaigns.draft import Arm, read_arms
from hotline.campaigns.manifest import FrozenSender
from hotline.campaigns.states import Kind, ManifestState, State
from hotline.crm.database import Reader, Row
from hotline.crm.scopes import Arguments, all_of
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: Most campaigns of one page of the list.
MOST: Final = 201
#: Most senders that may be chosen from.
MOST_SENDERS: Final = 200

_COLUMNS: Final = """
    c.id, c.number, c.name, c.kind, c.channel, c.purpose, c.sender_id, c.fallback_sender_ids, c.segment_id, c.variants,
    c.schedule, c.limits, c.track_links, c.state, c.state_reason, c.state_at,
    (SELECT u.name FROM users u WHERE u.id = c.state_by_id) AS state_by, c.manifest_id, c.author_id,
    (SELECT u.name FROM users u WHERE u.id = c.author_id) AS author, c.editor_ids, c.started_at, c.completed_at,
    c.version, c.created_at, c.updated_at, s.name AS segment, m.number AS manifest_number, m.recipients, m.needed,
    m.state AS manifest_state, m.submitted_at, m.expires_at,
    (SELECT u.name FROM users u WHERE u.id = m.submitted_by_id) AS submitted_by,
    (SELECT count(*) FROM approval a WHERE a.manifest_id = m.id AND a.verdict = 'approved') AS approved"""
_FROM: Final = """
    FROM campaign c LEFT JOIN segment s ON s.id = c.segment_id LEFT JOIN manifest m ON m.id = c.manifest_id"""


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign as it is now. What begins with ``manifest_``, and the fields from ``recipients`` on, are of the
    manifest in review or approved; None where there is none. ``approved`` counts its approvals."""

    id: UUID
    number: int
    name: str
    kind: Kind
    channel: Channel
    purpose: Purpose
    sender_id: UUID | None
    fallback_sender_ids: tuple[UUID, ...]
    segment_id: UUID | None
    segment: str | None
    arms: tuple[Arm, ...]
    schedule: Mapping[str, Any]
    limits: Mapping[str, Any]
    track_links: bool
    state: State
    state_reason: str | None
    state_at: datetime
    state_by: str | None
    author_id: UUID | None
    author: str | None
    editor_ids: tuple[UUID, ...]
    started_at: datetime | None
    completed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    manifest_id: UUID | None
    manifest_number: int | None
    manifest_state: ManifestState | None
    recipients: int | None
    needed: int | None
    approved: int
    submitted_at: datetime | None
    submitted_by: str | None
    expires_at: datetime | None


async def get_campaign(db: Reader, viewer: Viewer, campaign_id: UUID) -> CampaignView:
    """One campaign. Raises NotFound."""
    viewer.require("campaigns.read")
    row = await db.fetchrow(f"SELECT {_COLUMNS} {_FROM} WHERE c.id = $1", campaign_id)
    if row is None:
        raise NotFound("There is no such campaign.")
    return _view(row)


async def list_campaigns(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: int | None = None,
    states: Sequence[str] = (),
    channel: str | None = None,
    segment_id: UUID | None = None,
    text: str = "",
) -> list[CampaignView]:
    """Campaigns, the newest first; ``after`` is the number of the last one shown, ``text`` a part of the name or a
    number."""
    viewer.require("campaigns.read")
    bind = Arguments()
    where = []
    if after is not None:
        where.append(f"c.number < {bind(after)}")
    if states:
        where.append(f"c.state = ANY({bind(list(states))}::text[])")
    if channel is not None:
        where.append(f"c.channel = {bind(channel)}")
    if segment_id is not None:
        where.append(f"c.segment_id = {bind(segment_id)}")
    if text:
        digits = text.strip().lstrip("Pp")
        number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 18 else -1
        escaped = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        where.append(f"(c.number = {bind(number)} OR c.name ILIKE {bind(f'%{escaped}%')})")
    rows = await db.fetch(
        f"""SELECT {_COLUMNS} {_FROM} WHERE {all_of(*where)}
            ORDER BY c.number DESC LIMIT {bind(max(0, min(limit, MOST)))}""",
        *bind.values,
    )
    return [_view(row) for row in rows]


async def count_by_state(db: Reader, viewer: Viewer) -> dict[str, int]:
    """How many campaigns are in each state."""
    viewer.require("campaigns.read")
    rows = await db.fetch("SELECT state, count(*) AS count FROM campaign GROUP BY state")
    return {row["state"]: row["count"] for row in rows}


@dataclass(frozen=True, slots=True)
class SenderChoice:
    """A number or address that a campaign may be sent from. ``paused``: the provider's code for which it sends
    nothing at the moment."""

    id: UUID
    channel: str
    address: str
    name: str
    account_sid: str | None
    service_sid: str | None
    enabled: bool
    paused: str | None

    def frozen(self) -> FrozenSender:
        """As a manifest holds it."""
        return FrozenSender(self.id, self.address, self.name, self.account_sid, self.service_sid)


_SENDER: Final = """
    SELECT s.id, s.channel, s.address, s.name, s.account_sid, s.service_sid, s.enabled,
        (SELECT p.code FROM sender_pause p WHERE p.sender_id = s.id AND (p.until IS NULL OR p.until > now())) AS paused
    FROM sender s"""


async def list_choices(db: Reader, viewer: Viewer, channel: str) -> list[SenderChoice]:
    """Whom a campaign of this channel may be sent from, in their order."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        f"{_SENDER} WHERE s.channel = $1 AND s.enabled ORDER BY s.position, s.address LIMIT $2",
        *(channel, MOST_SENDERS),
    )
    return [SenderChoice(**dict(row)) for row in rows]


async def read_choices(db: Reader, viewer: Viewer, ids: Sequence[UUID]) -> dict[UUID, SenderChoice]:
    """Senders by their ids, enabled or not."""
    viewer.require("campaigns.read")
    rows = await db.fetch(f"{_SENDER} WHERE s.id = ANY($1::uuid[])", list(ids)) if ids else ()
    return {row["id"]: SenderChoice(**dict(row)) for row in rows}


async def find_choice(db: Reader, viewer: Viewer, channel: str, address: str) -> SenderChoice | None:
    """The sender that has this address."""
    viewer.require("campaigns.read")
    row = await db.fetchrow(f"{_SENDER} WHERE s.channel = $1 AND s.address = $2", channel, address)
    return None if row is None else SenderChoice(**dict(row))


async def few_customers(db: Reader, viewer: Viewer, most: int) -> bool:
    """Whether there are at most so many customers at all: no audience can be larger."""
    viewer.require("campaigns.read")
    return int(await db.fetchval("SELECT count(*) FROM (SELECT 1 FROM customer LIMIT $1) AS few", most + 1)) <= most


async def current_versions(db: Reader, viewer: Viewer, template_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The version that each template has now; archived templates have none to be sent."""
    viewer.require("campaigns.read")
    rows = (
        await db.fetch(
            """SELECT t.id, v.id AS version_id FROM template t
               JOIN template_version v ON v.template_id = t.id AND v.number = t.current
               WHERE t.id = ANY($1::uuid[]) AND t.archived_at IS NULL""",
            list(template_ids),
        )
        if template_ids
        else ()
    )
    return {row["id"]: row["version_id"] for row in rows}


async def writers(
    db: Reader, viewer: Viewer, segment_id: UUID, template_ids: Sequence[UUID], version_ids: Sequence[UUID]
) -> set[UUID]:
    """Who ever wrote a version of the segment, of these templates, or one of these versions."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        """SELECT user_id FROM segment_version WHERE segment_id = $1
           UNION SELECT user_id FROM template_version WHERE template_id = ANY($2::uuid[]) OR id = ANY($3::uuid[])""",
        *(segment_id, list(template_ids), list(version_ids)),
    )
    return {row["user_id"] for row in rows if row["user_id"] is not None}


def _view(row: Row) -> CampaignView:
    found = dict(row)
    found["arms"] = read_arms(found.pop("variants"))
    found["fallback_sender_ids"] = tuple(found["fallback_sender_ids"])
    found["editor_ids"] = tuple(found["editor_ids"])
    return CampaignView(**found)
