"""What tests of messages ask again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hotline.crm.queries.conversations.conversations import ConversationView, get_conversation
from hotline.crm.queries.conversations.messages import MessageView, list_messages
from hotline.crm.viewer import SYSTEM
from hotline.jobs.outgoing import Dispatch
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House

ANNA = "+14155550101"


async def customer(house: House, name: str, number: str, **more: Any) -> UUID:
    """A customer with a number."""
    data: Mapping[str, Any] = {"name": name, "contact_points": [{"kind": "phone", "value": number}], **more}
    return (await create_customer(house, SYSTEM, data)).id  # type: ignore[arg-type]


async def conversations(house: House) -> list[ConversationView]:
    """Every conversation, the oldest first."""
    rows = await house.db.fetch("SELECT id FROM conversation ORDER BY number")
    return [await get_conversation(house.db, house.keyring, SYSTEM, row["id"]) for row in rows]


async def messages(house: House, conversation_id: UUID) -> list[MessageView]:
    """What was written in a conversation, the oldest first."""
    return list(reversed(await list_messages(house.db, house.keyring, SYSTEM, conversation_id, limit=200)))


async def send_all(house: House) -> None:
    """Send what waits to leave, and note what came of it."""
    await Dispatch(house).drain()


async def count(house: House, table: str, where: str = "true") -> int:
    """How many rows there are."""
    return int(await house.db.fetchval(f"SELECT count(*) FROM {table} WHERE {where}"))
