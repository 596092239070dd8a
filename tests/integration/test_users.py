"""Users: unique logins and phones, roles that nobody can climb, a last administrator who stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest

from hotline.crm.queries.people.identity import viewer_for_session, viewer_for_token
from hotline.crm.queries.people.users import (
    find_user_by_login,
    get_user,
    list_roles,
    list_sessions,
    list_tokens,
    list_users,
)
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, NotFound
from hotline.ids import new_id
from hotline.workflows.house import House
from hotline.workflows.people import users
from hotline.workflows.people.sign_in import check_password, sign_in
from hotline.workflows.people.users import NewUser, UserChanges
from tests.integration.people import PASSWORD, add_user, viewer_as


async def test_a_user_comes_back_as_it_was_made(house: House) -> None:
    made = await users.create_user(
        house,
        SYSTEM,
        {
            "login": " Anna.B@Example.com ",
            "name": "Anna\r\nB",
            "role": "supervisor",
            "locale": "zh",
            "extension": "1001",
            "interfaces": ["PJSIP/agent1", "Local/1001@from-queue/n", "PJSIP/agent1"],
            "queues": ["support", "sales"],
            "password": PASSWORD,
        },
    )
    assert await get_user(house.db, SYSTEM, made.id) == made
    assert await find_user_by_login(house.db, SYSTEM, "ANNA.B@example.com") == made
    assert (made.login, made.name, made.role, made.locale) == ("anna.b@example.com", "Anna B", "supervisor", "zh")
    assert made.interfaces == ("PJSIP/agent1", "Local/1001@from-queue/n")
    assert (made.queues, made.extension, made.version) == (("support", "sales"), "1001", 1)
    stored = await house.db.fetchval("SELECT password_hash FROM users")
    assert stored.startswith("$argon2id$")


async def test_a_user_without_a_password_cannot_sign_in(house: House) -> None:
    made = await users.create_user(house, SYSTEM, {"login": "anna", "name": "Anna"})
    assert (made.role, made.locale) == ("agent", "en")
    for guess in ("", "None", "anna"):
        assert await check_password(house, "anna", guess) is None


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"login": ""}, "login"),
        ({"login": "an na"}, "login"),
        ({"login": "-anna"}, "login"),
        ({"login": "a" * 101}, "login"),
        ({"name": "x" * 201}, "name"),
        ({"name": "\0"}, "name"),
        ({"role": "king"}, "role"),
        ({"locale": "de"}, "locale"),
        ({"extension": "12a"}, "extension"),
        ({"extension": "1\r\n2"}, "extension"),
        ({"interfaces": ["agent1"]}, "interfaces[0]"),
        ({"interfaces": ["PJSIP/a", "PJSIP/b\r\nAction: Originate"]}, "interfaces[1]"),
        ({"interfaces": ["PJSIP/a,b"]}, "interfaces[0]"),
        ({"interfaces": ["PJSIP/${x}"]}, "interfaces[0]"),
        ({"interfaces": "PJSIP/agent1"}, "interfaces"),
        ({"interfaces": [f"PJSIP/{n}" for n in range(21)]}, "interfaces"),
        ({"queues": ["a b"]}, "queues[0]"),
        ({"queues": ["a\nb"]}, "queues[0]"),
        ({"password": "short"}, "password"),
        ({"password": "anna"}, "password"),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_field(house: House, data: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await users.create_user(house, SYSTEM, cast(NewUser, {"login": "anna", "name": "Anna", **data}))
    assert refused.value.detail.startswith(f"{field}: ")
    assert await list_users(house.db, SYSTEM, limit=10) == []


async def test_a_login_and_an_interface_belong_to_one_user(house: House) -> None:
    anna = await add_user(house, "anna", interfaces=["PJSIP/10", "Local/10@x"])
    assert anna.user_id is not None
    with pytest.raises(Conflict, match=r"^login: "):
        await add_user(house, "ANNA")
    with pytest.raises(Conflict, match=r"PJSIP/10 belongs to anna"):
        await add_user(house, "berta", interfaces=["PJSIP/11", "PJSIP/10"])
    berta = await add_user(house, "berta", interfaces=["PJSIP/100", "PJSIP/1"])
    assert berta.user_id is not None
    for changes, told in (({"interfaces": ["Local/10@x"]}, "anna"), ({"login": "anna"}, "login")):
        with pytest.raises(Conflict, match=told):
            await users.update_user(house, SYSTEM, berta.user_id, cast(UserChanges, changes))
    same = await users.update_user(house, SYSTEM, anna.user_id, {"interfaces": ["PJSIP/10"], "login": "anna"})
    assert same.interfaces == ("PJSIP/10",)


async def test_two_at_once_cannot_claim_one_phone(house: House) -> None:
    async def claim(login: str) -> bool:
        try:
            await users.create_user(house, SYSTEM, {"login": login, "name": login, "interfaces": ["PJSIP/agent1"]})
        except Conflict:
            return False
        return True

    assert sorted(await asyncio.gather(*(claim(f"user{n}") for n in range(6)))) == [False] * 5 + [True]


async def test_a_disabled_users_phone_is_free_and_coming_back_needs_it(house: House) -> None:
    anna = await add_user(house, "anna", interfaces=["PJSIP/10"])
    assert anna.user_id is not None
    await users.disable_user(house, SYSTEM, anna.user_id)
    berta = await add_user(house, "berta", interfaces=["PJSIP/10"])
    assert berta.user_id is not None
    with pytest.raises(Conflict, match=r"PJSIP/10 belongs to berta"):
        await users.enable_user(house, SYSTEM, anna.user_id)
    await users.update_user(house, SYSTEM, berta.user_id, {"interfaces": []})
    assert (await users.enable_user(house, SYSTEM, anna.user_id)).disabled_at is None


async def test_a_stale_version_is_a_conflict(house: House) -> None:
    anna = await add_user(house, "anna")
    assert anna.user_id is not None
    changed = await users.update_user(house, SYSTEM, anna.user_id, {"name": "A"}, expected_version=1)
    assert changed.version == 2
    with pytest.raises(Conflict):
        await users.update_user(house, SYSTEM, anna.user_id, {"name": "B"}, expected_version=1)


async def test_the_last_administrator_stays(house: House) -> None:
    first = await add_user(house, "first", "administrator")
    assert first.user_id is not None
    for attempt in (
        users.disable_user(house, SYSTEM, first.user_id),
        users.update_user(house, SYSTEM, first.user_id, {"role": "agent"}),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            await attempt
    second = await add_user(house, "second", "administrator")
    assert second.user_id is not None
    results = await asyncio.gather(
        users.disable_user(house, SYSTEM, first.user_id),
        users.disable_user(house, SYSTEM, second.user_id),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "UserView"]
    enabled = [user for user in await list_users(house.db, SYSTEM, limit=10) if user.disabled_at is None]
    assert len(enabled) == 1


#: What each role may do to users: read them, and write them.
RIGHTS = {
    "agent": (True, False),
    "supervisor": (True, False),
    "marketer": (False, False),
    "reviewer": (False, False),
    "administrator": (True, True),
}


@pytest.mark.parametrize(("role", "rights"), RIGHTS.items())
async def test_who_may_read_and_write_users(house: House, role: str, rights: tuple[bool, bool]) -> None:
    other = await add_user(house, "other")
    assert other.user_id is not None
    viewer = await add_user(house, "viewer", role)
    assert viewer.user_id is not None
    await add_user(house, "keeper", "administrator")
    own, their = viewer.user_id, other.user_id
    reads, writes = rights
    attempts: list[tuple[bool, Any]] = [
        (reads, lambda: get_user(house.db, viewer, their)),
        (reads, lambda: list_users(house.db, viewer, limit=5)),
        (reads, lambda: list_roles(house.db, viewer)),
        (reads, lambda: find_user_by_login(house.db, viewer, "other")),
        (True, lambda: get_user(house.db, viewer, own)),
        (True, lambda: list_sessions(house.db, viewer, own, house.clock())),
        (writes, lambda: list_sessions(house.db, viewer, their, house.clock())),
        (writes, lambda: list_tokens(house.db, viewer, their)),
        (writes, lambda: users.create_user(house, viewer, {"login": "new", "name": "New"})),
        (writes, lambda: users.update_user(house, viewer, their, {"name": "x"})),
        (writes, lambda: users.set_password(house, viewer, their, PASSWORD)),
        (writes, lambda: users.disable_user(house, viewer, their)),
        (writes, lambda: users.enable_user(house, viewer, their)),
    ]
    for allowed, attempt in attempts:
        if allowed:
            await attempt()
        else:
            with pytest.raises(Forbidden):
                await attempt()


async def test_nobody_grants_or_takes_over_more_than_they_hold(house: House) -> None:
    await add_user(house, "admin", "administrator")
    admin = await find_user_by_login(house.db, SYSTEM, "admin")
    clerk = Viewer(new_id(), "token", frozenset({"users.read", "users.write", "customers.read"}))
    with pytest.raises(Forbidden):
        await users.create_user(house, clerk, {"login": "evil", "name": "Evil", "role": "administrator"})
    await house.db.execute(
        "INSERT INTO role (name, permissions) VALUES ('reader', ARRAY['customers.read'])",
    )
    reader = await users.create_user(house, clerk, {"login": "r", "name": "R", "role": "reader"})
    for attempt in (
        users.update_user(house, clerk, reader.id, {"role": "administrator"}),
        users.update_user(house, clerk, admin.id, {"login": "mine"}),
        users.set_password(house, clerk, admin.id, PASSWORD),
        users.disable_user(house, clerk, admin.id),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert await get_user(house.db, SYSTEM, admin.id) == admin


async def test_disabling_ends_sessions_and_tokens_at_once(house: House) -> None:
    anna = await add_user(house, "anna", "supervisor", password=PASSWORD)
    assert anna.user_id is not None
    session = await sign_in(house, "anna", PASSWORD)
    _, secret = await users.create_token(house, anna, anna.user_id, "t", ["all"])
    await users.disable_user(house, SYSTEM, anna.user_id)
    assert await viewer_for_session(house.db, session.token, house.clock()) is None
    assert await viewer_for_token(house.db, secret, house.clock()) is None
    assert await check_password(house, "anna", PASSWORD) is None
    await users.enable_user(house, SYSTEM, anna.user_id)
    assert await viewer_for_session(house.db, session.token, house.clock()) is None
    assert await viewer_for_token(house.db, secret, house.clock()) is None
    assert await check_password(house, "anna", PASSWORD) == anna.user_id


async def test_a_new_password_ends_the_sessions_and_the_lock(house: House) -> None:
    anna = await add_user(house, "anna", password=PASSWORD)
    assert anna.user_id is not None
    session = await sign_in(house, "anna", PASSWORD)
    await house.db.execute("UPDATE users SET locked_until = now() + interval '1 hour', failed_sign_ins = 5")
    await users.set_password(house, SYSTEM, anna.user_id, "another password")
    assert await viewer_for_session(house.db, session.token, house.clock()) is None
    assert await check_password(house, "anna", PASSWORD) is None
    assert await check_password(house, "anna", "another password") == anna.user_id
    logged = await house.db.fetch("SELECT data FROM audit_entry WHERE action = 'user:updated'")
    assert [row["data"]["fields"] for row in logged] == [["failed_sign_ins", "locked_until", "password"]]
    assert all("argon2" not in str(row["data"]) for row in logged)


async def test_changing_ones_own_password_needs_the_present_one(house: House) -> None:
    anna = await add_user(house, "anna", password=PASSWORD)
    here = await sign_in(house, "anna", PASSWORD)
    elsewhere = await sign_in(house, "anna", PASSWORD)
    with pytest.raises(Invalid, match=r"^current: "):
        await users.change_own_password(house, anna, "not it at all", "another password", here.id)
    token = await users.change_own_password(house, anna, PASSWORD, "another password", here.id)
    assert token is not None
    # This browser goes on with a new token; who stole the old one does not.
    assert await viewer_for_session(house.db, token, house.clock()) is not None
    assert await viewer_for_session(house.db, here.token, house.clock()) is None
    assert await viewer_for_session(house.db, elsewhere.token, house.clock()) is None
    assert await check_password(house, "anna", "another password") is not None


async def test_a_profile_is_merged_key_by_key(house: House) -> None:
    anna = await add_user(house, "anna")
    await users.update_profile(house, anna, {"locale": "zh", "preferences": {"theme": "dark", "ring": 3}})
    changed = await users.update_profile(house, anna, {"preferences": {"ring": None, "size": "l"}})
    assert (changed.locale, changed.preferences) == ("zh", {"theme": "dark", "size": "l"})
    for bad in ({"locale": "xx"}, {"preferences": {"a": "x" * 9000}}, {"preferences": {"a": object()}}):
        with pytest.raises(Invalid):
            await users.update_profile(house, anna, cast(users.Profile, bad))
    with pytest.raises(NotFound):
        await users.update_profile(house, SYSTEM, {"locale": "en"})


async def test_lists_are_paged_and_bounded(house: House) -> None:
    for n in range(5):
        await add_user(house, f"user{n}")
    first = await list_users(house.db, SYSTEM, limit=2)
    second = await list_users(house.db, SYSTEM, limit=2, after=first[-1].id)
    assert [user.login for user in first + second] == ["user4", "user3", "user2", "user1"]
    await users.disable_user(house, SYSTEM, first[0].id)
    assert len(await list_users(house.db, SYSTEM, limit=10, with_disabled=False)) == 4
    roles = {role.name: role for role in await list_roles(house.db, SYSTEM)}
    assert set(RIGHTS) <= set(roles)
    assert roles["agent"].built_in


async def test_tokens(house: House) -> None:
    supervisor = await add_user(house, "sue", "supervisor")
    assert supervisor.user_id is not None
    token, secret = await users.create_token(
        house, supervisor, supervisor.user_id, "report", ["calls.read", "customers.read", "calls.read"]
    )
    assert token.scopes == ("calls.read", "customers.read")
    assert secret.startswith("hotline_")
    assert await list_tokens(house.db, supervisor, supervisor.user_id) == [token]
    identity = await viewer_for_token(house.db, secret, house.clock())
    assert identity is not None
    assert (identity.viewer.kind, identity.user_id) == ("token", supervisor.user_id)
    assert identity.viewer.permissions == {"calls.read", "customers.read"}
    assert identity.viewer.masks == {"phone", "email", "address", "private"}
    dump = str([dict(row) for row in await house.db.fetch("SELECT * FROM api_token")])
    assert secret not in dump
    await users.revoke_token(house, supervisor, token.id)
    assert await viewer_for_token(house.db, secret, house.clock()) is None
    assert await list_tokens(house.db, supervisor, supervisor.user_id) == []


async def test_a_token_never_exceeds_the_role_that_its_user_has_now(house: House) -> None:
    anna = await add_user(house, "anna", "administrator")
    await add_user(house, "other", "administrator")
    assert anna.user_id is not None
    _, secret = await users.create_token(house, anna, anna.user_id, "all", ["all"])
    identity = await viewer_for_token(house.db, secret, house.clock())
    assert identity is not None
    assert identity.viewer.permissions == anna.permissions
    await users.update_user(house, SYSTEM, anna.user_id, {"role": "marketer"})
    identity = await viewer_for_token(house.db, secret, house.clock())
    assert identity is not None
    assert identity.viewer.permissions == viewer_as("marketer").permissions


async def test_who_may_make_tokens(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    supervisor = await add_user(house, "sue", "supervisor")
    agent = await add_user(house, "anna")
    assert admin.user_id
    assert supervisor.user_id
    assert agent.user_id
    narrow = Viewer(admin.user_id, "token", frozenset({"tokens.write", "customers.read"}))
    refused: list[tuple[Viewer, Any, list[str], type[HotlineError]]] = [
        (agent, agent.user_id, ["all"], Forbidden),
        (supervisor, agent.user_id, ["all"], Forbidden),
        (narrow, admin.user_id, ["all"], Forbidden),
        (narrow, admin.user_id, ["customers.read", "users.write"], Forbidden),
        (admin, agent.user_id, [], Invalid),
        (admin, agent.user_id, ["everything"], Invalid),
        (admin, new_id(), ["all"], NotFound),
    ]
    for viewer, user_id, scopes, error in refused:
        with pytest.raises(error):
            await users.create_token(house, viewer, user_id, "t", scopes)
    with pytest.raises(Invalid, match=r"^expires_at: "):
        await users.create_token(house, admin, agent.user_id, "t", ["all"], house.clock() - timedelta(seconds=1))
    await users.create_token(house, admin, agent.user_id, "t", ["all"])
    await users.create_token(house, narrow, admin.user_id, "t", ["customers.read"])


async def test_a_token_of_another_can_be_revoked_by_administrators_only(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    sue = await add_user(house, "sue", "supervisor")
    pat = await add_user(house, "pat", "supervisor")
    assert sue.user_id is not None
    token, secret = await users.create_token(house, sue, sue.user_id, "t", ["all"])
    with pytest.raises(NotFound):
        await users.revoke_token(house, pat, token.id)
    assert await viewer_for_token(house.db, secret, house.clock()) is not None
    await users.revoke_token(house, admin, token.id)
    assert await viewer_for_token(house.db, secret, house.clock()) is None


async def test_changes_are_on_record_with_who_made_them(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    made = await users.create_user(house, admin, {"login": "anna", "name": "Anna", "queues": ["sales"]})
    await users.update_user(house, admin, made.id, {"role": "supervisor"})
    rows = await house.db.fetch(
        "SELECT action, actor_id, data FROM audit_entry WHERE subject_id = $1 ORDER BY id", made.id
    )
    assert [(row["action"], row["actor_id"], row["data"]) for row in rows] == [
        ("user:created", admin.user_id, {"role": "agent", "interfaces": [], "queues": ["sales"]}),
        ("user:updated", admin.user_id, {"fields": ["role"], "role": "supervisor"}),
    ]
