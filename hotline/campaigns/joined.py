"""Texts that are put together for one recipient after the other: what stands in them as it is, and what makes the rest.
A value that stands in several places is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Values = Mapping[str, str]
#: Makes one of the values of a recipient.
Make = Callable[[Values], str]


@dataclass(frozen=True, slots=True)
class Joined:
    """A text in parts. ``texts`` are all of them, empty where something is filled in; ``slots``: what makes it, and at
    which places it stands."""

    texts: tuple[str, ...]
    slots: tuple[tuple[Make, tuple[int, ...]], ...]

    def fill(self, values: Values) -> str:
        """The text for one recipient. Raises what ``slots`` raise."""
        if not self.slots:
            return "".join(self.texts)
        made = list(self.texts)
        for make, places in self.slots:
            text = make(values)
            for place in places:
                made[place] = text
        return "".join(made)

    def parts(self) -> tuple[str | Make, ...]:
        """The parts in their order."""
        at = {place: make for make, places in self.slots for place in places}
        return tuple(at.get(place, text) for place, text in enumerate(self.texts))


def joined(parts: Iterable[str | Make]) -> Joined:
    """A text of its parts."""
    texts: list[str] = []
    slots: dict[Make, list[int]] = {}
    open_end = False
    for part in parts:
        if not isinstance(part, str):
            slots.setdefault(part, []).append(len(texts))
            texts.append("")
            open_end = False
        elif open_end:
            texts[-1] += part
        elif part:
            texts.append(part)
            open_end = True
    return Joined(tuple(texts), tuple((make, tuple(places)) for make, places in slots.items()))
