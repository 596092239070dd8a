"""What may leave for one recipient at one moment: it only removes and delays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.campaigns import caps
from hotline.campaigns.limits import Cap, read_limits
from hotline.campaigns.policy import Drop, Hold, RecipientFacts, Send, SendRules, decide, rules_of, within_company
from hotline.campaigns.quiet_hours import Place, wishes_of

NOON = datetime(2026, 6, 1, 16, tzinfo=UTC)  # in New York
NIGHT = datetime(2026, 6, 2, 3, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 12, tzinfo=UTC)  # 08:00 in New York
NEW_YORK = Place(("America/New_York",), "US")
SMS = rules_of(read_limits({}), "sms", "marketing", "UTC")


def facts(now: datetime = NOON, **fields: Any) -> RecipientFacts:
    """Somebody in New York who agreed, whose message is due and lives for a day."""
    usual: dict[str, Any] = {
        "due_at": now, "expires_at": now + timedelta(hours=24), "consent": "granted", "place": NEW_YORK,
    }  # fmt: skip
    return RecipientFacts(**{**usual, **fields})


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (facts(), Send()),
        (facts(erased=True), Drop("suppressed", "erased")),
        (facts(reachable=False), Drop("suppressed", "no_contact_point")),
        (facts(suppressed={"opt_out"}), Drop("suppressed", "suppressed")),
        (facts(consent=None), Drop("suppressed", "no_consent")),
        (facts(consent="withdrawn"), Drop("suppressed", "consent_withdrawn")),
        (facts(expires_at=NOON), Drop("expired", "expired")),
        (facts(due_at=NOON + timedelta(minutes=1)), Hold(NOON + timedelta(minutes=1), "not_due")),
        # What ends it for good comes before what delays it.
        (facts(due_at=NOON + timedelta(minutes=1), suppressed={"bounce"}), Drop("suppressed", "suppressed")),
        (facts(expires_at=None), Send()),
    ],
)
def test_one_reason_each(given_: RecipientFacts, expected: Send | Hold | Drop) -> None:
    assert decide(given_, SMS, NOON) == expected


def test_rule_10_service_needs_no_consent_but_keeps_to_a_no() -> None:
    service = rules_of(read_limits({}), "sms", "service", "UTC")
    assert decide(facts(consent=None), service, NOON) == Send()
    assert decide(facts(consent="withdrawn"), service, NOON) == Drop("suppressed", "consent_withdrawn")
    assert decide(facts(consent=None), SMS, NOON) == Drop("suppressed", "no_consent")


def test_rule_07_what_a_customer_said_goes_before_their_number() -> None:
    in_berlin = facts(wishes=wishes_of({"timezone": "Europe/Berlin"}), now=NIGHT)
    assert decide(in_berlin, SMS, NIGHT) == Hold(NIGHT + timedelta(hours=3), "quiet_hours")  # 05:00 there
    evenings = facts(wishes=wishes_of({"times": [{"days": [1], "from": "18:00", "to": "20:00"}]}))
    assert decide(evenings, SMS, NOON) == Hold(NOON + timedelta(hours=6), "quiet_hours")
    fridays = facts(wishes=wishes_of({"times": [{"days": [5], "from": "18:00", "to": "20:00"}]}))
    assert decide(fridays, SMS, NOON) == Drop("expired", "quiet_hours")


def test_nothing_on_public_holidays_of_the_recipients_country() -> None:
    rules = rules_of(read_limits({"quiet_hours": {"holidays": True}}), "sms", "marketing", "UTC")
    independence = datetime(2026, 7, 4, 16, tzinfo=UTC)
    assert decide(facts(independence), rules, independence) == Hold(independence + timedelta(hours=20), "quiet_hours")
    assert decide(facts(independence), SMS, independence) == Send()
    in_berlin = facts(independence, place=Place(("Europe/Berlin",), "DE"))
    assert decide(in_berlin, rules, independence) == Send()
    nowhere = facts(independence, place=Place(("Europe/Berlin",)))
    assert decide(nowhere, rules, independence) == Send()


def test_rule_07_asked_for_each_message_as_it_leaves() -> None:
    assert decide(facts(NIGHT), SMS, NIGHT) == Hold(MORNING, "quiet_hours")
    assert decide(facts(NIGHT), SMS, MORNING) == Send()
    # It would be too old by the morning.
    short = facts(NIGHT, expires_at=NIGHT + timedelta(hours=2))
    assert decide(short, SMS, NIGHT) == Drop("expired", "quiet_hours")


@pytest.mark.parametrize(
    ("channel", "purpose", "apply", "quiet"),
    [
        ("sms", "marketing", None, True), ("whatsapp", "marketing", None, True), ("voice", "marketing", None, True),
        ("email", "marketing", None, False), ("inapp", "marketing", None, False), ("sms", "service", None, False),
        ("email", "marketing", True, True), ("sms", "service", True, True), ("sms", "marketing", False, False),
        ("console", "marketing", True, False),
    ],
)  # fmt: skip
def test_rule_07_what_keeps_quiet_hours(channel: Any, purpose: Any, apply: bool | None, quiet: bool) -> None:
    assert rules_of(read_limits({"quiet_hours": {"apply": apply}}), channel, purpose, "UTC").quiet is quiet


def test_rule_07_where_nothing_is_known_it_is_the_companys_own_zone() -> None:
    unknown = facts(NIGHT, place=Place(()))
    assert isinstance(decide(unknown, SMS, NIGHT), Hold)
    assert decide(unknown, replace(SMS, zone="Asia/Shanghai"), NIGHT) == Send()


def test_hours_that_never_come_end_it() -> None:
    never = replace(SMS, hours=("05:00", "07:00"))
    assert decide(facts(), never, NOON) == Drop("expired", "quiet_hours")


def test_caps_across_campaigns() -> None:
    capped = replace(SMS, caps=(Cap(messages=2, days=7),))
    hour = timedelta(hours=1)
    sent = (NOON - timedelta(days=7) + hour, NOON - timedelta(days=2))
    assert decide(facts(sent=sent[:1]), capped, NOON) == Send()
    assert decide(facts(sent=sent), capped, NOON) == Hold(NOON + hour, "frequency_cap")
    late = facts(sent=(NOON - hour, NOON - 2 * hour))
    assert decide(late, capped, NOON) == Drop("suppressed", "frequency_cap")
    assert rules_of(read_limits({"caps": [{"messages": 1, "days": 1}]}), "sms", "service", "UTC").caps == ()


def test_the_companys_cap_holds_beside_the_campaigns_and_for_marketing_alone() -> None:
    own = Cap(messages=1, days=1)
    capped = within_company(replace(SMS, caps=(own,)), 3, 7)
    assert capped.caps == (own, Cap(messages=3, days=7))
    assert within_company(capped, 3, 7) == capped
    assert within_company(SMS, 0, 7) == SMS
    assert within_company(rules_of(read_limits({}), "sms", "service", "UTC"), 3, 7).caps == ()


RULES = st.lists(st.builds(Cap, messages=st.integers(1, 5), days=st.integers(1, 10)), max_size=3)
TIMES = st.lists(st.integers(-30 * 24, 2).map(lambda hours: NOON + timedelta(hours=hours)), max_size=12)


@settings(max_examples=50, deadline=None)
@given(rules=RULES, sent=TIMES)
def test_a_cap_is_kept_at_the_first_free_moment_and_at_none_before(rules: list[Cap], sent: list[datetime]) -> None:
    free = caps.free_at(rules, sent, NOON)

    def kept(at: datetime) -> bool:
        return all(sum(each > at - timedelta(days=cap.days) for each in sent) < cap.messages for cap in rules)

    assert free >= NOON
    assert kept(free)
    assert free == NOON or not kept(free - timedelta(seconds=1))


@settings(max_examples=50, deadline=None)
@given(
    sent=TIMES, now=st.integers(0, 96).map(lambda hours: NOON + timedelta(hours=hours)),
    suppressed=st.sets(st.sampled_from(["opt_out", "bounce"])), consent=st.sampled_from(["granted", "withdrawn", None]),
    lifetime=st.integers(1, 72),
)  # fmt: skip
def test_what_is_held_is_asked_again_later_and_within_its_life(
    sent: list[datetime], now: datetime, suppressed: set[str], consent: Any, lifetime: int
) -> None:
    rules: SendRules = replace(SMS, caps=(Cap(messages=2, days=3),))
    given_ = facts(NOON, sent=tuple(sent), suppressed=suppressed, consent=consent,
                   expires_at=NOON + timedelta(hours=lifetime))  # fmt: skip
    verdict = decide(given_, rules, now)
    match verdict:
        case Send():
            assert not suppressed
            assert consent == "granted"
        case Hold(until, _):
            assert now < until < NOON + timedelta(hours=lifetime)
        case Drop(state, _):
            assert state in ("suppressed", "expired")
