"""SLA policies: what is promised to which tickets, when it is warned, and what happens before it is too late.

The policy of a ticket is the one that says most about it: of all enabled policies whose conditions (service, tier,
kind, priority) the ticket meets, the one with the most conditions; among equals service counts before tier, tier before
kind, kind before priority. No two enabled policies may have the same conditions, so there is never a tie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Final, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hotline.calendars import Calendar
from hotline.tickets.states import Kind, Priority

What = Literal["first_response", "resolution"]

#: The clocks of a ticket, in the order in which they are shown.
CLOCKS: Final[tuple[What, ...]] = ("first_response", "resolution")

SHORTEST_SECONDS: Final = 60
LONGEST_SECONDS: Final = 90 * 86_400
MOST_RULES: Final = 10

#: The conditions of a policy; among policies with as many of them, the first ones here weigh most.
CONDITIONS: Final = ("service", "tier", "kind", "priority")

Key = Annotated[str, StringConstraints(pattern=r"[a-z0-9_-]{1,32}")]
Role = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Mark(_Model):
    """A point on the way to a deadline: a share of the target, or a time before the deadline (negative: after it), in
    business time. 100 percent is the deadline itself."""

    percent: int | None = Field(None, ge=1, le=1_000)
    before_seconds: int | None = Field(None, ge=-LONGEST_SECONDS, le=LONGEST_SECONDS)

    @model_validator(mode="after")
    def _one(self) -> Mark:
        if (self.percent is None) == (self.before_seconds is None):
            raise ValueError("Give either percent or before_seconds.")
        return self

    def reached_after(self, target: timedelta) -> timedelta:
        """The business time that has then been spent."""
        if self.percent is not None:
            return target * self.percent / 100
        return max(target - timedelta(seconds=self.before_seconds or 0), timedelta())


class Target(_Model):
    """What is promised, in seconds of business time, and when its end is warned of."""

    seconds: int = Field(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS)
    warn: Mark | None = None

    @model_validator(mode="after")
    def _earlier(self) -> Target:
        if self.warn is not None and self.warn.reached_after(self.time) >= self.time:
            raise ValueError("warn: a warning must come before the deadline.")
        return self

    @property
    def time(self) -> timedelta:
        """The promised business time."""
        return timedelta(seconds=self.seconds)


class Assign(_Model):
    """Who gets the ticket: a supervisor of its queue, somebody with a role, or one user. Among several it is who has
    the fewest open tickets."""

    to: Literal["supervisor", "role", "user"]
    role: Role | None = None
    login: Annotated[str, StringConstraints(strip_whitespace=True, max_length=150)] | None = None

    @model_validator(mode="after")
    def _named(self) -> Assign:
        if (self.to == "role") != bool(self.role):
            raise ValueError("role: name it, and only when the ticket goes to a role.")
        if (self.to == "user") != bool(self.login):
            raise ValueError("login: name it, and only when the ticket goes to one user.")
        return self


class Actions(_Model):
    """What an escalation does. Everybody who sees all tickets is told in any case; ``notify`` names more roles."""

    raise_priority: bool = False
    assign: Assign | None = None
    notify: tuple[Role, ...] = Field((), max_length=10)


class Escalation(_Model):
    """A rule, applied once to each clock. ``key`` stays when the rule is changed, so that it is not applied again."""

    key: Key | None = None
    what: What
    at: Mark
    actions: Actions = Actions()


class PolicySpec(_Model):
    """A policy as it is written down. A condition that is null is met by every ticket. ``calendar`` is its key."""

    name: str = Field(min_length=1, max_length=100)
    kind: Kind | None = None
    tier: Annotated[str, Field(max_length=32)] | None = None
    service: Annotated[str, Field(max_length=64)] | None = None
    priority: Priority | None = None
    calendar: str = Field("default", max_length=40)
    first_response: Target | None = None
    resolution: Target | None = None
    escalations: tuple[Escalation, ...] = Field((), max_length=MOST_RULES)
    enabled: bool = True

    @model_validator(mode="after")
    def _whole(self) -> PolicySpec:
        if self.first_response is None and self.resolution is None:
            raise ValueError("first_response: a policy promises an answer, a resolution, or both.")
        for at, rule in enumerate(self.escalations):
            if self.target(rule.what) is None:
                raise ValueError(f"escalations[{at}]: the policy has no such target.")
        keys = [rule.key for rule in self.escalations if rule.key]
        if len(set(keys)) < len(keys):
            raise ValueError("escalations: two rules have the same key.")
        return self

    def target(self, what: What) -> Target | None:
        """What is promised for a clock, None when nothing is."""
        return self.first_response if what == "first_response" else self.resolution

    @property
    def conditions(self) -> tuple[str | None, ...]:
        """The four conditions, the weightiest first."""
        return self.service or None, self.tier or None, self.kind, self.priority


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of the company."""

    id: UUID
    spec: PolicySpec
    version: int = 1

    @property
    def weight(self) -> tuple[int, tuple[bool, ...]]:
        """Greater is more specific."""
        named = tuple(condition is not None for condition in self.spec.conditions)
        return sum(named), named

    def rules(self, what: What) -> Iterable[tuple[str, Escalation]]:
        """The escalation rules of one clock with names that no other policy's rules have."""
        for rule in self.spec.escalations:
            if rule.what == what:
                yield f"{self.id}:{rule.key}", rule


class Described(Protocol):
    """What of a ticket decides about its policy."""

    @property
    def kind(self) -> str: ...
    @property
    def tier(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...
    @property
    def priority(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Policies and calendars at one version. ``calendars`` by key."""

    version: int
    policies: tuple[Policy, ...] = ()
    calendars: Mapping[str, Calendar] = field(default_factory=dict)

    def policy_of(self, ticket: Described) -> Policy | None:
        """The policy that holds for a ticket, None when none does."""
        return next((policy for policy in ranked(self.policies) if misses(policy, ticket) is None), None)

    def calendar_of(self, policy: Policy | None) -> Calendar | None:
        """The calendar by which a policy counts."""
        return None if policy is None else self.calendars.get(policy.spec.calendar)


def ranked(policies: Iterable[Policy]) -> list[Policy]:
    """Enabled policies, the most specific first: the first one that a ticket meets is its own."""
    return sorted(
        (policy for policy in policies if policy.spec.enabled), key=lambda policy: policy.weight, reverse=True
    )


def misses(policy: Policy, ticket: Described) -> str | None:
    """The condition that keeps a policy from a ticket; None when the ticket meets all."""
    found = (ticket.service or None, ticket.tier, ticket.kind, ticket.priority)
    for name, wanted, has in zip(CONDITIONS, policy.spec.conditions, found, strict=True):
        if wanted is not None and wanted != has:
            return name
    return None
