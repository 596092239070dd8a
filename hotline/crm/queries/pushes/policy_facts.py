"""What holds for the recipients of messages that are about to leave: one statement for a batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.campaigns import caps
from hotline.campaigns.policy import RecipientFacts, SendRules
from hotline.campaigns.quiet_hours import wishes_of
from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer

#: Most messages asked for at once.
MOST: Final = 1_000
#: More messages than any cap allows to a person.
_MOST_SENT: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A delivery that somebody is about to send."""

    delivery_id: UUID
    customer_id: UUID
    contact_point_id: UUID | None
    due_at: datetime
    expires_at: datetime | None


# The no of whom somebody was merged into is theirs, too.
# A message whose try is committed counts from then on, whatever becomes of the try, until it is known not to have left.
_LOAD: Final = """
SELECT a.id, c.id IS NULL OR c.erased_at IS NOT NULL AS erased, a.point IS NULL OR p.id IS NOT NULL AS reachable,
    ARRAY(SELECT s.reason FROM suppression s WHERE s.channel = $4 AND s.address_index = p.value_index
          AND s.lifted_at IS NULL AND s.purpose IN ('all', $5)) AS suppressed,
    (SELECT n.state FROM consent n WHERE n.customer_id = ANY(ARRAY[a.customer, c.merged_into_id]) AND n.channel = $4
       AND n.purpose = $5 AND (n.customer_id = a.customer OR n.state = 'withdrawn')
     ORDER BY n.state DESC LIMIT 1) AS consent,
    CASE WHEN $6::timestamptz IS NULL THEN '{}'::timestamptz[] ELSE ARRAY(
        SELECT x.at FROM (
            SELECT d.sent_at AS at FROM delivery d JOIN campaign o ON o.id = d.campaign_id
            WHERE d.customer_id = a.customer AND d.sent_at > $6 AND d.id <> a.id AND o.purpose = 'marketing'
            UNION ALL
            SELECT d.updated_at FROM delivery d JOIN campaign o ON o.id = d.campaign_id
            WHERE d.customer_id = a.customer AND d.state IN ('sending', 'unknown') AND d.sent_at IS NULL
              AND d.id <> a.id AND d.updated_at > $6 AND o.purpose = 'marketing'
        ) x ORDER BY x.at DESC LIMIT $7) END AS sent,
    CASE WHEN $8 THEN c.preferences END AS preferences
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS a (id, customer, point)
LEFT JOIN customer c ON c.id = a.customer
LEFT JOIN contact_point p ON p.id = a.point AND p.customer_id = a.customer
"""


async def load(
    db: Reader, viewer: Viewer, rules: SendRules, asked: Sequence[Asked], now: datetime
) -> dict[UUID, RecipientFacts]:
    """The facts of each, without the place that its number tells."""
    viewer.require("campaigns.read")
    since = now - caps.longest(rules.caps) if rules.caps else None
    rows = await db.fetch(
        _LOAD,
        [each.delivery_id for each in asked],
        [each.customer_id for each in asked],
        [each.contact_point_id for each in asked],
        *(rules.channel, rules.purpose, since, _MOST_SENT, rules.quiet),
    )
    by_id = {each.delivery_id: each for each in asked}
    return {
        row["id"]: RecipientFacts(
            due_at=by_id[row["id"]].due_at,
            expires_at=by_id[row["id"]].expires_at,
            suppressed=frozenset(row["suppressed"]),
            consent=row["consent"],
            sent=tuple(row["sent"]),
            wishes=wishes_of(row["preferences"]),
            reachable=row["reachable"],
            erased=row["erased"],
        )
        for row in rows
    }
