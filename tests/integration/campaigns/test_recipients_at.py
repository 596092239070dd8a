"""Recipients by their positions, of an audience that the server's statistics do not know yet."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from bench import blast
from hotline.crm.queries.campaigns import campaign_runs
from hotline.crm.queries.campaigns.campaign_runs import recipients_at
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

PEOPLE = 400


async def _audience(house: House) -> UUID:
    """Everybody, as frozen."""
    audience_id = house.new_id()
    await house.db.execute(
        """INSERT INTO recipient (manifest_id, position, customer_id)
           SELECT $1, row_number() OVER (ORDER BY id) - 1, id FROM customer""",
        audience_id,
    )
    return audience_id


def _left_over(plan: dict[str, Any]) -> int:
    """Rows that were read for nothing."""
    return int(plan.get("Rows Removed by Filter", 0)) + sum(_left_over(each) for each in plan.get("Plans", ()))


async def test_recipients_at_positions_are_read_and_no_others(house: House) -> None:
    await blast.people(house, PEOPLE)
    known = await _audience(house)
    await house.db.execute("ANALYZE recipient")
    fresh = await _audience(house)
    positions = [7, 8, 9, 200, PEOPLE - 1, PEOPLE, PEOPLE + 7]
    for audience_id in (known, fresh):
        found = await recipients_at(house.db, SYSTEM, audience_id, positions)
        assert [each.position for each in found] == positions[:5]
        assert len({each.customer_id for each in found}) == 5
        plan = await house.db.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {campaign_runs._RECIPIENTS_AT}", audience_id, positions[:5]
        )
        assert _left_over(json.loads(plan)[0]["Plan"]) == 0
    assert await recipients_at(house.db, SYSTEM, fresh, []) == []
