"""The company's settings: sections that whoever may change them changes while hotline runs. What belongs to one
installation (addresses, secrets) is in ``hotline.settings`` instead."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, get_origin
from urllib.parse import urlsplit

import structlog
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, field_validator

from hotline.crm.campaign_section import Campaigns as Campaigns
from hotline.crm.channel_sections import Mail as Mail
from hotline.crm.channel_sections import Messages as Messages
from hotline.crm.channel_sections import TwilioIvr as TwilioIvr
from hotline.crm.channel_sections import TwilioVoice as TwilioVoice
from hotline.crm.commands.campaigns.campaign_voids import void_by_company, void_by_mail
from hotline.crm.database import Reader
from hotline.crm.price_section import Prices as Prices
from hotline.crm.section import Announcement, Line, Locale, Notice, ShortText
from hotline.crm.section import Section as Section
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import Viewer
from hotline.errors import Conflict, NotFound

log = structlog.get_logger(__name__)


#: A picture of 100 kB as a data: address.
LONGEST_LOGO: Final = 140_000
#: Kinds of pictures that browsers show and that run nothing, by how their bytes begin.
PICTURES: Final[Mapping[str, tuple[bytes, ...]]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/webp": (b"RIFF",),
}


def picture(data_url: str) -> tuple[str, bytes]:
    """The type and the bytes of a picture in a data: address. Raises ValueError for anything else."""
    head, comma, text = data_url.partition(";base64,")
    kind = head.removeprefix("data:")
    if not comma or not head.startswith("data:") or kind not in PICTURES:
        raise ValueError("a PNG, JPEG or WebP picture")
    data = b64decode(text, validate=True)
    if not data.startswith(PICTURES[kind]) or (kind == "image/webp" and data[8:12] != b"WEBP"):
        raise ValueError("a PNG, JPEG or WebP picture")
    return kind, data


def _logo(value: str) -> str:
    if value:
        try:
            picture(value)
        except ValueError:
            raise ValueError("logo: a PNG, JPEG or WebP picture of at most 100 kB.") from None
    return value


def _website(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("https", "http") or not parts.hostname):
        raise ValueError("website: write it with https:// before it.")
    return value


class Tickets(Section):
    """How calls become tickets, and what follows a call."""

    section: ClassVar[str] = "tickets"

    attach_days: int = Field(7, ge=0, le=365, description="Days that a call joins an open ticket of its customer.")
    attach_same_kind: bool = Field(True, description="Only when the ticket is of the kind that the caller chose.")
    reopen_days: int = Field(
        14, ge=0, le=365, description="Days that a finished ticket may be opened again; later a new one follows it."
    )
    close_after_days: int = Field(7, ge=1, le=365, description="Days after which a resolved ticket is closed.")
    discard_unanswered_seconds: int = Field(
        0, ge=0, le=120, description="Callers who hang up sooner, without a choice, leave no ticket; 0: all leave one."
    )
    callback_minutes: int = Field(
        60, ge=1, le=43_200, description="Business minutes in which a missed caller is called back."
    )
    wrap_up_seconds: int = Field(30, ge=0, le=900, description="Longest wrap-up after a call; 0: none.")
    wrap_up_pause: bool = Field(True, description="Agents are paused in their queues during the wrap-up.")


class Recordings(Section):
    """Voicemails and recordings of calls."""

    section: ClassVar[str] = "recordings"

    record_calls: bool = Field(False, description="Whole calls are recorded, not only voicemails.")
    announce: bool = Field(True, description="Callers are told before a call is recorded.")
    announcement: dict[Locale, Announcement] = Field(
        default_factory=dict, description="What they are told, by language; empty: hotline's own words."
    )
    voicemail_seconds: int = Field(120, ge=5, le=900, description="Longest voicemail.")
    retention_days: int = Field(90, ge=1, le=3650, description="Days until a recorded call is deleted.")
    voicemail_retention_days: int = Field(90, ge=1, le=3650, description="Days until a voicemail is deleted.")
    quota_mb: int = Field(10_000, ge=10, le=10_000_000, description="Most megabytes that recordings take.")
    when_full: Literal["delete_oldest", "refuse"] = Field(
        "delete_oldest", description="What gives way when the quota is used up: the oldest, or the new one."
    )
    largest_mb: int = Field(200, ge=1, le=10_000, description="Most megabytes of one recording.")


class Files(Section):
    """Files of customers."""

    section: ClassVar[str] = "files"

    largest_mb: int = Field(25, ge=1, le=2_000, description="Most megabytes of one file.")
    most_per_customer: int = Field(200, ge=1, le=10_000, description="Most files of one customer.")
    quota_mb: int = Field(10_000, ge=10, le=10_000_000, description="Most megabytes that files take.")
    refuse_programs: bool = Field(True, description="Files that run where they are opened are refused.")


class Privacy(Section):
    """What customers are told about themselves, and who answers for it."""

    section: ClassVar[str] = "privacy"

    speak_ticket_number: bool = Field(False, description="The IVR says the number of a caller's open ticket.")
    notice: dict[Locale, Notice] = Field(
        default_factory=dict, description="The privacy notice at /privacy, by language; empty: hotline's own words."
    )
    controller: ShortText = Field("", description="Who answers for the data: name and address of the company.")
    contact: ShortText = Field("", description="Where customers ask for their data, its correction and erasure.")


#: Nobody is erased for having been away for less.
LEAST_CUSTOMERS_DAYS: Final = 30


class Retention(Section):
    """How long is kept what nobody deletes by hand. 0: for good."""

    section: ClassVar[str] = "retention"

    callers_days: int = Field(
        0, ge=0, le=36_500, description="Days after a call until the caller's number and name are forgotten; 0: never."
    )
    tickets_days: int = Field(
        0, ge=0, le=36_500, description="Days after a ticket was closed until its texts are forgotten; 0: never."
    )
    notes_days: int = Field(0, ge=0, le=36_500, description="Days until a note is deleted; 0: never.")
    files_days: int = Field(0, ge=0, le=36_500, description="Days until a customer's file is deleted; 0: never.")
    messages_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Days after a conversation was closed until its messages and files are forgotten; 0: never.",
    )
    changes_days: int = Field(
        0, ge=0, le=36_500, description="Days until the history of a customer's fields is forgotten; 0: never."
    )
    clicks_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Days until it is forgotten when each message of a campaign was tried, by the month, and which of "
        "its links were clicked; what came of the message stays. 0: tries after 400 days, clicks never.",
    )
    customers_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Days without a call, ticket, purchase or change after which a customer is erased for good, 30 or "
        "more; 0: never.",
    )

    @field_validator("customers_days")
    @classmethod
    def _no_slip(cls, days: int) -> int:
        # A digit too few would erase nearly everybody within the hour.
        if 0 < days < LEAST_CUSTOMERS_DAYS:
            raise ValueError(f"at least {LEAST_CUSTOMERS_DAYS} days, or 0: never.")
        return days


class Company(Section):
    """Who the company is, as its customers read it."""

    section: ClassVar[str] = "company"

    name: Line = Field("", description="The company's name, at the desk and on public pages; empty: hotline.")
    address: ShortText = Field("", description="Its address, in lines.")
    phone: Line = Field("", description="The number of its hotline, as people write it.")
    email: Line = Field("", description="Its email address.")
    website: Annotated[Line, AfterValidator(_website)] = Field("", description="Its website: https://…")


class Brand(Section):
    """How the company looks: at the head of the desk and on public pages."""

    section: ClassVar[str] = "brand"

    colour: Annotated[str, StringConstraints(pattern=r"^(#[0-9a-fA-F]{6})?$", to_lower=True, strip_whitespace=True)] = (
        Field("", description="The company's colour, for example #0a6b4f; empty: none.")
    )
    logo: Annotated[str, StringConstraints(max_length=LONGEST_LOGO), AfterValidator(_logo)] = Field(
        "", description="A PNG, JPEG or WebP picture of at most 100 kB, as a data: address; empty: none."
    )


class Formats(Section):
    """How numbers, dates and money are written, whatever the language."""

    section: ClassVar[str] = "formats"

    numbers: Literal["language", "comma_point", "point_comma", "space_comma"] = Field(
        "language", description="How numbers are grouped: as the reader's language does, 1,234.5, 1.234,5 or 1 234,5."
    )
    dates: Literal["language", "year_first", "day_first", "month_first"] = Field(
        "language", description="How days are written: as the language does, 2026-11-22, 22.11.2026 or 11/22/2026."
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}$", to_upper=True, strip_whitespace=True)] = Field(
        "EUR", description="The currency of amounts that name none (ISO 4217)."
    )


class Security(Section):
    """How people stay signed in."""

    section: ClassVar[str] = "security"
    guarded: ClassVar[bool] = True

    session_hours: int = Field(
        0, ge=0, le=720, description="Hours without a click after which a session ends; 0: as the installation says."
    )
    confirm_minutes: int = Field(
        30, ge=5, le=240, description="Minutes after which a password is asked again before what takes the house away."
    )
    password_length: int = Field(8, ge=8, le=64, description="Least characters of a new password.")


#: Every section by its name, in the order in which they are shown.
SECTIONS: Final[Mapping[str, type[Section]]] = {
    each.section: each
    for each in (
        Company,
        Brand,
        Formats,
        Security,
        Tickets,
        Messages,
        Mail,
        Campaigns,
        Prices,
        Recordings,
        TwilioIvr,
        TwilioVoice,
        Files,
        Privacy,
        Retention,
    )
}


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section as it is now. ``version`` 0: nobody ever changed it, ``value`` are the defaults."""

    name: str
    value: Section
    version: int
    updated_at: datetime | None


