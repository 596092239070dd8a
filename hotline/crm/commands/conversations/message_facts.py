"""Small facts that writing and answering messages ask inside their unit of work."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotline.conversations.states import Channel
from hotline.crm.commands.conversations.conversations import ConversationRecord
from hotline.crm.unit_of_work import UnitOfWork


async def locale_of(uow: UnitOfWork, customer_id: UUID | None) -> str | None:
    """A customer's language; None without one."""
    found: str | None = await uow.fetchval("SELECT locale FROM customer WHERE id = $1", customer_id)
    return found


async def tier_key_of(uow: UnitOfWork, customer_id: UUID) -> str | None:
    """A customer's tier, whoever looks."""
    found: str | None = await uow.fetchval(
        "SELECT t.key FROM customer c JOIN tier t ON t.id = c.tier_id WHERE c.id = $1", customer_id
    )
    return found


async def auto_answers(
    uow: UnitOfWork, conversation: ConversationRecord, since: datetime
) -> tuple[datetime | None, int]:
    """When somebody who writes was told last that it arrived, in this conversation or another one of theirs about the
    same ticket; and in how many conversations since then, with this address or this customer."""
    row = await uow.fetchrow(
        """SELECT max(auto_answered_at) FILTER (WHERE id = $1 OR ticket_id = $2) AS here, count(*) AS lately
           FROM conversation
           WHERE auto_answered_at > $3 AND ((address_index = $4 AND channel = $5) OR customer_id = $6)""",
        *(conversation.id, conversation.ticket_id, since),
        *(conversation.address_index, conversation.channel, conversation.customer_id),
    )
    return (row["here"], row["lately"]) if row is not None else (None, 0)


async def last_answer_named(uow: UnitOfWork, channel: Channel, address_index: bytes, named: str) -> datetime | None:
    """When hotline last gave one of its own answers to an address."""
    found: datetime | None = await uow.fetchval(
        """SELECT max(m.at) FROM conversation v JOIN message m ON m.conversation_id = v.id
           WHERE v.address_index = $1 AND v.channel = $2 AND m.kind = 'auto' AND m.template = $3""",
        *(address_index, channel, named),
    )
    return found


async def somebody_answered(uow: UnitOfWork, conversation_id: UUID, seen: UUID) -> bool:
    """Whether another person than the viewer wrote to the customer after the message ``seen``."""
    found = await uow.fetchval(
        """SELECT true FROM message m WHERE m.conversation_id = $1 AND m.direction = 'out' AND m.kind = 'message'
             AND m.user_id IS DISTINCT FROM $3
             AND (m.at, m.id) > (SELECT s.at, s.id FROM message s WHERE s.id = $2 AND s.conversation_id = $1)
           LIMIT 1""",
        *(conversation_id, seen, uow.viewer.user_id),
    )
    return bool(found)


async def message_named(uow: UnitOfWork, account: str | None, provider_id: str) -> UUID | None:
    """The message that a provider has under this id."""
    found: UUID | None = await uow.fetchval(
        "SELECT id FROM message WHERE provider_account IS NOT DISTINCT FROM $1 AND provider_id = $2",
        *(account, provider_id),
    )
    return found
