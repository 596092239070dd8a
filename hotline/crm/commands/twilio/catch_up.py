"""What a provider has and we may not: until when it was asked, what is known of it, and messages whose fate is not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hotline.conversations.delivery import Delivery
from hotline.conversations.states import Channel
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.unit_of_work import UnitOfWork


async def listed_until(db: Reader, name: str) -> datetime | None:
    """Until when the provider's list ``name`` was read; None: never."""
    found: datetime | None = await db.fetchval("SELECT until FROM catch_up WHERE name = $1", name)
    return found


async def note_listed(uow: UnitOfWork, name: str, until: datetime, found: Mapping[str, int]) -> None:
    """The list was read until then. It never goes back."""
    await uow.execute(
        """INSERT INTO catch_up AS c (name, until, listed_at, found) VALUES ($1, $2, $3, $4)
           ON CONFLICT (name) DO UPDATE SET until = GREATEST(c.until, excluded.until), listed_at = excluded.listed_at,
               found = excluded.found""",
        *(name, until, uow.now, dict(found)),
    )


async def known_states(db: Reader, account: str, provider_ids: Collection[str]) -> dict[str, Delivery | None]:
    """The messages of these provider ids that we have, with what became of them as far as we know."""
    rows = await db.fetch(
        "SELECT provider_id, state FROM message WHERE provider_account = $1 AND provider_id = ANY($2::text[])",
        *(account, list(provider_ids)),
    )
    return {row["provider_id"]: row["state"] for row in rows}


async def known_calls(db: Reader, call_sids: Collection[str]) -> frozenset[str]:
    """Those of Twilio's calls that we have."""
    rows = await db.fetch(
        "SELECT value FROM call_alias WHERE pbx = 'twilio' AND kind = 'uniqueid' AND value = ANY($1::text[])",
        list(call_sids),
    )
    return frozenset(row["value"] for row in rows)


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A message of which nobody knows whether the provider took it, with what tells it from others."""

    id: UUID
    channel: Channel
    attempt: int
    started_at: datetime
    sender: str
    template: str | None
    to: str = field(repr=False)
    body: str = field(repr=False)


async def messages_in_doubt(
    db: Reader, keyring: Keyring, account: str, main: bool, since: datetime, *, most: int = 200
) -> list[InDoubt]:
    """Messages of an account's senders whose fate nobody knows, tried since then. Senders that name no account are the
    ``main`` account's."""
    rows = await db.fetch(
        """SELECT m.id, m.attempts, m.template, m.body_cipher, v.id AS conversation_id, v.channel, v.address_cipher,
               s.address AS sender, k.id AS key_id, k.wrapped, k.master,
               COALESCE((SELECT max(a.started_at) FROM message_attempt a WHERE a.message_id = m.id), m.at) AS started_at
           FROM message m JOIN conversation v ON v.id = m.conversation_id LEFT JOIN sender s ON s.id = v.sender_id
           JOIN personal_key k ON k.id = v.key_id
           WHERE m.state = 'unknown' AND m.provider_id IS NULL AND m.at > $1 AND v.channel IN ('sms', 'whatsapp')
             AND (s.account_sid = $2 OR ($3 AND s.account_sid IS NULL)) AND k.wrapped IS NOT NULL
           ORDER BY m.at, m.id LIMIT $4""",
        *(since, account, main, most),
    )
    found = []
    for row in rows:
        if row["address_cipher"] is None:
            continue
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        body = row["body_cipher"]
        opened = keyring.decrypt
        found.append(
            InDoubt(
                row["id"], row["channel"], row["attempts"], row["started_at"], row["sender"] or "", row["template"],
                opened(key, "conversation", "address_cipher", row["conversation_id"], row["address_cipher"]),
                opened(key, "message", "body_cipher", row["id"], body) if body is not None else "",
            )
        )  # fmt: skip
    return found
