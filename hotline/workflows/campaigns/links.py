"""Links that customers get, and the keys that sign them."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from hotline.campaigns import tokens
from hotline.workflows.house import House

_KEPT: Final = "link secrets"


def secrets(house: House) -> tuple[bytes, ...]:
    """The keys of links, the one that signs first. The installation's own is always among them: links in messages that
    have left go on working when a setting is added."""
    found: tuple[bytes, ...] | None = house.kept.get(_KEPT)
    if found is None:
        configured = (each.get_secret_value().encode() for each in house.settings.link_keys)
        found = (*configured, house.keyring.own_key("links").secret)
        house.kept[_KEPT] = found
    return found


def unsubscribe_url(house: House, delivery_id: UUID) -> str:
    """Where the recipient of a delivery stops what they get, or chooses."""
    return f"{house.settings.base_url}/u/{tokens.unsubscribe(secrets(house), delivery_id)}"


def preferences_url(house: House, customer_id: UUID) -> str:
    """The same for a customer, whatever they got."""
    return f"{house.settings.base_url}/u/{tokens.preferences(secrets(house), customer_id)}"
