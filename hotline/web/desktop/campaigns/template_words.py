"""What templates are called on the pages: channels, what placeholders stand for, what a reviewer is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hotline.campaigns.content_findings import Finding
from hotline.web.desktop.words import N_

#: Channel → (icon, name).
CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "sms": ("sms", N_("SMS")),
    "whatsapp": ("chat", N_("WhatsApp")),
    "email": ("mail", N_("Mail")),
    "voice": ("phone", N_("Calls")),
    "inapp": ("bell", N_("In-app")),
    "console": ("columns", N_("Console")),
}

#: Placeholder, as it is written → what it stands for.
PLACEHOLDERS: Final[Mapping[str, str]] = {
    "name": N_("The customer's name."),
    "first_name": N_("The first word of a person's name; organisations have none."),
    "reference": N_("The customer's number: C10001."),
    "tier": N_("The customer's tier, in the message's language."),
    "classification": N_("The customer's classification."),
    "company.name": N_("The company's name."),
    "company.phone": N_("The company's telephone number."),
    "company.email": N_("The company's email address."),
    "company.website": N_("The company's website."),
    "today": N_("Today's date."),
    "unsubscribe_url": N_("The address where the recipient stops what they get, and chooses."),
    "ticket.reference": N_("The ticket that set it off: for what is sent after a ticket."),
    "purchase.title": N_("What was bought: for what is sent after a purchase."),
    "fee.amount": N_("What is to be paid: for what is sent when a fee is due."),
}
FILTERS: Final[Mapping[str, str]] = {
    '{{ name | default("customer") }}': N_("Said where the value is missing; without it that recipient gets nothing."),
    "{{ name | upper }}": N_("In capital letters; lower and capitalize do the like."),
    "{{ name | truncate(20) }}": N_("At most so many characters."),
}

VARIABLES_HINT: Final = N_("For example: 1 = {{ name }}")
GAPS_HINT: Final = N_(
    "With a ContentSid: how the approved template reads, with {{1}} for its variables. It is shown here and sent by"
    " nobody."
)
#: A language that a template may be written in.
EXAMPLE: Final = "de"

_FINDINGS: Final[Mapping[str, str]] = {
    "opt_out_missing": N_("It does not say how to stop."),
    "opt_out_not_at_end": N_("How to stop must stand at the end."),
    "sms_signature_missing": N_("It does not begin with the company's signature, 【…】."),
    "sms_signature_in_text": N_("【】 stands in the text once more: it is for the signature at the start alone."),
    "sms_too_long": N_("{letters} characters: at most {most} are taken."),
    "sms_segments": N_("About {letters} characters, {segments} parts."),
    "sms_letters": N_("{letters}: such a character makes the SMS take more parts."),
    "mail_without_unsubscribe": N_("No link to stop stands in the text; only the mail program's own button is there."),
    "mail_too_large": N_("{kilobytes} kB of HTML: mailboxes cut it off at about 100."),
    "subject_long": N_("A subject of {letters} characters: telephones show about 40."),
    "link_disguised": N_("A link does not lead where it seems to: to {host}."),
    "link_misspelt": N_("This looks like a link and is none: {written}"),
    "link_not_encrypted": N_("The link to {host} is not encrypted: write https."),
    "link_shortened": N_("{host} hides where the link leads; carriers block it."),
    "link_to_number": N_("A link leads to a number, {host}, in place of a name."),
    "link_to_own_network": N_("A link leads to {host}, which recipients cannot reach."),
    "link_port": N_("A link to {host} names a port of its own; many networks block it."),
    "link_other_script": N_("The name {host} is written in another script: it may look like another name."),
    "whatsapp_without_template": N_("Without an approved template it reaches only who wrote in the last 24 hours."),
    "voice_recording": N_("The recording {name} is played."),
    "link_not_tracked": N_("Where these lead was approved by nobody, so clicks on them are not seen: {names}"),
    "no_default": N_("Whoever lacks one of these gets nothing: {names}"),
}
#: Severity → (class, icon).
SEVERITIES: Final[Mapping[str, tuple[str, str]]] = {
    "stop": ("text-breach", "alert"),
    "warn": ("text-warn", "alert"),
    "info": ("text-3", "help"),
}


def finding_words(finding: Finding, translate: Callable[[str], str]) -> str:
    """A finding in words; ``translate`` is the gettext of a language."""
    values: dict[str, Any] = dict(finding.values)
    if "names" in values:
        values["names"] = ", ".join(written_name(name) for name in values["names"])
    if finding.code == "link_disguised" and "shown" in values:
        return translate(N_("A link says {shown} and leads to {host}.")).format_map(values)
    if finding.code == "sms_segments" and values["segments"] == 1:
        return translate(N_("About {letters} characters, one part.")).format_map(values)
    return translate(_FINDINGS[finding.code]).format_map(values)


def written_name(name: str) -> str:
    """A value's name as authors write it: customer.name is name."""
    return name.removeprefix("customer.")


def placeholder(name: str) -> str:
    """A placeholder as it is written into a text."""
    return f"{{{{ {name} }}}}"
