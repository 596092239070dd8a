"""Which column of an imported table is what: guessed by its heading, then by what stands in it, and checked.

A mapping is a list as long as the table is wide; each place holds a target of ``import_targets``, ``custom.<key>``, or
None for a column that is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hotline.customers.import_targets import BY_KEY, CUSTOM, folded, is_target, label_of, target_of
from hotline.errors import Invalid

ColumnMap = tuple[str | None, ...]
By = Literal["heading", "field", "content", "saved", "none"]
Order = Literal["ymd", "dmy", "mdy"]

#: Share of the filled cells that must look like something before a column is taken for it.
_SHARE: Final = 0.7
_FEWEST: Final = 2

_EMAIL: Final = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]{2,}")
_PHONE: Final = re.compile(r"[+＋(（]?[\d０-９][\d０-９\s()（）./-]{5,24}")
_NAME: Final = re.compile(r"[^\W\d_]+([ .'’·-]+[^\W\d_]+\.?){1,4}")
_CHINESE_NAME: Final = re.compile(r"[\u4e00-\u9fff·]{2,4}")
_DATE: Final = re.compile(r"(\d{1,4})[-./年](\d{1,2})[-./月](\d{1,4})日?")
_OWN_NUMBER: Final = re.compile(r"[cC]\d{1,15}")


@dataclass(frozen=True, slots=True)
class Guess:
    """What a column probably is, and by what that was seen."""

    target: str | None
    by: By


def guess(headings: Sequence[str], samples: Sequence[Sequence[str]], fields: Mapping[str, str]) -> list[Guess]:
    """A guess for each column. ``samples`` are the first cells of each column; ``fields`` are the company's own fields,
    every name and key of theirs, folded, with the key."""
    guesses: list[Guess] = []
    taken: set[str] = set()
    for heading in headings:
        found: Guess = Guess(None, "none")
        if (own := fields.get(folded(heading))) is not None and CUSTOM + own not in taken:
            found = Guess(CUSTOM + own, "field")
        elif (target := target_of(heading)) is not None and (BY_KEY[target].many or target not in taken):
            found = Guess(target, "heading")
        if found.target is not None:
            taken.add(found.target)
        guesses.append(found)
    for at, seen in enumerate(samples):
        target = _by_content(seen)
        if guesses[at].target == "phone" and target == "email":
            guesses[at] = Guess("email", "content")  # "Contact" and the like
        elif guesses[at].target == "number" and not _all_numbers(seen):
            guesses[at] = Guess(None, "none")  # another system's numbers: they would name the wrong customers here
        elif guesses[at].target is None and target is not None and (BY_KEY[target].many or target not in taken):
            guesses[at] = Guess(target, "content")
            taken.add(target)
    return guesses


def has_headings(first: Sequence[str], following: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns instead of being a record."""
    filled = [cell.strip() for cell in first if cell.strip()]
    if not filled:
        return False
    if any(_EMAIL.fullmatch(cell) or _PHONE.fullmatch(cell) for cell in filled):
        return False
    known = sum(1 for cell in filled if target_of(cell) is not None)
    if known:
        return True
    if len({cell.casefold() for cell in filled}) < len(filled):
        return False
    # Columns of numbers, dates or addresses with a word on top.
    for at, cell in enumerate(first):
        below = [row[at].strip() for row in following if at < len(row) and row[at].strip()]
        if below and cell.strip() and not any(letter.isdigit() for letter in cell):
            shaped = sum(1 for each in below if any(letter.isdigit() or letter == "@" for letter in each))
            if shaped >= len(below) * _SHARE:
                return True
    return False


def checked(mapping: Sequence[str | None], columns: int, known_fields: Callable[[str], bool]) -> ColumnMap:
    """The mapping as it is kept. Raises Invalid naming the column that is wrong."""
    if len(mapping) != columns:
        raise Invalid(f"mapping: the table has {columns} columns, these are {len(mapping)}.")
    seen: dict[str, int] = {}
    for at, target in enumerate(mapping):
        if target is None:
            continue
        if not is_target(target) or (target.startswith(CUSTOM) and not known_fields(target.removeprefix(CUSTOM))):
            raise Invalid(f"mapping[{at}]: there is no field {target[:60]!r}.")
        if target in seen and not (target in BY_KEY and BY_KEY[target].many):
            raise Invalid(f"mapping[{at}]: column {seen[target] + 1} is this field already.")
        seen[target] = at
    return tuple(mapping)


def lacks_name(mapping: Sequence[str | None]) -> bool:
    """Whether no column says who the customer is: nothing could be created, only numbered ones changed."""
    return not {"name", "first_name", "last_name", "organisation", "number"} & set(mapping)


def remembered(headings: Sequence[str], saved: Mapping[str, str | None]) -> list[Guess]:
    """A saved mapping (headings folded) laid over this table: each column by its heading."""
    return [
        Guess(saved[word], "saved") if (word := folded(heading)) in saved else Guess(None, "none")
        for heading in headings
    ]


def labels(headings: Sequence[str], mapping: Sequence[str | None]) -> tuple[str, ...]:
    """The label that a contact point or an address of each column gets."""
    return tuple(
        label_of(heading) if target in ("phone", "email", "whatsapp", "address") else ""
        for heading, target in zip(headings, mapping, strict=True)
    )


def date_order(cells: Sequence[str]) -> Order:
    """How a column writes its dates: the year first, the day first, or the month first; unsure is the day first."""
    first = second = 0
    for cell in cells:
        if (found := _DATE.search(cell)) is None:
            continue
        if len(found[1]) == 4:
            return "ymd"
        first, second = max(first, int(found[1])), max(second, int(found[2]))
    return "mdy" if second > 12 >= first else "dmy"


def _by_content(cells: Sequence[str]) -> str | None:
    filled = [cell.strip() for cell in cells if cell.strip()]
    if len(filled) < _FEWEST:
        return None

    def most(shape: re.Pattern[str]) -> bool:
        return sum(1 for cell in filled if shape.fullmatch(cell)) >= len(filled) * _SHARE

    if most(_EMAIL):
        return "email"
    if most(_PHONE) and not most(_DATE) and any(_digits(cell) >= 8 for cell in filled):
        return "phone"
    if most(_CHINESE_NAME) or most(_NAME):
        return "name"
    return None


def _all_numbers(cells: Sequence[str]) -> bool:
    """Whether these are numbers as hotline writes them: C10001."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and all(_OWN_NUMBER.fullmatch(cell) for cell in filled)


def _digits(cell: str) -> int:
    return sum(1 for letter in cell if letter.isdigit())
