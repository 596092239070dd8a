"""Events as the bus carries them."""

from __future__ import annotations

from datetime import UTC, datetime

from hotline.events import EVERYONE, LARGEST_MESSAGE, Event, decode, encode, user_mark
from hotline.ids import new_id


def test_events_travel_in_messages_that_every_bus_can_carry() -> None:
    events = [
        Event(new_id(), "call.updated", datetime.now(UTC), (EVERYONE, user_mark(new_id())), {"text": "ü" * 50, "n": n})
        for n in range(100)
    ]
    messages = encode(events)
    assert len(messages) > 1
    assert max(map(len, messages)) <= LARGEST_MESSAGE < 8000
    assert [event for message in messages for event in decode(message)] == events


def test_an_event_too_large_for_the_bus_is_left_to_the_relay() -> None:
    large = Event(new_id(), "call.updated", datetime.now(UTC), (EVERYONE,), {"ids": ["x" * 100] * 100})
    small = Event(new_id(), "call.updated", datetime.now(UTC), (EVERYONE,), {})
    assert [event.id for message in encode([large, small]) for event in decode(message)] == [small.id]
    assert encode([large]) == []
