"""Which policy holds for a ticket, and what cannot be promised."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hotline.tickets.policies import CONDITIONS, Mark, Policy, PolicySpec, misses
from tests.unit.tickets.promises import at, policy, rules, ticket

NOW = at("2026-06-01T10:00")

POLICIES = (
    policy(1, kind="consultation"),
    policy(2, kind="complaint"),
    policy(3, tier="gold"),
    policy(4, tier="gold", kind="complaint"),
    policy(5, service="fibre"),
    policy(6, kind="complaint", priority="urgent"),
    policy(7, tier="platinum", enabled=False),
    policy(8, service="fibre", tier="gold", kind="complaint"),
)


@pytest.mark.parametrize(
    ("described", "number"),
    [
        ({"kind": "consultation"}, 1),
        ({"kind": "complaint"}, 2),
        ({"kind": "service_request"}, None),
        ({"kind": "service_request", "tier": "gold"}, 3),
        ({"kind": "consultation", "tier": "gold"}, 3),  # one condition each: the tier counts more than the kind
        ({"kind": "complaint", "tier": "gold"}, 4),  # two conditions before one
        ({"kind": "complaint", "tier": "gold", "priority": "urgent"}, 4),  # two each: the tier again
        ({"kind": "complaint", "priority": "urgent"}, 6),
        ({"kind": "complaint", "service": "fibre"}, 5),  # one each: the service counts most
        ({"kind": "complaint", "service": "fibre", "priority": "urgent"}, 6),
        ({"kind": "complaint", "service": "fibre", "tier": "gold"}, 8),
        ({"kind": "complaint", "tier": "platinum"}, 2),  # what is switched off does not count
        ({"kind": "service_request", "tier": "platinum"}, None),
        ({"kind": "service_request", "service": ""}, None),
    ],
)
def test_the_most_specific_policy_holds(described: dict[str, Any], number: int | None) -> None:
    found = rules(*POLICIES).policy_of(ticket(NOW, **described))
    assert (found.spec.name if found else None) == (f"policy {number}" if number else None)


@given(
    st.permutations(POLICIES),
    st.sampled_from(["consultation", "complaint", "service_request"]),
    st.sampled_from([None, "gold", "platinum"]),
    st.sampled_from([None, "fibre"]),
    st.sampled_from(["normal", "urgent"]),
)
def test_their_order_in_the_table_does_not_matter(
    policies: list[Policy], kind: str, tier: str | None, service: str | None, priority: str
) -> None:
    described = ticket(NOW, kind=kind, tier=tier, service=service, priority=priority)
    assert rules(*policies).policy_of(described) == rules(*POLICIES).policy_of(described)


def test_why_a_policy_does_not_hold() -> None:
    gold = ticket(NOW, kind="complaint", tier="gold")
    assert [misses(each, gold) for each in POLICIES] == [
        "kind", None, None, None, "service", "priority", "tier", "service",
    ]  # fmt: skip
    assert CONDITIONS == ("service", "tier", "kind", "priority")


@pytest.mark.parametrize(
    ("mark", "minutes"),
    [({"percent": 50}, 30), ({"percent": 150}, 90), ({"before_seconds": 600}, 50), ({"before_seconds": -600}, 70),
     ({"before_seconds": 7200}, 0)],
)  # fmt: skip
def test_marks(mark: dict[str, int], minutes: int) -> None:
    assert Mark.model_validate(mark).reached_after(timedelta(hours=1)) == timedelta(minutes=minutes)


HOUR = {"seconds": 3600}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, "a policy promises an answer"),
        ({"first_response": {"seconds": 59}}, "greater than or equal to 60"),
        ({"first_response": {"seconds": 90 * 86_400 + 1}}, "less than or equal"),
        ({"first_response": HOUR | {"warn": {"percent": 100}}}, "must come before the deadline"),
        ({"first_response": HOUR | {"warn": {"before_seconds": -60}}}, "must come before the deadline"),
        ({"first_response": HOUR | {"warn": {}}}, "either percent or before_seconds"),
        ({"first_response": HOUR | {"warn": {"percent": 5, "before_seconds": 5}}}, "either percent or before_seconds"),
        ({"first_response": HOUR, "escalations": [{"what": "resolution", "at": {"percent": 9}}]}, "no such target"),
        ({"first_response": HOUR, "kind": "complain"}, "'consultation', 'complaint'"),
        ({"first_response": HOUR, "colour": "red"}, "Extra inputs"),
        (
            {"first_response": HOUR, "escalations": [{"key": "a", "what": "first_response", "at": {"percent": 9}}] * 2},
            "two rules have the same key",
        ),
        (
            {"first_response": HOUR, "escalations": [{"what": "first_response", "at": {"percent": 9}}] * 11},
            "at most 10",
        ),
        (
            {
                "first_response": HOUR,
                "escalations": [
                    {"what": "first_response", "at": {"percent": 9}, "actions": {"assign": {"to": "user"}}}
                ],
            },
            "login: name it",
        ),
    ],
)
def test_what_cannot_be_promised(spec: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        PolicySpec.model_validate({"name": "a"} | spec)
