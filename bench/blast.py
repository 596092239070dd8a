"""A campaign that runs, made fast: people with an address who agreed, an approved manifest, its deliveries released.

What measurements and hard days of dispatching begin from; the ways to there (segments, review, release) have their own.
``started`` takes these ways, for what is sent under the eyes of a service that runs.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from hotline.campaigns import manifest
from hotline.campaigns.limits import Limits
from hotline.crm.commands.campaigns.manifests import note_decision
from hotline.crm.commands.conversations.senders import create_sender
from hotline.crm.commands.customers.bulk import BulkCustomer, load_customers
from hotline.crm.sql_ids import UUID7
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SHIPPED_ROLES, SYSTEM, Viewer, viewer_of
from hotline.customers.contact_points import ContactValue
from hotline.workflows.campaigns import campaign_review, campaigns, segments
from hotline.workflows.house import House
from hotline.workflows.people.users import create_user

DOMAIN: Final = "example.net"
SENDER: Final = "news@company.example"
NUMBER: Final = "+15005550006"
#: Who writes a campaign, and who approves it: of a large one, two.
_PEOPLE: Final = (("blast-marketer", "marketer"), ("blast-reviewer-1", "reviewer"), ("blast-reviewer-2", "reviewer"))
#: Seconds within which its audience is to be frozen.
LONGEST: Final = 120.0
_WORDS: Final = ("our", "summer", "range", "is", "here", "and", "you", "may", "choose", "first", "what", "you", "like")


def email_of(number: int) -> str:
    """The address of the n-th person."""
    return f"person{number}@{DOMAIN}"


def phone_of(number: int) -> str:
    """The number of the n-th person: a New York one that could be."""
    return f"+1212{2_000_000 + number:07}"


async def people(house: House, count: int, *, first: int = 0, purpose: str = "marketing") -> None:
    """As many customers with an email and a number each, who agreed to everything."""
    await load_customers(
        house.db,
        house.keyring,
        SYSTEM,
        (
            BulkCustomer(
                f"Person {number}",
                (
                    ("email", ContactValue(email_of(number)), ""),
                    ("phone", ContactValue(phone_of(number), "US"), ""),
                ),
                locale="en",
            )
            for number in range(first, first + count)
        ),
        now=house.clock(),
        new_id=house.new_id,
    )
    async with house.long_unit(SYSTEM) as uow:
        for channel in ("email", "sms", "whatsapp", "voice"):
            await uow.execute(
                f"""INSERT INTO consent (id, customer_id, channel, purpose, state, since, record_id)
                    SELECT {UUID7}, p.customer_id, $1, $2, 'granted', $3, {UUID7} FROM contact_point p
                    WHERE p.kind = 'email' ON CONFLICT DO NOTHING""",
                channel,
                purpose,
                uow.now,
            )


def mail_content(size: int = 4_000) -> dict[str, Any]:
    """A mail of two parts, so many bytes of letters together, with the recipient's name in both."""
    chosen = random.Random(7)  # the same mail each time
    half = size // 2

    def words(length: int) -> str:
        text = ""
        while len(text) < length:
            text += f"{chosen.choice(_WORDS)} "
        return text[:length]

    text = "Dear {{ customer.name }},\n" + "\n".join(words(70) for _ in range(half // 72)) + "\n{{ unsubscribe_url }}\n"
    rows = "\n".join(f"<p>{words(62)}</p>" for _ in range(half // 72))
    html = (
        f"<html><body><p>Dear {{{{ customer.name }}}},</p>{rows}"
        '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>'
    )
    return {
        "default": "en",
        "track_links": False,
        "locales": {"en": {"subject": "News for {{ customer.name }}", "text": text, "html": html, "body": text}},
    }


def text_content(body: str = "Hello {{ customer.name }}, our news. Reply STOP to opt out.") -> dict[str, Any]:
    """An SMS, or what the console shows."""
    return {"default": "en", "track_links": False, "locales": {"en": {"body": body}}}


async def sender(house: House, channel: str, address: str) -> UUID:
    """A sender of ours."""
    async with house.unit(SYSTEM) as uow:
        found: UUID | None = await uow.fetchval(
            "SELECT id FROM sender WHERE channel = $1 AND address = $2", channel, address
        )
        return found or await create_sender(uow, channel, address, {"name": "Company"})


async def campaign(
    house: House,
    channel: str,
    content: dict[str, Any],
    *,
    senders: Sequence[UUID] | None = None,
    limits: dict[str, Any] | None = None,
    purpose: str = "marketing",
    state: str = "running",
    approved: bool = True,
    release: bool = True,
    most: int | None = None,
) -> UUID:
    """A campaign that runs under an approved manifest, to everybody with an address; its id."""
    if senders is None:
        address = {"email": SENDER, "sms": NUMBER, "whatsapp": NUMBER, "voice": NUMBER}.get(channel)
        senders = [await sender(house, channel, address)] if address else []
    campaign_id, manifest_id = house.new_id(), house.new_id()
    own = [await _frozen(house, each) for each in senders]
    held = {
        "format": 1,
        "campaign": {"id": str(campaign_id), "number": "P1"},
        "name": "Blast",
        "kind": "once",
        "channel": channel,
        "purpose": purpose,
        "sender": own[0] if own else None,
        "fallback_senders": own[1:],
        "segment": {"id": str(campaign_id), "version_id": str(campaign_id), "version": 1, "name": "", "sha256": ""},
        "variants": [{"variant": "A", "version_id": str(campaign_id), "sha256": "", "content": content}],
        "links": {},
        "schedule": {"mode": "now"},
        "limits": Limits(**({"expires_hours": 24} | (limits or {}))).model_dump(mode="json"),
        "track_links": False,
        "authors": [],
        "approvals": 1,
        "valid_days": 14,
    }
    now = house.clock()
    async with house.long_unit(SYSTEM) as uow:
        number = await uow.fetchval("SELECT COALESCE(max(number), 10000) + 1 FROM campaign")
        await uow.execute(
            """INSERT INTO campaign (id, number, name, kind, channel, purpose, state, state_at, started_at, manifest_id)
               VALUES ($1, $2, 'Blast', 'once', $3, $4, $5, $6, $6, $7)""",
            *(campaign_id, number, channel, purpose, state, now, manifest_id),
        )
        await uow.execute(
            """INSERT INTO manifest (id, campaign_id, number, content, sha256, submitted_at, expires_at, approved_at,
                   state, state_at) VALUES ($1, $2, 1, $3, $4, $5, $6, $5, $7, $5)""",
            *(manifest_id, campaign_id, held, manifest.digest(held), now, now + timedelta(days=14)),
            "approved" if approved else "submitted",
        )
        if approved:
            reviewer = await _reviewer(uow)
            await note_decision(uow, manifest_id, manifest.digest(held), reviewer, "approved", "")
        if release:
            kind = {"email": "email", "console": None}.get(channel, "phone")
            await uow.execute(
                f"""INSERT INTO delivery (id, campaign_id, manifest_id, customer_id, contact_point_id, channel, state,
                        due_at, expires_at, released_at)
                    SELECT {UUID7}, $1, $2, c.id, p.id, $3, 'queued', $4, $5, $4
                    FROM customer c LEFT JOIN contact_point p ON p.customer_id = c.id AND p.kind = $6
                    WHERE $6::text IS NULL OR p.id IS NOT NULL ORDER BY c.id LIMIT $7""",
                *(campaign_id, manifest_id, channel, now, now + timedelta(hours=24), kind, most),
            )
    return campaign_id


async def started(house: House, mails: Mapping[str, str]) -> UUID:
    """A campaign by email to everybody who agreed, as people make it: written, submitted, approved by two others and
    started. A service that runs must freeze the audience. ``mails``: its subject and body."""
    marketer, *reviewers = [await _person(house, *each) for each in _PEOPLE]
    sender_id = await sender(house, "email", SENDER)
    segment_id = await house.db.fetchval("SELECT id FROM segment WHERE name = 'Everybody'")
    if segment_id is None:
        segment_id = (await segments.create_segment(house, marketer, "Everybody", {})).id
    draft: Any = {
        "name": "Blast", "channel": "email", "sender": sender_id, "segment_id": segment_id,
        "variants": [{"locale": "en", **mails}],
    }  # fmt: skip
    made = await campaigns.create_campaign(house, marketer, draft)
    await campaign_review.submit(house, marketer, made.id)
    await campaign_review.prepared(house, made.id, LONGEST)
    for each in reviewers:
        if (await campaign_review.approve(house, each, made.id)).state != "in_review":
            break
    return (await campaigns.start(house, marketer, made.id)).id


async def ended(house: House, campaign_id: UUID) -> None:
    """Cancel it and forget its deliveries: nothing of it is left to do for whoever measures next."""
    await campaigns.cancel(house, SYSTEM, campaign_id)
    await house.db.execute("TRUNCATE delivery, delivery_attempt")


async def _person(house: House, login: str, role: str) -> Viewer:
    user_id = await house.db.fetchval("SELECT id FROM users WHERE login = $1", login)
    if user_id is None:
        user_id = (await create_user(house, SYSTEM, {"login": login, "name": login, "role": role})).id
    return viewer_of(user_id, frozenset(SHIPPED_ROLES[role]))


async def _reviewer(uow: UnitOfWork) -> UUID:
    """Who approves them all."""
    found: UUID | None = await uow.fetchval("SELECT id FROM users WHERE login = 'blast-reviewer'")
    if found is None:
        found = uow.new_id()
        await uow.execute(
            "INSERT INTO users (id, login, name, role) VALUES ($1, 'blast-reviewer', 'Reviewer', 'reviewer')", found
        )
    return found


async def _frozen(house: House, sender_id: UUID) -> dict[str, Any]:
    row = await house.db.fetchrow("SELECT address, name, account_sid, service_sid FROM sender WHERE id = $1", sender_id)
    assert row is not None
    return {"id": str(sender_id), **dict(row)}


async def states(house: House, campaign_id: UUID) -> dict[str, int]:
    """How many deliveries of a campaign are in which state."""
    rows = await house.db.fetch(
        "SELECT state, count(*) AS n FROM delivery WHERE campaign_id = $1 GROUP BY state", campaign_id
    )
    return {row["state"]: row["n"] for row in rows}