async def read_sections(db: Reader) -> dict[str, SectionView]:
    """All sections, by name."""
    rows = {row["name"]: row for row in await db.fetch("SELECT name, value, version, updated_at FROM company_setting")}
    found = {}
    for name, kind in SECTIONS.items():
        row = rows.get(name)
        value = kind() if row is None else _valid(kind, row["value"])
        found[name] = SectionView(name, value, row["version"] if row else 0, row["updated_at"] if row else None)
    return found


async def list_sections(db: Reader, viewer: Viewer) -> list[SectionView]:
    """Every section, in the order in which they are shown."""
    viewer.require("settings.read")
    return list((await read_sections(db)).values())


async def get_section(db: Reader, viewer: Viewer, name: str) -> SectionView:
    """One section. Raises NotFound."""
    viewer.require("settings.read")
    if name not in SECTIONS:
        raise NotFound()
    return (await read_sections(db))[name]


async def write_section(uow: UnitOfWork, value: Section, expected_version: int | None) -> int:
    """Store a section whole; its new version. Raises Conflict when it is not ``expected_version`` any more.

    The audit entry names what changed; what people wrote is left out, for the trail holds no prose.
    """
    name = value.section
    row = await uow.fetchrow(
        """INSERT INTO company_setting AS kept (name, value, version, updated_at) VALUES ($1, '{}'::jsonb, 0, $2)
           ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING value, version""",
        *(name, uow.now),
    )
    if row is None:
        raise NotFound()
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict("Somebody else changed these settings meanwhile.")
    before = _valid(type(value), row["value"])
    changed = {
        field: [getattr(before, field), getattr(value, field)]
        for field in type(value).model_fields
        if getattr(before, field) != getattr(value, field)
    }
    if not changed and row["version"]:
        return int(row["version"])
    version: int = await uow.fetchval(
        """UPDATE company_setting SET value = $2, version = version + 1, updated_at = $3
           WHERE name = $1 RETURNING version""",
        *(name, json.loads(value.model_dump_json()), uow.now),
    )
    if name == Mail.section and changed.keys() & {"address", "name"}:
        await void_by_mail(uow)
    if name == Company.section and (said := changed.keys() & {"name", "address", "phone", "email", "website"}):
        await void_by_company(uow, said)
    told = {key: pair for key, pair in changed.items() if _is_code(type(value), key)}
    uow.audit("company_setting:changed", None, section=name, fields=sorted(changed), values=told)
    return version


def _is_code(kind: type[Section], name: str) -> bool:
    annotation = kind.model_fields[name].annotation
    return annotation in (bool, int) or get_origin(annotation) is Literal


def _valid(kind: type[Section], stored: Mapping[str, Any]) -> Section:
    """The stored section. Another version of hotline may have written it: what cannot be used falls to its default."""
    known = {name: value for name, value in stored.items() if name in kind.model_fields}
    try:
        return kind.model_validate(known)
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors(include_input=False) if problem["loc"]}
        log.warning("company.default_used", section=kind.section, fields=sorted(wrong))
        return kind.model_validate({name: value for name, value in known.items() if name not in wrong})
