"""What becomes of a row whose customer is there already: left out, laid over the record, or used to complete it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args
from uuid import UUID

from hotline.customers.import_record import Point, Record

#: ``skip``: the record stays as it is. ``update``: what the file says holds. ``merge``: only what the record lacks is
#: taken. Contact points, addresses and tags are only ever added.
Duplicates = Literal["skip", "update", "merge"]
DUPLICATES: Final[tuple[Duplicates, ...]] = get_args(Duplicates)
#: By what a row's customer is recognised. A number of hotline's own always counts.
Match = Literal["phone", "email", "inapp"]
MATCHES: Final[tuple[Match, ...]] = get_args(Match)

_PLAIN: Final = ("name", "kind", "locale", "tier", "classification")


@dataclass(slots=True)
class Outcome:
    """A record's new state, and what has to be written for it."""

    state: dict[str, Any]
    points: list[Point] = field(default_factory=list)
    addresses: list[tuple[str, str, str | None]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


def laid_over(outcome: Outcome, record: Record, policy: Duplicates) -> None:
    """Change the outcome by what a row says of its customer."""
    state = outcome.state
    for name in _PLAIN:
        _take(state, name, getattr(record, name), policy)
    _take(state, "responsible", _text(record.responsible), policy)
    for key, value in record.custom.items():
        _take(state, f"custom.{key}", value, policy)
    known = {(point["kind"], point["value"]) for point in state.get("contact_points") or ()}
    known |= {(point[0], point[1].value) for point in outcome.points}
    outcome.points += [point for point in record.points if (point[0], point[1].value) not in known]
    there = {_plain(address["text"]) for address in state.get("addresses") or ()}
    there |= {_plain(text) for text, _, _ in outcome.addresses}
    outcome.addresses += [address for address in record.addresses if _plain(address[0]) not in there]
    tagged = {tag.casefold() for tag in (*(state.get("tags") or ()), *outcome.tags)}
    outcome.tags += [tag for tag in record.tags if tag.casefold() not in tagged]


def joined(first: Record, second: Record, policy: Duplicates) -> Record:
    """Two rows of one new customer, the second by the policy."""
    outcome = Outcome({name: value for name in _PLAIN if (value := getattr(first, name)) is not None})
    outcome.state |= {f"custom.{key}": value for key, value in first.custom.items()}
    if first.responsible is not None:
        outcome.state["responsible"] = str(first.responsible)
    outcome.points = list(first.points)
    outcome.addresses = list(first.addresses)
    outcome.tags = list(first.tags)
    laid_over(outcome, second, policy)
    state = outcome.state
    return replace(
        first,
        **{name: state.get(name) for name in _PLAIN},
        responsible=UUID(state["responsible"]) if state.get("responsible") else None,
        custom=custom_of(state),
        consents=(*first.consents, *(each for each in second.consents if each not in first.consents)),
        points=tuple(outcome.points),
        addresses=tuple(outcome.addresses),
        tags=tuple(outcome.tags),
    )


def custom_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the company's own fields in a state."""
    return {name.removeprefix("custom."): value for name, value in state.items() if name.startswith("custom.")}


def recognised_by(matches: Sequence[Match]) -> frozenset[str]:
    """The kinds of contact points that are looked at to recognise a customer."""
    return frozenset((*matches, *(("whatsapp",) if "phone" in matches else ())))


def _take(state: dict[str, Any], name: str, value: Any, policy: Duplicates) -> None:
    if value is not None and (policy == "update" or state.get(name) is None):
        state[name] = value


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _plain(text: str) -> str:
    return "".join(text.casefold().split())
