"""Users as the API says them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from hotline.calendars.shifts import WorkingHours
from hotline.crm.queries.people.users import UserView
from hotline.web.endpoint import Input, Output, Paging

Locale = Literal["en", "zh"]
Password = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class Skill(Input):
    """What somebody is good at: an entry of the list `skill`."""

    key: str = Field(max_length=40)
    level: int = Field(3, ge=1, le=5, description="1: beginning, 5: teaches it.")


class User(Output):
    """Who signs in. `interfaces` are the exact names by which PBXs know their phones."""

    id: UUID
    login: str
    name: str
    role: str
    locale: str
    extension: str | None
    interfaces: list[str]
    queues: list[str]
    title: str | None
    email: str | None
    phone: str | None
    skills: list[Skill]
    working_hours: WorkingHours | None = Field(description="Null: always.")
    teams: list[str]
    second_factor: bool
    disabled: bool
    left_at: datetime | None
    locked_until: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class Me(User):
    """The user of this token or session, and what they may do."""

    permissions: list[str]
    preferences: dict[str, Any]


class _Profile(Input):
    title: str | None = Field(None, max_length=100, description="What they do, for example Second line.")
    email: str | None = Field(None, max_length=254)
    phone: str | None = Field(None, max_length=60, description="How colleagues reach them beside the extension.")


class UserCreate(_Profile):
    """A user to be added."""

    login: str = Field(min_length=1, max_length=100)
    name: str | None = Field(None, max_length=200, description="Shown to others; the login when absent.")
    role: str = Field("agent", max_length=64)
    locale: Locale | None = None
    extension: str | None = Field(None, max_length=32)
    interfaces: list[str] = Field(default_factory=list, max_length=20, examples=[["PJSIP/agent1"]])
    queues: list[str] = Field(default_factory=list, max_length=100)
    skills: list[Skill] = Field(default_factory=list, max_length=50)
    working_hours: WorkingHours | None = None
    password: Password | None = Field(None, description="Without one the user cannot sign in to the desk yet.")


class UserChange(_Profile):
    """What to change; what is absent stays. Lists replace the whole list."""

    login: str | None = Field(None, min_length=1, max_length=100)
    name: str | None = Field(None, min_length=1, max_length=200)
    role: str | None = Field(None, max_length=64)
    locale: Locale | None = None
    extension: str | None = Field(None, max_length=32)
    interfaces: list[str] | None = Field(None, max_length=20)
    queues: list[str] | None = Field(None, max_length=100)
    skills: list[Skill] | None = Field(None, max_length=50)
    working_hours: WorkingHours | None = None
    disabled: bool | None = None
    password: Password | None = None
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class ProfileChange(_Profile):
    """What users change about themselves."""

    locale: Locale | None = None
    preferences: dict[str, Any] | None = Field(
        None,
        description=(
            "Merged key by key; null removes a key. `theme`, `time_format`, `notifications`, `sounds` and `start_page` "
            "are the desk's own and are checked; other names are the caller's."
        ),
    )
    current_password: Password | None = None
    new_password: Password | None = None


class UserPath(Input):
    """A user by id or login."""

    user: str = Field(min_length=1, max_length=150, description="Id or login.")


class UsersQuery(Paging):
    """Which users."""

    disabled: bool | None = Field(None, description="`false`: only those who may sign in.")


#: What may be taken away by null.
NULLABLE = frozenset({"extension", "title", "email", "phone", "working_hours"})


def fields_of(view: UserView) -> dict[str, Any]:
    """What every body of a user holds."""
    return {
        "id": view.id,
        "login": view.login,
        "name": view.name,
        "role": view.role,
        "locale": view.locale,
        "extension": view.extension,
        "interfaces": list(view.interfaces),
        "queues": list(view.queues),
        "title": view.title,
        "email": view.email,
        "phone": view.phone,
        "skills": [Skill(key=skill.key, level=skill.level) for skill in view.skills],
        "working_hours": None if view.working_hours is None else dict(view.working_hours),
        "teams": list(view.teams),
        "second_factor": view.second_factor,
        "disabled": view.disabled_at is not None,
        "left_at": view.left_at,
        "locked_until": view.locked_until,
        "version": view.version,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
    }


def user_body(view: UserView) -> User:
    """A user."""
    return User(**fields_of(view))
