"""Signing in and out: attempts, the moment between password and code, sessions and API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.queries.people.users import TokenView
from hotline.crm.secret_tokens import new_api_token, new_csrf_token, new_session_token, token_hash
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound

#: However often it is used, a session ends after this.
LONGEST_SESSION: Final = timedelta(days=30)


#: How long the code may be entered after the password.
CHALLENGE: Final = timedelta(minutes=10)

Outcome = Literal["in", "wrong_password", "wrong_code", "locked", "disabled"]
Method = Literal["password", "totp", "recovery_code"]


@dataclass(frozen=True, slots=True)
class Device:
    """Where somebody signs in: what the browser says it is, and the network (not the address) it is in."""

    user_agent: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to sign in, counted before the password is looked at: parallel guesses cannot outrun the lock.

    ``locked_until`` is the end of the lock that this try began; ``second_factor``: a code is asked for, too.
    """

    user_id: UUID
    password_hash: str | None
    disabled: bool
    locked_until: datetime | None
    second_factor: bool


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session's secrets, which are told once."""

    id: UUID
    token: str
    csrf: str


# One row is written whether the login exists, is locked or neither: time must not tell which.
_COUNT: Final = """
WITH counted AS (
    UPDATE users SET
        failed_sign_ins = CASE WHEN locked_until IS NULL THEN failed_sign_ins + 1 ELSE 1 END,
        locked_until = CASE
            WHEN (CASE WHEN locked_until IS NULL THEN failed_sign_ins + 1 ELSE 1 END) >= $2 THEN $4::timestamptz
        END
    WHERE login = $1 AND (locked_until IS NULL OR locked_until <= $3)
    RETURNING id, password_hash, disabled_at, locked_until, totp_cipher IS NOT NULL AS second_factor
), refused AS (
    INSERT INTO refused_sign_in (day, tries, seen_at) SELECT ($3 AT TIME ZONE 'UTC')::date, 1, $3
    WHERE NOT EXISTS (SELECT 1 FROM counted)
    ON CONFLICT (day) DO UPDATE SET tries = refused_sign_in.tries + 1, seen_at = excluded.seen_at
)
SELECT * FROM counted
"""


async def count_attempt(uow: UnitOfWork, login: str, most: int, lock: timedelta) -> Attempt | datetime | None:
    """Count a try. Answers None for an unknown login, and the end of the lock for one that is locked.

    The try that reaches ``most`` locks the user at once; a right password takes the lock away again.
    """
    row = await uow.fetchrow(_COUNT, login, most, uow.now, uow.now + lock)
    # A statement of its own, which sees a lock that another try began while this one waited for the row.
    until: datetime | None = await uow.fetchval("SELECT locked_until FROM users WHERE login = $1", login)
    if row is None:
        return until
    return Attempt(
        row["id"], row["password_hash"], row["disabled_at"] is not None, row["locked_until"], row["second_factor"]
    )


async def note_failure(
    uow: UnitOfWork, attempt: Attempt | None, outcome: Outcome, method: Method, device: Device
) -> None:
    """Keep that a try failed: in the user's history, or among those of logins that nobody has."""
    if attempt is None:
        await uow.execute(
            """INSERT INTO refused_sign_in (day, tries, seen_at) VALUES (($1 AT TIME ZONE 'UTC')::date, 1, $1)
               ON CONFLICT (day) DO UPDATE SET seen_at = excluded.seen_at""",
            uow.now,
        )
    else:
        await _note(uow, attempt.user_id, outcome, method, device)


async def take_back_attempt(uow: UnitOfWork, attempt: Attempt) -> None:
    """The password was right and a code is asked for: the try does not count, and the lock that it began, ends.

    Tries before it stand: whoever knows the password must not guess codes for ever.
    """
    await uow.execute(
        """UPDATE users SET failed_sign_ins = GREATEST(failed_sign_ins - 1, 0),
                  locked_until = CASE WHEN locked_until = $2 THEN NULL ELSE locked_until END
           WHERE id = $1""",
        *(attempt.user_id, attempt.locked_until),
    )


async def forget_attempts(uow: UnitOfWork, user_id: UUID) -> None:
    """The password was right: no wrong tries, no lock."""
    await uow.execute("UPDATE users SET failed_sign_ins = 0, locked_until = NULL WHERE id = $1", user_id)


async def replace_hash(uow: UnitOfWork, user_id: UUID, password_hash: str) -> None:
    """Keep a right password under today's parameters."""
    await uow.execute("UPDATE users SET password_hash = $2 WHERE id = $1", user_id, password_hash)


async def open_challenge(uow: UnitOfWork, user_id: UUID) -> str:
    """The password was right: the token with which the code may be sent."""
    token = new_session_token()
    await uow.execute(
        """INSERT INTO sign_in_challenge (id, user_id, token_hash, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5)""",
        *(uow.new_id(), user_id, token_hash(token), uow.now, uow.now + CHALLENGE),
    )
    return token


async def challenged_login(db: Reader, token: str, now: datetime) -> str | None:
    """The login of who may send a code now; None when there is no such challenge, or not any more."""
    login: str | None = await db.fetchval(
        """SELECT u.login FROM sign_in_challenge c JOIN users u ON u.id = c.user_id
           WHERE c.token_hash = $1 AND c.used_at IS NULL AND c.expires_at > $2 AND u.disabled_at IS NULL""",
        *(token_hash(token), now),
    )
    return login


