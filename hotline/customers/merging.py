"""Two customers who are one: which values the one that stays will have. Pure.

A record is a flat mapping of fields to JSON values: ``name``, ``kind``, ``locale``, ``tier``, ``responsible``,
``classification``, ``preferences.<key>`` and ``custom.<key>``; a field without a value is absent or None. Lists
(``contact_points``, ``addresses``, ``tags``) are not chosen: both sides' are kept.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, get_args

from hotline.errors import Conflict, Invalid

Choice = Literal["kept", "other"]
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)
Record = Mapping[str, Any]

#: The fields that every customer has, in the order in which they are shown; the rest follows by name.
FIELDS: Final = ("name", "kind", "locale", "tier", "responsible", "classification")
LISTS: Final = ("contact_points", "addresses", "tags")
MOST_CONTACT_POINTS: Final = 50
MOST_ADDRESSES: Final = 20
MOST_TAGS: Final = 50


class TooMuchTogether(Conflict):
    """Together these two have more contact points, addresses or tags than a customer may have."""

    code: ClassVar[str] = "too_much_together"


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field of a merge. ``choice`` says whose value stays; ``differs``: both have one, and not the same."""

    field: str
    kept: Any
    other: Any
    choice: Choice
    differs: bool

    @property
    def value(self) -> Any:
        """What the field will hold."""
        return self.kept if self.choice == "kept" else self.other

    @property
    def changes(self) -> bool:
        """Whether the kept record changes by it."""
        return bool(self.value != self.kept)


@dataclass(frozen=True, slots=True)
class Together:
    """What the kept customer will have: field by field, and what is added to their lists."""

    fields: Sequence[FieldPlan]
    contact_points: Sequence[Mapping[str, Any]]
    addresses: Sequence[Mapping[str, Any]]
    tags: Sequence[str]


def together(kept: Record, other: Record, choices: Mapping[str, str], *, transfer: bool = True) -> Together:
    """What two records become. Without ``transfer`` the responsible agent stays who it is.

    Raises Invalid for a choice that cannot be made, TooMuchTogether for lists that become too long.
    """
    if not transfer and choices.get("responsible", "kept") != "kept":
        raise Invalid("choices.responsible: your role may not give customers to somebody else.")
    made = choices if transfer else {**choices, "responsible": "kept"}
    points = {same_point(point) for point in kept.get("contact_points", ())}
    addresses = {same_address(each) for each in kept.get("addresses", ())}
    tags = {tag.casefold() for tag in kept.get("tags", ())}
    result = Together(
        plan(_single(kept), _single(other), made),
        [point for point in other.get("contact_points", ()) if same_point(point) not in points],
        [each for each in other.get("addresses", ()) if same_address(each) not in addresses],
        [tag for tag in other.get("tags", ()) if tag.casefold() not in tags],
    )
    for name, added, most in (
        ("contact_points", result.contact_points, MOST_CONTACT_POINTS),
        ("addresses", result.addresses, MOST_ADDRESSES),
        ("tags", result.tags, MOST_TAGS),
    ):
        if added and len(kept.get(name, ())) + len(added) > most:
            raise TooMuchTogether()
    return result


def plan(kept: Record, other: Record, choices: Mapping[str, str]) -> list[FieldPlan]:
    """Field by field: the choice that was made, else the kept one's value, else the other's where it has none.

    Raises Invalid for a choice that is none, and for a field that neither has.
    """
    fields = [*FIELDS, *sorted((kept.keys() | other.keys()) - set(FIELDS))]
    for field, choice in choices.items():
        if field not in fields:
            raise Invalid(f"choices.{field}: neither of the two has such a field.")
        if choice not in CHOICES:
            raise Invalid(f"choices.{field}: expected kept or other.")
    plans = []
    for field in fields:
        mine, theirs = kept.get(field), other.get(field)
        if mine is None and theirs is None:
            continue
        chosen = choices.get(field) or ("other" if mine is None else "kept")
        differs = mine is not None and theirs is not None and mine != theirs
        plans.append(FieldPlan(field, mine, theirs, "other" if chosen == "other" else "kept", differs))
    return plans


def same_point(point: Mapping[str, Any]) -> tuple[str, str]:
    """What two contact points share that are the same: values are normalised."""
    return point["kind"], point["value"]


def same_address(address: Mapping[str, Any]) -> tuple[str, str | None]:
    """What two spellings of one address share: letters and digits without case, width and punctuation, the country."""
    folded = unicodedata.normalize("NFKC", address["text"]).casefold()
    return "".join(letter for letter in folded if letter.isalnum()), address["country"]


def _single(record: Record) -> dict[str, Any]:
    return {field: value for field, value in record.items() if field not in LISTS}
