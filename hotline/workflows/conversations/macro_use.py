"""Using a macro in a conversation: its text filled in for this customer, and what it does beside answering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from hotline.campaigns.value_text import written_day
from hotline.conversations.macros import Actions, fill, text_for
from hotline.crm.commands.conversations.macros import count_use
from hotline.crm.company import Company
from hotline.crm.queries.conversations.conversations import ConversationView, get_conversation
from hotline.crm.queries.conversations.macros import MacroView, get_macro
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.queries.people.users import get_user
from hotline.crm.queries.tickets.tickets import get_ticket
from hotline.crm.viewer import Viewer
from hotline.errors import Conflict, Forbidden, NotFound
from hotline.workflows.company import company
from hotline.workflows.conversations.conversations import ConversationChanges, change_conversation
from hotline.workflows.customers.customers import update_customer
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import change_ticket

#: Why an action was left out.
Skipped = Literal["no_ticket", "no_customer", "not_allowed"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A macro's text as it would be sent. ``missing``: placeholders for which there is nothing; ``variables``: what
    fills its WhatsApp template's gaps, by their numbers."""

    macro: MacroView
    language: str
    text: str
    missing: tuple[str, ...]
    actions: Actions
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Performed:
    """What a macro did; ``skipped`` says of each action that was left out why."""

    conversation: ConversationView
    skipped: dict[str, Skipped]


async def prepare(
    house: House, viewer: Viewer, conversation_id: UUID, macro_id: UUID, language: str | None = None
) -> Prepared:
    """A macro's text for a conversation: in ``language`` where given, else in the customer's. Raises NotFound."""
    macro = await get_macro(house.db, viewer, macro_id)
    found = await get_conversation(house.db, house.keyring, viewer, conversation_id)
    customers = await _customer_language(house, viewer, found)
    spoken, text = text_for(macro.texts, (language, found.language, customers, viewer.locale))
    values = await _values(house, viewer, found, spoken or viewer.locale)
    filled = fill(text, values)
    gaps = {str(at): values.get(name, "") for at, name in enumerate(macro.variables, 1)}
    missing = (*filled.missing, *(name for name in macro.variables if not values.get(name)))
    return Prepared(macro, spoken, filled.text, tuple(dict.fromkeys(missing)), macro.actions, gaps)


async def perform(house: House, viewer: Viewer, conversation_id: UUID, macro_id: UUID) -> Performed:
    """Do what a macro does beside answering. What cannot be done is left out, and named. Raises NotFound."""
    viewer.require("conversations.write")
    macro = await get_macro(house.db, viewer, macro_id)
    found = await get_conversation(house.db, house.keyring, viewer, conversation_id)
    actions, skipped = macro.actions, dict[str, Skipped]()
    if actions.kind and (reason := await _set_kind(house, viewer, found, actions.kind)):
        skipped["kind"] = reason
    if actions.tags and (reason := await _add_tags(house, viewer, found, actions.tags)):
        skipped["tags"] = reason
    changes: ConversationChanges = {}
    if actions.state:
        changes["state"] = actions.state
    if actions.assign and viewer.user_id is not None:
        me = await get_user(house.db, viewer, viewer.user_id)
        changes["assignee"] = me.login if actions.assign == "me" else None
    if changes:
        try:
            found = await change_conversation(house, viewer, conversation_id, changes)
        except Forbidden:
            skipped["assign"] = "not_allowed"
            if "state" in changes:
                found = await change_conversation(house, viewer, conversation_id, {"state": changes["state"]})
    async with house.unit(viewer) as uow:
        await count_use(uow, macro_id)
    return Performed(found, skipped)


async def _set_kind(house: House, viewer: Viewer, found: ConversationView, kind: str) -> Skipped | None:
    if found.ticket_id is None:
        return "no_ticket"
    try:
        await change_ticket(house, viewer, found.ticket_id, {"kind": kind})
    except (Forbidden, NotFound, Conflict):
        return "not_allowed"
    return None


async def _add_tags(house: House, viewer: Viewer, found: ConversationView, tags: tuple[str, ...]) -> Skipped | None:
    if found.customer is None:
        return "no_customer"
    try:
        customer = await get_customer(house.db, house.keyring, viewer, found.customer.id)
        missing = [tag for tag in tags if tag.casefold() not in {each.casefold() for each in customer.tags}]
        if missing:
            await update_customer(house, viewer, customer.id, {"tags": [*customer.tags, *missing]})
    except (Forbidden, NotFound):
        return "not_allowed"
    return None


async def _customer_language(house: House, viewer: Viewer, found: ConversationView) -> str | None:
    if found.customer is None:
        return None
    try:
        return (await get_customer(house.db, house.keyring, viewer, found.customer.id)).locale
    except NotFound:
        return None


async def _values(house: House, viewer: Viewer, found: ConversationView, language: str) -> dict[str, str]:
    """What the placeholders stand for; nothing that the viewer may not see."""
    values = {"company.name": (await company.get(house, Company)).name}
    if viewer.user_id is not None:
        values["agent.name"] = (await get_user(house.db, viewer, viewer.user_id)).name
    if found.customer is not None:
        values |= {"customer.name": found.customer.name, "customer.reference": found.customer.reference}
    elif found.name:
        values["customer.name"] = found.name
    if found.ticket is not None:
        values["ticket.reference"] = found.ticket.reference
        if found.ticket.seen:
            values["ticket.subject"] = (await get_ticket(house.db, house.keyring, viewer, found.ticket.id)).subject
    today = house.clock().astimezone(house.settings.timezone)
    values["today"] = written_day(today.date(), language)
    return values
