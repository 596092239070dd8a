"""Signing in and out. Rights are read anew with every request: what an administrator takes away is gone at
once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import ClassVar, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hotline.crm import passwords
from hotline.crm.commands.people import second_factor, sessions
from hotline.crm.commands.people.sessions import Attempt, Device, Method, Outcome
from hotline.crm.company import Security
from hotline.crm.database import Database
from hotline.crm.queries.people.identity import Identity, viewer_for_session, viewer_for_token
from hotline.crm.queries.people.sign_ins import get_factor
from hotline.crm.viewer import SYSTEM, acting
from hotline.customers.text import one_line
from hotline.errors import NotSignedIn, TooMany
from hotline.workflows.company import company
from hotline.workflows.house import House
from hotline.workflows.people.unknown_logins import UnknownLogins

#: The use of a session or token is noted at most this often, so that reading stays reading.
TOUCH_EVERY: Final = timedelta(minutes=5)
NOWHERE: Final = Device()
_LONGEST_USER_AGENT: Final = 300
_UNKNOWN: Final[WeakKeyDictionary[Database, UnknownLogins]] = WeakKeyDictionary()


class WrongPassword(NotSignedIn):
    """The login or the password is wrong."""

    code: ClassVar[str] = "wrong_password"


class SignInLocked(TooMany):
    """Too many wrong passwords: this user is locked for a while. ``until`` is when it ends, ``minutes`` from
    now."""

    code: ClassVar[str] = "sign_in_locked"

    def __init__(self, until: datetime, now: datetime) -> None:
        self.until = until
        self.retry_after = max(1, ceil((until - now).total_seconds()))
        self.minutes = (self.retry_after + 59) // 60
        super().__init__(
            f"Too many wrong passwords. Try again in {self.minutes} min, at {until:%H:%M} UTC, or ask an"
            " administrator for a new password."
        )


class CodeNeeded(NotSignedIn):
    """The password is right; now the code of your authenticator app is needed. ``challenge`` is what the code is sent
    with, for the browser's cookie."""

    code: ClassVar[str] = "code_needed"

    def __init__(self, challenge: str) -> None:
        self.challenge = challenge
        super().__init__("Enter the code of your authenticator app.")


class WrongCode(NotSignedIn):
    """The code is not right, or was used already."""

    code: ClassVar[str] = "wrong_code"


class ChallengeOver(NotSignedIn):
    """Signing in took too long; begin again with the password."""

    code: ClassVar[str] = "challenge_over"


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Whose session it is that is confirmed."""

    user_id: UUID
    session_id: UUID
    login: str


@dataclass(frozen=True, slots=True)
class SignedInSession:
    """A fresh session. ``token`` is for the browser's cookie and is never told again."""

    id: UUID
    token: str
    csrf: str
    identity: Identity


async def sign_in(house: House, login: str, password: str, user_agent: str = "", network: str = "") -> SignedInSession:
    """Open a session. Raises WrongPassword (the same, after the same work, for an unknown login), SignInLocked, or
    CodeNeeded where the password was right and a second factor is on."""
    device = device_of(user_agent, network)
    attempt = await _checked(house, login, password, device)
    if attempt is None:
        raise WrongPassword()
    if attempt.second_factor:
        async with house.unit(acting(attempt.user_id)) as uow:
            challenge = await sessions.open_challenge(uow, attempt.user_id)
        raise CodeNeeded(challenge)
    return await _open(house, attempt.user_id, device, "password")


async def sign_in_with_code(
    house: House, challenge: str, code: str, user_agent: str = "", network: str = ""
) -> SignedInSession:
    """Open the session of a ``challenge`` with a code of the app, or a recovery code. Raises ChallengeOver, WrongCode
    or SignInLocked: wrong codes count as wrong passwords do."""
    device = device_of(user_agent, network)
    login = await sessions.challenged_login(house.db, challenge, house.clock())
    if login is None:
        raise ChallengeOver()
    user_id, method = await check_code(house, login, code, device)
    async with house.unit(acting(user_id)) as uow:
        if not await sessions.use_challenge(uow, challenge):
            raise ChallengeOver()
    return await _open(house, user_id, device, method)


async def check_code(house: House, login: str, code: str, device: Device = NOWHERE) -> tuple[UUID, Method]:
    """The user whose second factor this code proves, and by which means. Raises WrongCode or SignInLocked.

    As with passwords, the attempt is committed before the code is looked at.
    """
    now = house.clock()
    async with house.unit(SYSTEM) as uow:
        attempt = await sessions.count_attempt(uow, login, *_rule(house))
    if attempt is None:
        raise WrongCode()
    if isinstance(attempt, datetime):
        raise SignInLocked(attempt, now)
    method: Method = "totp"
    async with house.unit(acting(attempt.user_id)) as uow:
        factor = await second_factor.lock_factor(uow, attempt.user_id)
        right = await second_factor.use_code(uow, factor, code)
        if not right and factor.secret is not None:
            method = "recovery_code"
            right = await second_factor.use_recovery_code(uow, attempt.user_id, code)
        if right and not attempt.disabled:
            await sessions.forget_attempts(uow, attempt.user_id)
        else:
            await sessions.note_failure(uow, attempt, "wrong_code", "totp", device)
    if right and not attempt.disabled:
        return attempt.user_id, method
    if attempt.locked_until is not None:
        await _note_lock(house, attempt.user_id, attempt.locked_until)
        raise SignInLocked(attempt.locked_until, now)
    raise WrongCode()


