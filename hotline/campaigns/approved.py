"""What was approved, as the release of a campaign's messages reads it from the manifest, and the deliveries
that follow from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from hotline.campaigns import plan
from hotline.campaigns.consent import Channel, Purpose
from hotline.campaigns.experiment import Split, split
from hotline.campaigns.limits import Limits, read_limits
from hotline.campaigns.policy import Reason
from hotline.campaigns.schedule import (
    AnySchedule,
    Holiday,
    LocalTime,
    Recurring,
    TicketClosed,
    Triggered,
    read_schedule,
)

#: How long after it was due a triggered message is still released; then its occasion is over.
LATEST: Final = timedelta(hours=12)
#: More recipients than an audience ever has.
MOST_RECIPIENTS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Approved:
    """The parts of a manifest that say when which messages are released. ``id`` is the manifest's."""

    id: UUID
    campaign_id: UUID
    channel: Channel
    purpose: Purpose
    segment_version_id: UUID
    schedule: AnySchedule
    limits: Limits
    split: Split

    @property
    def frozen_anew(self) -> bool:
        """Whether each of its runs freezes an audience of its own, and takes ``most`` of it."""
        return isinstance(self.schedule, Recurring) or self.of_holiday

    @property
    def of_holiday(self) -> bool:
        """Whether it runs on holidays."""
        return isinstance(self.schedule, Triggered) and isinstance(self.schedule.trigger, Holiday)

    @property
    def most(self) -> int:
        """Most recipients of a run."""
        match self.schedule:
            case Recurring():
                return self.schedule.most_recipients
            case Triggered():
                return self.schedule.daily_cap
            case _:
                return MOST_RECIPIENTS

    def wall_clock(self, occurrence: int) -> tuple[date, str] | None:
        """The day and time on each recipient's clock at which a run's messages are due; None: the same for all."""
        match self.schedule:
            case LocalTime():
                return self.schedule.day, self.schedule.time
            case Triggered() if not isinstance(self.schedule.trigger, TicketClosed):
                return date.fromordinal(occurrence), self.schedule.time
            case _:
                return None

    @property
    def latest(self) -> timedelta:
        """How long after its time on a recipient's clock a message may still be released."""
        if isinstance(self.schedule, LocalTime):
            return timedelta(minutes=self.schedule.late_minutes)
        return min(LATEST, self.lifetime)

    @property
    def lifetime(self) -> timedelta:
        """How long after it was due a message may still leave."""
        return timedelta(hours=self.limits.expires_hours)


def read_approved(manifest_id: UUID, content: Mapping[str, Any]) -> Approved:
    """The manifest's content. Raises Invalid for what no version of hotline has written."""
    limits = read_limits(content["limits"])
    return Approved(
        id=manifest_id,
        campaign_id=UUID(content["campaign"]["id"]),
        channel=content["channel"],
        purpose=content["purpose"],
        segment_version_id=UUID(content["segment"]["version_id"]),
        schedule=read_schedule(content["schedule"]),
        limits=limits,
        split=split(limits.experiment, [arm["variant"] for arm in content["variants"]]),
    )


@dataclass(frozen=True, slots=True)
class Due:
    """A recipient whose message is released, where they may be, and what it was that caused it. ``at``: when it is due;
    None: by the schedule."""

    customer_id: UUID
    contact_point_id: UUID | None
    zones: tuple[str, ...] = ()
    facts: Mapping[str, str] | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """One delivery as it is written. Everything but ``queued`` has ended before it began."""

    customer_id: UUID
    contact_point_id: UUID | None
    variant: int
    state: Literal["queued", "suppressed", "expired"]
    reason: Reason | None
    due_at: datetime
    expires_at: datetime
    facts: Mapping[str, str] | None


def deliveries(
    approved: Approved, occurrence: int, recipients: Iterable[Due], now: datetime, zone: ZoneInfo
) -> Iterator[Released]:
    """The deliveries of recipients who are released now: each recipient's one. ``zone`` stands in where nothing is
    known of the recipient's.

    On a day by local time whoever's time is too long past gets nothing; when it is past for everybody, a person has let
    it go on all the same.
    """
    wall_clock = approved.wall_clock(occurrence)
    let_go = plan.too_late(approved.schedule, now, now)
    for each in recipients:
        due = each.at or (now if wall_clock is None else plan.local_due(*wall_clock, each.zones, zone))
        due = max(due, now) if let_go else due
        expires = due + approved.lifetime
        variant = approved.split.variant(approved.campaign_id, each.customer_id)
        state: Literal["queued", "suppressed", "expired"] = "queued"
        reason: Reason | None = None
        if variant is None:
            state, reason = "suppressed", "holdout"
        elif wall_clock is not None and now - due > approved.latest:
            state, reason = "expired", "too_late"
        elif expires <= now:
            state, reason = "expired", "expired"
        yield Released(
            each.customer_id, each.contact_point_id, variant or 0, state, reason, due, expires, each.facts
        )  # fmt: skip
