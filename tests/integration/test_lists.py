"""The company's own lists: what is offered, renamed, archived and always kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hotline.crm.queries.company.lists import ListView, get_list
from hotline.crm.shipped_lists import FIXED, SHIPPED_LISTS
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.workflows.company import lists
from hotline.workflows.house import House
from tests.integration.people import viewer_as


def entries(view: ListView) -> list[Any]:
    return [{"key": entry.key, "names": entry.names, "archived": entry.archived} for entry in view.entries]


async def audited(house: House) -> list[dict[str, Any]]:
    rows = await house.db.fetch("SELECT data FROM audit_entry WHERE action = 'list:changed' ORDER BY at")
    return [row["data"] for row in rows]


async def test_every_list_comes_with_entries(house: House) -> None:
    found = await lists.load(house)
    for name, shipped in SHIPPED_LISTS.items():
        assert [entry.key for entry in found.entries(name)] == list(shipped)
        assert all(entry.name("zh") != entry.name("en") for entry in found.entries(name))
        assert FIXED.get(name, frozenset()) == {entry.key for entry in found.entries(name) if entry.fixed}
    assert found.label("pause_reason", "lunch", "zh") == "午餐"
    assert found.label("pause_reason", "of old", "zh") == "of old"


async def test_an_entry_is_renamed_moved_added_and_archived(house: House) -> None:
    before = await get_list(house.db, SYSTEM, "pause_reason")
    new: Any = [{"key": "yoga", "names": {"en": "Yoga"}}, {"key": "lunch", "names": {"en": "Midday", "zh": "午休"}}]
    after = await lists.put_list(house, SYSTEM, "pause_reason", new, before.version)
    assert [(entry.key, entry.archived) for entry in after.entries][:3] == [
        ("yoga", False), ("lunch", False), ("break", True)
    ]  # fmt: skip
    assert after.version > before.version
    found = await lists.load(house)
    assert [entry.key for entry in found.entries("pause_reason")] == ["yoga", "lunch"]
    assert found.label("pause_reason", "break", "en") == "Break", "records that name it still have its word"
    found.check("pause_reason", "yoga", "reason")
    with pytest.raises(Invalid, match="reason: "):
        found.check("pause_reason", "break", "reason")
    assert (await audited(house))[-1] == {
        "list": "pause_reason", "keys": ["yoga", "lunch", "break", "meeting", "training", "follow_up", "technical"]
    }  # fmt: skip


async def test_what_stays_the_same_is_no_change(house: House) -> None:
    before = await get_list(house.db, SYSTEM, "skill")
    after = await lists.put_list(house, SYSTEM, "skill", entries(before), before.version)
    assert after == before
    assert await audited(house) == []


async def test_two_who_change_a_list_do_not_overwrite_each_other(house: House) -> None:
    before = await get_list(house.db, SYSTEM, "skill")
    changes: list[Any] = [[*entries(before), {"key": key, "names": {"en": key}}] for key in ("knitting", "chess")]
    done = await asyncio.gather(
        *(lists.put_list(house, SYSTEM, "skill", change, before.version) for change in changes), return_exceptions=True
    )
    assert [type(each) for each in done if isinstance(each, Exception)] == [Conflict]


@pytest.mark.parametrize(
    ("name", "items", "says"),
    [
        ("skill", [{"key": "Big", "names": {"en": "Big"}}], r"items\[0\].key: small letters"),
        ("skill", [{"key": "a", "names": {"en": "A"}}] * 2, "stands here twice"),
        ("skill", [{"key": "a", "names": {"zh": "甲"}}], r"items\[0\].names: a name in en"),
        ("skill", [{"key": "a", "names": {"en": "A", "fr": "A"}}], r"items\[0\].names: a name in en"),
        ("skill", [{"key": "a", "names": {"en": "A" * 61}}], r"items\[0\].names: at most 60"),
        ("skill", [{"key": f"k{n}", "names": {"en": "K"}} for n in range(201)], "at most 200"),
        ("skill", [{"key": f"k{n}", "names": {"en": "K"}} for n in range(200)], "with those that were archived"),
        ("relation", [{"key": "contact", "names": {"en": "Contact"}}], "items: other is always offered"),
        (
            "contact_role",
            [{"key": "other", "names": {"en": "Other"}, "archived": True}],
            r"items\[0\].archived: other is always offered",
        ),
    ],
)
async def test_what_no_list_can_be(house: House, name: str, items: Any, says: str) -> None:
    before = await get_list(house.db, SYSTEM, name)
    with pytest.raises(Invalid, match=says):
        await lists.put_list(house, SYSTEM, name, items)
    assert await get_list(house.db, SYSTEM, name) == before


async def test_only_some_may_change_lists(house: House) -> None:
    viewer = viewer_as("agent")
    assert (await get_list(house.db, viewer, "skill")).offered
    with pytest.raises(Forbidden):
        await lists.put_list(house, viewer, "skill", [])
    with pytest.raises(NotFound):
        await get_list(house.db, viewer, "nothing")
    with pytest.raises(NotFound):
        await lists.put_list(house, SYSTEM, "nothing", [])
