"""What everybody sets for themselves: theme, how times are written, what notifies and sounds, the page to begin with.

They stand among a user's preferences under these names; what programs keep there under other names stays theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from hotline.errors import Invalid

Theme = Literal["system", "light", "dark"]
TimeFormat = Literal["24", "12"]

#: The pages that one may begin with: address → the permission that it needs.
START_PAGES: Final[Mapping[str, str]] = {
    "/": "calls.read",
    "/tickets": "tickets.read",
    "/callbacks": "tickets.read",
    "/customers": "customers.read",
    "/performance": "own.profile",
}


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Notifications(_Settings):
    """What the desktop notifies about while no tab of hotline is looked at."""

    calls: StrictBool = Field(True, description="Ringing calls.")
    tickets: StrictBool = Field(True, description="Tickets that become one's own.")
    deadlines: StrictBool = Field(True, description="Deadlines of one's own tickets that come near or pass.")


class Sounds(_Settings):
    """What sounds."""

    ring: StrictBool = Field(True, description="Ringing calls.")
    volume: int = Field(100, ge=10, le=100, strict=True, description="Loudest round of the ring, in percent.")
    ticks: StrictBool = Field(True, description="A tick when a deadline of one's own comes near.")


class PersonalSettings(_Settings):
    """A user's own settings; every one has a default."""

    theme: Theme = Field("system", description="Light, dark, or as the system is.")
    time_format: TimeFormat = Field("24", description="17:30, or 5:30 pm.")
    notifications: Notifications = Field(default_factory=Notifications)
    sounds: Sounds = Field(default_factory=Sounds)
    start_page: Literal["/", "/tickets", "/callbacks", "/customers", "/performance"] = Field(
        "/", description="The page after signing in."
    )

    @classmethod
    def of(cls, preferences: Mapping[str, Any]) -> PersonalSettings:
        """Those among stored preferences. Another version may have written them: what cannot be used is the default."""
        known = {name: value for name, value in preferences.items() if name in cls.model_fields}
        try:
            return cls.model_validate(known)
        except ValidationError as error:
            wrong = {str(problem["loc"][0]) for problem in error.errors(include_input=False) if problem["loc"]}
            return cls.model_validate({name: value for name, value in known.items() if name not in wrong})


def checked(preferences: Mapping[str, Any]) -> None:
    """Raise Invalid for a preference of these names that is none of theirs; None takes one back to its default."""
    known = {
        name: value
        for name, value in preferences.items()
        if name in PersonalSettings.model_fields and value is not None
    }
    try:
        PersonalSettings.model_validate(known)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise Invalid(f"preferences.{where}: {problem['msg']}.") from None
