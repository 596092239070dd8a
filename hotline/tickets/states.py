"""The words of a ticket and its states as a table: what is not in the table cannot happen, and who may do what is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

Kind = Literal["consultation", "complaint", "service_request"]
#: Who said what kind it is: nobody yet, the caller in the IVR, the words of a message, or a person at a desk.
KindBy = Literal["default", "choice", "triage", "hand"]
State = Literal["new", "open", "waiting", "resolved", "closed", "discarded"]
Priority = Literal["low", "normal", "high", "urgent"]
Source = Literal["call", "hand", "sms", "whatsapp", "email"]
#: Why a ticket was discarded; ``joined``: its call belongs to another ticket, ``merged``: two calls were one.
DiscardedAs = Literal["wrong_number", "rule", "merged", "joined", "hand"]
#: How a call came to its ticket.
AttachedBy = Literal["opened", "rule", "hand", "callback"]

#: From the lowest to the highest.
PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
DEFAULT_KIND: Final[Kind] = "consultation"
#: Somebody has to do something about these, or wait for the customer.
OPEN: Final[frozenset[str]] = frozenset({"new", "open", "waiting"})

_WRITE: Final = "tickets.write"
_ASSIGN: Final = "tickets.assign"

#: (from, to) → the permission that a person needs for it. ``new`` is where tickets begin and nobody goes back to,
#: but by taking back that a ticket was discarded.
MOVES: Final[Mapping[tuple[State, State], str]] = {
    ("new", "open"): _WRITE,
    ("new", "waiting"): _WRITE,
    ("new", "resolved"): _WRITE,
    ("new", "discarded"): _WRITE,
    ("open", "waiting"): _WRITE,
    ("open", "resolved"): _WRITE,
    ("open", "discarded"): _WRITE,
    ("waiting", "open"): _WRITE,
    ("waiting", "resolved"): _WRITE,
    ("resolved", "open"): _WRITE,
    ("resolved", "closed"): _WRITE,
    ("closed", "open"): _ASSIGN,
    ("discarded", "open"): _WRITE,
}


def may_move(before: State, after: State, permissions: frozenset[str]) -> bool:
    """Whether somebody with these permissions may take a ticket from one state to the other."""
    needed = MOVES.get((before, after))
    return needed is not None and needed in permissions


def next_states(state: State, permissions: frozenset[str]) -> tuple[State, ...]:
    """The states that somebody with these permissions may choose."""
    return tuple(after for (before, after) in MOVES if before == state and may_move(before, after, permissions))


def reference(number: int) -> str:
    """A ticket's number as people say it."""
    return f"T{number}"
