"""Custom fields in forms: which are offered, what they hold, what was typed, what was wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.customers.custom_fields import CustomField, from_text, to_text
from hotline.errors import HotlineError
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import Form, field, fields, problems
from hotline.workflows.company import fields as fields_of

_LONGEST: Final = 6_000


async def offered(request: web.Request, target: str) -> list[CustomField]:
    """The fields of customers or tickets that a form shows: not those whose values one does not see."""
    masked = "private" in signed_of(request).viewer.masks
    found = (await fields_of.load(house_of(request))).fields
    return [each for each in found if each.target == target and not each.archived and not (each.private and masked)]


async def custom_written(request: web.Request, target: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the form's fields hold them."""
    return {
        each.key: _written(each, values[each.key])
        for each in await offered(request, target)
        if values.get(each.key) is not None
    }


async def custom_values(request: web.Request, form: Form, target: str, kind: str) -> dict[str, Any]:
    """What a form says about a record of this kind; an empty field takes the value away. Raises Invalid."""
    region = house_of(request).settings.region
    values: dict[str, Any] = {}
    for each in await offered(request, target):
        name = f"custom.{each.key}"
        if each.record not in (target, kind) or (name not in form and f"{name}:shown" not in form):
            continue
        if each.type == "multi_choice":
            values[each.key] = fields(form, name, 100) or None
        else:
            values[each.key] = from_text(each, field(form, name, _LONGEST), region=region)
    return values


async def custom_typed(request: web.Request, form: Form, target: str) -> dict[str, Any]:
    """What was typed, to be shown again."""
    return {
        each.key: fields(form, f"custom.{each.key}", 100)
        if each.type == "multi_choice"
        else field(form, f"custom.{each.key}")[:_LONGEST]
        for each in await offered(request, target)
    }


def custom_errors(request: web.Request, error: HotlineError) -> dict[str, str]:
    """The refusal under its field's name; those of custom fields and preferences have names of their own."""
    name, _, _ = error.detail.partition(": ")
    told = problems(request, error)
    if name.startswith(("custom.", "preferences.")) and len(told) == 1:
        return {name: next(iter(told.values()))}
    return told


def _written(each: CustomField, value: Any) -> Any:
    if each.type == "multi_choice":
        return list(value)
    if each.type == "boolean":
        return "yes" if value else "no"
    if each.type == "choice":
        return str(value)
    return to_text(each, value)
