"""What somebody may do and see at this moment, and why; and the same about one record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.people.rights import RecordRights, explain, get_rights
from hotline.crm.queries.people.roles import list_roles
from hotline.crm.viewer import MASKS, SCOPED, Scoped
from hotline.errors import HotlineError, Invalid, NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import refusal_words, uuid_of
from hotline.web.desktop.people.permission_words import (
    GROUPS,
    KIND_NAMES,
    MASK_NAMES,
    PERMISSION_WORDS,
    REASONS,
    SCOPE_NAMES,
    role_names,
)
from hotline.web.desktop.render import html, say
from hotline.web.desktop.words import N_
from hotline.web.rights import signed_in

_NUMBER: Final = re.compile(r"([CcTtMm])(\d{1,12})")
_PAGES: Final = {"customers": "/customers", "tickets": "/tickets", "conversations": "/conversations"}
_LETTERS: Final[Mapping[str, Scoped]] = {"C": "customers", "T": "tickets", "M": "conversations"}


@signed_in
async def show(request: web.Request) -> web.StreamResponse:
    """The view of one user; with ``?record=`` about one record, too."""
    house, viewer, now = house_of(request), signed_of(request).viewer, house_of(request).clock()
    user_id = uuid_of(request)
    view = await get_rights(house.db, viewer, now, user_id)
    roles = await list_roles(house.db, viewer) if viewer.may("users.read") else []
    asked = request.query.get("record", "").strip()[:60]
    record, problem = None, ""
    if asked:
        try:
            record = await _explained(request, user_id, asked)
        except NotFound:
            problem = say(request, N_("There is no such record, or you do not see it yourself."))
        except HotlineError as error:
            problem = refusal_words(request, error)
    context: dict[str, Any] = {
        "view": view,
        "names": {view.role: view.role, **role_names(roles, request)},
        "held": {each.name: each.sources for each in view.permissions},
        "kinds": KIND_NAMES,
        "scopes": SCOPE_NAMES,
        "masks": MASK_NAMES,
        "mask_order": tuple(MASKS),
        "groups": GROUPS,
        "meanings": PERMISSION_WORDS,
        "reasons": REASONS,
        "asked": asked,
        "record": record,
        "record_page": f"{_PAGES[record.kind]}/{record.id}" if record and record.kind in _PAGES else "",
        "problem": problem,
        "own": user_id == viewer.user_id,
    }
    return html(request, "effective_rights.html", context, status=422 if problem else 200)


async def _explained(request: web.Request, user_id: UUID, asked: str) -> RecordRights:
    """A record is named by its number (C10001, T10001, M10001), or by its id, whatever it is of."""
    house, viewer, now = house_of(request), signed_of(request).viewer, house_of(request).clock()
    if number := _NUMBER.fullmatch(asked):
        kind = _LETTERS[number[1].upper()]
        return await explain(house.db, viewer, now, user_id, kind, int(number[2]))
    try:
        record_id = UUID(asked.rpartition("/")[2])
    except ValueError:
        raise Invalid(say(request, N_("Write a number such as C10001 or T10001, or the id of a call."))) from None
    for kind in SCOPED:
        try:
            return await explain(house.db, viewer, now, user_id, kind, record_id)
        except NotFound:
            continue
    raise NotFound


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get("/users/{id}/rights", show)
