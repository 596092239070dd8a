"""Writes of flows: their versions, and the ways that callers took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork
from hotline.events import permission_mark

#: Most sessions that are counted in one unit.
BATCH: Final = 500

_NUMBER: Final = """
INSERT INTO flow_version (flow, version, digest, sources)
SELECT $1::text, coalesce(max(version), 0) + 1, $2, $3 FROM flow_version WHERE flow = $1::text
ON CONFLICT DO NOTHING RETURNING version
"""
_COUNT: Final = """
INSERT INTO flow_count AS c (flow, version, node, way, day, times)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::date[], $6::int[])
ON CONFLICT (flow, version, node, way, day) DO UPDATE SET times = c.times + excluded.times
"""


async def number_flow(uow: UnitOfWork, flow: str, digest: str, sources: Mapping[str, str]) -> int | None:
    """The version of a content, a new one when it was never seen; None when another node numbered at the same moment:
    ask again."""
    known: int | None = await uow.fetchval(
        "SELECT version FROM flow_version WHERE flow = $1 AND digest = $2", flow, digest
    )
    if known is not None:
        return known
    made: int | None = await uow.fetchval(_NUMBER, flow, digest, dict(sources))
    if made is not None:
        uow.audit("flow:changed", None, flow=flow, version=made)
        uow.emit("flow.changed", [permission_mark("flows.read")], flow=flow, version=made, refused=False)
    return made


def tell_refused(uow: UnitOfWork, flow: str, problems: int) -> None:
    """A flow's file was refused; callers keep what they had."""
    uow.emit("flow.changed", [permission_mark("flows.read")], flow=flow, problems=problems, refused=True)


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A session with the part of its trail that is not counted yet: (flow, node, way)."""

    id: UUID
    flow: str
    digest: str
    trail: Sequence[tuple[str, str, str]]
    counted: int


async def uncounted(uow: UnitOfWork, contents: Sequence[tuple[str, str]]) -> list[Uncounted]:
    """Some sessions in ``contents`` (flow and digest) with steps that are not counted; locked, those that somebody else
    counts are left out."""
    rows = await uow.fetch(
        """SELECT id, flow, digest, session -> 'trail' AS trail, counted, steps FROM ivr_session
           WHERE uncounted AND (flow, digest) IN (SELECT * FROM unnest($2::text[], $3::text[]))
           ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED""",
        BATCH,
        [flow for flow, _ in contents],
        [digest for _, digest in contents],
    )
    return [
        Uncounted(
            row["id"], row["flow"], row["digest"],
            [tuple(step) for step in (row["trail"] or [])[row["counted"] : row["steps"]]], row["steps"],
        )
        for row in rows
    ]  # fmt: skip


async def count_ways(
    uow: UnitOfWork, sessions: Sequence[Uncounted], times: Mapping[tuple[str, int, str, str], int]
) -> None:
    """Add ``times`` (by flow, version, node, way) to today's counts, and note how far each session is counted."""
    # In one order everywhere, or two nodes would wait for each other's rows.
    ordered = sorted(times)
    columns: list[list[Any]] = [[key[n] for key in ordered] for n in range(4)]
    await uow.execute(_COUNT, *columns, [uow.now.date()] * len(ordered), [times[key] for key in ordered])
    await uow.execute(
        """UPDATE ivr_session SET counted = done.counted, uncounted = steps > done.counted
           FROM unnest($1::uuid[], $2::int[]) AS done (id, counted) WHERE ivr_session.id = done.id""",
        [session.id for session in sessions], [session.counted for session in sessions],
    )  # fmt: skip
