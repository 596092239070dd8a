"""A campaign as its author writes it: the arms of its variants, and what it lacks before it can be submitted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.errors import Invalid

#: Channels that have no sender of their own.
WITHOUT_SENDER: Final[frozenset[str]] = frozenset({"inapp", "console"})
#: Channels that fall back to the company's own address when no sender is named.
COMPANY_SENDER: Final[frozenset[str]] = frozenset({"email"})
MOST_ARMS: Final = 8
MOST_FALLBACKS: Final = 5
DEFAULT_ARM: Final = "A"


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant: a template as it is when the campaign is submitted (``template_id``), or a version of its own
    (``version_id``)."""

    variant: str
    template_id: UUID | None = None
    version_id: UUID | None = None

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "variant": self.variant,
            "template_id": None if self.template_id is None else str(self.template_id),
            "version_id": None if self.version_id is None else str(self.version_id),
        }


def read_arms(stored: Iterable[Mapping[str, Any]]) -> tuple[Arm, ...]:
    """The arms as they are kept, in the order of their names."""
    return tuple(
        Arm(each["variant"], _id(each.get("template_id")), _id(each.get("version_id")))
        for each in sorted(stored, key=lambda each: str(each["variant"]))
    )


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def by_arm(variants: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[int, Mapping[str, Any]]]]:
    """Variants as they were sent, each with its place, by the name of the arm that they belong to. Raises Invalid."""
    found: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for place, each in enumerate(variants):
        found.setdefault(str(each.get("variant") or DEFAULT_ARM), []).append((place, each))
    if len(found) > MOST_ARMS:
        raise Invalid(f"variants: at most {MOST_ARMS} different ones.")
    for name, members in found.items():
        if any(each.get("template_id") for _, each in members) and len(members) > 1:
            raise Invalid(f"variants.{members[1][0]}: variant {name} is a template with all of its languages already.")
    return dict(sorted(found.items()))


def missing(channel: str, sender_id: UUID | None, segment_id: UUID | None, arms: Sequence[Arm]) -> Invalid | None:
    """What a campaign lacks before it can be submitted, if anything."""
    if segment_id is None:
        return Invalid("segment_id: choose the segment that gets it.")
    if not arms:
        return Invalid("variants: write what is sent.")
    if sender_id is None and channel not in WITHOUT_SENDER | COMPANY_SENDER:
        return Invalid("sender: choose the number that it is sent from.")
    return None
