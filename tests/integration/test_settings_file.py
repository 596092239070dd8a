"""All settings as one file: what is taken away comes back the same, is looked at before, and is all or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hotline.crm import company as sections
from hotline.crm.company import Brand, Company, Formats, Tickets
from hotline.crm.viewer import SYSTEM, viewer_of
from hotline.errors import Forbidden, Invalid
from hotline.ids import new_id
from hotline.workflows.company import company, fields, lists
from hotline.workflows.company.settings_file import SettingsFile, export_settings, import_settings
from hotline.workflows.customers import tiers
from hotline.workflows.house import House
from hotline.workflows.people import roles
from tests.conftest import SECRET
from tests.integration.people import add_user, viewer_as
from tests.integration.served import run_hotline

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def brought(house: House, dry_run: bool = False, **file: Any) -> dict[str, tuple[Any, Any]]:
    changes = await import_settings(house, SYSTEM, SettingsFile(**file), dry_run=dry_run)
    return {change.place: (change.before, change.after) for change in changes}


async def audited(house: House) -> list[str]:
    rows = await house.db.fetch("SELECT action FROM audit_entry WHERE action LIKE 'settings:%' ORDER BY id")
    return [row["action"] for row in rows]


async def test_what_is_taken_away_comes_back_the_same(house: House) -> None:
    await company.put(house, SYSTEM, Company(name="Müller & 王", website="https://example.com"))
    await company.put(house, SYSTEM, Brand(colour="#0A6B4F", logo=PIXEL))
    file = await export_settings(house, SYSTEM)
    assert file.sections["company"]["name"] == "Müller & 王"
    assert file.sections["brand"] == {"colour": "#0a6b4f", "logo": PIXEL}
    assert {"default", "opening_hours", "always"} <= set(file.calendars)
    again = SettingsFile.model_validate_json(file.model_dump_json())
    assert await import_settings(house, SYSTEM, again, dry_run=False) == []
    assert await audited(house) == ["settings:exported"], "what changes nothing is no change"
    await company.put(house, SYSTEM, Company())
    await company.put(house, SYSTEM, Brand())
    assert {change.place for change in await import_settings(house, SYSTEM, again, dry_run=False)} == {
        "sections.company.name", "sections.company.website", "sections.brand.colour", "sections.brand.logo"
    }  # fmt: skip
    assert await export_settings(house, SYSTEM) == file


async def test_a_dry_run_tells_what_would_happen_and_nothing_does(house: House) -> None:
    before = await export_settings(house, SYSTEM)
    wanted: dict[str, Any] = {
        "sections": {"tickets": {"attach_days": 3}, "formats": {"numbers": "point_comma"}},
        "lists": {"skill": [{"key": "yoga", "names": {"en": "Yoga"}}]},
        "calendars": {"night": {"names": {"en": "Night"}, "hours": {"mon": [["22:00", "06:00"]]}}},
        "policies": [{"name": "Nights", "calendar": "night", "resolution": {"seconds": 3600}, "enabled": False}],
    }
    told = await brought(house, dry_run=True, **wanted)
    assert told["sections.tickets.attach_days"] == (7, 3)
    assert told["lists.skill.english.archived"] == (False, True)
    assert told["lists.skill.yoga.names"] == (None, {"en": "Yoga"})
    assert told["calendars.night.names"] == (None, {"en": "Night"})
    assert told["policies.Nights.calendar"] == (None, "night")
    assert not any(place.startswith("sections.company") for place in told)
    after = await export_settings(house, SYSTEM)
    assert after == before
    assert {**await brought(house, **wanted)} == told
    assert (await company.get(house, Tickets)).attach_days == 3
    assert company.known(house, Formats).numbers == "point_comma"
    assert [entry.key for entry in (await lists.load(house)).entries("skill")] == ["yoga"]
    assert await audited(house) == ["settings:exported", "settings:exported", "settings:imported"]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ({"format": "something"}, "format: this is no file of settings"),
        ({"version": 99}, "version: a newer hotline"),
        ({"sections": {"nothing": {}}}, r"sections.nothing: there is no such section"),
        ({"sections": {"tickets": {"attach_days": -1}}}, r"sections.tickets.attach_days: "),
        ({"sections": {"tickets": {"unknown": 1}}}, r"sections.tickets.unknown: "),
        ({"sections": {"brand": {"colour": "red"}}}, r"sections.brand.colour: "),
        ({"sections": {"brand": {"logo": "data:image/svg+xml;base64,AAAA"}}}, r"sections.brand.logo: "),
        ({"sections": {"company": {"website": "javascript:alert(1)"}}}, r"sections.company.website: "),
        ({"lists": {"nothing": []}}, r"lists.nothing: there is no such list"),
        ({"lists": {"skill": [{"key": "X", "names": {"en": "X"}}]}}, r"lists.skill.items\[0\].key: "),
        ({"lists": {"skill": [{"key": "x", "names": ["X"]}]}}, r"lists.skill.names: "),
        ({"lists": {"relation": []}}, r"lists.relation.items: "),
        ({"calendars": {"Night": {"names": {"en": "N"}}}}, r"calendars.Night.key: "),
        ({"calendars": {"night": {"names": {}}}}, r"calendars.night.names: "),
        ({"calendars": {"night": {"names": {"en": "N"}, "timezone": "Moon"}}}, r"calendars.night"),
        (
            {"policies": [{"name": "A", "calendar": "nothing", "resolution": {"seconds": 60}}]},
            r"policies\[0\].calendar",
        ),
        ({"categories": [{"slug": "a/b", "names": {"en": "B"}}]}, r"categories.items\[0\]"),
    ],
)
async def test_a_file_that_cannot_be_taken_changes_nothing(house: House, file: dict[str, Any], says: str) -> None:
    before = (await sections.read_sections(house.db))["recordings"]
    file.setdefault("sections", {}).setdefault("recordings", {"quota_mb": 11})
    with pytest.raises(Invalid, match=says):
        await brought(house, **file)
    assert (await sections.read_sections(house.db))["recordings"] == before
    assert await audited(house) == []


async def test_fields_tiers_and_roles_are_in_the_file(house: House) -> None:
    await add_user(house, "boss", "administrator")
    await fields.create_field(
        house, SYSTEM, {"record": "person", "key": "size", "names": {"en": "Size"}, "type": "choice",
                        "choices": [{"key": "s", "names": {"en": "S"}}], "private": True},
    )  # fmt: skip
    await tiers.create_tier(house, SYSTEM, "gem", {"names": {"en": "Gem", "zh": "宝石"}, "rank": 7})
    await roles.create_role(house, SYSTEM, "helper", names={"en": "Helper"}, permissions=["customers.read"])
    file = await export_settings(house, SYSTEM)
    again = SettingsFile.model_validate_json(file.model_dump_json())
    assert await import_settings(house, SYSTEM, again, dry_run=False) == []
    told = await brought(
        house,
        custom_fields=[
            {"record": "person", "key": "size", "type": "choice", "required": True},
            {"record": "ticket", "key": "room", "type": "text", "names": {"en": "Room"}, "archived": True},
        ],
        tiers={"gem": {"rank": 3}, "coal": {"names": {"en": "Coal", "zh": "煤"}}},
        roles={
            "helper": {"permissions": ["customers.write", "customers.read"]},
            "agent": {"require_totp": True},
            "looker": {"permissions": ["tickets.read"], "names": {"en": "Looker"}},
        },
    )
    assert told["custom_fields.person.size.required"] == (False, True)
    assert told["custom_fields.ticket.room.archived"] == (None, True)
    assert (told["tiers.gem.rank"], told["tiers.coal.rank"]) == ((7, 3), (None, 100))
    assert told["roles.helper.permissions"] == (["customers.read"], ["customers.read", "customers.write"])
    assert told["roles.agent.require_totp"] == (False, True)
    assert told["roles.looker.names"] == (None, {"en": "Looker"})
    size = next(each for each in (await fields.load(house)).fields if each.key == "size")
    assert (size.required, size.private, [each.key for each in size.choices]) == (True, True, ["s"])
    # Back again: what came since stays, since a file that leaves it out says nothing of it.
    await import_settings(house, SYSTEM, file, dry_run=False)
    after = await export_settings(house, SYSTEM)
    assert set(after.tiers) - set(file.tiers) == {"coal"}
    assert (after.roles["helper"], after.roles["agent"]) == (file.roles["helper"], file.roles["agent"])


async def test_roles_and_tiers_of_a_file_need_their_own_rights(house: House) -> None:
    role = ["settings.read", "settings.write", "users.read"]
    await roles.create_role(house, SYSTEM, "setter", permissions=role)
    setter = viewer_of(new_id(), frozenset(role))
    file = await export_settings(house, SYSTEM)
    assert await import_settings(house, setter, file, dry_run=False) == [], "what is so already is no change"
    for more in (
        {"roles": {"setter": {"permissions": [*role, "users.write"]}}},
        {"roles": {"other": {"permissions": ["users.write"], "names": {"en": "Other"}}}},
        {"tiers": {"gold": {"rank": 1}}},
    ):
        with pytest.raises(Forbidden):
            await import_settings(house, setter, SettingsFile.model_validate(more), dry_run=True)
    for wrong, place in (
        ({"roles": {"agent": {"permissions": ["customers.read"]}}}, "roles.agent: This role comes"),
        ({"roles": {"Big": {"permissions": [], "names": {"en": "B"}}}}, "roles.Big.name"),
        ({"tiers": {"gold": {"rank": 0}}}, "tiers.gold.rank"),
        ({"custom_fields": [{"record": "person", "key": "X", "type": "text"}]}, r"custom_fields\[0\].key"),
    ):
        with pytest.raises(Invalid, match=place):
            await import_settings(house, SYSTEM, SettingsFile.model_validate(wrong), dry_run=True)


async def test_hours_that_a_policy_could_not_be_kept_with_are_refused(house: House) -> None:
    policy = {"name": "A", "calendar": "default", "resolution": {"seconds": 3600}}
    await house.db.execute("DELETE FROM sla_policy")  # any of those that come with hotline may be told of first
    await brought(house, policies=[policy])
    with pytest.raises(Invalid, match=r"calendars.default: the policy A counts by it"):
        await brought(house, calendars={"default": {"names": {"en": "Never"}}})


async def test_only_some_take_and_bring_settings(house: House) -> None:
    agent, supervisor = viewer_as("agent"), viewer_as("supervisor")
    with pytest.raises(Forbidden):
        await export_settings(house, agent)
    assert (await export_settings(house, supervisor)).sections
    with pytest.raises(Forbidden):
        await import_settings(house, supervisor, SettingsFile(), dry_run=True)


async def test_the_command_takes_the_file_away_and_brings_it_in(house: House, db_url: str, tmp_path: Path) -> None:
    settings = {"HOTLINE_DATABASE_URL": db_url, "HOTLINE_DATA_DIR": str(tmp_path), "HOTLINE_SECRET_KEY": SECRET}
    path = tmp_path / "settings.json"

    async def hotline(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        return await run_hotline("settings", *arguments, settings=settings, stdin=stdin)

    code, out, errors = await hotline("export", str(path))
    assert (code, errors) == (0, ""), errors
    assert out.startswith(f"{path}: ")
    file = json.loads(path.read_text())
    assert file["tiers"]["gold"]["rank"]
    code, _, errors = await hotline("export", str(path))
    assert (code, errors) == (1, f"hotline: {path}: there is a file of this name already.\n")
    wanted = json.dumps({"sections": {"tickets": {"attach_days": 3}}})
    code, out, _ = await hotline("import", "-", "--dry-run", stdin=wanted)
    assert (code, out) == (0, "sections.tickets.attach_days: 7 -> 3\n1 settings would change.\n")
    assert (await sections.read_sections(house.db))["tickets"].version == 0
    code, out, _ = await hotline("import", "-", stdin=wanted)
    assert (code, out.splitlines()[-1]) == (0, "1 settings changed.")
    assert (await sections.read_sections(house.db))["tickets"].version == 1
    for stdin, said in (("{", "Invalid JSON"), ('{"color": 1}', "color: "), ('{"format": "x"}', "format: ")):
        code, out, errors = await hotline("import", "-", stdin=stdin)
        assert (code, out) == (1, "")
        assert said in errors
        assert errors.count("\n") == 1
