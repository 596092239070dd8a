"""What conversations and messages are called on the pages: channels, states, what became of a message and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.web.desktop.words import N_

#: Channel → (icon, name).
CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "sms": ("sms", N_("SMS")),
    "whatsapp": ("chat", N_("WhatsApp")),
    "email": ("mail", N_("Mail")),
    "voice": ("phone", N_("Calls")),
}

BOXES: Final[Mapping[str, str]] = {
    "mine": N_("Mine"),
    "unassigned": N_("Unassigned"),
    "team": N_("Team"),
    "all": N_("All"),
}

STATES: Final[Mapping[str, str]] = {
    "open": N_("Open"),
    "waiting": N_("Put aside"),
    "closed": N_("Closed"),
}

#: The choices of a list's filter.
LIST_STATES: Final[Mapping[str, str]] = {
    "unclosed": N_("Not closed"),
    **STATES,
    "any": N_("All"),
}

SORTS: Final[Mapping[str, str]] = {
    "latest": N_("Latest first"),
    "waiting": N_("Waiting longest"),
    "deadline": N_("By deadline"),
}

#: Why a list is empty, and what fills it.
EMPTY: Final[Mapping[str, str]] = {
    "mine": N_("No conversation is yours. Take one of the unassigned ones, or answer it: then it is yours."),
    "unassigned": N_("Nobody waits: every conversation has somebody. New messages arrive here."),
    "team": N_("No conversation of your team is open."),
    "all": N_("No conversation is open. Messages to the company's numbers and addresses arrive here by themselves."),
}

#: What became of a message that left → (icon, word, class).
DELIVERY: Final[Mapping[str, tuple[str, str, str]]] = {
    "queued": ("clock", N_("Waits to be sent"), ""),
    "sending": ("clock", N_("Being sent"), ""),
    "sent": ("check", N_("Sent"), ""),
    "delivered": ("check-double", N_("Delivered"), ""),
    "read": ("check-double", N_("Read"), "is-read"),
    "temporary_failure": ("clock", N_("Not sent yet, tried again"), "text-warn"),
    "permanent_failure": ("alert", N_("Not delivered"), "text-breach"),
    "suppressed": ("stop", N_("Not sent: they want no messages"), "text-breach"),
    "expired": ("alert", N_("Not sent in time"), "text-breach"),
    "unknown": ("help", N_("Nobody knows whether it was sent"), "text-warn"),
}

#: Why a message did not arrive: the provider's code → what it means for who wrote it.
#: https://www.twilio.com/docs/api/errors, RFC 3463 for email.
ERRORS: Final[Mapping[str, str]] = {
    "21211": N_("This is no number that can get messages."),
    "21408": N_("Messages to this country are not switched on in the Twilio account."),
    "21610": N_("They sent STOP and get nothing until they send START."),
    "21612": N_("This number cannot be reached from the company's number."),
    "21614": N_("This is no mobile number."),
    "21617": N_("The text is too long."),
    "30001": N_("Too many messages wait at Twilio."),
    "30002": N_("The Twilio account is suspended."),
    "30003": N_("The telephone is off or out of reach."),
    "30004": N_("They or their carrier block messages."),
    "30005": N_("This number does not exist, or not any more."),
    "30006": N_("This is a landline, or its carrier takes no messages."),
    "30007": N_("The carrier took it for spam."),
    "30008": N_("The carrier does not say why."),
    "30034": N_("The company's number is not registered for messages in the USA."),
    "63001": N_("WhatsApp did not accept the company's account."),
    "63003": N_("This number is not on WhatsApp."),
    "63007": N_("The company's number is not set up for WhatsApp."),
    "63016": N_("The 24 hours are over: only a template may be sent now."),
    "63018": N_("WhatsApp's limit is reached. Try later."),
    "63024": N_("This number is not on WhatsApp."),
    "550": N_("There is no such mailbox, or it takes nothing from us."),
    "552": N_("Their mailbox is full."),
    "554": N_("Their mail server refuses it."),
    "4.2.2": N_("Their mailbox is full."),
    "4.4.1": N_("Their mail server does not answer."),
    "5.1.1": N_("There is no such mailbox."),
    "5.1.2": N_("There is no such domain."),
    "5.2.1": N_("Their mailbox is closed."),
    "5.2.2": N_("Their mailbox is full."),
    "5.2.3": N_("It is too large for their mailbox."),
    "5.7.1": N_("Their mail server refuses it."),
}

#: Why a provider takes nothing from a sender, where that says more than ``ERRORS``.
PAUSED: Final[Mapping[str, str]] = {
    "20003": N_("Twilio does not accept the account's token. Check it in the settings of the service."),
    "30032": N_("Twilio has not verified this toll-free number yet."),
    "63038": N_("The account's messages of this day are used up. It goes on by itself tomorrow."),
    "535": N_("The mail relay refuses the user or the password."),
    "": N_("The provider does not take messages from it."),
}

#: Why nothing goes to an address.
SUPPRESSED: Final[Mapping[str, str]] = {
    "opt_out": N_("They asked for no more messages. They get none until they send START."),
    "invalid": N_("The address does not exist. Nothing is sent to it."),
    "bounce": N_("Mails to this address came back. Nothing is sent to it."),
    "complaint": N_("They marked mails as spam. Nothing is sent to them."),
    "agent": N_("A colleague stopped messages to this address."),
}

#: Why a file is not there.
FILE_REASONS: Final[Mapping[str, str]] = {
    "too_large": N_("too large"),
    "kind": N_("not an accepted type"),
    "program": N_("a program"),
    "gone": N_("no longer there"),
    "unreachable": N_("could not be fetched"),
}

#: What a macro does → its name, with what it is set to.
ACTION_STATES: Final[Mapping[str, str]] = {"waiting": N_("Puts it aside"), "closed": N_("Closes it")}
ACTION_ASSIGNS: Final[Mapping[str, str]] = {"me": N_("Takes it"), "nobody": N_("Gives it up")}
AUDIENCES: Final[Mapping[str, str]] = {"own": N_("My own"), "team": N_("My team's"), "all": N_("Everybody's")}
PLACEHOLDER_WORDS: Final[Mapping[str, str]] = {
    "customer.name": N_("The customer's name"),
    "customer.reference": N_("The customer's number"),
    "ticket.reference": N_("The ticket's number"),
    "ticket.subject": N_("What the ticket is about"),
    "agent.name": N_("The name of who replies"),
    "company.name": N_("The company's name"),
    "today": N_("Today's date"),
}
