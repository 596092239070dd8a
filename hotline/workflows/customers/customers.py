"""Creating and changing customers, and notes about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Final
from uuid import UUID

from hotline.crm.commands.customers import bulk
from hotline.crm.commands.customers import customers as commands
from hotline.crm.commands.customers.bulk import BulkCustomer
from hotline.crm.commands.customers.customer_changes import Source
from hotline.crm.commands.tickets import notes
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.queries.calls.calls import require_call
from hotline.crm.queries.customers.customer_history import shown
from hotline.crm.queries.customers.customers import CustomerView, get_customer
from hotline.crm.viewer import Viewer
from hotline.customers.text import many_lines, one_line
from hotline.customers.three_way import Decided, EditConflict, FieldConflict
from hotline.errors import Invalid
from hotline.workflows.company import fields as fields_of
from hotline.workflows.customers.customer_input import (
    LONGEST_NAME,
    AddressInput,
    ContactPointInput,
    CustomerChanges,
    cleaned,
)
from hotline.workflows.house import House

__all__ = ["AddressInput", "ContactPointInput", "CustomerChanges", "NewCustomer"]

LONGEST_NOTE: Final = 20_000

NewCustomer = CustomerChanges


async def create_customer(
    house: House,
    viewer: Viewer,
    data: NewCustomer,
    idempotency: Idempotency | None = None,
    *,
    complete: bool = False,
    source: str = "hand",
) -> CustomerView:
    """Add a customer; ``name`` at least, and with ``complete`` what custom fields require. The same ``idempotency``
    key answers the same customer again."""
    viewer.require("customers.write")
    fields = await cleaned(house, data, viewer=viewer, complete=complete)
    name = fields.pop("name", None) or one_line("", "name", LONGEST_NAME, needed=True)
    async with house.unit(viewer) as uow:
        customer_id = uow.new_id()
        earlier = await claim(uow, idempotency, customer_id)
        if earlier is None:
            kind = fields.pop("kind", "person")
            await commands.create_customer(uow, customer_id, kind=kind, name=name, source=source, **fields)
        return await get_customer(uow, uow.keyring, reader_of(viewer), earlier or customer_id)


async def update_customer(
    house: House,
    viewer: Viewer,
    customer_id: UUID,
    changes: CustomerChanges,
    expected_version: int | None = None,
    *,
    base_version: int | None = None,
    decided: Decided | None = None,
    source: Source = "hand",
) -> CustomerView:
    """Change a customer. Raises NotFound, Invalid, or Conflict when ``expected_version`` is no longer the
    present.

    With ``base_version``, the version that the changes were made against, what others changed since stays: fields are
    put together, and EditConflict names those that both changed and about which nobody ``decided``.
    """
    viewer.require("customers.write")
    fields = await cleaned(house, changes, viewer=viewer)
    async with house.unit(viewer) as uow:
        customer = await commands.lock_customer(uow, customer_id, expected_version)
        try:
            await commands.update_customer(
                uow, customer, fields, base_version=base_version, decided=decided, source=source
            )
        except EditConflict as conflict:
            private = [each.key for each in (await fields_of.load(house)).fields if each.private]
            raise EditConflict([_shown(viewer, each, private) for each in conflict.conflicts]) from None
        return await get_customer(uow, uow.keyring, reader_of(viewer), customer_id)


async def load_customers(
    house: House,
    viewer: Viewer,
    customers: Iterable[BulkCustomer],
    progress: Callable[[int], None] | None = None,
) -> int:
    """Load many customers at once, cleaned and normalised already; answers how many. No event is told."""
    viewer.require("customers.write")
    return await bulk.load_customers(
        house.db,
        house.keyring,
        viewer,
        customers,
        now=house.clock(),
        new_id=house.new_id,
        progress=progress,
    )


async def write_note(
    house: House,
    viewer: Viewer,
    note_id: UUID,
    text: str,
    customer_id: UUID | None = None,
    call_id: UUID | None = None,
) -> UUID:
    """Write a note about a customer, a call or both; with the id of one's earlier note, its text is
    rewritten."""
    viewer.require("calls.write")
    if customer_id is None and call_id is None:
        raise Invalid("customer_id: a note is about a customer or a call.")
    cleaned_text = many_lines(text, "text", LONGEST_NOTE, needed=True)
    async with house.unit(viewer) as uow:
        if call_id is not None:
            await require_call(uow, viewer, call_id)
        await notes.write_note(uow, note_id, cleaned_text, customer_id, call_id)
    return note_id


def _shown(viewer: Viewer, conflict: FieldConflict, private: Collection[str]) -> FieldConflict:
    """A conflict with its values as the viewer may see them."""
    base, yours, theirs = (
        shown(viewer, conflict.field, value, private)[0] for value in (conflict.base, conflict.yours, conflict.theirs)
    )
    return replace(conflict, base=base, yours=yours, theirs=theirs)


def reader_of(viewer: Viewer) -> Viewer:
    """Who wrote a customer is shown what they wrote, masked as ever, also when it is somebody else's from now on."""
    return replace(viewer, permissions=viewer.permissions | {"customers.read", "customers.read_all"})
