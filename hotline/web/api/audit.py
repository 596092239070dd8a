"""The audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.upkeep.audit import AuditView
from hotline.crm.queries.upkeep.audit import list_audit as read_audit
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, Endpoint, Output, Page, Paging, endpoint, id_cursor, paged


class AuditEntry(Output):
    """Who did what to which record."""

    id: UUID
    at: datetime
    actor_kind: str = Field(description="user, token or system.")
    actor_id: UUID | None
    actor: str | None = Field(description="Login.")
    action: str = Field(examples=["customer:updated"])
    subject_id: UUID | None
    data: dict[str, Any]
    position: int | None = Field(description="Its place in the sealed chain; null for a moment after the deed.")


class AuditQuery(Paging):
    """Which deeds."""

    subject_id: UUID | None = None
    actor: str | None = Field(None, max_length=150, description="Id or login.")
    action: str | None = Field(None, max_length=64, description="`customer:updated`, or `customer` for all of them.")


def _render(view: AuditView) -> AuditEntry:
    return AuditEntry.model_validate(view)


@endpoint("GET", "/audit", right="audit.read", summary="Who did what, the newest first")
async def list_audit(ask: Ask, query: AuditQuery) -> Page[AuditEntry]:
    found = await read_audit(
        ask.house.db,
        ask.viewer,
        limit=query.limit + 1,
        after=id_cursor(query.cursor),
        subject_id=query.subject_id,
        actor_id=(await find_user(ask, query.actor)).id if query.actor else None,
        action=query.action,
    )
    return paged(found, query.limit, _render, lambda view: str(view.id))


routes: list[Endpoint] = [list_audit]
