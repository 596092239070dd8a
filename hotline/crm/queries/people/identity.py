"""Who a session or an API token belongs to, with the rights of this very moment: one statement each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.queries.people.effective import EFFECTIVE, TOTP_REQUIRED
from hotline.crm.secret_tokens import token_hash
from hotline.crm.viewer import Viewer, viewer_of


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes a request. ``id`` is the session's or the token's; ``csrf`` is empty for tokens.

    ``seen_at`` is when the credential was last noted as used, None when never. ``confirmed_at`` is when the person of a
    session last proved who they are. ``must_enrol``: a role of theirs asks for a second factor that they do not have
    yet; until then the viewer may do nothing else.
    """

    id: UUID
    viewer: Viewer
    user_id: UUID
    login: str
    name: str
    csrf: str
    seen_at: datetime | None
    confirmed_at: datetime | None = None
    must_enrol: bool = False
    second_factor: bool = False
    preferences: Mapping[str, Any] = field(default_factory=dict)


async def viewer_for_session(db: Reader, token: str, now: datetime) -> Identity | None:
    """Who is signed in with this cookie; None when it is unknown, over, revoked or its user is disabled."""
    row = await db.fetchrow(
        f"""SELECT s.id, s.csrf_token, s.seen_at, s.confirmed_at, s.second_factor, u.id AS user_id, u.login, u.name,
               u.locale, u.preferences, u.totp_cipher IS NULL AND ({TOTP_REQUIRED.format(now="$2")}) AS must_enrol,
               {EFFECTIVE.format(now="$2")}
           FROM session s JOIN users u ON u.id = s.user_id JOIN role r ON r.name = u.role
           WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND u.disabled_at IS
           NULL""",  # noqa: S608
        token_hash(token),
        now,
    )
    if row is None:
        return None
    viewer = _viewer(row)
    return Identity(
        row["id"],
        # Nothing is shown and nothing done before the second factor is there, whatever a route allows.
        replace(viewer, permissions=frozenset()) if row["must_enrol"] else viewer,
        row["user_id"],
        row["login"],
        row["name"],
        row["csrf_token"],
        row["seen_at"],
        confirmed_at=row["confirmed_at"],
        must_enrol=row["must_enrol"],
        second_factor=row["second_factor"],
        preferences=row["preferences"],
    )


async def viewer_for_token(db: Reader, token: str, now: datetime) -> Identity | None:
    """Whom this API token acts for; None when it is unknown, over, revoked or its user is disabled."""
    row = await db.fetchrow(
        f"""SELECT t.id, t.used_at, t.scopes, u.id AS user_id, u.login, u.name, u.locale,
               {EFFECTIVE.format(now="$2")}
           FROM api_token t JOIN users u ON u.id = t.user_id JOIN role r ON r.name = u.role
           WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
             AND u.disabled_at IS NULL""",  # noqa: S608
        token_hash(token),
        now,
    )
    if row is None:
        return None
    viewer = _viewer(row, frozenset(row["scopes"]))
    return Identity(row["id"], viewer, row["user_id"], row["login"], row["name"], "", row["used_at"])


async def viewer_for_user(
    db: Reader, user_id: UUID, now: datetime, narrowed_to: frozenset[str] | None = None
) -> Viewer | None:
    """What a user may do at this moment, without a session: for the jobs that they started. ``narrowed_to`` is what the
    token was allowed that they used. None when the user is disabled or gone."""
    row = await db.fetchrow(
        f"""SELECT u.id AS user_id, u.locale, {EFFECTIVE.format(now="$2")}
            FROM users u JOIN role r ON r.name = u.role WHERE u.id = $1 AND u.disabled_at IS NULL""",  # noqa: S608
        user_id,
        now,
    )
    return None if row is None else _viewer(row, narrowed_to)


def _viewer(row: Row, scopes: frozenset[str] | None = None) -> Viewer:
    """The viewer of a row that carries ``user_id, locale`` and EFFECTIVE; of a token where there are ``scopes``."""
    return viewer_of(
        row["user_id"],
        frozenset(row["permissions"]),
        kind="user" if scopes is None else "token",
        scopes=scopes,
        locale=row["locale"],
        teams=row["teams"],
    )
