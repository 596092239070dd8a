"""Settings: business calendars, their week, holidays by name, and exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from aiohttp import web
from babel import Locale, dates
from pydantic import ValidationError

from hotline.calendars import WEEKDAYS
from hotline.calendars.holidays import FIRST_YEAR, LAST_YEAR, categories, countries, subdivision_names
from hotline.calendars.spec import CalendarSpec
from hotline.calendars.zones import zone_names
from hotline.crm.queries.company.calendars import CalendarView, get_calendar, list_calendars
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company.settings_words import CATEGORIES, SECTIONS, refused
from hotline.web.desktop.company.settings_words import WEEKDAYS as DAY_NAMES
from hotline.web.desktop.forms import Form, field, fields, form_of, version_of
from hotline.web.desktop.i18n import LANGUAGES, country_name, language_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.company import calendars as workflow

#: Between openings of a day; between the two times of one.
_BETWEEN: Final = re.compile(r"[,，、;；\s]+")
_TIMES: Final = re.compile(r"(\S+?)\s*[-–—~至到]\s*(\S+)")


@needs("settings.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every calendar, whether it is open now, and until when."""
    house, viewer = house_of(request), signed_of(request).viewer
    shown = [(view, _state(request, view)) for view in await list_calendars(house.db, viewer)]
    context = {
        "page": "calendars",
        "calendars": shown,
        "done": request.query.get("done", ""),
        "words": SECTIONS,
        "days": DAY_NAMES,
        "zone": house.settings.timezone.key,
        "week": [(view, _week(view.spec)) for view, _ in shown],
    }
    return html(request, "settings_calendars.html", context)


