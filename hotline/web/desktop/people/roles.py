"""Roles: what comes with hotline, the company's own, and the form that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.people.roles import RoleView, get_role, list_roles
from hotline.crm.viewer import MASKS, SCOPED, viewer_of
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid
from hotline.ids import new_id
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import Form, field, fields, form_of, key_of, problems, version_of
from hotline.web.desktop.people.permission_words import (
    GROUPS,
    KIND_NAMES,
    MASK_NAMES,
    PERMISSION_WORDS,
    SCOPE_NAMES,
    role_names,
)
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import fresh, needs
from hotline.workflows.people import roles as workflow

#: The permissions that the form asks for one by one; the others follow from scopes and masks.
_SINGLE: Final = frozenset(name for _, names in GROUPS for name in names)


@needs("users.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every role: how far it sees, what it masks, who has it."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = await list_roles(house.db, viewer)
    context = {
        "roles": found,
        "names": role_names(found, request),
        "reach": {role.name: scopes_of(role.permissions) for role in found},
        "masks": {role.name: [name for name in MASKS if name not in role.permissions] for role in found},
        "kinds": KIND_NAMES,
        "scopes": SCOPE_NAMES,
        "mask_names": MASK_NAMES,
        "done": request.query.get("done", ""),
    }
    return html(request, "roles.html", context)


@fresh
@needs("roles.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new role, like another one if that is asked for."""
    like = request.query.get("like", "")
    permissions: tuple[str, ...] = ()
    if like:
        permissions = (await get_role(house_of(request).db, signed_of(request).viewer, like)).permissions
    return _form(request, None, {"permissions": permissions, "names": {}, "require_totp": False})


@fresh
@needs("roles.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Makes the role, or shows the form again with what is wrong."""
    form = await form_of(request)
    typed = _typed(form)
    names = {language: text for language, text in typed["names"].items() if text}
    try:
        if not names:
            raise Invalid("names: something must stand here.")
        await workflow.create_role(
            house_of(request), signed_of(request).viewer, _key_of(names), names=names,
            permissions=typed["permissions"], require_totp=typed["require_totp"],
        )  # fmt: skip
    except (Invalid, Conflict, Forbidden) as error:
        return _form(request, None, typed, error)
    return see_other("/roles?done=created")


@needs("users.read")
async def show(request: web.Request) -> web.StreamResponse:
    """A role: to be changed, or to be read by who may not, and when it comes with hotline."""
    role = await get_role(house_of(request).db, signed_of(request).viewer, request.match_info["name"])
    return _form(request, role, _values(role))


@fresh
@needs("roles.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the role; of one that comes with hotline only whether it asks for a second factor."""
    house, viewer = house_of(request), signed_of(request).viewer
    role = await get_role(house.db, viewer, request.match_info["name"])
    form = await form_of(request)
    typed = _typed(form)
    changes: workflow.RoleChanges = {"require_totp": typed["require_totp"]}
    if not role.built_in:
        changes = {
            **changes,
            "names": {language: text for language, text in typed["names"].items() if text},
            "permissions": typed["permissions"],
        }
    try:
        await workflow.change_role(house, viewer, role.name, changes, version_of(form))
    except (Invalid, Conflict, Forbidden) as error:
        return _form(request, role, _values(role) if role.built_in else typed, error)
    return see_other("/roles?done=saved")


def scopes_of(permissions: tuple[str, ...]) -> dict[str, str | None]:
    """How far a role sees each kind of record; None: not at all."""
    who = viewer_of(new_id(), frozenset(permissions))
    return {kind: who.scope_of(kind) if who.may(f"{kind}.read") else None for kind in SCOPED}


def _form(
    request: web.Request, role: RoleView | None, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    viewer = signed_of(request).viewer
    held = frozenset(values["permissions"])
    context = {
        "role": role,
        "name": role_names([role], request)[role.name] if role else "",
        "values": {**values, "scopes": scopes_of(tuple(held)), "held": held},
        "errors": problems(request, error) if error else {},
        "returned": error is not None,
        "writes": viewer.may("roles.write"),
        "may_change": viewer.may("roles.write") and not (role and role.built_in),
        "kinds": KIND_NAMES,
        "scopes": SCOPE_NAMES,
        "mask_names": MASK_NAMES,
        "groups": GROUPS,
        "meanings": PERMISSION_WORDS,
        "body": None if role is None else {
            "name": role.name, "names": dict(role.names), "permissions": list(role.permissions),
            "require_totp": role.require_totp,
        },
    }  # fmt: skip
    return html(request, "role.html", context, status=error.status if error else 200)


def _values(role: RoleView) -> dict[str, Any]:
    return {"permissions": role.permissions, "names": role.names, "require_totp": role.require_totp}


def _typed(form: Form) -> dict[str, Any]:
    """What the form says: a scope per kind, what is shown in full, and single permissions."""
    permissions = [name for name in fields(form, "permission") if name in _SINGLE]
    permissions += [name for name in fields(form, "shown") if name in MASKS]
    for kind in SCOPED:
        scope = field(form, f"scope_{kind}", 10)
        if scope in ("own", "team", "all"):
            permissions.append(f"{kind}.read")
        if scope in ("team", "all"):
            permissions.append(f"{kind}.read_{scope}")
    return {
        "permissions": tuple(dict.fromkeys(permissions)),
        "names": {"en": field(form, "name_en", 200).strip(), "zh": field(form, "name_zh", 200).strip()},
        "require_totp": field(form, "require_totp", 10) == "yes",
    }


def _key_of(names: Mapping[str, str]) -> str:
    """The name under which the API knows a role, out of what people call it."""
    return key_of(names.get("en", ""), 50) or f"role_{new_id().hex[-8:]}"


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/roles", index)
    app.router.add_get("/roles/new", new)
    app.router.add_post("/roles/new", create)
    app.router.add_get("/roles/{name}", show)
    app.router.add_post("/roles/{name}", update)
