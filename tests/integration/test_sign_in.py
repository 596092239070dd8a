"""Signing in: one answer for whatever is wrong, a lock that guessing cannot outrun, sessions that end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hotline.crm import passwords
from hotline.crm.commands.people.sessions import LONGEST_SESSION
from hotline.crm.queries.people.users import list_sessions
from hotline.crm.viewer import SYSTEM
from hotline.errors import NotFound
from hotline.workflows.house import House
from hotline.workflows.people import unknown_logins, users
from hotline.workflows.people.sign_in import (
    SignInLocked,
    WrongPassword,
    check_password,
    identify_session,
    identify_token,
    sign_in,
    sign_out,
)
from hotline.workflows.people.unknown_logins import UnknownLogins
from tests.integration.people import PASSWORD, add_user, viewer_as
from tests.integration.watch import START, Watch


@pytest.fixture
def watch(house: House) -> Watch:
    clock = Watch()
    house.clock = clock
    return clock


async def test_a_session_is_its_user_with_the_rights_of_now(house: House) -> None:
    anna = await add_user(house, "anna", password=PASSWORD, locale="zh")
    assert anna.user_id is not None
    session = await sign_in(house, " Anna ", PASSWORD, "Firefox\r\nX: y")
    assert session.identity.user_id == anna.user_id
    identity = await identify_session(house, session.token)
    assert identity is not None
    assert (identity.id, identity.login, identity.name, identity.csrf) == (session.id, "anna", "Anna", session.csrf)
    assert identity.viewer == replace(viewer_as("agent", anna.user_id), locale="zh")
    await users.update_user(house, SYSTEM, anna.user_id, {"role": "marketer"})
    again = await identify_session(house, session.token)
    assert again is not None
    assert again.viewer.permissions == viewer_as("marketer").permissions
    (open_session,) = await list_sessions(house.db, anna, anna.user_id, house.clock())
    assert open_session.user_agent == "Firefox X: y"


async def test_only_hashes_are_kept(house: House) -> None:
    await add_user(house, "anna", password=PASSWORD)
    session = await sign_in(house, "anna", PASSWORD)
    rows = [*await house.db.fetch("SELECT * FROM session"), *await house.db.fetch("SELECT * FROM users")]
    dump = str([dict(row) for row in rows])
    assert session.token not in dump
    assert PASSWORD not in dump


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("anna", "wrong password"),
        ("anna", ""),
        ("anna", "x" * 100_000),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("anna\0", "wrong\0password"),
        ("' OR ''='", PASSWORD),
        ("\ud800", "\ud800"),
        ("x" * 10_000, PASSWORD),
        ("disabled", PASSWORD),
    ],
)
async def test_whatever_is_wrong_the_answer_and_the_work_are_the_same(
    house: House, login: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_user(house, "anna", password=PASSWORD)
    disabled = await add_user(house, "disabled", password=PASSWORD)
    assert disabled.user_id is not None
    await users.disable_user(house, SYSTEM, disabled.user_id)
    verified = 0
    verify = passwords._fits

    def counted(stored: str | None, tried: str) -> bool:
        nonlocal verified
        verified += 1
        return verify(stored, tried)

    monkeypatch.setattr(passwords, "_fits", counted)
    with pytest.raises(WrongPassword) as wrong:
        await sign_in(house, login, password)
    assert wrong.value.detail == "The login or the password is wrong."
    assert verified == 1


async def test_too_many_wrong_passwords_lock_for_a_while(house: House, watch: Watch) -> None:
    anna = await add_user(house, "anna", password=PASSWORD)
    most = house.settings.sign_in_attempts
    minutes = house.settings.sign_in_lock_minutes
    for _ in range(most - 1):
        with pytest.raises(WrongPassword):
            await sign_in(house, "anna", "wrong password")
    with pytest.raises(SignInLocked) as locked:
        await sign_in(house, "anna", "wrong password")
    assert locked.value.until == START + timedelta(minutes=minutes)
    assert locked.value.minutes == minutes
    assert f"{minutes} min, at 12:{minutes} UTC" in locked.value.detail
    watch.forward(minutes=minutes - 1)
    with pytest.raises(SignInLocked) as still:
        await sign_in(house, "anna", PASSWORD)
    assert still.value.minutes == 1
    watch.forward(minutes=1)
    with pytest.raises(WrongPassword):
        await sign_in(house, "anna", "wrong password")
    assert (await sign_in(house, "anna", PASSWORD)).identity.user_id == anna.user_id
    for _ in range(most - 1):
        with pytest.raises(WrongPassword):
            await sign_in(house, "anna", "wrong password")
    await sign_in(house, "anna", PASSWORD)
    entries = await house.db.fetch("SELECT subject_id FROM audit_entry WHERE action = 'user:locked'")
    assert [row["subject_id"] for row in entries] == [anna.user_id]


async def test_the_lock_does_not_tell_which_logins_exist(house: House, watch: Watch) -> None:
    await add_user(house, "anna", password=PASSWORD)
    disabled = await add_user(house, "disabled", password=PASSWORD)
    assert disabled.user_id is not None
    await users.disable_user(house, SYSTEM, disabled.user_id)

    async def tries(login: str) -> list[str]:
        told = []
        for wait in (*[0] * (house.settings.sign_in_attempts + 2), house.settings.sign_in_lock_minutes):
            watch.forward(minutes=wait)
            with pytest.raises((WrongPassword, SignInLocked)) as refused:
                await sign_in(house, login, "wrong password")
            told.append(refused.value.code)
        return told

    known = await tries("anna")
    assert known[-3:] == ["sign_in_locked", "sign_in_locked", "wrong_password"]
    assert await tries("nobody") == known
    assert await tries("disabled") == known


async def test_logins_that_nobody_has_take_no_endless_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown_logins, "KEPT", 3)
    tries = UnknownLogins()
    for login in ("a", "b", "c", "d", "a"):  # the first "a" is forgotten when "d" comes
        assert tries.count(login, START, 2, timedelta(minutes=1)) == (None, None)
    assert tries.count("d", START, 2, timedelta(minutes=1)) == (None, START + timedelta(minutes=1))


async def test_guesses_at_once_cannot_outrun_the_lock(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_user(house, "anna", password=PASSWORD)
    tried = 0

    def wrong(stored: str | None, password: str) -> bool:
        nonlocal tried
        tried += 1
        return False

    monkeypatch.setattr(passwords, "_fits", wrong)
    results = await asyncio.gather(*(sign_in(house, "anna", f"guess {n}") for n in range(30)), return_exceptions=True)
    assert all(isinstance(result, WrongPassword | SignInLocked) for result in results)
    assert tried == house.settings.sign_in_attempts


async def test_one_users_lock_is_nobody_elses(house: House) -> None:
    await add_user(house, "anna", password=PASSWORD)
    await add_user(house, "berta", password=PASSWORD)
    for _ in range(house.settings.sign_in_attempts):
        assert await _outcome(check_password(house, "anna", "wrong password")) in ("None", "SignInLocked")
    assert await _outcome(check_password(house, "anna", PASSWORD)) == "SignInLocked"
    await sign_in(house, "berta", PASSWORD)


async def _outcome(attempt: Any) -> str:
    try:
        return str(await attempt)
    except SignInLocked:
        return "SignInLocked"


async def test_a_session_slides_and_ends(house: House, watch: Watch) -> None:
    await add_user(house, "anna", password=PASSWORD)
    session = await sign_in(house, "anna", PASSWORD)
    idle = house.settings.session_hours
    for _ in range(3):
        watch.forward(hours=idle - 1)
        assert await identify_session(house, session.token) is not None
    watch.forward(hours=idle)
    assert await identify_session(house, session.token) is None


async def test_a_session_ends_however_often_it_is_used(house: House, watch: Watch) -> None:
    await add_user(house, "anna", password=PASSWORD)
    session = await sign_in(house, "anna", PASSWORD)
    while await identify_session(house, session.token) is not None:
        watch.forward(hours=house.settings.session_hours - 1)
        assert watch.now <= START + LONGEST_SESSION + timedelta(hours=house.settings.session_hours)
    assert watch.now >= START + LONGEST_SESSION


async def test_using_a_session_is_noted_now_and_then_only(house: House, watch: Watch) -> None:
    anna = await add_user(house, "anna", password=PASSWORD)
    assert anna.user_id is not None
    session = await sign_in(house, "anna", PASSWORD)
    watch.forward(minutes=4)
    await identify_session(house, session.token)
    (seen,) = await list_sessions(house.db, anna, anna.user_id, watch.now)
    assert seen.seen_at == START
    watch.forward(minutes=2)
    await identify_session(house, session.token)
    (seen,) = await list_sessions(house.db, anna, anna.user_id, watch.now)
    assert seen.seen_at == watch.now


async def test_signing_out(house: House) -> None:
    anna = await add_user(house, "anna", password=PASSWORD)
    berta = await add_user(house, "berta", password=PASSWORD)
    session = await sign_in(house, "anna", PASSWORD)
    other = await sign_in(house, "anna", PASSWORD)
    with pytest.raises(NotFound):
        await users.revoke_session(house, berta, other.id)
    await sign_out(house, session.identity)
    await sign_out(house, session.identity)
    assert await identify_session(house, session.token) is None
    assert await identify_session(house, other.token) is not None
    await users.revoke_session(house, anna, other.id)
    assert await identify_session(house, other.token) is None


async def test_a_token_ends_at_its_time(house: House, watch: Watch) -> None:
    admin = await add_user(house, "admin", "administrator")
    assert admin.user_id is not None
    _, secret = await users.create_token(house, admin, admin.user_id, "t", ["all"], START + timedelta(hours=1))
    assert await identify_token(house, secret) is not None
    assert await house.db.fetchval("SELECT used_at FROM api_token") == START
    watch.forward(hours=1)
    assert await identify_token(house, secret) is None


@pytest.mark.parametrize("secret", ["", "hotline_", "x" * 10_000, "\0", "\ud800", "' OR 1=1"])
async def test_what_was_never_given_out_is_nobody(house: House, secret: str) -> None:
    await add_user(house, "anna", password=PASSWORD)
    await sign_in(house, "anna", PASSWORD)
    assert await identify_session(house, secret) is None
    assert await identify_token(house, secret) is None


async def test_a_session_is_no_token_and_a_token_no_session(house: House) -> None:
    admin = await add_user(house, "admin", "administrator", password=PASSWORD)
    assert admin.user_id is not None
    session = await sign_in(house, "admin", PASSWORD)
    _, secret = await users.create_token(house, admin, admin.user_id, "t", ["all"])
    assert await identify_token(house, session.token) is None
    assert await identify_session(house, secret) is None


async def test_an_outdated_hash_is_made_anew_at_a_right_password(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_user(house, "anna", password=PASSWORD)
    before = await house.db.fetchval("SELECT password_hash FROM users")
    monkeypatch.setattr(passwords, "outdated", lambda stored: True)
    await sign_in(house, "anna", PASSWORD)
    monkeypatch.undo()
    assert await house.db.fetchval("SELECT password_hash FROM users") != before
    await sign_in(house, "anna", PASSWORD)
