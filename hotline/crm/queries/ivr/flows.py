"""Flows as the records know them: versions, and the ways that callers took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer


@dataclass(frozen=True, slots=True)
class VersionView:
    """One content that a flow had, and how many callers it has had since."""

    flow: str
    version: int
    digest: str
    created_at: datetime


async def list_versions(db: Reader, viewer: Viewer, flow: str, *, limit: int = 50) -> list[VersionView]:
    """The versions of a flow, the newest first."""
    viewer.require("flows.read")
    rows = await db.fetch(
        """SELECT flow, version, digest, created_at FROM flow_version WHERE flow = $1
           ORDER BY version DESC LIMIT $2""",
        flow, limit,
    )  # fmt: skip
    return [VersionView(**row) for row in rows]


async def get_sources(
    db: Reader, viewer: Viewer, flow: str, *, digest: str | None = None, version: int | None = None
) -> tuple[int, str, Mapping[str, str]] | None:
    """A version's number, its digest and the files it was made of, by flow; the newest without ``digest`` and
    ``version``."""
    viewer.require("flows.read")
    row = await db.fetchrow(
        """SELECT version, digest, sources FROM flow_version
           WHERE flow = $1 AND ($2::text IS NULL OR digest = $2) AND ($3::int IS NULL OR version = $3)
           ORDER BY version DESC LIMIT 1""",
        flow, digest, version,
    )  # fmt: skip
    return None if row is None else (row["version"], row["digest"], row["sources"])


async def ways_taken(
    db: Reader, viewer: Viewer, flow: str, since: date, *, version: int | None = None
) -> dict[tuple[str, str], int]:
    """How often callers left each node by each way from the day ``since`` on; of one version or of all."""
    viewer.require("flows.read")
    rows = await db.fetch(
        """SELECT node, way, sum(times)::bigint AS times FROM flow_count
           WHERE flow = $1 AND day >= $2 AND ($3::int IS NULL OR version = $3) GROUP BY node, way""",
        flow, since, version,
    )  # fmt: skip
    return {(row["node"], row["way"]): row["times"] for row in rows}


async def uncounted_flows(db: Reader, viewer: Viewer) -> list[tuple[str, str]]:
    """The contents, by flow and digest, in which callers took ways that are not counted yet."""
    viewer.require("flows.read")
    rows = await db.fetch("SELECT DISTINCT flow, digest FROM ivr_session WHERE counted < steps LIMIT 1000")
    return [(row["flow"], row["digest"]) for row in rows]
