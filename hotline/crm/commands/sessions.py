"""Signing in and out: attempts, sessions and API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.crm.queries.users import TokenView
from hotline.crm.secret_tokens import new_api_token, new_csrf_token, new_session_token, token_hash
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound

#: However often it is used, a session ends after this.
LONGEST_SESSION: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to sign in, counted before the password is looked at: parallel guesses cannot outrun the lock."""

    user_id: UUID
    password_hash: str | None
    disabled: bool
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session's secrets, which are told once."""

    id: UUID
    token: str
    csrf: str


async def count_attempt(uow: UnitOfWork, login: str, most: int, lock: timedelta) -> Attempt | datetime | None:
    """Count a try. Answers None for an unknown login, and the end of the lock for one that is locked.

    The try that reaches ``most`` locks the user at once; a right password takes the lock away again.
    """
    row = await uow.fetchrow(
        """UPDATE users SET
               failed_sign_ins = CASE WHEN locked_until IS NULL THEN failed_sign_ins + 1 ELSE 1 END,
               locked_until = CASE
                   WHEN (CASE WHEN locked_until IS NULL THEN failed_sign_ins + 1 ELSE 1 END) >= $2 THEN $4::timestamptz
               END
           WHERE login = $1 AND (locked_until IS NULL OR locked_until <= $3)
           RETURNING id, password_hash, disabled_at, locked_until""",
        *(login, most, uow.now, uow.now + lock),
    )
    if row is not None:
        return Attempt(row["id"], row["password_hash"], row["disabled_at"] is not None, row["locked_until"])
    until: datetime | None = await uow.fetchval("SELECT locked_until FROM users WHERE login = $1", login)
    return until


async def forget_attempts(uow: UnitOfWork, user_id: UUID) -> None:
    """The password was right: no wrong tries, no lock."""
    await uow.execute("UPDATE users SET failed_sign_ins = 0, locked_until = NULL WHERE id = $1", user_id)


async def replace_hash(uow: UnitOfWork, user_id: UUID, password_hash: str) -> None:
    """Keep a right password under today's parameters."""
    await uow.execute("UPDATE users SET password_hash = $2 WHERE id = $1", user_id, password_hash)


async def open_session(uow: UnitOfWork, user_id: UUID, idle: timedelta, user_agent: str) -> NewSession:
    """A new session for a user who proved who they are."""
    session = NewSession(uow.new_id(), new_session_token(), new_csrf_token())
    await uow.execute(
        """INSERT INTO session (id, user_id, token_hash, csrf_token, created_at, seen_at, expires_at,
        user_agent)
           VALUES ($1, $2, $3, $4, $5, $5, $6, $7)""",
        *(session.id, user_id, token_hash(session.token), session.csrf),
        *(uow.now, uow.now + min(idle, LONGEST_SESSION), user_agent),
    )
    uow.audit("session:opened", session.id, user_id=str(user_id))
    return session


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
