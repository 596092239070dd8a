"""Settings: SLA policies, and which one a ticket has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from hotline.crm.queries.company.calendars import list_calendars
from hotline.crm.queries.customers.tiers import list_tiers
from hotline.crm.queries.people.users import list_roles, list_users
from hotline.crm.queries.tickets.sla import PolicyView, get_policy, list_policies
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.tickets.policies import CLOCKS, MOST_RULES, Mark, Policy, PolicySpec, Target
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company.settings_words import CLOCKS as CLOCK_NAMES
from hotline.web.desktop.company.settings_words import KINDS, PRIORITIES, SECTIONS, refused
from hotline.web.desktop.forms import Form, field, fields, form_of, uuid_of, version_of
from hotline.web.desktop.people.permission_words import ROLES
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.tickets import policies as workflow

MOST_USERS: Final = 200


@needs("settings.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every policy, the most specific first, and which one a ticket that is asked about has."""
    house, viewer = house_of(request), signed_of(request).viewer
    views = await list_policies(house.db, viewer)
    views.sort(key=lambda view: view.spec.name)
    views.sort(key=lambda view: (view.spec.enabled, Policy(view.id, view.spec).weight), reverse=True)
    asked = _asked(request)
    misses: dict[Any, str | None] = {}
    if asked is not None:
        misses = {each.policy.id: each.misses for each in await workflow.explain(house, viewer, asked)}
    context = {
        "page": "policies",
        "policies": [(view, _shown(view.spec)) for view in views],
        "asked": asked,
        "misses": misses,
        "own": next((view for view in views if view.id in misses and misses[view.id] is None), None),
        "tiers": await list_tiers(house.db, viewer) if viewer.may("customers.read") else [],
        "kinds": KINDS,
        "priorities": PRIORITIES,
        "clocks": CLOCK_NAMES,
        "words": SECTIONS,
        "done": request.query.get("done", ""),
    }
    return html(request, "settings_policies.html", context)


