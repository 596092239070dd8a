"""Recorded AMI events through the tracker: what story do they tell? (``hotline replay``)

Two kinds of tape: the raw bytes of a connection (``.ami``, ``.bin``), and cacofonisk's JSON (a list of objects, one
per event, https://github.com/VoIPGRID/cacofonisk).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from hotline.calls.facts import AmiEvent
from hotline.calls.story import Alias, Line
from hotline.calls.tracker import Tracker
from hotline.errors import Invalid
from hotline.pbx.codec import Splitter, event_from_headers, event_name, parse_event

#: Tapes without time stamps start here, and an event takes this long.
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=10)
#: After the tape, so that the tracker tells what only time tells.
AFTERWARDS = timedelta(seconds=10)


def read_tape(path: Path) -> list[AmiEvent]:
    """The events of a tape. Raises Invalid when it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    if path.suffix == ".json":
        try:
            rows = json.loads(data)
            events = [event_from_headers(list(_pairs(row))) for row in rows]
        except (ValueError, TypeError, AttributeError) as error:
            raise Invalid(f"{path} is no list of events.") from error
    else:
        blocks = (block.lstrip(b"\r\n") for block in Splitter(limit=len(data) + 1).feed(data + b"\r\n\r\n"))
        events = [parse_event(block) for block in blocks if event_name(block) is not None]
    if not events:
        raise Invalid(f"{path} has no AMI events.")
    return events


def tell(events: list[AmiEvent], pbx: str = "tape") -> Iterator[Line]:
    """The story's lines, in the order in which the tracker tells them."""
    tracker = Tracker(pbx)
    now = next((event.at for event in events if event.at is not None), START)
    for event in events:
        now = max(now, event.at) if event.at is not None else now + STEP
        yield from tracker.feed(event, now)
    for _ in range(2):
        now += AFTERWARDS
        yield from tracker.sweep(now)


def show(line: Line, start: datetime) -> str:
    """One line for people: seconds since the start, the call's short id, what happened, and with what."""
    details = " ".join(
        f"{field.name}={_shown(value)}"
        for field in dataclasses.fields(line)
        if field.name not in ("call_id", "at", "age") and (value := getattr(line, field.name)) not in (None, ())
    )
    seconds = (line.at - start).total_seconds()
    return f"{seconds:9.3f}  {_short(line.call_id)}  {type(line).__name__:<15} {details}".rstrip()


def _shown(value: Any) -> str:
    if isinstance(value, UUID):
        return _short(value)
    if isinstance(value, Alias):
        return f"{value.kind}:{value.value}"
    if isinstance(value, tuple):
        return ",".join(_shown(item) for item in value)
    return ascii(value) if isinstance(value, str) and not value.isprintable() else str(value)


def _short(identity: UUID) -> str:
    return identity.hex[-8:]


def _pairs(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in row.items():
        if key != "content":
            for item in value if isinstance(value, list) else [value]:
                yield key, str(item)
