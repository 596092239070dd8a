"""What the event streams read: numbered events for some marks, and who may still listen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.outbox import event_of
from hotline.crm.queries.people.effective import EFFECTIVE, TOTP_REQUIRED
from hotline.crm.viewer import SCOPED, Viewer, viewer_of
from hotline.events import Event, queue_mark, user_mark


async def events_between(
    db: Reader, after: int, until: int, marks: Iterable[str], *, limit: int
) -> list[tuple[int, Event]]:
    """The events numbered above ``after`` up to ``until`` that carry one of ``marks``, in order."""
    rows = await db.fetch(
        "SELECT seq, id, type, at, audience, data FROM outbox"
        " WHERE seq > $1 AND seq <= $2 AND audience && $3::text[] ORDER BY seq LIMIT $4",
        after,
        until,
        list(marks),
        limit,
    )
    return [(row["seq"], event_of(row)) for row in rows]


async def circle_of(db: Reader, viewer: Viewer) -> frozenset[str]:
    """The marks of the viewer's colleagues and of their teams' queues; none for who sees no team's records."""
    if viewer.user_id is None or not any(viewer.scope_of(kind) == "team" for kind in SCOPED):
        return frozenset()
    people = await db.fetch(
        """SELECT DISTINCT user_id FROM team_member
           WHERE team_id IN (SELECT team_id FROM team_member WHERE user_id = $1) AND user_id <> $1""",
        viewer.user_id,
    )
    queues = await db.fetch(
        """SELECT DISTINCT unnest(t.queues) AS queue FROM team t JOIN team_member m ON m.team_id = t.id
           WHERE m.user_id = $1""",
        viewer.user_id,
    )
    return frozenset({*(user_mark(row["user_id"]) for row in people), *(queue_mark(row["queue"]) for row in queues)})


async def next_end(db: Reader, now: datetime) -> datetime | None:
    """When the next grant or API token ends by itself; None when none will."""
    end: datetime | None = await db.fetchval(
        """SELECT least(
             (SELECT min(expires_at) FROM role_grant WHERE revoked_at IS NULL AND expires_at > $1),
             (SELECT min(expires_at) FROM api_token WHERE revoked_at IS NULL AND expires_at > $1))""",
        now,
    )
    return end


async def present_viewers(
    db: Reader, now: datetime, session_ids: Sequence[UUID], token_ids: Sequence[UUID]
) -> dict[UUID, Viewer]:
    """What the holders of these sessions and tokens may see now, by session or token id.

    The revoked, the expired, those of disabled users, and sessions of who must set up a second factor are left out.
    """
    rows = await db.fetch(
        f"""SELECT s.id, NULL::text[] AS scopes, u.id AS user_id, u.locale, {EFFECTIVE.format(now="$1")}
           FROM session s JOIN users u ON u.id = s.user_id JOIN role r ON r.name = u.role
           WHERE s.id = ANY($2::uuid[]) AND s.revoked_at IS NULL AND s.expires_at > $1 AND u.disabled_at IS NULL
             AND (u.totp_cipher IS NOT NULL OR NOT ({TOTP_REQUIRED.format(now="$1")}))
           UNION ALL
           SELECT t.id, t.scopes, u.id, u.locale, {EFFECTIVE.format(now="$1")}
           FROM api_token t JOIN users u ON u.id = t.user_id JOIN role r ON r.name = u.role
           WHERE t.id = ANY($3::uuid[]) AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $1)
             AND u.disabled_at IS NULL""",  # noqa: S608
        now,
        list(session_ids),
        list(token_ids),
    )
    return {
        row["id"]: viewer_of(
            row["user_id"],
            frozenset(row["permissions"]),
            kind="user" if row["scopes"] is None else "token",
            scopes=None if row["scopes"] is None else frozenset(row["scopes"]),
            locale=row["locale"],
            teams=row["teams"],
        )
        for row in rows
    }
