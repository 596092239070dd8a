"""How far a run is, in counts, and what its rates mean: go on, wait, pause, open the gate after the canary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from hotline.campaigns.limits import Canary, PauseRules

PauseReason = Literal["failure_rate", "bounce_rate", "complaint_rate", "opt_out_rate"]


@dataclass(frozen=True, slots=True)
class Figures:
    """Deliveries by what became of them. ``sent`` are with the provider, nothing further known; ``unknown`` may be.

    ``bounced`` are among ``failed``; ``complained`` and ``opted_out`` (which counts no complaints) are among those that
    left.
    """

    queued: int = 0
    sending: int = 0
    unknown: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    clicked: int = 0
    failed: int = 0
    bounced: int = 0
    suppressed: int = 0
    held_out: int = 0
    expired: int = 0
    complained: int = 0
    opted_out: int = 0

    @property
    def total(self) -> int:
        """All that were released."""
        return (
            self.queued + self.sending + self.unknown + self.sent + self.delivered + self.read + self.failed
            + self.suppressed + self.held_out + self.expired
        )  # fmt: skip

    @property
    def left(self) -> int:
        """Those on which something remains to be done."""
        return self.queued + self.sending

    @property
    def accepted(self) -> int:
        """Those that a provider took."""
        return self.sent + self.delivered + self.read + self.bounced

    @property
    def tried(self) -> int:
        """Those of which it is known whether they went well."""
        return self.sent + self.delivered + self.read + self.failed

    def since(self, before: Figures) -> Figures:
        """What came to be after ``before``; no count is less than nothing."""
        return Figures(
            **{each.name: max(getattr(self, each.name) - getattr(before, each.name), 0) for each in fields(self)}
        )

    def plus(self, other: Figures) -> Figures:
        """Both together."""
        return Figures(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

    def as_json(self) -> dict[str, int]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def of_json(cls, kept: Mapping[str, Any] | None) -> Self:
        """The other way round; counts of another version are left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: int(count) for name, count in (kept or {}).items() if name in known})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rates say: go on, go on but somebody should look, or pause for ``reason``."""

    kind: Literal["well", "warn", "pause"]
    reason: PauseReason | None = None
    percent: float = 0.0


def judge(figures: Figures, rules: PauseRules) -> Verdict:
    """Whether the rates of a running campaign are in bounds. A rate at its bound is out of bounds."""
    tried, accepted = figures.tried, figures.accepted
    rates: tuple[tuple[PauseReason, int, int, float | None], ...] = (
        ("complaint_rate", figures.complained, accepted, rules.complaint_percent),
        ("bounce_rate", figures.bounced, tried, rules.bounce_percent),
        ("failure_rate", figures.failed, tried, rules.failure_percent),
        ("opt_out_rate", figures.opted_out, accepted, rules.opt_out_percent),
    )
    for reason, count, of, bound in rates:
        if bound is not None and of >= rules.minimum and _reaches(count, of, bound):
            return Verdict("pause", reason, _percent(count, of))
    warned = rules.warn_complaint_percent
    if warned is not None and accepted >= rules.minimum and _reaches(figures.complained, accepted, warned):
        return Verdict("warn", "complaint_rate", _percent(figures.complained, accepted))
    return Verdict("well")


Gate = Literal["wait", "open", "failed", "empty"]


def gate(figures: Figures, canary: Canary, done_at: datetime | None, now: datetime) -> Gate:
    """Whether the rest may follow the canary, whose last message was done at ``done_at``, None while some are left.

    Out of bounds it fails at once; ``empty``: all of it was held back, so that nothing is known.
    """
    # Against all of it from the start: what has failed of a part stays failed.
    whole = figures.total - figures.held_out - figures.suppressed - figures.expired
    bounds = (
        (figures.failed, canary.failure_percent),
        (figures.complained, canary.complaint_percent),
        (figures.opted_out, canary.opt_out_percent),
    )
    if any(_exceeds(count, whole, bound) for count, bound in bounds):
        return "failed"
    if done_at is None or now - done_at < timedelta(minutes=canary.wait_minutes):
        return "wait"
    return "open" if figures.tried + figures.unknown else "empty"


def _reaches(count: int, of: int, percent: float) -> bool:
    return count > 0 and count * 10_000 >= round(percent * 100) * of


def _exceeds(count: int, of: int, percent: float) -> bool:
    return count * 10_000 > round(percent * 100) * of


def _percent(count: int, of: int) -> float:
    return round(100 * count / of, 2)
