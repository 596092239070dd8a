"""Two-step sign-in: set up, asked for, replayed, guessed, lost, required by a role."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from hotline.crm import second_factors
from hotline.crm.queries.people.sign_ins import get_factor, list_sign_ins, refused_tries
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, Forbidden, Invalid
from hotline.workflows.house import House
from hotline.workflows.people import second_factor, sign_in
from hotline.workflows.people.sign_in import (
    ChallengeOver,
    CodeNeeded,
    SignedInSession,
    SignedInUser,
    SignInLocked,
    WrongCode,
    WrongPassword,
    identify_session,
    sign_in_with_code,
)
from tests.integration.people import PASSWORD, add_user, viewer_as
from tests.integration.watch import Watch


@pytest.fixture
def watch(house: House) -> Watch:
    house.clock = clock = Watch()
    return clock


def of(session: SignedInSession) -> SignedInUser:
    return SignedInUser(session.identity.user_id, session.id, session.identity.login)


async def enrolled(house: House, watch: Watch, login: str = "anna") -> tuple[str, list[str]]:
    """A user with an app; its secret and the recovery codes."""
    await add_user(house, login, password=PASSWORD)
    session = await sign_in.sign_in(house, login, PASSWORD)
    begun = await second_factor.begin(house, of(session))
    done = await second_factor.prove(house, of(session), pyotp.TOTP(begun.secret).at(watch.now))
    watch.now += timedelta(seconds=60)
    return begun.secret, done.recovery_codes


async def challenged(house: House, login: str = "anna") -> str:
    with pytest.raises(CodeNeeded) as needed:
        await sign_in.sign_in(house, login, PASSWORD)
    return needed.value.challenge


async def test_a_code_is_asked_for_and_opens_the_session_once(house: House, watch: Watch) -> None:
    secret, _ = await enrolled(house, watch)
    first, second = await challenged(house), await challenged(house)
    code = pyotp.TOTP(secret).at(watch.now)
    session = await sign_in_with_code(house, first, f" {code[:3]} {code[3:]}", "Firefox", "203.0.113.77")
    identity = await identify_session(house, session.token)
    assert identity is not None
    assert identity.second_factor
    assert identity.confirmed_at == watch.now
    # Neither the code nor the challenge is worth anything now, and a challenge alone opens nothing.
    with pytest.raises(WrongCode):
        await sign_in_with_code(house, second, code)
    watch.now += timedelta(seconds=30)
    with pytest.raises(ChallengeOver):
        await sign_in_with_code(house, first, pyotp.TOTP(secret).at(watch.now))
    assert await identify_session(house, second) is None
    # The history says how, and from which network: never the address.
    newest = (await list_sign_ins(house.db, SYSTEM, identity.user_id, limit=10))[1]
    assert (newest.outcome, newest.method, newest.network) == ("in", "totp", "203.0.113.0/24")


async def test_a_challenge_ends(house: House, watch: Watch) -> None:
    secret, _ = await enrolled(house, watch)
    challenge = await challenged(house)
    watch.now += timedelta(minutes=10)
    with pytest.raises(ChallengeOver):
        await sign_in_with_code(house, challenge, pyotp.TOTP(secret).at(watch.now))


async def test_who_knows_the_password_cannot_guess_codes_for_ever(house: House, watch: Watch) -> None:
    secret, _ = await enrolled(house, watch)
    wrong = "000000" if pyotp.TOTP(secret).at(watch.now) != "000000" else "000001"
    refused: list[type[Exception]] = []
    for _ in range(house.settings.sign_in_attempts):
        try:
            # The right password in between gives no new tries.
            await sign_in_with_code(house, await challenged(house), wrong)
        except (WrongCode, SignInLocked) as refusal:
            refused.append(type(refusal))
    assert refused == [*[WrongCode] * (house.settings.sign_in_attempts - 1), SignInLocked]


async def test_recovery_codes_work_once_and_only_their_marks_are_kept(house: House, watch: Watch) -> None:
    _, codes = await enrolled(house, watch)
    assert len(set(codes)) == second_factors.RECOVERY_CODES
    session = await sign_in_with_code(house, await challenged(house), codes[0].upper().replace("-", " "))
    assert (await get_factor(house.db, SYSTEM, session.identity.user_id, watch.now)).recovery_codes == 9
    with pytest.raises(WrongCode):
        await sign_in_with_code(house, await challenged(house), codes[0])
    dump = str([dict(row) for row in await house.db.fetch("SELECT * FROM recovery_code")])
    assert not any(code in dump or code.replace("-", "") in dump for code in codes)
    new = await second_factor.new_codes(house, of(session))
    with pytest.raises(WrongCode):
        await sign_in_with_code(house, await challenged(house), codes[1])
    assert await sign_in_with_code(house, await challenged(house), new[0])


async def test_turning_it_on_ends_other_sessions_and_changes_this_ones_token(house: House, watch: Watch) -> None:
    await add_user(house, "anna", password=PASSWORD)
    other = await sign_in.sign_in(house, "anna", PASSWORD)
    mine = await sign_in.sign_in(house, "anna", PASSWORD)
    with pytest.raises(Conflict):
        await second_factor.prove(house, of(mine), "123456")
    begun = await second_factor.begin(house, of(mine))
    with pytest.raises(Invalid):
        await second_factor.prove(house, of(mine), "x" * 50)
    assert await second_factor.pending(house, of(mine)) == begun
    done = await second_factor.prove(house, of(mine), pyotp.TOTP(begun.secret).at(watch.now))
    assert await identify_session(house, other.token) is None
    assert await identify_session(house, mine.token) is None
    assert await identify_session(house, done.token) is not None
    secrets = str([dict(row) for row in await house.db.fetch("SELECT * FROM users")])
    assert begun.secret not in secrets


async def test_a_role_that_asks_for_it_lets_nobody_do_anything_before(house: House, watch: Watch) -> None:
    secret, _ = await enrolled(house, watch, "with")
    await add_user(house, "without", password=PASSWORD)
    without = await sign_in.sign_in(house, "without", PASSWORD)
    await house.db.execute("UPDATE role SET require_totp = true WHERE name = 'agent'")
    # In the middle of a session, at the next request.
    held = await identify_session(house, without.token)
    assert held is not None
    assert held.must_enrol
    assert held.viewer.permissions == frozenset()
    begun = await second_factor.begin(house, of(without))
    done = await second_factor.prove(house, of(without), pyotp.TOTP(begun.secret).at(watch.now))
    free = await identify_session(house, done.token)
    assert free is not None
    assert not free.must_enrol
    assert free.viewer.permissions == viewer_as("agent").permissions
    session = await sign_in_with_code(house, await challenged(house, "with"), pyotp.TOTP(secret).at(watch.now))
    with pytest.raises(second_factor.FactorRequired):
        await second_factor.turn_off(house, of(session))


async def test_an_administrator_turns_a_lost_one_off(house: House, watch: Watch) -> None:
    secret, _ = await enrolled(house, watch)
    session = await sign_in_with_code(house, await challenged(house), pyotp.TOTP(secret).at(watch.now))
    with pytest.raises(Forbidden):
        await second_factor.reset(house, viewer_as("supervisor"), session.identity.user_id)
    assert not (await second_factor.reset(house, SYSTEM, session.identity.user_id)).on
    assert await identify_session(house, session.token) is None
    assert await sign_in.sign_in(house, "anna", PASSWORD)


async def test_confirming_changes_the_token_and_asks_for_the_code_where_one_is_on(house: House, watch: Watch) -> None:
    secret, _ = await enrolled(house, watch)
    strong = await sign_in_with_code(house, await challenged(house), pyotp.TOTP(secret).at(watch.now))
    await add_user(house, "ben", password=PASSWORD)
    plain = await sign_in.sign_in(house, "ben", PASSWORD)
    watch.now += timedelta(hours=2)
    with pytest.raises(WrongCode):
        await sign_in.confirm(house, of(strong), PASSWORD)
    with pytest.raises(WrongPassword):
        await sign_in.confirm(house, of(plain), "something else")
    for session, proof in ((strong, pyotp.TOTP(secret).at(watch.now)), (plain, PASSWORD)):
        token = await sign_in.confirm(house, of(session), proof)
        assert await identify_session(house, session.token) is None
        again = await identify_session(house, token)
        assert again is not None
        assert (again.id, again.csrf, again.confirmed_at) == (session.id, session.csrf, watch.now)


async def test_what_is_written_does_not_tell_which_logins_exist(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time would tell: the same statements and transactions for a known login, an unknown one, and locks of both."""
    await add_user(house, "anna", password=PASSWORD)
    counted: dict[str, list[int]] = {}
    statements = 0
    from hotline.crm.unit_of_work import UnitOfWork

    for name in ("execute", "fetchrow", "fetchval", "fetch"):
        original = getattr(UnitOfWork, name)

        async def counting(self: UnitOfWork, *args: object, _original: object = original) -> object:
            nonlocal statements
            statements += 1
            return await _original(self, *args)  # type: ignore[operator]

        monkeypatch.setattr(UnitOfWork, name, counting)
    for login in ("anna", "nobody"):
        for _ in range(house.settings.sign_in_attempts + 2):
            statements = 0
            with pytest.raises((WrongPassword, SignInLocked)):
                await sign_in.sign_in(house, login, "wrong")
            counted.setdefault(login, []).append(statements)
    assert counted["anna"] == counted["nobody"]
    assert await refused_tries(house.db, SYSTEM, house.clock()) == house.settings.sign_in_attempts + 4


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::5", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_only_the_network_of_an_address_is_kept(address: str, network: str) -> None:
    assert sign_in.network_of(address) == network
