"""What an agent says of a call in its wrap-up, and what that does to its ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hotline.tickets.states import OPEN, State

Disposition = Literal["solved", "follow_up", "waiting", "callback", "passed_on", "wrong_number", "other"]


@dataclass(frozen=True, slots=True)
class Effect:
    """The state that the ticket gets, None for none; and whether the customer is to be called back."""

    state: State | None = None
    callback: bool = False


EFFECTS: Final[Mapping[str, Effect]] = {
    "solved": Effect("resolved"),
    "follow_up": Effect("open"),
    "waiting": Effect("waiting"),
    "callback": Effect("open", callback=True),
    "passed_on": Effect(),
    "wrong_number": Effect("discarded"),
    "other": Effect(),
}


def effect(disposition: str | None, state: State, *, own: bool) -> Effect:
    """What a disposition does to a ticket in ``state``. A ticket that the call did not open (not ``own``) is not
    discarded by it: the wrong number was this call's only."""
    if disposition is None or disposition not in EFFECTS:
        return Effect()
    wanted = EFFECTS[disposition]
    if wanted.state == state or state not in OPEN or (wanted.state == "discarded" and not own):
        return Effect(None, wanted.callback and state in OPEN)
    return wanted