@needs("settings.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new policy."""
    return await _form(request, None, {})


@needs("settings.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Adds the policy, or shows the form again with what is wrong."""
    form = await form_of(request)
    try:
        await workflow.create_policy(house_of(request), signed_of(request).viewer, _spec(form))
    except (ValidationError, Invalid, Conflict) as error:
        return await _form(request, None, _typed(form), error)
    return see_other("/settings/policies?done=created")


@needs("settings.read")
async def edit(request: web.Request) -> web.StreamResponse:
    """The form of a policy."""
    view = await get_policy(house_of(request).db, signed_of(request).viewer, uuid_of(request))
    return await _form(request, view, _values(view.spec))


@needs("settings.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the policy, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    view = await get_policy(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    try:
        await workflow.update_policy(house, viewer, view.id, _spec(form), version_of(form))
    except (ValidationError, Invalid, Conflict) as error:
        return await _form(request, view, _typed(form), error)
    return see_other("/settings/policies?done=saved")


@needs("settings.write")
async def delete(request: web.Request) -> web.StreamResponse:
    """Deletes the policy; its tickets come under the next one that fits."""
    await workflow.delete_policy(house_of(request), signed_of(request).viewer, uuid_of(request))
    return see_other("/settings/policies?done=deleted")


async def _form(
    request: web.Request,
    view: PolicyView | None,
    values: Mapping[str, Any],
    error: ValidationError | HotlineError | None = None,
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    users = (
        await list_users(house.db, viewer, limit=MOST_USERS, with_disabled=False) if viewer.may("users.read") else []
    )
    roles = [role.name for role in await list_roles(house.db, viewer)] if viewer.may("users.read") else []
    context = {
        "page": "policies",
        "view": view,
        "values": {**_EMPTY, **values},
        "errors": refused(request, error) if error else {},
        "returned": error is not None,
        "words": SECTIONS,
        "kinds": KINDS,
        "priorities": PRIORITIES,
        "clocks": CLOCK_NAMES,
        "tiers": await list_tiers(house.db, viewer) if viewer.may("customers.read") else [],
        "calendars": await list_calendars(house.db, viewer),
        "users": sorted(users, key=lambda user: user.name.casefold()),
        "roles": roles,
        "role_names": ROLES,
        "most_rules": MOST_RULES,
    }
    status = 200 if error is None else error.status if isinstance(error, HotlineError) else 422
    return html(request, "settings_policy.html", context, status=status)


_TEXTS: Final = ("name", "kind", "tier", "service", "priority", "calendar")
_RULE: Final[Mapping[str, str]] = {
    "key": "", "what": "resolution", "at": "100", "unit": "percent", "raise": "", "assign": "", "notify": ""
}  # fmt: skip
_EMPTY: Final[Mapping[str, Any]] = {
    **dict.fromkeys(_TEXTS, ""),
    "calendar": "default",
    "enabled": True,
    **{
        f"{what}_{part}": text
        for what, value, unit in (("first_response", "1", "hours"), ("resolution", "8", "hours"))
        for part, text in (("value", value), ("unit", unit), ("warn", "80"), ("warn_unit", "percent"))
    },
    "rules": [],
}


def _values(spec: PolicySpec) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(spec, name) or "" for name in _TEXTS} | {"enabled": spec.enabled}
    for what in CLOCKS:
        target = spec.target(what)
        value, unit = _duration(target.seconds) if target else ("", "hours")
        warn, warn_unit = _mark(target.warn if target else None)
        values |= {
            f"{what}_value": value,
            f"{what}_unit": unit,
            f"{what}_warn": warn,
            f"{what}_warn_unit": warn_unit,
        }
    values["rules"] = []
    for rule in spec.escalations:
        at, unit = _mark(rule.at)
        assign = rule.actions.assign
        owner = "" if assign is None else f"{assign.to}:{assign.role or assign.login or ''}".rstrip(":")
        values["rules"].append(
            {
                "key": rule.key or "",
                "what": rule.what,
                "at": at,
                "unit": unit,
                "raise": "yes" if rule.actions.raise_priority else "",
                "assign": owner,
                "notify": ", ".join(rule.actions.notify),
            }
        )
    return values


def _typed(form: Form) -> dict[str, Any]:
    typed: dict[str, Any] = {name: field(form, name, 500).strip() for name in _TEXTS} | {"enabled": "enabled" in form}
    for what in CLOCKS:
        for part in ("value", "unit", "warn", "warn_unit"):
            typed[f"{what}_{part}"] = field(form, f"{what}_{part}", 20).strip()
    columns = [fields(form, f"rule_{name}", 300) for name in _RULE]
    typed["rules"] = [dict(zip(_RULE, row, strict=True)) for row in zip(*columns, strict=False)]
    return typed


def _spec(form: Form) -> PolicySpec:
    typed = _typed(form)
    spec: dict[str, Any] = {name: typed[name] or None for name in _TEXTS}
    spec |= {"name": typed["name"], "calendar": typed["calendar"], "enabled": typed["enabled"]}
    for what in CLOCKS:
        if typed[f"{what}_value"]:
            spec[what] = {
                "seconds": _seconds(typed[f"{what}_value"], typed[f"{what}_unit"]),
                "warn": _read_mark(typed[f"{what}_warn"], typed[f"{what}_warn_unit"]),
            }
    spec["escalations"] = [_rule(rule) for rule in typed["rules"]]
    return PolicySpec.model_validate(spec)


def _rule(typed: Mapping[str, str]) -> dict[str, Any]:
    to, _, named = typed["assign"].partition(":")
    assign = (
        None
        if not to
        else {"to": to, "role": named if to == "role" else None, "login": named if to == "user" else None}
    )
    return {
        "key": typed["key"] or None,
        "what": typed["what"],
        "at": _read_mark(typed["at"], typed["unit"]) or {},
        "actions": {
            "raise_priority": typed["raise"] == "yes",
            "assign": assign,
            "notify": [part for part in re.split(r"[\s,，、]+", typed["notify"]) if part],
        },
    }


_UNITS: Final[Mapping[str, int]] = {"minutes": 60, "hours": 3600, "days": 86_400}


def _seconds(value: str, unit: str) -> Any:
    """Business seconds; what is no number is left to the model to refuse."""
    try:
        return round(float(value.replace(",", ".")) * _UNITS.get(unit, 60))
    except (ValueError, OverflowError):
        return value


def _duration(seconds: int) -> tuple[str, str]:
    """A number and its unit, the greatest in which it is whole; never days, which calendars know in many lengths."""
    unit = "hours" if seconds % 1800 == 0 else "minutes"
    return f"{seconds / _UNITS[unit]:g}", unit


def _read_mark(value: str, unit: str) -> dict[str, Any] | None:
    if not value:
        return None
    if unit == "percent":
        return {"percent": value}
    seconds = _seconds(value, "minutes")
    return {"before_seconds": -seconds if unit == "after" and isinstance(seconds, int) else seconds}


def _mark(mark: Mark | None) -> tuple[str, str]:
    if mark is None:
        return "", "percent"
    if mark.percent is not None:
        return str(mark.percent), "percent"
    minutes = (mark.before_seconds or 0) / 60
    return f"{abs(minutes):g}", "after" if minutes < 0 else "before"


def _shown(spec: PolicySpec) -> dict[str, Any]:
    """A row of the table."""
    return {
        "targets": {what: _target(spec.target(what)) for what in CLOCKS},
        "earliest": min((rule.at.percent for rule in spec.escalations if rule.at.percent is not None), default=None),
    }


def _target(target: Target | None) -> dict[str, Any] | None:
    if target is None:
        return None
    value, unit = _duration(target.seconds)
    warn, warn_unit = _mark(target.warn)
    return {"value": value, "unit": unit, "warn": warn, "warn_unit": warn_unit}


def _asked(request: web.Request) -> workflow.Described | None:
    """The ticket that the form on the page describes; None when it was not sent."""
    kind = request.query.get("kind", "")
    if kind not in KINDS:
        return None
    priority = request.query.get("priority", "normal")
    return workflow.Described(
        kind,
        request.query.get("tier", "")[:32] or None,
        request.query.get("service", "")[:64].strip() or None,
        priority if priority in PRIORITIES else "normal",
    )


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/settings/policies", index)
    app.router.add_get("/settings/policies/new", new)
    app.router.add_post("/settings/policies/new", create)
    app.router.add_get("/settings/policies/{id}", edit)
    app.router.add_post("/settings/policies/{id}", update)
    app.router.add_post("/settings/policies/{id}/delete", delete)
