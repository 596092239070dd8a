"""Agents' places in hotline's own queues, whose members no PBX knows."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from hotline.crm.commands.calls.presence import Member
from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer


async def members_of(
    db: Reader, viewer: Viewer, user_id: UUID | None, places: Collection[tuple[str, str]] | None = None
) -> list[Member]:
    """A user's places, or those of ``places`` (queue, phone)."""
    viewer.require("calls.read_all")
    rows = await db.fetch(
        """SELECT queue, interface, member_name, state_interface, paused, pause_reason, status, in_call, calls_taken
           FROM queue_member WHERE pbx = 'twilio' AND ($1::uuid IS NULL OR user_id = $1)
             AND ($2::text[] IS NULL OR (queue, interface) IN (SELECT * FROM unnest($2::text[], $3::text[])))
           ORDER BY queue, interface""",
        user_id,
        None if places is None else [queue for queue, _ in places],
        None if places is None else [phone for _, phone in places],
    )
    return [Member(**row) for row in rows]
