"""Plays recordings to a tracker: raw AMI streams and upstream's lists of events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hotline.calls.facts import AmiEvent
from hotline.calls.story import Line
from hotline.calls.tracker import Tracker

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def events_of(path: Path) -> list[AmiEvent]:
    """A recording's events, in order."""
    if path.suffix == ".json":
        rows = json.loads(path.read_text())
        return [_event(list(row.items())) for row in rows if row.get("Event")]
    blocks = path.read_bytes().split(b"\r\n\r\n")
    events = []
    for block in blocks:
        text = block.decode("utf-8", "replace")
        headers = [(k, v.lstrip()) for k, _, v in (line.partition(":") for line in text.split("\r\n"))]
        if any(key == "Event" for key, _ in headers):
            events.append(_event(headers))
    return events


def _event(headers: list[tuple[str, str]]) -> AmiEvent:
    fields = dict(headers)
    stamp = fields.get("Timestamp")
    at = datetime.fromtimestamp(float(stamp), UTC) if stamp else None
    return AmiEvent(next(v for k, v in headers if k == "Event"), fields, at)


def timed(events: Iterable[AmiEvent]) -> Iterator[AmiEvent]:
    """The events with a timestamp each, as an Asterisk with timestampevents=yes would have sent them."""
    for number, event in enumerate(events):
        yield AmiEvent(event.name, event.fields, event.at or START + timedelta(milliseconds=20 * number))


def play(events: Iterable[AmiEvent], tracker: Tracker | None = None) -> list[Line]:
    """Feed the events to a tracker and let a while pass; everything that it tells."""
    tracker = Tracker("pbx") if tracker is None else tracker
    lines: list[Line] = []
    now = START
    for event in events:
        now = max(now + timedelta(milliseconds=20), event.at or now)
        lines += tracker.feed(event, now)
        lines += tracker.sweep(now)
    return lines + tracker.sweep(now + timedelta(seconds=10))
