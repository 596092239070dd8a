"""What a support bundle tells of the records: versions, sizes, what is behind; counts and codes, nothing of anybody."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from hotline.crm import migrate
from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer

#: Days that ``voicemails_lately`` looks back, and the hour that a recording may take to arrive.
DAYS: Final = 7

_TABLES: Final = """
SELECT c.relname AS name, GREATEST(c.reltuples, 0)::bigint AS rows,
    pg_size_pretty(pg_total_relation_size(c.oid)) AS size, s.n_dead_tup AS dead, s.last_autovacuum, s.last_autoanalyze
FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
ORDER BY pg_total_relation_size(c.oid) DESC, c.relname
"""
_SERVER: Final = """
SELECT version() AS version, pg_size_pretty(pg_database_size(current_database())) AS size,
    pg_postmaster_start_time() AS started_at, current_setting('max_connections') AS max_connections,
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
    (SELECT count(*) FROM pg_locks WHERE NOT granted) AS waiting_locks,
    (SELECT max(now() - xact_start)::text FROM pg_stat_activity WHERE datname = current_database()) AS longest
"""
#: Each answers one number or a few codes.
_HEALTH: Final = {
    "events_without_number": "SELECT count(*) FROM outbox WHERE seq IS NULL",
    "audit_entries_without_seal": "SELECT count(*) FROM audit_entry WHERE position IS NULL",
    "jobs": "SELECT kind || ' ' || state AS what, count(*) AS count FROM background_job GROUP BY 1 ORDER BY 1",
    "jobs_failed": "SELECT kind, error, ended_at FROM background_job WHERE state = 'failed' ORDER BY id DESC LIMIT 20",
    "pbxs": "SELECT pbx, connected, version, since, lag_ms::int AS lag, node, updated_at FROM pbx_state ORDER BY pbx",
    "leases": "SELECT * FROM lease ORDER BY name",
    "calls_open": "SELECT count(*) FROM call WHERE ended_at IS NULL AND merged_into_id IS NULL",
    "users": "SELECT role AS what, count(*) AS count FROM users WHERE disabled_at IS NULL GROUP BY 1 ORDER BY 1",
    "keys": "SELECT count(*) FROM personal_key",
    "keys_destroyed": "SELECT count(*) FROM personal_key WHERE wrapped IS NULL",
    "erasures": "SELECT count(*) FROM erasure",
    "settings_changed": "SELECT name, version, updated_at FROM company_setting ORDER BY name",
}


async def support_facts(db: Reader, viewer: Viewer) -> dict[str, Any]:
    """Versions, sizes and health of the records. Raises Forbidden without ``system.support``."""
    viewer.require("system.support")
    server = await db.fetchrow(_SERVER)
    health = {}
    for name, statement in _HEALTH.items():
        rows = [dict(row) for row in await db.fetch(statement)]
        health[name] = rows[0]["count"] if len(rows) == 1 and list(rows[0]) == ["count"] else rows
    return {
        "server": dict(server or {}),
        "migrations": await migrate.applied_steps(db),
        "tables": [dict(row) for row in await db.fetch(_TABLES)],
        "health": health,
    }


async def voicemails_lately(db: Reader, viewer: Viewer, now: datetime) -> tuple[int, int]:
    """Voicemails of the last days that have their sound, and that have none though an hour has passed."""
    viewer.require("system.read")
    row: Row | None = await db.fetchrow(
        """SELECT count(*) FILTER (WHERE heard) AS heard, count(*) FILTER (WHERE NOT heard) AS missing FROM (
               SELECT EXISTS (SELECT 1 FROM recording r WHERE r.call_id = l.id) AS heard FROM call l
               WHERE l.disposition = 'voicemail' AND l.merged_into_id IS NULL
                 AND l.offered_at > $1::timestamptz - make_interval(days => $2)
                 AND l.ended_at < $1::timestamptz - interval '1 hour') AS voicemails""",
        *(now, DAYS),
    )
    assert row is not None
    return row["heard"], row["missing"]
