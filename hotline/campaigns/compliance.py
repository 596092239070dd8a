"""What a reviewer should know of a campaign before they approve it: what its content lacks, whom it leaves out, when it
disturbs, and what was looked at and is fine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from hotline.campaigns.consent import Channel
from hotline.campaigns.content_findings import findings_of
from hotline.campaigns.quiet_hours import DISTURBING, ELSEWHERE

Severity = Literal["stop", "warn", "info", "ok"]
ORDER: Final[tuple[Severity, ...]] = ("stop", "warn", "info", "ok")

#: A push to more people without a canary is worth a word.
LARGE: Final = 5_000
#: Codes of contents by what they are about: none of them there is fine, and said so.
_ABOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "opt_out_fine": ("opt_out_missing", "opt_out_not_at_end", "mail_without_unsubscribe", "whatsapp_without_template"),
    "signature_fine": ("sms_signature_missing", "sms_signature_in_text"),
    "links_fine": (
        "link_disguised", "link_misspelt", "link_not_encrypted", "link_shortened", "link_to_number",
        "link_to_own_network", "link_port", "link_other_script",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them. ``variant`` and ``locale`` say where in the content; ``values`` are what its words need."""

    code: str
    severity: Severity
    variant: str | None = None
    locale: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """What rendering some recipients' messages showed. ``people`` of the ``recipients`` were looked at: all, where they
    are few. ``missing``: value → how many lack it; ``other``: further reasons; ``segments``: parts of an SMS → how
    many people; ``locales``: language that is sent → how many; ``defaulted``: how many get another than their own;
    ``nowhere``: how many may be in several time zones; ``held_out``: how many get nothing, to compare with."""

    recipients: int = 0
    people: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)
    other: Mapping[str, int] = field(default_factory=dict)
    segments: Mapping[int, int] = field(default_factory=dict)
    locales: Mapping[str, int] = field(default_factory=dict)
    defaulted: int = 0
    nowhere: int = 0
    held_out: int = 0


def findings(
    content: Mapping[str, Any],
    excluded: Mapping[str, int],
    looked: Looked,
    *,
    now: datetime,
    zone: ZoneInfo,
    paused: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Everything there is to know of a manifest's content, the gravest first. ``paused``: senders that the provider
    lets send nothing at the moment; ``zone`` is the company's."""
    found = [*_of_contents(content), *_of_people(content, excluded, looked), *_of_times(content, looked, now, zone)]
    found += [Finding("sender_paused", "stop", values={"address": each}) for each in paused]
    limits = content["limits"]
    marketing = content["purpose"] == "marketing"
    if looked.recipients > LARGE and not limits.get("canary"):
        found.append(Finding("no_canary", "warn", values={"people": looked.recipients}))
    if marketing and not limits.get("caps"):
        found.append(Finding("no_caps", "info"))
    if marketing and content["channel"] == "email":
        found.append(Finding("one_click_fine", "ok"))
    return tuple(sorted(found, key=lambda each: ORDER.index(each.severity)))


def _of_contents(content: Mapping[str, Any]) -> Iterator[Finding]:
    channel: Channel = content["channel"]
    several = len(content["variants"]) > 1
    codes: set[str] = set()
    texts: set[tuple[Any, ...]] = set()
    for arm in content["variants"]:
        for each in findings_of(channel, arm["content"], purpose=content["purpose"]):
            codes.add(each.code)
            key = (each.code, each.locale, tuple(sorted((name, str(value)) for name, value in each.values.items())))
            if key not in texts:
                texts.add(key)
                yield Finding(each.code, each.severity, arm["variant"] if several else None, each.locale, each.values)
    locales = {locale for arm in content["variants"] for locale in arm["content"]["locales"]}
    chinese = channel == "sms" and any(locale.partition("-")[0] == "zh" for locale in locales)
    for fine, about in _ABOUT.items():
        asked = {
            "opt_out_fine": content["purpose"] == "marketing" and channel in ("sms", "email", "whatsapp", "voice"),
            "signature_fine": chinese,
            "links_fine": True,
        }[fine]
        if asked and not codes & set(about):
            yield Finding(fine, "ok")


def _of_people(content: Mapping[str, Any], excluded: Mapping[str, int], looked: Looked) -> Iterator[Finding]:
    triggered = content["kind"] == "triggered"
    if not looked.recipients and not triggered:
        yield Finding("no_recipients", "stop")
    for reason in ("no_consent", "consent_withdrawn"):
        if excluded.get(reason):
            yield Finding(f"{reason}_left_out", "info", values={"people": excluded[reason]})
    if content["purpose"] == "marketing" and (looked.recipients or triggered):
        yield Finding("consent_fine", "ok", values={"people": looked.recipients})
    for name, count in sorted(looked.missing.items()):
        values = {"name": name, "people": count, "of": looked.people}
        yield Finding("value_missing", "warn", values=values)
    for reason, count in sorted(looked.other.items()):
        yield Finding("cannot_be_made", "warn", values={"reason": reason, "people": count, "of": looked.people})
    if looked.people and not looked.missing and not looked.other:
        yield Finding("values_fine", "ok", values={"of": looked.people})
    if looked.defaulted:
        yield Finding("language_missing", "info", values={"people": looked.defaulted, "of": looked.people})
    longest = max(looked.segments, default=0)
    if looked.segments and longest > min(looked.segments):
        values = {"segments": longest, "people": looked.segments[longest], "of": looked.people}
        yield Finding("some_longer", "info", values=values)


def _of_times(content: Mapping[str, Any], looked: Looked, now: datetime, zone: ZoneInfo) -> Iterator[Finding]:
    schedule, channel = content["schedule"], content["channel"]
    quiet = (content["limits"].get("quiet_hours") or {}).get("apply")
    disturbs = channel in DISTURBING
    applies = disturbs and content["purpose"] == "marketing" if quiet is None else bool(quiet)
    if disturbs and content["purpose"] == "marketing" and not applies:
        yield Finding("quiet_hours_off", "stop")
    elif applies:
        yield Finding("quiet_hours_fine", "ok")
    if applies and looked.nowhere:
        yield Finding("zone_unknown", "info", values={"people": looked.nowhere, "of": looked.people})
    begins = datetime.fromisoformat(schedule["at"]) if schedule.get("mode") == "at" else None
    if begins is not None and begins <= now:
        yield Finding("time_is_over", "stop", values={"at": schedule["at"]})
    clock = begins.astimezone(zone).time() if begins is not None else _clock(schedule.get("time"))
    if disturbs and clock is not None and not ELSEWHERE[0] <= clock < ELSEWHERE[1]:
        yield Finding("begins_in_quiet_hours", "warn", values={"time": f"{clock:%H:%M}"})


def _clock(text: str | None) -> time | None:
    return None if not text or text == "24:00" else time.fromisoformat(text)
