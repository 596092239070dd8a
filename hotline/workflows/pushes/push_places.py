"""Where recipients are, as far as quiet hours ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from hotline.campaigns.policy import SendRules
from hotline.campaigns.quiet_hours import Place, place_of_number
from hotline.crm.commands.pushes.push_claims import Claimed
from hotline.crm.queries.campaigns.address_regions import address_regions
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

#: Channels whose addresses are telephone numbers.
PHONES: Final = frozenset({"sms", "whatsapp", "voice"})


async def places_of_numbers(
    house: House, rules: SendRules, channel: str, claimed: Sequence[Claimed], numbers: Mapping[UUID, str | None]
) -> dict[UUID, Place]:
    """Delivery → where its recipient is: by the number, and in the United States by postal addresses, too, since states
    have hours of their own. Nothing where no hours are kept, or nobody has a number."""
    if not rules.quiet or channel not in PHONES:
        return {}
    places = {each: place_of_number(to) for each, to in numbers.items() if to is not None}
    people = {each.person_id for each in claimed if each.id in places and places[each.id].country == "US"}
    regions = await address_regions(house.db, house.keyring, SYSTEM, people)
    return {each.id: places[each.id].within(*regions.get(each.person_id, ())) for each in claimed if each.id in places}
