"""Roles of the company's own, grants for a time, teams: what is given, to whom, by whom, and until when."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from hotline.crm.queries.people.grants import list_grants
from hotline.crm.queries.people.identity import viewer_for_token
from hotline.crm.queries.people.rights import get_rights
from hotline.crm.queries.people.roles import get_role
from hotline.crm.viewer import SHIPPED_ROLES, SYSTEM, Viewer, viewer_of
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.workflows.house import House
from hotline.workflows.people import grants, roles, teams, users
from tests.integration.people import add_user

LEAD = ["customers.read", "customers.read_team", "calls.read", "calls.read_team", "users.read"]
NAMES = {"en": "Team lead", "zh": "组长"}


async def now(house: House, token: str) -> Viewer:
    """The viewer that the next request of this token has."""
    identity = await viewer_for_token(house.db, token, house.clock())
    assert identity is not None
    return identity.viewer


async def token_of(house: House, viewer: Viewer) -> str:
    assert viewer.user_id is not None
    return (await users.create_token(house, SYSTEM, viewer.user_id, "test", ["all"]))[1]


async def events(house: House) -> list[list[str]]:
    rows = await house.db.fetch("SELECT audience FROM outbox WHERE type = 'rights.changed' ORDER BY at, id")
    return [list(row["audience"]) for row in rows]


async def test_a_role_of_ones_own_holds_at_the_next_request(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    agent = await add_user(house, "agent")
    token = await token_of(house, agent)
    made = await roles.create_role(house, admin, "team_lead", names=NAMES, permissions=LEAD)
    assert made.permissions == tuple(each for each in SHIPPED_ROLES["administrator"] if each in LEAD)
    assert (made.built_in, made.names, made.users) == (False, NAMES, 0)
    assert agent.user_id is not None
    await users.update_user(house, admin, agent.user_id, {"role": "team_lead"})
    assert (await now(house, token)).permissions == set(LEAD)
    changed = await roles.change_role(house, admin, "team_lead", {"permissions": ["calls.read"]}, made.version)
    assert changed.version == made.version + 1
    assert (await now(house, token)).permissions == {"calls.read"}
    assert await events(house) == [[f"user:{agent.user_id}"]] * 2
    with pytest.raises(Conflict, match="Somebody has this role"):
        await roles.delete_role(house, admin, "team_lead")
    await users.update_user(house, admin, agent.user_id, {"role": "agent"})
    await roles.delete_role(house, admin, "team_lead")
    with pytest.raises(NotFound):
        await get_role(house.db, admin, "team_lead")


async def test_what_no_role_may_be(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    for name, permissions, field in (
        ("Lead", LEAD, "name"),
        ("lead", ["customers.see"], r"permissions\[0\]"),
        ("lead", ["customers.read_all"], "customers.read_all needs customers.read"),
    ):
        with pytest.raises(Invalid, match=field):
            await roles.create_role(house, admin, name, names=NAMES, permissions=permissions)
    assert (await roles.create_role(house, admin, "plain", permissions=LEAD)).names == {}
    with pytest.raises(Invalid, match="names"):
        await roles.create_role(house, admin, "lead", names={"en": " "}, permissions=LEAD)
    with pytest.raises(Conflict, match="there is a role"):
        await roles.create_role(house, admin, "agent", names=NAMES, permissions=LEAD)
    with pytest.raises(Conflict, match="comes with hotline"):
        await roles.change_role(house, admin, "agent", {"permissions": LEAD})
    with pytest.raises(Conflict, match="comes with hotline"):
        await roles.delete_role(house, admin, "agent")
    strict = await roles.change_role(house, admin, "agent", {"require_totp": True})
    assert (strict.require_totp, strict.permissions) == (True, SHIPPED_ROLES["agent"])
    with pytest.raises(Forbidden):
        await roles.create_role(house, await add_user(house, "agent"), "lead", names=NAMES, permissions=[])


async def test_nobody_gives_what_they_do_not_have(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    keeper_rights = ["users.read", "users.write", "roles.write", "calls.read"]
    await roles.create_role(house, admin, "keeper", names=NAMES, permissions=keeper_rights)
    await roles.create_role(house, admin, "caller", names=NAMES, permissions=["calls.read"])
    keeper = viewer_of((await add_user(house, "keeper")).user_id, frozenset(keeper_rights))  # type: ignore[arg-type]
    agent = (await add_user(house, "agent")).user_id
    assert agent is not None
    later = house.clock() + timedelta(hours=1)
    with pytest.raises(Forbidden):
        await roles.create_role(house, keeper, "own", names=NAMES, permissions=["calls.read", "audit.read"])
    with pytest.raises(Forbidden):
        await roles.change_role(house, keeper, "caller", {"permissions": ["calls.read", "audit.read"]})
    with pytest.raises(Forbidden):
        await users.update_user(house, keeper, agent, {"role": "administrator"})
    with pytest.raises(Forbidden):
        await grants.give_grant(house, keeper, user_id=agent, role="administrator", reason="x", expires_at=later)
    # Nor over somebody who was given more for a time.
    caller = (await users.create_user(house, admin, {"login": "caller", "role": "caller"})).id
    await grants.give_grant(house, keeper, user_id=caller, permissions=["users.read"], reason="x", expires_at=later)
    await grants.give_grant(house, admin, user_id=caller, permissions=["audit.read"], reason="x", expires_at=later)
    with pytest.raises(Forbidden, match="may do more"):
        await users.set_password(house, keeper, caller, "another good password")


async def test_somebody_always_manages_users(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    assert admin.user_id is not None
    await roles.create_role(house, admin, "keeper", names=NAMES, permissions=SHIPPED_ROLES["administrator"])
    await users.update_user(house, admin, admin.user_id, {"role": "keeper"})
    with pytest.raises(Conflict, match="last administrator"):
        await roles.change_role(house, admin, "keeper", {"permissions": ["calls.read"]})


async def test_a_grant_adds_to_a_role_until_it_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = await add_user(house, "admin", "administrator")
    agent = await add_user(house, "agent", "marketer")
    assert agent.user_id is not None
    token = await token_of(house, agent)
    until = house.clock() + timedelta(hours=2)
    grant = await grants.give_grant(
        house, admin, user_id=agent.user_id, permissions=["calls.read_all"], reason="holiday cover", expires_at=until
    )
    held = set(SHIPPED_ROLES["marketer"])
    assert (await now(house, token)).permissions == held | {"calls.read", "calls.read_all"}
    assert (await now(house, token)).scope_of("calls") == "all"
    by_role = await grants.give_grant(
        house, admin, user_id=agent.user_id, role="reviewer", reason="audit", expires_at=until
    )
    assert (await now(house, token)).may("audit.read")
    rights = await get_rights(house.db, agent, house.clock(), agent.user_id)
    sources = {view.name: [source.kind for source in view.sources] for view in rights.permissions if view.sources}
    assert (sources["customers.read"], sources["calls.read_all"]) == (["role", "grant"], ["grant"])
    assert {scope.kind: scope.scope for scope in rights.scopes} == {
        "customers": "all", "calls": "all", "tickets": None, "conversations": None,
    }  # fmt: skip
    assert (await grants.revoke_grant(house, admin, grant.id)).state == "revoked"
    assert not (await now(house, token)).may("calls.read_all")
    assert (await grants.restore_grant(house, admin, grant.id)).state == "live"
    assert (await now(house, token)).may("calls.read_all")
    await _end_time(house, grant.id)
    assert not (await now(house, token)).may("calls.read_all")
    with pytest.raises(Conflict, match="time of this grant is over"):
        await grants.restore_grant(house, admin, grant.id)
    told = await list_grants(house.db, agent, house.clock(), limit=10, user_id=agent.user_id)
    assert [(one.id, one.state) for one in told] == [(by_role.id, "live"), (grant.id, "expired")]
    with pytest.raises(Forbidden):
        await list_grants(house.db, agent, house.clock(), limit=10)


async def _end_time(house: House, grant_id: UUID) -> None:
    await house.db.execute("UPDATE role_grant SET expires_at = $2 WHERE id = $1", grant_id, house.clock())


async def test_what_no_grant_may_be(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    agent = (await add_user(house, "agent")).user_id
    assert agent is not None
    soon = house.clock() + timedelta(hours=1)
    for more, field in (
        ({"role": None}, "role"),
        ({"role": "reviewer", "permissions": ["audit.read"]}, "role"),
        ({"role": "nobody"}, "role"),
        ({"role": "reviewer", "reason": " "}, "reason"),
        ({"role": "reviewer", "expires_at": house.clock()}, "expires_at"),
        ({"role": "reviewer", "expires_at": soon + timedelta(days=91)}, "expires_at"),
    ):
        with pytest.raises(Invalid, match=field):
            await grants.give_grant(house, admin, **{"user_id": agent, "reason": "why", "expires_at": soon} | more)  # type: ignore[arg-type]
    await users.disable_user(house, admin, agent)
    with pytest.raises(Conflict, match="may not sign in"):
        await grants.give_grant(house, admin, user_id=agent, role="reviewer", reason="why", expires_at=soon)


async def test_teams(house: House) -> None:
    admin = await add_user(house, "admin", "administrator")
    one, two = await add_user(house, "one"), await add_user(house, "two")
    token = await token_of(house, one)
    team = await teams.create_team(house, admin, {"name": "North", "queues": ["north"], "members": ["one"]})
    assert ([member.login for member in team.members], team.queues) == (["one"], ("north",))
    assert (await now(house, token)).teams == {team.id}
    with pytest.raises(Conflict, match="there is a team"):
        await teams.create_team(house, admin, {"name": "north"})
    with pytest.raises(Invalid, match=r"members\[1\]"):
        await teams.change_team(house, admin, team.id, {"members": ["two", "nobody"]})
    with pytest.raises(Invalid, match=r"queues\[0\]"):
        await teams.change_team(house, admin, team.id, {"queues": ["two words"]})
    with pytest.raises(Conflict):
        await teams.change_team(house, admin, team.id, {"name": "South"}, team.version + 1)
    changed = await teams.change_team(house, admin, team.id, {"members": ["TWO", str(two.user_id)]}, team.version)
    assert ([member.login for member in changed.members], changed.queues) == (["two"], ("north",))
    assert (await now(house, token)).teams == frozenset()
    assert (await events(house))[-1] == sorted(f"user:{person.user_id}" for person in (one, two))
    await teams.delete_team(house, admin, team.id)
    with pytest.raises(NotFound):
        await teams.delete_team(house, admin, team.id)
    with pytest.raises(Forbidden):
        await teams.create_team(house, one, {"name": "Own"})
