"""A change to what was reviewed takes the approval away, in the unit of work of the change.

Whoever changes a template, a segment, a sender or the company's mail address calls the function of it: every campaign
in review or approved whose manifest names it is a draft again before the change is committed.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from hotline.crm.commands.campaigns.campaign_states import move_row
from hotline.crm.unit_of_work import UnitOfWork

#: A manifest that is prepared still holds nothing; what the campaign names is asked instead.
_USING = """
SELECT c.id, c.state, c.manifest_id, c.version, c.started_at FROM campaign c JOIN manifest m ON m.id = c.manifest_id
WHERE c.state IN ('in_review', 'approved', 'scheduled', 'running', 'paused') AND {condition}
ORDER BY c.id FOR UPDATE OF c"""
_SEGMENT = "c.segment_id = $1"
_TEMPLATE = "c.variants @> jsonb_build_array(jsonb_build_object('template_id', $1::text))"
_SENDER = "(c.sender_id = $1 OR $1 = ANY(c.fallback_sender_ids))"
_MAIL = "c.channel = 'email' AND c.sender_id IS NULL"
# As templates write it, filters behind it or not.
_COMPANY = r"m.content::text ~ ('\{\{\s*company\.(' || $1 || ')\M')"
_RECORDING = """c.channel = 'voice' AND jsonb_path_exists(
    m.content, '$.variants[*].content.locales.* ? (@.recording == $name)', jsonb_build_object('name', $1::text))"""


async def void_by_template(uow: UnitOfWork, template_id: UUID) -> list[UUID]:
    """A template has another version: the campaigns that this stopped."""
    return await _void(uow, _TEMPLATE, "template_changed", str(template_id))


async def void_by_segment(uow: UnitOfWork, segment_id: UUID) -> list[UUID]:
    """A segment's rules or lists changed."""
    return await _void(uow, _SEGMENT, "segment_changed", segment_id)


async def void_by_sender(uow: UnitOfWork, sender_id: UUID) -> list[UUID]:
    """A sender changed, or may not send any more."""
    return await _void(uow, _SENDER, "sender_changed", sender_id)


async def void_by_mail(uow: UnitOfWork) -> list[UUID]:
    """The company's mail address or the name beside it changed."""
    return await _void(uow, _MAIL, "sender_changed")


async def void_by_company(uow: UnitOfWork, fields: Collection[str]) -> list[UUID]:
    """What the company is called or where it is found changed: whatever says it, or links there, says something else
    than was approved."""
    return await _void(uow, _COMPANY, "company_changed", "|".join(sorted(fields)))


async def void_by_recording(uow: UnitOfWork, name: str) -> list[UUID]:
    """What is heard of a prompt is another recording, or none any more."""
    return await _void(uow, _RECORDING, "recording_changed", name)


async def _void(uow: UnitOfWork, condition: str, reason: str, *names: object) -> list[UUID]:
    rows = await uow.fetch(_USING.format(condition=condition), *names)
    for row in rows:
        await move_row(uow, row, "void", reason=reason)
    return [row["id"] for row in rows]
