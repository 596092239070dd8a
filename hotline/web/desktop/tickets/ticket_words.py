"""What tickets are called on the pages: kinds, states, priorities, outcomes, clocks, lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.web.desktop.words import N_

kinds: Final[Mapping[str, str]] = {
    "consultation": N_("Consultation"),
    "complaint": N_("Complaint"),
    "service_request": N_("Service request"),
}
states: Final[Mapping[str, str]] = {
    "new": N_("New"),
    "open": N_("Open"),
    "waiting": N_("Waiting for customer"),
    "resolved": N_("Resolved"),
    "closed": N_("Closed"),
    "discarded": N_("Discarded"),
}
priorities: Final[Mapping[str, str]] = {
    "low": N_("Low"),
    "normal": N_("Normal"),
    "high": N_("High"),
    "urgent": N_("Urgent"),
}
dispositions: Final[Mapping[str, str]] = {
    "solved": N_("Solved"),
    "follow_up": N_("Follow-up"),
    "waiting": N_("Customer's turn"),
    "callback": N_("Call back"),
    "passed_on": N_("Passed on"),
    "wrong_number": N_("Wrong number"),
    "other": N_("Something else"),
}
sources: Final[Mapping[str, str]] = {
    "call": N_("by a call"),
    "hand": N_("by hand"),
    "sms": N_("by SMS"),
    "whatsapp": N_("by WhatsApp"),
    "email": N_("by email"),
}
clocks: Final[Mapping[str, str]] = {
    "first_response": N_("First response"),
    "resolution": N_("Resolve"),
}
#: The lists that come with hotline, by slug.
views: Final[Mapping[str, str]] = {
    "mine": N_("My tickets"),
    "unassigned": N_("Unassigned"),
    "overdue": N_("Overdue"),
    "callbacks": N_("Call backs"),
    "waiting": N_("Waiting for customer"),
    "open": N_("All open"),
    "recently_closed": N_("Recently closed"),
}
#: Why a list is empty, and what fills it.
empty: Final[Mapping[str, str]] = {
    "mine": N_("No ticket is yours. Calls that you answer become yours by themselves; unassigned ones can be taken."),
    "unassigned": N_("Every ticket has somebody. New ones without an assignee come here."),
    "overdue": N_("No deadline has passed."),
    "callbacks": N_("Nobody waits for a call. Abandoned calls and voicemails come here by themselves."),
    "waiting": N_("No ticket waits for its customer."),
    "open": N_("No ticket is open. Answered calls, voicemails and abandoned calls open one by themselves."),
    "recently_closed": N_("No ticket was resolved yet."),
}
