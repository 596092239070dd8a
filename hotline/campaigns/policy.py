"""Whether a message may leave for one recipient now. It may only remove and delay; nothing here adds a recipient.

Asked for each message as it is claimed, not when its campaign starts: who opted out a moment ago, whose day has ended,
who got enough messages this week gets none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from hotline.campaigns import caps as frequency
from hotline.campaigns.consent import Channel, Purpose, State, allows
from hotline.campaigns.limits import Cap, Limits
from hotline.campaigns.quiet_hours import DISTURBING, NONE, NOWHERE, Place, Wishes, hours_of, opens_at

#: Channels that reach nobody but the company itself: no consent, no hours.
_OWN: Final = frozenset({"console"})

#: Why a message did not leave; ``suppressed`` says more in what is suppressed itself.
Reason = Literal[
    "suppressed", "no_consent", "consent_withdrawn", "frequency_cap", "quiet_hours", "expired", "too_late", "erased",
    "no_contact_point", "holdout",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """What holds for one recipient at this moment.

    ``suppressed``: the reasons for which the address gets nothing of this purpose over this channel. ``consent``: their
    answer for channel and purpose, None: they were never asked. ``sent``: when marketing messages left for them lately.
    ``place``: where they are, as far as their number and addresses tell; ``wishes``: what they said themselves.
    ``reachable``: they still have the address.
    """

    due_at: datetime
    expires_at: datetime | None
    suppressed: Collection[str] = ()
    consent: State | None = None
    sent: tuple[datetime, ...] = ()
    place: Place = NOWHERE
    wishes: Wishes = NONE
    reachable: bool = True
    erased: bool = False


@dataclass(frozen=True, slots=True)
class SendRules:
    """What an approved campaign goes by. ``zone`` stands in for places of which nothing is known: the company's own."""

    channel: Channel
    purpose: Purpose
    zone: str
    caps: tuple[Cap, ...] = ()
    quiet: bool = False
    hours: tuple[str, str] | None = None
    holidays: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """It may leave now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not before ``until``; then it is asked again."""

    until: datetime
    reason: Reason | Literal["not_due"]


@dataclass(frozen=True, slots=True)
class Drop:
    """It never leaves: its delivery ends in ``state``."""

    state: Literal["suppressed", "expired"]
    reason: Reason


SEND: Final = Send()


def rules_of(limits: Limits, channel: Channel, purpose: Purpose, zone: str) -> SendRules:
    """The rules of a campaign with these limits. Caps count and stop marketing only."""
    marketing = purpose == "marketing"
    quiet = limits.quiet_hours.apply
    return SendRules(
        channel=channel,
        purpose=purpose,
        zone=zone,
        caps=limits.caps if marketing else (),
        quiet=channel not in _OWN and (marketing and channel in DISTURBING if quiet is None else quiet),
        hours=limits.quiet_hours.hours,
        holidays=limits.quiet_hours.holidays,
    )


def within_company(rules: SendRules, messages: int, days: int) -> SendRules:
    """The same with the company's own cap, which holds for every marketing campaign; 0 messages: it has none."""
    if not messages or rules.purpose != "marketing":
        return rules
    cap = Cap(messages=messages, days=days)
    return rules if cap in rules.caps else replace(rules, caps=(*rules.caps, cap))


def decide(facts: RecipientFacts, rules: SendRules, now: datetime) -> Send | Hold | Drop:
    """Whether it leaves. What ends it for good is looked at before what delays it."""
    if (ended := _ended(facts, rules, now)) is not None:
        return ended
    if facts.due_at > now:
        return Hold(facts.due_at, "not_due")
    free = frequency.free_at(rules.caps, facts.sent, now)
    if free > now:
        return _held(facts, free, Drop("suppressed", "frequency_cap"))
    if rules.quiet:
        place = facts.place
        hours = hours_of(place.country, rules.hours, place.regions, facts.wishes, holidays=rules.holidays)
        zones = (facts.wishes.zone,) if facts.wishes.zone is not None else place.zones or (rules.zone,)
        opens = opens_at(hours, zones, now) if hours is not None else None
        if opens != now:
            return _held(facts, opens, Drop("expired", "quiet_hours"))
    return SEND


def _ended(facts: RecipientFacts, rules: SendRules, now: datetime) -> Drop | None:
    if facts.erased:
        return Drop("suppressed", "erased")
    if facts.expires_at is not None and facts.expires_at <= now:
        return Drop("expired", "expired")
    if not facts.reachable:
        return Drop("suppressed", "no_contact_point")
    if facts.suppressed:
        return Drop("suppressed", "suppressed")
    if not allows(rules.channel, rules.purpose, facts.consent):
        return Drop("suppressed", "no_consent" if facts.consent is None else "consent_withdrawn")
    return None


def _held(facts: RecipientFacts, until: datetime | None, never: Drop) -> Hold | Drop:
    """Wait, unless it would have expired by then."""
    if until is None or (facts.expires_at is not None and until >= facts.expires_at):
        return never
    return Hold(until, never.reason)
