"""What results of campaigns are called on the pages: states of deliveries, reasons, measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.web.desktop.conversations.message_words import ERRORS
from hotline.web.desktop.words import N_

#: Channel → (icon, name).
CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "sms": ("sms", N_("SMS")),
    "whatsapp": ("chat", N_("WhatsApp")),
    "email": ("mail", N_("Email")),
    "voice": ("phone", N_("Calls")),
    "inapp": ("device", N_("In the app")),
    "console": ("columns", N_("Console")),
}
#: State of a delivery → (name, class of its badge).
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "queued": (N_("Waits"), ""),
    "sending": (N_("Being sent"), "badge-accent"),
    "sent": (N_("Sent"), "badge-accent"),
    "delivered": (N_("Delivered"), "badge-active"),
    "read": (N_("Read"), "badge-active"),
    "temporary_failure": (N_("Tried again"), "badge-warn"),
    "permanent_failure": (N_("Failed"), "badge-breach"),
    "suppressed": (N_("Held back"), ""),
    "expired": (N_("Too late"), "badge-warn"),
    "unknown": (N_("Unknown"), "badge-warn"),
}
#: Why nothing was sent, or what came of it.
REASONS: Final[Mapping[str, str]] = {
    "holdout": N_("got nothing on purpose, to compare with"),
    "suppressed": N_("the address wants nothing, or takes nothing"),
    "no_consent": N_("never agreed to it"),
    "consent_withdrawn": N_("took back that they had agreed"),
    "no_contact_point": N_("the address is gone"),
    "frequency_cap": N_("got as much as they may get already"),
    "quiet_hours": N_("quiet hours where they are"),
    "expired": N_("too late to be of use"),
    "erased": N_("was erased"),
    "opt_out": N_("said no"),
    "complaint": N_("marked it as spam"),
    "bounce": N_("it came back"),
    "soft_bounce": N_("it came back, may work another time"),
    "missing_value": N_("a value is missing in the message"),
    "unusable_value": N_("a value cannot stand in the message"),
    "too_long": N_("the message became too long"),
    "cancelled": N_("the campaign was cancelled"),
    "withdrawn": N_("the approval was withdrawn"),
    "address_refused": N_("the provider knows no such address"),
    "opted_out": N_("they have sent STOP"),
    "not_configured": N_("the channel is not set up"),
    "unknown": N_("the provider did not answer: never sent again by itself"),
}
MEASURES: Final[Mapping[str, tuple[str, str]]] = {
    "delivered": (N_("Delivered"), N_("of those sent")),
    "read": (N_("Read"), N_("of those sent")),
    "clicked": (N_("Clicked"), N_("of those sent")),
    "followed": (N_("Called us or had a ticket"), N_("of those who got it")),
    "opted_out": (N_("Opted out"), N_("of those sent")),
}
VERDICTS: Final[Mapping[str, str]] = {
    "better": N_("%(one)s does better than %(other)s: between %(low)s and %(high)s points."),
    "worse": N_("%(one)s does worse than %(other)s: between %(low)s and %(high)s points."),
    "unclear": N_("Between %(one)s and %(other)s it may be chance: from %(low)s to %(high)s points."),
    "too_few": N_("Too few people to compare %(one)s with %(other)s."),
}
BOUNDS: Final[Mapping[str, str]] = {
    "failure_rate": N_("Failures reach %(limit)s %%"),
    "bounce_rate": N_("Bounces reach %(limit)s %%"),
    "complaint_rate": N_("Complaints reach %(limit)s %%"),
    "opt_out_rate": N_("Opt-outs reach %(limit)s %%"),
}


def why(reason: str | None, error_code: str | None) -> str:
    """Why, in words; a code that nobody here knows as it is."""
    name = (reason or "").partition(":")[0]
    if error_code is not None and error_code in ERRORS:
        return ERRORS[error_code]
    return REASONS.get(name) or reason or error_code or ""
