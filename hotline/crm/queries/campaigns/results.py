"""What came of a campaign, in counts: of nobody by name, so that whoever may see campaigns may see all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer

#: Points of a plot, at most.
POINTS: Final = 60
#: Widths that its points may have, in seconds.
_WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400, 604_800)
#: Different reasons and codes that are told; the others are one line.
_MOST_REASONS: Final = 50


@dataclass(frozen=True, slots=True)
class Funnel:
    """Deliveries of one part of a campaign. Each count holds those behind it: who clicked has got it; ``scanned`` are
    those whose links a program followed, whoever clicked besides. ``failed`` went wrong for good, ``expired`` were too
    late, ``suppressed`` were held back when it was their turn; ``held_out`` got nothing on purpose, to compare with."""

    total: int = 0
    queued: int = 0
    sending: int = 0
    unknown: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    clicked: int = 0
    scanned: int = 0
    failed: int = 0
    bounced: int = 0
    suppressed: int = 0
    held_out: int = 0
    expired: int = 0
    opted_out: int = 0
    complained: int = 0
    segments: int = 0

    def plus(self, other: Funnel) -> Funnel:
        """Both together."""
        return Funnel(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why deliveries went wrong or were held back: the state, a code of ours, the provider's code, and how many."""

    state: str
    reason: str | None
    error_code: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Counts:
    """``by_channel`` and ``by_variant`` are funnels by the channel's name and the variant's number; ``costs`` by
    currency in minor units, ``priced`` how many of those that left have a price."""

    whole: Funnel
    by_channel: Mapping[str, Funnel]
    by_variant: Mapping[int, Funnel]
    reasons: Sequence[Reason]
    costs: Mapping[str, int]
    priced: int
    first_sent_at: datetime | None
    last_sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Followed:
    """People who called or had a ticket after they got it. ``variant`` None: those who were held out, from when they
    would have got it. ``people`` are all of that part; who got it several times counts each time."""

    variant: int | None
    people: int
    called: int
    tickets: int
    either: int


@dataclass(frozen=True, slots=True)
class Series:
    """How many left and arrived in each of the equal stretches of time from ``start`` on."""

    start: datetime
    width: timedelta
    sent: Sequence[int]
    delivered: Sequence[int]
    clicked: Sequence[int]


# A mail that bounced had left; what is held out or suppressed had not.
_COUNT: Final = """
SELECT channel, variant, state,
    CASE WHEN state IN ('permanent_failure', 'suppressed', 'expired', 'unknown') THEN reason END AS reason,
    CASE WHEN state IN ('permanent_failure', 'suppressed', 'expired', 'unknown') THEN error_code END AS error_code,
    cost_currency, count(*) AS total, count(sent_at) AS sent, count(delivered_at) AS delivered, count(read_at) AS read,
    count(clicked_at) AS clicked, count(scanned_at) AS scanned, count(opted_out_at) AS opted_out,
    count(*) FILTER (WHERE opted_out_at IS NOT NULL AND reason = 'complaint') AS complained,
    COALESCE(sum(segments) FILTER (WHERE sent_at IS NOT NULL), 0) AS segments,
    COALESCE(sum(cost_minor), 0)::bigint AS cost, count(cost_minor) AS priced,
    min(sent_at) AS first_sent_at, max(sent_at) AS last_sent_at
FROM delivery WHERE campaign_id = $1 AND ($2::int IS NULL OR occurrence = $2)
GROUP BY 1, 2, 3, 4, 5, 6
"""


async def count_results(db: Reader, viewer: Viewer, campaign_id: UUID, occurrence: int | None = None) -> Counts:
    """All deliveries of a campaign, or of one time that it ran, counted by one statement."""
    viewer.require("campaigns.read")
    rows = await db.fetch(_COUNT, campaign_id, occurrence)
    whole, by_channel, by_variant = Funnel(), dict[str, Funnel](), dict[int, Funnel]()
    reasons: dict[tuple[str, str | None, str | None], int] = {}
    costs: dict[str, int] = {}
    for row in rows:
        part = _funnel(row)
        whole = whole.plus(part)
        by_channel[row["channel"]] = by_channel.get(row["channel"], Funnel()).plus(part)
        by_variant[row["variant"]] = by_variant.get(row["variant"], Funnel()).plus(part)
        if row["cost_currency"] is not None:
            costs[row["cost_currency"]] = costs.get(row["cost_currency"], 0) + row["cost"]
        if row["state"] in ("permanent_failure", "suppressed", "expired", "unknown"):
            place = (row["state"], row["reason"], row["error_code"])
            reasons[place] = reasons.get(place, 0) + row["total"]
    ranked = sorted(reasons.items(), key=lambda each: (-each[1], str(each[0])))
    times = [(row["first_sent_at"], row["last_sent_at"]) for row in rows if row["first_sent_at"] is not None]
    return Counts(
        whole=whole,
        by_channel=dict(sorted(by_channel.items())),
        by_variant=dict(sorted(by_variant.items())),
        reasons=[Reason(*place, count) for place, count in ranked[:_MOST_REASONS]],
        costs=dict(sorted(costs.items())),
        priced=sum(row["priced"] for row in rows),
        first_sent_at=min((first for first, _ in times), default=None),
        last_sent_at=max((last for _, last in times), default=None),
    )


