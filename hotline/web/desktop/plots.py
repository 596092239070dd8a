"""Plots as SVG of the server's own: places of points and marks, which a template writes; no script, no style in
attributes. Sizes are in units of the plot's own box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor, log10
from typing import Final

from hotline.web.desktop.i18n import Calendar

#: The part of the box (432 by 194) that the lines are in.
_LEFT: Final = 34
_RIGHT: Final = 428
_TOP: Final = 16
_BOTTOM: Final = 168
_MARKS: Final = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its class, and its points as ``polyline`` takes them."""

    name: str
    points: str


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Lines over time. ``rules`` are (height, text) of the values, ``marks`` (place, text, anchor) of the times;
    ``per_second``: the values are rates."""

    lines: Sequence[Line]
    rules: Sequence[tuple[float, str]]
    marks: Sequence[tuple[float, str, str]]
    highest: float
    per_second: bool


def line_plot(
    calendar: Calendar,
    start: datetime,
    width: timedelta,
    lines: Sequence[tuple[str, Sequence[int]]],
    *,
    per_second: bool,
) -> LinePlot:
    """Counts in equal stretches of time; ``per_second`` makes them rates."""
    seconds = width.total_seconds() if per_second else 1.0
    values = [(name, [count / seconds for count in counts]) for name, counts in lines]
    highest = nice(max((max(counts, default=0.0) for _, counts in values), default=0.0))
    count = max((len(counts) for _, counts in values), default=0)
    step = (_RIGHT - _LEFT) / max(1, count - 1)

    def height(value: float) -> float:
        return _BOTTOM - (value / highest) * (_BOTTOM - _TOP)

    drawn = [
        Line(name, " ".join(f"{_LEFT + at * step:.1f},{height(value):.1f}" for at, value in enumerate(counts)))
        for name, counts in values
    ]
    rules = [(round(height(highest * part / 2), 1), f"{highest * part / 2:g}") for part in range(3)]
    places = sorted({round(part * (count - 1) / (_MARKS - 1)) for part in range(_MARKS)}) if count > 1 else [0]
    long = width * count > timedelta(days=2)
    marks = []
    for place in places:
        at = start + place * width
        anchor = "start" if place == 0 else "end" if place == count - 1 else "middle"
        marks.append((round(_LEFT + place * step, 1), calendar.day(at) if long else calendar.time(at), anchor))
    return LinePlot(drawn, rules, marks, highest, per_second)


def nice(value: float) -> float:
    """The next number that is easy to read: 1, 2 or 5 with zeros, and 1 at least of what is less."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** floor(log10(value))
    return next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= value * (1 - 1e-9))


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rate with its bounds, drawn as a dot on a bar; shares of ``most``, from 0 to 100."""

    low: float
    share: float
    high: float


def bounds(low: float, share: float, high: float, most: float) -> Bounds:
    """Shares from 0 to 1 as places on a bar that ends at ``most``."""
    scale = 100 / most if most > 0 else 0
    return Bounds(round(low * scale, 2), round(share * scale, 2), round(min(high * scale, 100), 2))
