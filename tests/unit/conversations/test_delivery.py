"""A message's state goes forward by rank: callbacks in any order, and as often as they like, end the same."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as some

from hotline.conversations.delivery import DELIVERIES, TWILIO, Delivery, forward, of_twilio
from tests.material import real_file


def after(told: list[Delivery]) -> Delivery:
    state: Delivery = "queued"
    for each in told:
        state = forward(state, each) or state
    return state


@given(some.lists(some.sampled_from(DELIVERIES), max_size=8), some.randoms())
def test_any_order_and_number(told: list[Delivery], random: object) -> None:
    other = [*told, *told]
    random.shuffle(other)  # type: ignore[attr-defined]
    # Of two that say the same end of the way, the first stays: a message is either suppressed or expired, not both.
    if len({each for each in told if each in ("suppressed", "expired")}) < 2:
        assert after(told) == after(other)


def test_what_arrived_has_arrived() -> None:
    assert after(["sent", "delivered", "permanent_failure", "sent"]) == "delivered"
    assert after(["read", "delivered", "sent", "sending"]) == "read"
    assert after(["unknown", "sent"]) == "sent"
    assert after(["permanent_failure", "sent"]) == "permanent_failure"


def test_twilios_words() -> None:
    assert set(TWILIO.values()) <= set(DELIVERIES)
    assert of_twilio("undelivered") == of_twilio(" FAILED ") == "permanent_failure"
    assert of_twilio("receiving") is None
    for line in real_file("twilio/payloads.jsonl").read_text().splitlines():
        payload = json.loads(line)
        if payload["kind"].endswith("status"):
            status = dict(payload["params"])["MessageStatus"]
            assert of_twilio(status) == {"failed": "permanent_failure"}.get(status, status)
