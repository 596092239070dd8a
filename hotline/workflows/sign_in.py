"""Signing in and out. Rights are read anew with every request: what an administrator takes away is gone at
once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import ClassVar, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hotline.crm import passwords
from hotline.crm.commands import sessions
from hotline.crm.commands.sessions import Attempt
from hotline.crm.database import Database
from hotline.crm.queries.identity import Identity, viewer_for_session, viewer_for_token
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.text import one_line
from hotline.errors import NotSignedIn, TooMany
from hotline.workflows.house import House
from hotline.workflows.unknown_logins import UnknownLogins

#: The use of a session or token is noted at most this often, so that reading stays reading.
TOUCH_EVERY: Final = timedelta(minutes=5)
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


@dataclass(frozen=True, slots=True)
class SignedInSession:
    """A fresh session. ``token`` is for the browser's cookie and is never told again."""

    id: UUID
    token: str
    csrf: str
    identity: Identity


async def sign_in(house: House, login: str, password: str, user_agent: str = "") -> SignedInSession:
    """Open a session. Raises WrongPassword (the same, after the same work, for an unknown login) or
    SignInLocked."""
    user_id = await check_password(house, login, password)
    if user_id is None:
        raise WrongPassword()
    # On the record it is the user who opens their session.
    actor = Viewer(user_id=user_id, kind="user", permissions=frozenset())
    agent = one_line(user_agent[:_LONGEST_USER_AGENT], "user_agent", _LONGEST_USER_AGENT)
    async with house.unit(actor) as uow:
        session = await sessions.open_session(uow, user_id, _idle(house), agent)
        identity = await viewer_for_session(uow, session.token, uow.now)
    if identity is None:
        raise WrongPassword()  # disabled between the two units
    return SignedInSession(session.id, session.token, session.csrf, identity)


async def check_password(house: House, login: str, password: str) -> UUID | None:
    """The user whose login and password these are, None when they are wrong. Raises SignInLocked.

    The attempt is committed before the password is looked at, and no transaction is open while that takes
    its time.
    """
    settings = house.settings
    now = house.clock()
    name = login.replace("\0", "").strip().lower().encode("utf-8", "replace").decode()[:150]
    rule = settings.sign_in_attempts, timedelta(minutes=settings.sign_in_lock_minutes)
    locks: datetime | None = None
    async with house.unit(SYSTEM) as uow:
        attempt = await sessions.count_attempt(uow, name, *rule)
    if attempt is None:
        attempt, locks = _UNKNOWN.setdefault(house.db, UnknownLogins()).count(name, now, *rule)
    if isinstance(attempt, datetime):
        raise SignInLocked(attempt, now)
    right = await passwords.verify_password(attempt.password_hash if isinstance(attempt, Attempt) else None, password)
    if locks is not None:
        raise SignInLocked(locks, now)
    if attempt is None:
        return None
    if attempt.disabled or not right:
        if attempt.locked_until is not None:
            await _note_lock(house, attempt)
            raise SignInLocked(attempt.locked_until, now)
        return None
    async with house.unit(SYSTEM) as uow:
        await sessions.forget_attempts(uow, attempt.user_id)
        if attempt.password_hash and passwords.outdated(attempt.password_hash):
            await sessions.replace_hash(uow, attempt.user_id, await passwords.hash_password(password))
    return attempt.user_id


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


async def _note_lock(house: House, attempt: Attempt) -> None:
    async with house.unit(SYSTEM) as uow:
        uow.audit("user:locked", attempt.user_id, until=attempt.locked_until)


def _stale(house: House, identity: Identity) -> bool:
    return identity.seen_at is None or house.clock() - identity.seen_at >= TOUCH_EVERY


def _idle(house: House) -> timedelta:
    return timedelta(hours=house.settings.session_hours)
