"""What campaigns, their states and what a reviewer is told are called on the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hotline.campaigns.changes import Change
from hotline.campaigns.compliance import Finding
from hotline.campaigns.content_findings import Finding as ContentFinding
from hotline.web.desktop.campaigns import template_words
from hotline.web.desktop.words import N_

Translate = Callable[[str], str]

#: State → (name, class of its badge, icon).
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "draft": (N_("Draft"), "", "pencil"),
    "in_review": (N_("In review"), "badge-accent", "eye"),
    "rejected": (N_("Rejected"), "badge-breach", "x"),
    "approved": (N_("Approved"), "badge-active", "check"),
    "scheduled": (N_("Scheduled"), "badge-active", "clock"),
    "running": (N_("Sending"), "badge-active", "send"),
    "paused": (N_("Paused"), "badge-warn", "pause"),
    "completed": (N_("Completed"), "", "check-double"),
    "cancelled": (N_("Cancelled"), "", "stop"),
}
#: The list's tabs: name → states.
TABS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "": (N_("All"), ()),
    "review": (N_("To review"), ("in_review",)),
    "going": (N_("Approved and under way"), ("approved", "scheduled", "running", "paused")),
    "drafts": (N_("Drafts"), ("draft", "rejected")),
    "over": (N_("Over"), ("completed", "cancelled")),
}
KINDS: Final[Mapping[str, str]] = {
    "once": N_("Once"),
    "recurring": N_("Again and again"),
    "triggered": N_("When something happens"),
}
PURPOSES: Final[Mapping[str, str]] = {"marketing": N_("Marketing"), "service": N_("Service")}
#: Why a campaign is in its state.
REASONS: Final[Mapping[str, str]] = {
    "withdrawn": N_("The approval was withdrawn."),
    "changed": N_("Something was changed: it must be reviewed again."),
    "template_changed": N_("Its template was changed: it must be reviewed again."),
    "segment_changed": N_("Its segment was changed: it must be reviewed again."),
    "sender_changed": N_("Its sender was changed: it must be reviewed again."),
    "company_changed": N_("What it says of the company was changed: it must be reviewed again."),
    "recording_changed": N_("Its recording was changed: it must be reviewed again."),
    "expired": N_("The time of its review or approval is over."),
    "tampered": N_("What was approved was altered in the database. Look at the audit trail."),
    "not_prepared": N_("Its recipients could not be counted."),
    "person": N_("Somebody paused it."),
    "too_late": N_("It could not start at its time, and does not start later by itself."),
    "restored": N_("A backup was restored. What left since it was made is not known: look at the results first."),
    "failure_rate": N_("Too many messages failed."),
    "bounce_rate": N_("Too many mails bounced."),
    "complaint_rate": N_("Too many people complained."),
    "opt_out_rate": N_("Too many people opted out."),
    "canary_failed": N_("The first recipients went badly."),
    "canary_empty": N_("None of the first recipients could be reached."),
    "error": N_("Something went wrong inside; the log says more."),
}
MANIFESTS: Final[Mapping[str, tuple[str, str]]] = {
    "preparing": (N_("Being counted"), "badge-accent"),
    "submitted": (N_("In review"), "badge-accent"),
    "approved": (N_("Approved"), "badge-active"),
    "rejected": (N_("Rejected"), "badge-breach"),
    "withdrawn": (N_("Withdrawn"), "badge-warn"),
    "void": (N_("Void by a change"), "badge-warn"),
    "expired": (N_("Run out"), "badge-warn"),
}
VERDICTS: Final[Mapping[str, str]] = {
    "approved": N_("approved this hash"),
    "rejected": N_("rejected it"),
    "withdrawn": N_("withdrew it"),
}
#: Why somebody of the segment gets nothing.
EXCLUDED: Final[Mapping[str, str]] = {
    "excluded_by_list": N_("On the segment's list of who is out"),
    "no_contact_point": N_("No number or address for the channel"),
    "suppressed": N_("Opted out or suppressed"),
    "consent_withdrawn": N_("Took their consent back"),
    "no_consent": N_("No consent to marketing on record"),
    "same_address": N_("Same number or mailbox as somebody else, counted once"),
}
#: Severity → (class, icon).
SEVERITIES: Final[Mapping[str, tuple[str, str]]] = {**template_words.SEVERITIES, "ok": ("text-ok", "check")}

_FINDINGS: Final[Mapping[str, str]] = {
    "opt_out_fine": N_("Opt-out wording in every language"),
    "signature_fine": N_("The signature stands once, at the start"),
    "links_fine": N_("Links lead where they say, and are spelt well"),
    "consent_fine": N_("Consent on record for everybody who gets it"),
    "values_fine": N_("No value missing in {of} messages that were made"),
    "quiet_hours_fine": N_("Quiet hours of each recipient's zone are kept"),
    "one_click_fine": N_("Every mail can be unsubscribed from by one click"),
    "no_recipients": N_("Nobody would get it."),
    "no_consent_left_out": N_("{people} people are left out: they never agreed to marketing."),
    "consent_withdrawn_left_out": N_("{people} people are left out: they took their consent back."),
    "value_missing": N_("{people} of {of} lack {name}: they get nothing."),
    "cannot_be_made": N_("The message of {people} of {of} cannot be made: it would be too long, or a value unusable."),
    "language_missing": N_("{people} of {of} get another language than their own."),
    "some_longer": N_("It takes {segments} SMS for {people} of {of}: their values are long."),
    "quiet_hours_off": N_("Quiet hours are switched off: it may wake people up."),
    "zone_unknown": N_("{people} of {of} may be in several time zones: they get it when it is day in all of them."),
    "time_is_over": N_("Its time is over already."),
    "begins_in_quiet_hours": N_("It begins at {time}: most messages will wait until it is day."),
    "sender_paused": N_("The provider lets {address} send nothing at the moment."),
    "no_canary": N_("{people} people at once, without a few of them first."),
    "no_caps": N_("No limit on how often the same people hear from you."),
}
_FIELDS: Final[Mapping[str, str]] = {
    "body": N_("Text"),
    "subject": N_("Subject"),
    "preheader": N_("Preheader"),
    "title": N_("Title"),
    "link": N_("Link"),
    "text": N_("Text part"),
    "format": N_("Format"),
    "content_sid": N_("WhatsApp template"),
    "recording": N_("Recording"),
    "opt_out": N_("Said first"),
    "opt_out_key": N_("Key that ends them"),
    "expires_hours": N_("Hours that it is shown"),
}
_PARTS: Final[Mapping[str, str]] = {
    "name": N_("Name"),
    "kind": N_("Kind"),
    "channel": N_("Channel"),
    "purpose": N_("Purpose"),
    "sender": N_("Sender"),
    "fallback_senders": N_("Senders that take over"),
    "segment": N_("Segment"),
    "schedule": N_("Schedule"),
    "limits": N_("Limits"),
    "track_links": N_("Links are tracked"),
    "recipients": N_("People"),
    "variants": N_("Variants"),
}


#: Keys of schedule and limits, as far as they change often; others are shown as they are.
_KEYS: Final[Mapping[str, str]] = {
    "mode": N_("Mode"),
    "at": N_("Day and time"),
    "day": N_("Day"),
    "time": N_("Time"),
    "late_minutes": N_("Minutes that it may be late"),
    "drip": N_("Slowly: at most"),
    "every": N_("Every"),
    "weekdays": N_("Days of the week"),
    "timezone": N_("Time zone"),
    "starts_on": N_("First day"),
    "ends_on": N_("Last day"),
    "most_recipients": N_("Most recipients each time"),
    "daily_cap": N_("Most recipients a day"),
    "trigger": N_("What happens"),
    "expires_hours": N_("Hours after which a message does not leave"),
    "quiet_hours": N_("Quiet hours"),
    "holidays": N_("On public holidays"),
    "caps": N_("How often at most"),
    "canary": N_("A few first"),
    "recipients": N_("People"),
    "wait_minutes": N_("Minutes until the rest"),
    "holdout_percent": N_("Percent who get nothing"),
    "experiment": N_("Comparison"),
    "shares": N_("Shares"),
    "pause": N_("Pauses by itself"),
    "track_links": N_("Links are tracked"),
    "default": N_("For every other language"),
}


def finding_words(finding: Finding, translate: Translate) -> str:
    """A finding in words; ``translate`` is the gettext of a language."""
    if finding.code in _FINDINGS:
        values: dict[str, Any] = dict(finding.values)
        if "name" in values:
            values["name"] = template_words.written_name(str(values["name"]))
        return translate(_FINDINGS[finding.code]).format_map(values)
    severity: Any = finding.severity
    said = ContentFinding(finding.code, severity, finding.locale or "", finding.values)
    return template_words.finding_words(said, translate)


def change_words(change: Change, translate: Translate) -> str:
    """What changed, in words: ``Text, A, en``."""
    parts = change.path.split(".")
    if parts[0] == "variants" and "locales" in parts:
        at = parts.index("locales")
        locale, name = parts[at + 1], parts[at + 2] if len(parts) > at + 2 else ""
        words = translate(_FIELDS[name]) if name in _FIELDS else name or translate(_PARTS["variants"])
        return f"{words}, {parts[1]}, {locale}"
    words = translate(_PARTS[parts[0]]) if parts[0] in _PARTS else parts[0]
    rest = " · ".join(translate(_KEYS[part]) if part in _KEYS else part.replace("_", " ") for part in parts[1:])
    return f"{words} · {rest}" if rest and parts[0] in ("schedule", "limits", "variants", "fallback_senders") else words
