"""A customer's timeline and the notes in it; tiers and tags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from hotline.crm.commands.tickets.notes import move_notes
from hotline.crm.queries.customers.candidates import candidates
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.queries.customers.tiers import list_tags, list_tiers
from hotline.crm.queries.customers.timeline import list_call_notes, list_timeline
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.ids import new_id
from hotline.workflows.customers.customers import create_customer, write_note
from hotline.workflows.customers.tiers import TierChanges, create_tier, delete_tag, rename_tag, update_tier
from hotline.workflows.house import House
from tests.integration.people import add_user, viewer_as

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def add_call(
    house: House, customer_id: UUID | None, user_id: UUID | None, at: datetime, *, ended: bool = True
) -> UUID:
    """A call that was answered after 10 s and lasted a minute, with its line in the timeline."""
    call_id = new_id()
    await house.db.execute(
        """INSERT INTO call (id, pbx, direction, state, disposition, queue, customer_id, user_id, offered_at,
                             answered_at, ended_at)
           VALUES ($1, 'a', 'in', $2, $3, 'support', $4, $5, $6, $7, $8)""",
        *(call_id, "ended" if ended else "answered", "answered" if ended else None, customer_id, user_id, at),
        *(at + timedelta(seconds=10), at + timedelta(seconds=70) if ended else None),
    )
    await house.db.execute(
        """INSERT INTO interaction (id, customer_id, kind, call_id, user_id, direction, at)
           VALUES ($1, $2, 'call', $3, $4, 'in', $5)""",
        *(new_id(), customer_id, call_id, user_id, at),
    )
    return call_id


async def test_the_timeline_tells_calls_and_notes_the_latest_first(house: House) -> None:
    anna = await add_user(house, "anna")
    customer = await create_customer(house, SYSTEM, {"name": "Wang"})
    calls = [await add_call(house, customer.id, anna.user_id, START + timedelta(hours=n)) for n in range(5)]
    house.clock = lambda: START + timedelta(hours=2, minutes=30)
    note_id = await write_note(house, anna, new_id(), "Wants <b>a</b> refund\r\n\0soon", customer.id)
    items = await list_timeline(house.db, house.keyring, anna, customer.id, limit=50)
    assert [item.call.id if item.call else item.id for item in items] == [
        *(calls[4], calls[3], note_id, calls[2], calls[1], calls[0])
    ]
    note = items[2]
    assert (note.kind, note.note, note.user_name) == ("note", "Wants <b>a</b> refund\nsoon", "Anna")
    call = items[0].call
    assert call is not None
    assert (call.wait_seconds, call.talk_seconds, call.disposition, call.queue) == (10, 60, "answered", "support")

    seen = []
    after = None
    while page := await list_timeline(house.db, house.keyring, anna, customer.id, limit=2, after=after):
        seen += page
        after = page[-1].id
    assert seen == items
    notes = await list_timeline(house.db, house.keyring, anna, customer.id, limit=50, kinds=["note"])
    assert [item.id for item in notes] == [note_id]


async def test_lines_of_the_same_instant_are_paged_without_loss(house: House) -> None:
    customer = await create_customer(house, SYSTEM, {"name": "Wang"})
    calls = {await add_call(house, customer.id, None, START) for _ in range(5)}
    seen = []
    after = None
    while page := await list_timeline(house.db, house.keyring, SYSTEM, customer.id, limit=2, after=after):
        seen += [item.call.id for item in page if item.call]
        after = page[-1].id
    assert len(seen) == 5
    assert set(seen) == calls


async def test_who_may_read_a_timeline(house: House) -> None:
    customer = await create_customer(house, SYSTEM, {"name": "Wang"})
    with pytest.raises(Forbidden):
        await list_timeline(house.db, house.keyring, Viewer(None, "user", frozenset()), customer.id, limit=5)
    with pytest.raises(NotFound):
        await list_timeline(house.db, house.keyring, SYSTEM, new_id(), limit=5)


async def test_the_pop_shows_the_last_lines_and_what_is_open(house: House) -> None:
    anna = await add_user(house, "anna")
    customer = await create_customer(house, SYSTEM, {"name": "Wang", "tags": ["VIP"], "tier": "gold"})
    now = datetime.now(UTC)
    for n in range(8):
        await add_call(house, customer.id, anna.user_id, now - timedelta(days=2, hours=n))
    open_call = await add_call(house, customer.id, anna.user_id, now, ended=False)
    (one,) = await candidates(house.db, house.keyring, anna, ids=[customer.id])
    assert (one.name, one.calls, one.last_call_at, one.open_call_ids) == ("Wang", 9, now, (open_call,))
    assert len(one.interactions) == 5
    latest = one.interactions[1]
    assert (latest.kind, latest.user_name, latest.queue, latest.disposition, latest.talk_seconds) == (
        *("call", "Anna", "support", "answered", 60),
    )


async def test_a_note_sent_twice_is_one_note_with_the_last_text(house: House) -> None:
    anna = await add_user(house, "anna")
    berta = await add_user(house, "berta")
    customer = await create_customer(house, SYSTEM, {"name": "Wang"})
    note_id = new_id()
    await write_note(house, anna, note_id, "first", customer.id)
    await write_note(house, anna, note_id, "second", customer.id)
    (item,) = await list_timeline(house.db, house.keyring, anna, customer.id, limit=5)
    assert item.note == "second"
    with pytest.raises(Conflict):
        await write_note(house, berta, note_id, "not mine", customer.id)


@pytest.mark.parametrize("text", ["", " \0\n ", "x" * 20_001])
async def test_a_note_has_words_and_an_end(house: House, text: str) -> None:
    anna = await add_user(house, "anna")
    customer = await create_customer(house, SYSTEM, {"name": "Wang"})
    with pytest.raises(Invalid, match=r"^text: "):
        await write_note(house, anna, new_id(), text, customer.id)
    with pytest.raises(Invalid):
        await write_note(house, anna, new_id(), "about nobody")


async def test_who_may_write_about_a_call(house: House) -> None:
    anna = await add_user(house, "anna")
    berta = await add_user(house, "berta")
    call_id = await add_call(house, None, anna.user_id, START)
    await write_note(house, anna, new_id(), "mine", call_id=call_id)
    await write_note(house, await add_user(house, "sue", "supervisor"), new_id(), "seen", call_id=call_id)
    with pytest.raises(NotFound):
        await write_note(house, berta, new_id(), "not mine, so not there", call_id=call_id)
    with pytest.raises(Forbidden):
        await write_note(house, viewer_as("marketer"), new_id(), "no right", call_id=call_id)
    with pytest.raises(NotFound):
        await write_note(house, viewer_as("supervisor"), new_id(), "no call", call_id=new_id())
    with pytest.raises(NotFound):
        await write_note(house, anna, new_id(), "nobody", new_id())


async def test_notes_follow_the_call_to_the_customer_who_is_picked(house: House) -> None:
    anna = await add_user(house, "anna")
    right = await create_customer(house, SYSTEM, {"name": "Right"})
    wrong = await create_customer(house, SYSTEM, {"name": "Wrong"})
    call_id = await add_call(house, None, anna.user_id, START)
    note_id = await write_note(house, anna, new_id(), "before anybody was picked", call_id=call_id)
    assert [note.note for note in await list_call_notes(house.db, house.keyring, anna, call_id)] == [
        "before anybody was picked"
    ]
    for picked in (wrong, right):
        async with house.unit(anna) as uow:
            await uow.execute("UPDATE call SET customer_id = $2 WHERE id = $1", call_id, picked.id)
            await move_notes(uow, call_id, picked.id)
    items = await list_timeline(house.db, house.keyring, anna, right.id, limit=5)
    assert [(item.id, item.note) for item in items] == [(note_id, "before anybody was picked")]
    assert await list_timeline(house.db, house.keyring, anna, wrong.id, limit=5) == []
    # Erasing the wrong one's key leaves the note, erasing the right one's takes it.
    await house.db.execute(
        "UPDATE personal_key SET wrapped = NULL WHERE id = (SELECT key_id FROM customer WHERE id = $1)", wrong.id
    )
    assert (await list_timeline(house.db, house.keyring, anna, right.id, limit=5))[0].note is not None
    await house.db.execute(
        "UPDATE personal_key SET wrapped = NULL WHERE id = (SELECT key_id FROM customer WHERE id = $1)", right.id
    )
    assert (await list_timeline(house.db, house.keyring, anna, right.id, limit=5))[0].note is None


async def test_tiers(house: House) -> None:
    assert [tier.key for tier in await list_tiers(house.db, viewer_as("agent"))] == [
        *("platinum", "gold", "silver", "standard")
    ]
    admin = await add_user(house, "admin", "administrator")
    made = await create_tier(
        house, admin, "diamond", {"names": {"en": "Diamond", "zh": "钻石"}, "rank": 1, "queue_priority": 50}
    )
    changed = await update_tier(house, admin, made.id, {"names": {"en": "Diamonds"}, "queue_priority": 40})
    assert (changed.names, changed.queue_priority) == ({"en": "Diamonds", "zh": "钻石"}, 40)
    with pytest.raises(Conflict):
        await create_tier(house, admin, "gold", {"names": {"en": "x", "zh": "y"}})
    with pytest.raises(NotFound):
        await update_tier(house, admin, new_id(), {"rank": 2})
    with pytest.raises(Forbidden):
        await update_tier(house, viewer_as("supervisor"), made.id, {"rank": 2})
    refused: list[tuple[str, Any]] = [
        ("Big Key", {"names": {"en": "x", "zh": "y"}}),
        ("half", {"names": {"en": "x"}}),
        ("other", {"names": {"en": "x", "zh": "y", "fr": "z"}}),
        ("low", {"names": {"en": "x", "zh": "y"}, "rank": 0}),
        ("high", {"names": {"en": "x", "zh": "y"}, "queue_priority": 1001}),
    ]
    for key, changes in refused:
        with pytest.raises(Invalid):
            await create_tier(house, admin, key, cast(TierChanges, changes))


async def test_tags_are_renamed_and_deleted_everywhere(house: House) -> None:
    customer = await create_customer(house, SYSTEM, {"name": "Wang", "tags": ["vip", "north"]})
    supervisor = viewer_as("supervisor")
    tags = {tag.name: tag.id for tag in await list_tags(house.db, supervisor)}
    await rename_tag(house, supervisor, tags["vip"], " VIP ")
    with pytest.raises(Conflict):
        await rename_tag(house, supervisor, tags["vip"], "North")
    await delete_tag(house, supervisor, tags["north"])
    with pytest.raises(NotFound):
        await delete_tag(house, supervisor, tags["north"])
    with pytest.raises(Forbidden):
        await delete_tag(house, viewer_as("agent"), tags["vip"])
    assert (await get_customer(house.db, house.keyring, SYSTEM, customer.id)).tags == ("VIP",)
