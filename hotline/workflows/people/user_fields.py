"""What is kept about a user, made safe to keep: names as PBXs have them, skills, hours, how colleagues reach them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, get_args

from pydantic import ValidationError

from hotline.calendars.shifts import WorkingHours
from hotline.calls.twilio_phones import TWILIO_PHONE
from hotline.customers.contact_points import normalise
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.settings import Settings
from hotline.workflows.company import lists
from hotline.workflows.company.calendars import rules_of
from hotline.workflows.house import House

MOST_SKILLS: Final = 50
#: What is written beside the row that makes a user.
PROFILE_FIELDS: Final = ("title", "email", "phone", "skills", "working_hours")
MOST_INTERFACES: Final = 20
MOST_QUEUES: Final = 100
LOCALES: Final[tuple[str, ...]] = get_args(Settings.model_fields["locale"].annotation)

_LOGIN: Final = re.compile(r"[^\W_][\w.@+-]{0,99}")
# These go into actions to the PBX, so they hold nothing that could end a header or an argument.
_INTERFACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,31}/[^\s,;|&\"'`$\\{}()<>]{1,160}|" + TWILIO_PHONE.pattern)
QUEUE: Final = re.compile(r"[^\s,;|&\"'`$\\{}()<>]{1,80}")
_EXTENSION: Final = re.compile(r"[0-9*#+]{1,32}")


class UserChanges(TypedDict, total=False):
    """What may change about a user; lists replace the whole list."""

    login: str
    name: str
    role: str
    locale: str
    extension: str | None
    interfaces: Sequence[str]
    queues: Sequence[str]
    title: str | None
    email: str | None
    phone: str | None
    skills: Sequence[Mapping[str, Any]]
    working_hours: Mapping[str, Any] | None


class NewUser(UserChanges, total=False):
    """A user to be added: ``login`` and ``name`` at least; without a password they cannot sign in yet."""

    password: str | None


async def cleaned(house: House, data: UserChanges) -> dict[str, Any]:
    """The fields as they are kept. Raises Invalid, which names the field."""
    fields: dict[str, Any] = {}
    if "login" in data:
        fields["login"] = login_of(data["login"])
    if "name" in data:
        fields["name"] = one_line(data["name"], "name", 200, needed=True)
    if "role" in data:
        fields["role"] = one_line(data["role"], "role", 64, needed=True)
    if "locale" in data:
        fields["locale"] = locale_of(data["locale"])
    if "extension" in data:
        fields["extension"] = _extension(data["extension"])
    if "interfaces" in data:
        fields["interfaces"] = _listed(data["interfaces"], "interfaces", MOST_INTERFACES, _INTERFACE, "PJSIP/agent1")
    if "queues" in data:
        fields["queues"] = _listed(data["queues"], "queues", MOST_QUEUES, QUEUE, "support")
    if "title" in data:
        fields["title"] = one_line(data["title"] or "", "title", 100) or None
    for kind in ("email", "phone"):
        if kind in data:
            fields[kind] = _contact(kind, data[kind], house.settings.region)
    if "skills" in data:
        fields["skills"] = await _skills(house, data["skills"])
    if "working_hours" in data:
        fields["working_hours"] = await _working_hours(house, data["working_hours"])
    return fields


def login_of(text: str) -> str:
    """A login as it is kept. Raises Invalid."""
    login = one_line(text, "login", 100, needed=True).lower()
    if not _LOGIN.fullmatch(login):
        raise Invalid("login: letters, digits and . @ + - _ only, and a letter or a digit first.")
    return login


def locale_of(text: str) -> str:
    """A language of the desk. Raises Invalid."""
    if text not in LOCALES:
        raise Invalid(f"locale: expected one of {', '.join(LOCALES)}.")
    return text


def _extension(text: str | None) -> str | None:
    line = one_line(text or "", "extension", 32)
    if line and not _EXTENSION.fullmatch(line):
        raise Invalid("extension: digits, *, # and + only.")
    return line or None


def _listed(values: Sequence[str], field: str, most: int, shape: re.Pattern[str], example: str) -> list[str]:
    if isinstance(values, str):
        raise Invalid(f"{field}: expected a list.")
    if len(values) > most:
        raise Invalid(f"{field}: at most {most}.")
    kept = list(dict.fromkeys(value.strip(" ") for value in values))
    for at, value in enumerate(kept):
        if not shape.fullmatch(value):
            raise Invalid(f"{field}[{at}]: expected a name as the PBX has it, for example {example}.")
    return kept


def _contact(kind: Any, text: str | None, region: str) -> str | None:
    line = (text or "").strip()
    return normalise(kind, line, region, kind).value if line else None


async def _skills(house: House, skills: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if len(skills) > MOST_SKILLS:
        raise Invalid(f"skills: at most {MOST_SKILLS}.")
    known = await lists.load(house)
    kept: dict[str, dict[str, Any]] = {}
    for at, skill in enumerate(skills):
        key, level = str(skill.get("key", "")), skill.get("level", 3)
        known.check("skill", key, f"skills[{at}]")
        if not isinstance(level, int) or isinstance(level, bool) or not 1 <= level <= 5:
            raise Invalid(f"skills[{at}]: expected a level from 1 to 5.")
        kept[key] = {"key": key, "level": level}
    return list(kept.values())


async def _working_hours(house: House, hours: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not hours:
        return None
    try:
        wanted = WorkingHours.model_validate(dict(hours))
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        raise Invalid(f"working_hours: {problem['msg'].removeprefix('Value error, ')}") from None
    if wanted.calendar and wanted.calendar not in (await rules_of(house)).calendars:
        raise Invalid("working_hours: there is no such calendar.")
    return wanted.stored()
