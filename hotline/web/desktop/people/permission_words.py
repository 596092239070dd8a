"""Permissions, roles, scopes and reasons in words that are translated, and the groups in which pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web

from hotline.crm.queries.people.roles import RoleView, list_roles
from hotline.crm.viewer import SYSTEM, Scope, Scoped
from hotline.web.context import house_of
from hotline.web.desktop.i18n import language_of
from hotline.web.desktop.render import say
from hotline.web.desktop.words import N_

#: The sentences of the viewer's table: a test holds them against it.
PERMISSION_WORDS: Final[Mapping[str, str]] = {
    "customers.read": N_(
        "See the customers that one is responsible for, and those of one's own calls, tickets and conversations."
    ),
    "customers.read_team": N_("See the customers of one's teams too."),
    "customers.read_all": N_("See every customer."),
    "customers.write": N_("Create customers and change those that one sees."),
    "customers.read_numbers": N_("See whole telephone numbers; without it only their last digits."),
    "customers.read_emails": N_("See whole email addresses; without it only a part."),
    "customers.read_addresses": N_("See postal addresses."),
    "customers.reveal": N_("Show a masked number or email address in full, by a click that is recorded."),
    "customers.read_private": N_("See the values of custom fields that are marked private."),
    "customers.merge": N_("Merge customers that are one and the same, and undo it."),
    "customers.batch": N_("Change many customers at once."),
    "customers.transfer": N_("Make somebody else responsible for customers."),
    "customers.import": N_("Import customers from a file."),
    "customers.export": N_("Export customers to a file; what one may not see stays masked in it."),
    "customers.report": N_("Get the report of everything that is kept about a person."),
    "customers.erase": N_("Erase a person for good."),
    "calls.read": N_("See one's own calls."),
    "calls.read_team": N_("See the calls of one's teams, live and past."),
    "calls.read_all": N_("See everybody's calls, live and past."),
    "calls.write": N_("Say which customer a call belongs to, and write notes."),
    "tickets.read": N_("See tickets: one's own, those of one's own calls, and those that nobody has."),
    "tickets.read_team": N_("See the tickets of one's teams."),
    "tickets.read_all": N_("See everybody's tickets."),
    "tickets.write": N_("Create and change the tickets that one sees, and wrap calls up."),
    "tickets.assign": N_("Give tickets to others."),
    "conversations.read": N_(
        "See the conversations that one has, that nobody has, and those of one's own tickets and customers."
    ),
    "conversations.read_team": N_("See the conversations of one's teams."),
    "conversations.read_all": N_("See everybody's conversations."),
    "conversations.write": N_("Reply in the conversations that one sees, claim them, close them, write notes in them."),
    "conversations.assign": N_("Give conversations to others."),
    "macros.write": N_("Change the replies and macros that everybody uses."),
    "segments.read": N_("See segments, and how many customers are in them."),
    "segments.write": N_("Create and change segments, with their lists of who is in and who is out."),
    "templates.read": N_("See the templates of what campaigns send."),
    "templates.write": N_("Create and change templates, and send a test to oneself."),
    "campaigns.read": N_("See campaigns, their audiences and their results."),
    "campaigns.write": N_("Create and change campaigns, and submit them for review."),
    "campaigns.approve": N_("Approve or reject what others submitted, and withdraw an approval."),
    "campaigns.run": N_("Start, pause, resume and cancel approved campaigns."),
    "campaigns.export": N_("Export who got what."),
    "outbound.stop": N_("Stop everything outbound at once, and let it go on."),
    "consents.read": N_("See who agreed to what, and who gets nothing."),
    "consents.write": N_("Record and withdraw consent, add and lift suppressions, import lists of them."),
    "recordings.listen": N_("Hear voicemails and recordings of the calls that one sees."),
    "recordings.download": N_("Download them."),
    "recordings.delete": N_("Delete them before their time."),
    "flows.read": N_("See the IVR flows and which ways callers took."),
    "prompts.write": N_("Replace prompts of the IVR by recordings."),
    "settings.read": N_("See the company's settings: calendars, deadlines, rules."),
    "settings.write": N_("Change the company's settings, lists and custom fields."),
    "commands.send": N_("Dial, hang up, transfer and pause."),
    "users.read": N_("See users."),
    "users.write": N_("Create and change users, end their sessions, hand over their records."),
    "users.performance": N_(
        "See the activity and performance of the users of one's teams, or of all with calls.read_all."
    ),
    "roles.write": N_("Create and change roles and grants."),
    "teams.write": N_("Create and change teams."),
    "tiers.write": N_("Change tiers."),
    "tags.write": N_("Change tags."),
    "audit.read": N_("Read the audit trail."),
    "system.read": N_("See the health of connections."),
    "system.support": N_("Get a support bundle."),
    "tokens.write": N_("Make API tokens for oneself."),
    "own.presence": N_("Sign in to and out of one's own queues."),
    "own.profile": N_("Change one's own password and preferences."),
}

#: What a role's form chooses one of, by kind; ``None``: no record of the kind at all.
SCOPE_NAMES: Final[Mapping[Scope | None, str]] = {
    None: N_("none"),
    "own": N_("own"),
    "team": N_("of their teams"),
    "all": N_("all"),
}
KIND_NAMES: Final[Mapping[Scoped, str]] = {
    "customers": N_("Customers"),
    "calls": N_("Calls"),
    "tickets": N_("Tickets"),
    "conversations": N_("Conversations"),
}

#: What is shown in part without the permission.
MASK_NAMES: Final[Mapping[str, str]] = {
    "customers.read_numbers": N_("Telephone numbers"),
    "customers.read_emails": N_("Email addresses"),
    "customers.read_addresses": N_("Postal addresses"),
    "customers.read_private": N_("Private fields"),
}

#: Everything else, as pages group it.
GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        N_("Customers"),
        (
            "customers.write", "customers.reveal", "customers.merge", "customers.batch", "customers.transfer",
            "customers.import", "customers.export", "customers.report", "customers.erase", "tags.write", "tiers.write",
        ),
    ),
    (
        N_("Calls and tickets"),
        (
            "calls.write", "commands.send", "tickets.write", "tickets.assign", "recordings.listen",
            "recordings.download", "recordings.delete",
        ),
    ),
    (N_("Conversations"), ("conversations.write", "conversations.assign", "macros.write")),
    (
        N_("Campaigns"),
        (
            "segments.read", "segments.write", "templates.read", "templates.write", "campaigns.read", "campaigns.write",
            "campaigns.approve", "campaigns.run", "campaigns.export", "outbound.stop", "consents.read",
            "consents.write",
        ),
    ),
    (N_("Telephone"), ("flows.read", "prompts.write")),
    (N_("People"), ("users.read", "users.performance", "users.write", "teams.write", "roles.write")),
    (N_("Company"), ("settings.read", "settings.write", "audit.read", "system.read", "system.support")),
    (N_("Oneself"), ("own.presence", "own.profile", "tokens.write")),
)  # fmt: skip

#: Why somebody sees a record, by kind and reason.
REASONS: Final[Mapping[tuple[Scoped, str], str]] = {
    ("customers", "responsible"): N_("Responsible for the customer"),
    ("customers", "had_call"): N_("Had a call with the customer"),
    ("customers", "dialled_call"): N_("Called the customer"),
    ("customers", "call_rang"): N_("A call of the customer rang at the phone"),
    ("customers", "has_ticket"): N_("Has a ticket of the customer"),
    ("customers", "made_ticket"): N_("Opened a ticket of the customer"),
    ("customers", "may_be_caller"): N_("The customer may be who called within the last day"),
    ("customers", "call_in_queue"): N_("A call of the customer came to a queue of the team"),
    ("customers", "ticket_in_queue"): N_("A ticket of the customer is in a queue of the team"),
    ("customers", "has_conversation"): N_("Has a conversation with the customer"),
    ("customers", "made_conversation"): N_("Began a conversation with the customer"),
    ("customers", "conversation_in_queue"): N_("A conversation with the customer is in a queue of the team"),
    ("customers", "may_be_writer"): N_("The customer may be who wrote within the last day"),
    ("calls", "had_call"): N_("Had the call"),
    ("calls", "dialled_call"): N_("Dialled the call"),
    ("calls", "call_rang"): N_("The call rang at the phone"),
    ("calls", "call_in_queue"): N_("The call came to a queue of the team"),
    ("tickets", "has_ticket"): N_("Has the ticket"),
    ("tickets", "made_ticket"): N_("Opened the ticket"),
    ("tickets", "had_call"): N_("Had a call of the ticket"),
    ("tickets", "dialled_call"): N_("Dialled a call of the ticket"),
    ("tickets", "call_rang"): N_("A call of the ticket rang at the phone"),
    ("tickets", "nobodys"): N_("Nobody has the ticket"),
    ("tickets", "call_in_queue"): N_("A call of the ticket came to a queue of the team"),
    ("tickets", "ticket_in_queue"): N_("The ticket is in a queue of the team"),
    ("conversations", "nobodys"): N_("Nobody has the conversation"),
    ("conversations", "has_conversation"): N_("Has the conversation"),
    ("conversations", "made_conversation"): N_("Began the conversation"),
    ("conversations", "has_ticket"): N_("Has the ticket of the conversation"),
    ("conversations", "responsible"): N_("Responsible for the customer of the conversation"),
    ("conversations", "conversation_in_queue"): N_("The conversation is in a queue of the team"),
    ("conversations", "ticket_in_queue"): N_("The ticket of the conversation is in a queue of the team"),
}
#: The shipped roles in words; a role of the company's own is shown by its name.
ROLES: Final[Mapping[str, str]] = {
    "agent": N_("Agent"),
    "supervisor": N_("Supervisor"),
    "marketer": N_("Marketer"),
    "reviewer": N_("Reviewer"),
    "administrator": N_("Administrator"),
}


async def all_role_names(request: web.Request) -> dict[str, str]:
    """What every role is called in the reader's language."""
    return role_names(await list_roles(house_of(request).db, SYSTEM), request)


def role_names(roles: Iterable[RoleView], request: web.Request) -> dict[str, str]:
    """Every role as people read it: the company's own word, or the translated name of one that comes with hotline."""
    return {role.name: role_name(role, request) for role in roles}


def role_name(role: RoleView, request: web.Request) -> str:
    """One role as people read it."""
    if role.names:
        return role.names.get(language_of(request)) or next(iter(role.names.values()))
    return say(request, ROLES[role.name]) if role.name in ROLES else role.name