@needs("settings.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new calendar."""
    return _form(
        request, None, dict.fromkeys(("hours_mon", "hours_tue", "hours_wed", "hours_thu", "hours_fri"), "09:00–18:00")
    )


@needs("settings.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Adds the calendar, or shows the form again with what is wrong."""
    form = await form_of(request)
    try:
        spec = _spec(form)
        await workflow.create_calendar(
            house_of(request), signed_of(request).viewer, field(form, "key", 100).strip(), spec
        )
    except (ValidationError, Invalid, Conflict) as error:
        return _form(request, None, _typed(form), error)
    return see_other("/settings/calendars?done=created")


@needs("settings.read")
async def edit(request: web.Request) -> web.StreamResponse:
    """A calendar: its form, and the special days of a year by name."""
    view = await get_calendar(house_of(request).db, signed_of(request).viewer, request.match_info["key"])
    return _form(request, view, _values(view.spec))


@needs("settings.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the calendar, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    view = await get_calendar(house.db, viewer, request.match_info["key"])
    form = await form_of(request)
    try:
        await workflow.update_calendar(house, viewer, view.key, _spec(form), version_of(form))
    except (ValidationError, Invalid, Conflict) as error:
        return _form(request, view, _typed(form), error)
    return see_other(f"/settings/calendars/{view.key}?done=saved")


@needs("settings.write")
async def delete(request: web.Request) -> web.StreamResponse:
    """Deletes the calendar, unless somebody counts by it."""
    house, viewer = house_of(request), signed_of(request).viewer
    view = await get_calendar(house.db, viewer, request.match_info["key"])
    try:
        await workflow.delete_calendar(house, viewer, view.key)
    except Conflict as error:
        return _form(request, view, _values(view.spec), error)
    return see_other("/settings/calendars?done=deleted")


@needs("settings.read")
async def parts(request: web.Request) -> web.StreamResponse:
    """The subdivisions and kinds of holidays of a country, for the form."""
    country = request.query.get("country", "")
    values = {"country": country if country in countries() else "", "subdivision": "", "categories": []}
    context = {"values": values, "errors": {}, **_country(request, values["country"])}  # type: ignore[arg-type]
    return html(request, "settings_country.html", context)


def _form(
    request: web.Request,
    view: CalendarView | None,
    values: Mapping[str, Any],
    error: ValidationError | HotlineError | None = None,
) -> web.Response:
    filled: dict[str, Any] = {**_EMPTY, **values}
    year = _year(request)
    context = {
        "page": "calendars",
        "view": view,
        "values": filled,
        "errors": refused(request, error) if error else {},
        "returned": error is not None,
        "done": request.query.get("done", ""),
        "words": SECTIONS,
        "weekdays": DAY_NAMES,
        "zones": sorted(
            zone for zone in zone_names() if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))
        ),
        "zone": house_of(request).settings.timezone.key,
        "countries": sorted((country_name(language_of(request), code), code) for code in countries()),
        "year": year,
        "special": _special(request, view, year),
        "state": None if view is None else _state(request, view),
        "shipped": workflow.SHIPPED,
        **_country(request, filled["country"]),
    }
    status = 200 if error is None else error.status if isinstance(error, HotlineError) else 422
    return html(request, "settings_calendar.html", context, status=status)


_EMPTY: Final[Mapping[str, Any]] = {
    "key": "", "names_en": "", "names_zh": "", "timezone": "", "country": "", "subdivision": "", "categories": [],
    "make_up": False, "exceptions": [], **{f"hours_{day}": "" for day in WEEKDAYS},
}  # fmt: skip


def _country(request: web.Request, country: str) -> dict[str, Any]:
    """What a country's choices are: its parts by name, its kinds of holidays."""
    if country not in countries():
        return {"parts": [], "kinds": [], "kind_names": CATEGORIES}
    named = sorted((name, code) for code, name in subdivision_names(country).items())
    return {"parts": named, "kinds": categories(country), "kind_names": CATEGORIES}


def _values(spec: CalendarSpec) -> dict[str, Any]:
    return {
        **{f"names_{language}": name for language, name in spec.names.items()},
        **{f"hours_{day}": written(openings) for day, openings in spec.hours.items()},
        "timezone": spec.timezone or "",
        "country": spec.country or "",
        "subdivision": spec.subdivision or "",
        "categories": list(spec.categories),
        "make_up": spec.make_up,
        "exceptions": [
            {"date": each.date.isoformat(), "openings": written(each.openings), "reason": each.reason}
            for each in spec.exceptions
        ],
    }


def _typed(form: Form) -> dict[str, Any]:
    names = [name for name in _EMPTY if name not in ("categories", "make_up", "exceptions")]
    return {
        **{name: field(form, name, 1_000) for name in names},
        "categories": fields(form, "categories", 40),
        "make_up": "make_up" in form,
        "exceptions": [
            {"date": on, "openings": openings, "reason": reason}
            for on, openings, reason in zip(
                fields(form, "exception_date", 20),
                fields(form, "exception_openings", 200),
                fields(form, "exception_reason", 500),
                strict=False,
            )
            if on or openings or reason
        ],
    }


def _spec(form: Form) -> CalendarSpec:
    typed = _typed(form)
    names = {language: typed[f"names_{language}"].strip() for language in LANGUAGES}
    return CalendarSpec.model_validate(
        {
            "names": {language: name for language, name in names.items() if name},
            "timezone": typed["timezone"].strip() or None,
            "hours": {day: openings_of(typed[f"hours_{day}"]) for day in WEEKDAYS},
            "country": typed["country"] or None,
            "subdivision": typed["subdivision"].strip() or None,
            "categories": typed["categories"],
            "make_up": typed["make_up"],
            "exceptions": [each | {"openings": openings_of(each["openings"])} for each in typed["exceptions"]],
        }
    )


def openings_of(text: str) -> list[tuple[str, str]]:
    """``09:00–12:00, 13:00–18:00`` as pairs; what is none is left to the model to refuse."""
    joined = re.sub(r"\s*([-–—~至到])\s*", r"\1", text.strip())
    found = []
    for part in _BETWEEN.split(joined):
        if part:
            times = _TIMES.fullmatch(part)
            found.append((times[1], times[2]) if times else (part, part))
    return found


def written(openings: Iterable[Sequence[str]]) -> str:
    """Openings as people write them: ``09:00–12:00, 13:00–18:00``."""
    return ", ".join(f"{start}–{end}" for start, end in openings)


def _week(spec: CalendarSpec) -> list[tuple[str, str, str]]:
    """The week in few lines: days that follow each other with the same hours are one (first, last, hours)."""
    lines: list[tuple[str, str, str]] = []
    for day in WEEKDAYS:
        hours = written(spec.hours.get(day, ()))
        if lines and lines[-1][2] == hours:
            lines[-1] = (lines[-1][0], day, hours)
        else:
            lines.append((day, day, hours))
    return lines


def _state(request: web.Request, view: CalendarView) -> dict[str, Any]:
    """Whether it is open now, and when that changes."""
    house = house_of(request)
    calendar = view.spec.calendar(view.key, house.settings.timezone)
    now = house.clock()
    is_open = calendar.is_open(now)
    return {"open": is_open, "until": calendar.next_close(now) if is_open else calendar.next_open(now)}


def _special(request: web.Request, view: CalendarView | None, year: int) -> list[dict[str, Any]]:
    if view is None:
        return []
    language = language_of(request)
    locale = Locale("zh") if language == "zh" else Locale("en", "GB")
    pattern = "M月d日 EEE" if language == "zh" else "EEE d MMM"
    calendar = view.spec.calendar(view.key, house_of(request).settings.timezone)
    return [
        {
            "date": day.date,
            "shown": dates.format_date(day.date, pattern, locale=locale),
            "why": day.why,
            "reason": day.reason,
            "hours": written(tuple(opening.texts for opening in day.openings)),
        }
        for day in calendar.special_days(year, language)
    ]


def _year(request: web.Request) -> int:
    text = request.query.get("year", "")
    today: date = house_of(request).clock().date()
    return min(max(int(text), FIRST_YEAR), LAST_YEAR) if text.isdecimal() and len(text) == 4 else today.year


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/settings/calendars", index)
    app.router.add_get("/settings/calendars/new", new)
    app.router.add_post("/settings/calendars/new", create)
    app.router.add_get("/settings/calendars/parts", parts)
    app.router.add_get("/settings/calendars/{key}", edit)
    app.router.add_post("/settings/calendars/{key}", update)
    app.router.add_post("/settings/calendars/{key}/delete", delete)