async def check_password(house: House, login: str, password: str) -> UUID | None:
    """The user whose login and password these are, None when they are wrong. Raises SignInLocked."""
    attempt = await _checked(house, login, password, NOWHERE)
    return None if attempt is None else attempt.user_id


async def confirm(house: House, identity: SignedInUser, proof: str) -> str:
    """The person of a session proves once more who they are: with a code where a second factor is on, else with the
    password. Answers the session's new token; the old one is worth nothing. Raises as signing in does."""
    if await second_factor_on(house, identity.user_id):
        await check_code(house, identity.login, proof)
        proved = True
    else:
        if await check_password(house, identity.login, proof) is None:
            raise WrongPassword()
        proved = False
    async with house.unit(acting(identity.user_id)) as uow:
        return await sessions.rotate_session(uow, identity.session_id, second_factor=proved)


async def second_factor_on(house: House, user_id: UUID) -> bool:
    """Whether a code is asked for when this user signs in."""
    return (await get_factor(house.db, SYSTEM, user_id, house.clock())).on


def device_of(user_agent: str, address: str) -> Device:
    """What is kept about where somebody signs in: of the ``address`` only the part that names the network."""
    agent = one_line(user_agent[:_LONGEST_USER_AGENT], "user_agent", _LONGEST_USER_AGENT)
    return Device(agent, network_of(address))


def network_of(address: str) -> str:
    """The network of an address: 24 bits of IPv4, 48 of IPv6; "" for what is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


async def _checked(house: House, login: str, password: str, device: Device) -> Attempt | None:
    """The attempt of who gave the right password, None for a wrong one. Raises SignInLocked.

    The attempt is committed before the password is looked at, and no transaction is open while that takes its time.
    What is written, and how often, is the same for a login that nobody has.
    """
    now = house.clock()
    name = login.replace("\0", "").strip().lower().encode("utf-8", "replace").decode()[:150]
    rule = _rule(house)
    locks: datetime | None = None
    async with house.unit(SYSTEM) as uow:
        found = await sessions.count_attempt(uow, name, *rule)
    attempt = found if isinstance(found, Attempt) else None
    until = found if isinstance(found, datetime) else None
    if found is None:
        until, locks = _UNKNOWN.setdefault(house.db, UnknownLogins()).count(name, now, *rule)
    if until is not None:
        raise SignInLocked(until, now)
    right = await passwords.verify_password(attempt.password_hash if attempt else None, password)
    if attempt is not None:
        locks = attempt.locked_until
    if attempt is None or attempt.disabled or not right:
        outcome: Outcome = "disabled" if attempt is not None and attempt.disabled else "wrong_password"
        async with house.unit(SYSTEM) as uow:
            await sessions.note_failure(uow, attempt, outcome, "password", device)
        if locks is not None:
            await _note_lock(house, attempt.user_id if attempt else None, locks)
            raise SignInLocked(locks, now)
        return None
    async with house.unit(SYSTEM) as uow:
        if attempt.second_factor:
            await sessions.take_back_attempt(uow, attempt)
        else:
            await sessions.forget_attempts(uow, attempt.user_id)
        if attempt.password_hash and passwords.outdated(attempt.password_hash):
            await sessions.replace_hash(uow, attempt.user_id, await passwords.hash_password(password))
    return attempt


async def _open(house: House, user_id: UUID, device: Device, method: Method) -> SignedInSession:
    # On the record it is the user who opens their session.
    async with house.unit(acting(user_id)) as uow:
        session = await sessions.open_session(uow, user_id, _idle(house), device, method=method)
        identity = await viewer_for_session(uow, session.token, uow.now)
    if identity is None:
        raise WrongPassword()  # disabled between the two units
    return SignedInSession(session.id, session.token, session.csrf, identity)


async def identify_session(house: House, token: str) -> Identity | None:
    """Who is signed in with this cookie, with the rights they have now; using it moves the session's end."""
    identity = await viewer_for_session(house.db, token, house.clock())
    if identity is not None and _stale(house, identity):
        async with house.unit(identity.viewer) as uow:
            await sessions.touch_session(uow, identity.id, _idle(house))
    return identity


async def identify_token(house: House, token: str) -> Identity | None:
    """Whom this API token acts for, with the rights that both have now."""
    identity = await viewer_for_token(house.db, token, house.clock())
    if identity is not None and _stale(house, identity):
        async with house.unit(identity.viewer) as uow:
            await sessions.touch_token(uow, identity.id)
    return identity


async def sign_out(house: House, identity: Identity) -> None:
    """End the session; doing it twice changes nothing."""
    async with house.unit(identity.viewer) as uow:
        await sessions.revoke_session(uow, identity.id, identity.user_id)


async def _note_lock(house: House, user_id: UUID | None, until: datetime) -> None:
    async with house.unit(SYSTEM) as uow:
        uow.audit("user:locked", user_id, until=until)


def _rule(house: House) -> tuple[int, timedelta]:
    return house.settings.sign_in_attempts, timedelta(minutes=house.settings.sign_in_lock_minutes)


def _stale(house: House, identity: Identity) -> bool:
    return identity.seen_at is None or house.clock() - identity.seen_at >= TOUCH_EVERY


def fresh_for(house: House) -> timedelta:
    """How long a proof of who one is holds for what takes the house away. A form for such a thing is shown in the first
    half of it only, so that it can still be sent."""
    return timedelta(minutes=company.known(house, Security).confirm_minutes)


def _idle(house: House) -> timedelta:
    """How long a session lasts without a click: what the company asks for, never more than the installation."""
    own = company.known(house, Security).session_hours
    return timedelta(hours=min(own or house.settings.session_hours, house.settings.session_hours))
