"""How somebody signed in, or tried to: for themselves, and for who looks after users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.queries.people.effective import TOTP_REQUIRED
from hotline.crm.queries.people.users import own_or_writer
from hotline.crm.viewer import Viewer

MOST_SIGN_INS: Final = 201


@dataclass(frozen=True, slots=True)
class SignInView:
    """A try to sign in. ``new``: the first success from this network, after others from elsewhere: one of somebody else
    stands out."""

    id: UUID
    at: datetime
    outcome: str
    method: str
    network: str
    user_agent: str
    new: bool


@dataclass(frozen=True, slots=True)
class FactorView:
    """How a user proves who they are beside the password; ``required``: by a role of theirs."""

    on: bool
    since: datetime | None
    recovery_codes: int
    required: bool


async def list_sign_ins(
    db: Reader, viewer: Viewer, user_id: UUID, *, limit: int, before: UUID | None = None
) -> list[SignInView]:
    """The newest first."""
    own_or_writer(viewer, user_id)
    rows = await db.fetch(
        """SELECT s.id, s.at, s.outcome, s.method, s.network, s.user_agent,
                  s.outcome = 'in' AND NOT EXISTS (
                      SELECT 1 FROM sign_in e
                      WHERE e.user_id = s.user_id AND e.outcome = 'in' AND e.network = s.network AND e.at < s.at
                  ) AND EXISTS (
                      SELECT 1 FROM sign_in e WHERE e.user_id = s.user_id AND e.outcome = 'in' AND e.at < s.at
                  ) AS new
           FROM sign_in s WHERE s.user_id = $1 AND ($3::uuid IS NULL OR s.id < $3)
           ORDER BY s.id DESC LIMIT $2""",
        *(user_id, min(limit, MOST_SIGN_INS), before),
    )
    return [SignInView(**row) for row in rows]


async def refused_tries(db: Reader, viewer: Viewer, since: datetime) -> int:
    """How often somebody tried logins that nobody has, or that were locked, since the day of ``since``."""
    viewer.require("users.write")
    found: int = await db.fetchval(
        "SELECT COALESCE(sum(tries), 0)::bigint FROM refused_sign_in WHERE day >= ($1 AT TIME ZONE 'UTC')::date", since
    )
    return found


async def get_factor(db: Reader, viewer: Viewer, user_id: UUID, now: datetime) -> FactorView:
    """A user's second factor. Raises Forbidden for somebody else's, without ``users.write``."""
    own_or_writer(viewer, user_id)
    row = await db.fetchrow(
        f"""SELECT u.totp_since, {TOTP_REQUIRED.format(now="$2")} AS required,
                   (SELECT count(*) FROM recovery_code c WHERE c.user_id = u.id AND c.used_at IS NULL) AS left_over
            FROM users u JOIN role r ON r.name = u.role WHERE u.id = $1""",  # noqa: S608
        *(user_id, now),
    )
    if row is None:
        return FactorView(False, None, 0, False)
    return FactorView(row["totp_since"] is not None, row["totp_since"], row["left_over"], row["required"])
