"""Tickets whose kind was read from a message's words, and that a person gave another one: what triage can learn of."""

from __future__ import annotations

from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork


async def note_correction(uow: UnitOfWork, ticket_id: UUID, from_kind: str, to_kind: str) -> None:
    """Keep a correction, with the message whose words had decided."""
    await uow.execute(
        """INSERT INTO triage_correction (ticket_id, message_id, from_kind, to_kind, user_id, at)
           VALUES ($1, (SELECT (e.data->>'message_id')::uuid FROM ticket_entry e
                        WHERE e.ticket_id = $1 AND e.kind = 'message' AND e.data->>'direction' = 'in'
                        ORDER BY e.at, e.id LIMIT 1), $2, $3, $4, $5)""",
        *(ticket_id, from_kind, to_kind, uow.viewer.user_id, uow.now),
    )
    uow.audit("triage:corrected", ticket_id, from_kind=from_kind, to_kind=to_kind)
