"""Values as a message says them, in its language."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Any, Final

from hotline.customers.custom_fields import CustomField, to_text
from hotline.customers.money import major_units

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def written_day(day: date, locale: str) -> str:
    """2026年11月22日; 22 November 2026; in other languages than these two 2026-11-22, which is read everywhere."""
    language = locale.partition("-")[0].lower()
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}" if language in ("", "en") else day.isoformat()


def written_money(amount: int, currency: str) -> str:
    """Minor units as an amount: 12.50 EUR."""
    return f"{major_units(amount, currency)} {currency}"


def first_name(name: str, kind: str) -> str:
    """The first word of a person's name; a name in one word, as 王秀英, as it is. Organisations have none."""
    return name.split(maxsplit=1)[0] if kind == "person" and name.strip() else ""


def written(field: CustomField, value: Any, locale: str, zone: tzinfo) -> str:
    """A kept value of a custom field; empty for none."""
    if value is None or value == "":
        return ""
    if field.type == "date":
        return written_day(date.fromisoformat(str(value)), locale)
    if field.type == "datetime":
        at = datetime.fromisoformat(str(value)).astimezone(zone)
        return f"{written_day(at.date(), locale)} {at:%H:%M}"
    if field.type == "multi_choice" and isinstance(value, list):
        text = to_text(field, value, locale.partition("-")[0])
        return text.replace("; ", "、" if locale.startswith("zh") else ", ")
    return to_text(field, value, locale.partition("-")[0])
