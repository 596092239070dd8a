"""Writing down the company's own numbers and addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.campaigns.campaign_voids import void_by_sender
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound
from hotline.events import permission_mark

#: What a person may change; the rest is the provider's.
CHANGEABLE: Final = ("name", "country", "flow", "queue", "position", "enabled")
#: Who reads of it: whoever writes to customers, and whoever sets the house up.
_AUDIENCE: Final = (permission_mark("conversations.read"), permission_mark("settings.read"))


async def create_sender(uow: UnitOfWork, channel: str, address: str, values: Mapping[str, Any]) -> UUID:
    """Add a sender. Raises Conflict when the channel has this address already."""
    sender_id = uow.new_id()
    columns = ("name", "account_sid", "provider_sid", "service_sid", "country", "capabilities", "flow", "queue")
    made = await uow.fetchval(
        """INSERT INTO sender (id, channel, address, name, account_sid, provider_sid, service_sid, country,
                               capabilities, flow, queue, position, created_at, updated_at)
           SELECT $1::uuid, $2::text, $3, coalesce($4, ''), $5, $6, $7, $8, coalesce($9::text[], '{}'), $10, $11,
                  coalesce((SELECT max(position) + 1 FROM sender WHERE channel = $2::text), 0), $12::timestamptz, $12
           ON CONFLICT (channel, address) DO NOTHING RETURNING id""",
        *(sender_id, channel, address, *(values.get(name) for name in columns), uow.now),
    )
    if made is None:
        raise Conflict("address: another sender of this channel has it.")
    uow.audit("sender:created", sender_id, channel=channel)
    uow.emit("twilio.changed", _AUDIENCE, sender_id=sender_id)
    return sender_id


async def update_sender(
    uow: UnitOfWork, sender_id: UUID, changes: Mapping[str, Any], *, expected_version: int | None = None
) -> None:
    """Write changed columns of a sender. Raises NotFound, and Conflict when it is another version by now."""
    version = await uow.fetchval("SELECT version FROM sender WHERE id = $1 FOR UPDATE", sender_id)
    if version is None:
        raise NotFound()
    if expected_version is not None and version != expected_version:
        raise Conflict()
    if not changes:
        return
    assignments = ", ".join(f"{name} = ${position}" for position, name in enumerate(changes, start=3))
    await uow.execute(
        f"UPDATE sender SET {assignments}, version = version + 1, updated_at = $2 WHERE id = $1",  # noqa: S608
        sender_id,
        uow.now,
        *changes.values(),
    )
    if changes.keys() & {"name", "enabled"}:
        await void_by_sender(uow, sender_id)
    uow.audit("sender:updated", sender_id, changed=sorted(changes))
    uow.emit("twilio.changed", _AUDIENCE, sender_id=sender_id)


async def order_senders(uow: UnitOfWork, ids: Sequence[UUID]) -> None:
    """Put senders in this order; the first of a country is its default."""
    await uow.execute(
        """UPDATE sender SET position = o.place, version = version + 1, updated_at = $2
           FROM unnest($1::uuid[]) WITH ORDINALITY AS o (id, place) WHERE sender.id = o.id""",
        list(ids),
        uow.now,
    )
    uow.audit("sender:ordered", None, count=len(ids))
    uow.emit("twilio.changed", _AUDIENCE)
