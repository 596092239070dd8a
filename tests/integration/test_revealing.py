"""A masked number is shown in full by a click, for who may, and the audit trail says so."""

from __future__ import annotations

import pytest

from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.errors import Forbidden, NotFound
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.customers.revealing import reveal_contact_point
from hotline.workflows.house import House
from hotline.workflows.people.users import create_user


async def person(house: House, login: str, *permissions: str) -> Viewer:
    user = await create_user(house, SYSTEM, {"login": login, "name": login, "role": "agent"})
    return viewer_of(user.id, frozenset({"customers.read", *permissions}))


async def test_a_masked_number_is_shown_in_full_and_the_look_is_recorded(house: House) -> None:
    points = [{"kind": "phone", "value": "+8613800006620"}]
    customer = await create_customer(
        house,
        SYSTEM,
        {"name": "王秀英", "kind": "person", "contact_points": points},  # type: ignore[typeddict-item]
    )
    rita = await person(house, "rita", "customers.read_all", "customers.reveal")
    (masked,) = (await get_customer(house.db, house.keyring, rita, customer.id)).contact_points
    assert masked.masked
    assert "13800006620" not in masked.value + masked.display
    shown = await reveal_contact_point(house, rita, customer.id, masked.id)
    assert (shown.value, shown.masked) == ("+8613800006620", False)
    entry = await house.db.fetchrow("SELECT actor_id, subject_id, data::text FROM audit_entry WHERE action = $1",
                                    "customer:revealed")  # fmt: skip
    assert entry is not None
    assert (entry["actor_id"], entry["subject_id"]) == (rita.user_id, customer.id)
    assert "6620" not in entry["data"]
    # Neither without the right, nor of a customer whom one does not see, nor of another customer's point.
    with pytest.raises(Forbidden):
        await reveal_contact_point(house, await person(house, "anna", "customers.read_all"), customer.id, masked.id)
    with pytest.raises(NotFound):
        await reveal_contact_point(house, await person(house, "bert", "customers.reveal"), customer.id, masked.id)
    other = await create_customer(house, SYSTEM, {"name": "Li", "kind": "person"})
    with pytest.raises(NotFound):
        await reveal_contact_point(house, rita, other.id, masked.id)