def _funnel(row: Row) -> Funnel:
    state, total = row["state"], row["total"]
    held_out = state == "suppressed" and row["reason"] == "holdout"
    return Funnel(
        total=total,
        queued=total if state in ("queued", "temporary_failure") else 0,
        sending=total if state == "sending" else 0,
        unknown=total if state == "unknown" else 0,
        sent=row["sent"],
        delivered=max(row["delivered"], row["read"]),
        read=row["read"],
        clicked=row["clicked"],
        scanned=row["scanned"],
        failed=total if state == "permanent_failure" else 0,
        bounced=total if state == "permanent_failure" and row["reason"] == "bounce" else 0,
        suppressed=total if state == "suppressed" and not held_out else 0,
        held_out=total if held_out else 0,
        expired=total if state == "expired" else 0,
        opted_out=row["opted_out"],
        complained=row["complained"],
        segments=row["segments"],
    )


# From the calls and tickets of those days to who got it, not the other way round: these are fewer by far.
_FOLLOWED: Final = """
WITH got AS NOT MATERIALIZED (
    SELECT d.id, d.customer_id, CASE WHEN d.sent_at IS NOT NULL THEN d.variant END AS variant,
        COALESCE(d.sent_at, d.due_at) AS at
    FROM delivery d WHERE d.campaign_id = $1 AND ($2::int IS NULL OR d.occurrence = $2)
      AND (d.sent_at IS NOT NULL OR (d.state = 'suppressed' AND d.reason = 'holdout'))
), told AS (
    SELECT g.id, g.variant, true AS called FROM call c JOIN got g ON g.customer_id = c.customer_id
    WHERE c.direction = 'in' AND c.merged_into_id IS NULL AND c.offered_at >= $3::timestamptz
      AND c.offered_at < $4::timestamptz + $5::interval AND c.offered_at >= g.at AND c.offered_at < g.at + $5::interval
    UNION ALL
    SELECT g.id, g.variant, false FROM ticket t JOIN got g ON g.customer_id = t.customer_id
    WHERE NOT t.provisional AND t.opened_at >= $3::timestamptz AND t.opened_at < $4::timestamptz + $5::interval
      AND t.opened_at >= g.at AND t.opened_at < g.at + $5::interval
), once AS (SELECT id, variant, bool_or(called) AS called, bool_or(NOT called) AS ticket FROM told GROUP BY id, variant)
SELECT variant, count(*) FILTER (WHERE called) AS called, count(*) FILTER (WHERE ticket) AS tickets, count(*) AS either
FROM once GROUP BY variant
"""


async def count_followed(
    db: Reader,
    viewer: Viewer,
    campaign_id: UUID,
    counts: Counts,
    *,
    occurrence: int | None,
    days: int,
) -> list[Followed]:
    """Of those who got it, as ``counts`` has them, how many called or had a ticket within so many days after that; of
    those who were held out, after they would have got it. Nobody, before anything has left."""
    viewer.require("campaigns.read")
    if counts.first_sent_at is None:
        return []
    rows = await db.fetch(
        _FOLLOWED, campaign_id, occurrence, counts.first_sent_at, counts.last_sent_at, timedelta(days=days)
    )
    found = {row["variant"]: row for row in rows}
    people: dict[int | None, int] = {each: part.sent for each, part in counts.by_variant.items() if part.sent}
    if counts.whole.held_out:
        people[None] = counts.whole.held_out
    return [
        Followed(
            variant,
            of,
            *((found[variant][name] for name in ("called", "tickets", "either")) if variant in found else (0, 0, 0)),
        )
        for variant, of in people.items()
    ]


async def count_series(
    db: Reader, viewer: Viewer, campaign_id: UUID, *, occurrence: int | None, first: datetime, last: datetime
) -> Series:
    """How it went over time, in stretches that are easy to read."""
    viewer.require("campaigns.read")
    seconds = max(1.0, (last - first).total_seconds())
    width = next((each for each in _WIDTHS if seconds / each <= POINTS), _WIDTHS[-1])
    step = timedelta(seconds=width)
    start = datetime.fromtimestamp(int(first.timestamp()) // width * width, first.tzinfo)
    count = min(POINTS + 1, int((last - start) / step) + 1)
    rows = await db.fetch(
        """SELECT floor(extract(epoch FROM at - $3::timestamptz) / $4::float8)::int AS place, kind, count(*) AS count
           FROM (SELECT sent_at AS at, 0 AS kind FROM delivery
                 WHERE campaign_id = $1 AND ($2::int IS NULL OR occurrence = $2) AND sent_at IS NOT NULL
                 UNION ALL
                 SELECT delivered_at, 1 FROM delivery
                 WHERE campaign_id = $1 AND ($2::int IS NULL OR occurrence = $2) AND delivered_at IS NOT NULL
                 UNION ALL
                 SELECT clicked_at, 2 FROM delivery
                 WHERE campaign_id = $1 AND ($2::int IS NULL OR occurrence = $2) AND clicked_at IS NOT NULL) AS told
           WHERE at >= $3 AND at < $3::timestamptz + $5::interval GROUP BY 1, 2""",
        *(campaign_id, occurrence, start, float(width), step * count),
    )
    lines = [[0] * count for _ in range(3)]
    for row in rows:
        if 0 <= row["place"] < count:
            lines[row["kind"]][row["place"]] = row["count"]
    return Series(start, step, *lines)