async def use_challenge(uow: UnitOfWork, token: str) -> bool:
    """End a challenge; False when somebody else did, or its time is up."""
    used = await uow.fetchval(
        """UPDATE sign_in_challenge SET used_at = $2
           WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING true""",
        *(token_hash(token), uow.now),
    )
    return used is True


async def drop_challenges(uow: UnitOfWork, user_id: UUID) -> None:
    """A code that is still awaited opens nothing any more."""
    await uow.execute(
        "UPDATE sign_in_challenge SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL", user_id, uow.now
    )


async def open_session(
    uow: UnitOfWork, user_id: UUID, idle: timedelta, device: Device, *, method: Method = "password"
) -> NewSession:
    """A new session for a user who proved who they are."""
    session = NewSession(uow.new_id(), new_session_token(), new_csrf_token())
    await uow.execute(
        """INSERT INTO session (id, user_id, token_hash, csrf_token, created_at, seen_at, expires_at, user_agent,
                                network, confirmed_at, second_factor)
           VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $5, $9)""",
        *(session.id, user_id, token_hash(session.token), session.csrf),
        *(uow.now, uow.now + min(idle, LONGEST_SESSION), device.user_agent, device.network, method != "password"),
    )
    await _note(uow, user_id, "in", method, device)
    uow.audit("session:opened", session.id, user_id=str(user_id), method=method)
    return session


async def rotate_session(uow: UnitOfWork, session_id: UUID, *, second_factor: bool = False) -> str:
    """A new token for a session whose person proved once more who they are: one that was stolen before is worth
    nothing now. Raises NotFound."""
    token = new_session_token()
    found = await uow.fetchval(
        """UPDATE session SET token_hash = $2, confirmed_at = $3, second_factor = second_factor OR $4
           WHERE id = $1 AND revoked_at IS NULL AND expires_at > $3 RETURNING true""",
        *(session_id, token_hash(token), uow.now, second_factor),
    )
    if found is None:
        raise NotFound()
    uow.audit("session:confirmed", session_id)
    return token


async def _note(uow: UnitOfWork, user_id: UUID, outcome: Outcome, method: Method, device: Device) -> None:
    await uow.execute(
        """INSERT INTO sign_in (id, user_id, at, outcome, method, network, user_agent)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        *(uow.new_id(), user_id, uow.now, outcome, method, device.network, device.user_agent),
    )


async def touch_session(uow: UnitOfWork, session_id: UUID, idle: timedelta) -> None:
    """Note that a session is used, which moves its end."""
    await uow.execute(
        """UPDATE session SET seen_at = $2, expires_at = LEAST($3::timestamptz, created_at + $4::interval)
           WHERE id = $1 AND revoked_at IS NULL""",
        *(session_id, uow.now, uow.now + idle, LONGEST_SESSION),
    )


async def revoke_session(uow: UnitOfWork, session_id: UUID, user_id: UUID | None) -> None:
    """End a session; only if it is ``user_id``'s, unless that is None. Raises NotFound."""
    owner = await uow.fetchval(
        """UPDATE session SET revoked_at = COALESCE(revoked_at, $2)
           WHERE id = $1 AND ($3::uuid IS NULL OR user_id = $3) RETURNING user_id""",
        *(session_id, uow.now, user_id),
    )
    if owner is None:
        raise NotFound()
    uow.audit("session:revoked", session_id, user_id=str(owner))


async def create_token(
    uow: UnitOfWork, user_id: UUID, name: str, scopes: Sequence[str], expires_at: datetime | None
) -> tuple[TokenView, str]:
    """A new API token for a user, and its secret. Raises NotFound for an unknown user."""
    if not await uow.fetchval("SELECT 1 FROM users WHERE id = $1 AND disabled_at IS NULL", user_id):
        raise NotFound()
    secret = new_api_token()
    token = TokenView(uow.new_id(), user_id, name, tuple(scopes), uow.now, None, expires_at)
    await uow.execute(
        """INSERT INTO api_token (id, user_id, name, token_hash, scopes, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        *(token.id, user_id, name, token_hash(secret), list(scopes), uow.now, expires_at),
    )
    uow.audit("api_token:created", token.id, user_id=str(user_id), scopes=list(scopes))
    return token, secret


async def touch_token(uow: UnitOfWork, token_id: UUID) -> None:
    """Note that a token is used."""
    await uow.execute("UPDATE api_token SET used_at = $2 WHERE id = $1", token_id, uow.now)


async def revoke_token(uow: UnitOfWork, token_id: UUID, user_id: UUID | None) -> None:
    """End an API token; only if it is ``user_id``'s, unless that is None. Raises NotFound."""
    owner = await uow.fetchval(
        """UPDATE api_token SET revoked_at = COALESCE(revoked_at, $2)
           WHERE id = $1 AND ($3::uuid IS NULL OR user_id = $3) RETURNING user_id""",
        *(token_id, uow.now, user_id),
    )
    if owner is None:
        raise NotFound()
    uow.audit("api_token:revoked", token_id, user_id=str(owner))
