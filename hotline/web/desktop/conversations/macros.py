"""Macros: replies that stand ready: the person's own, their teams', everybody's; one with what it said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.conversations.macros import CHANNELS, PLACEHOLDERS
from hotline.crm.queries.conversations.macros import MacroView, get_macro, list_macro_versions, list_macros
from hotline.crm.queries.people.teams import list_teams
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.conversations import message_words
from hotline.web.desktop.forms import Form, field, fields, form_of, problems, uuid_of, version_of, words_of
from hotline.web.desktop.i18n import LANGUAGES
from hotline.web.desktop.render import html, see_other
from hotline.web.desktop.tickets import ticket_words
from hotline.web.rights import needs
from hotline.workflows.conversations import macros as workflow
from hotline.workflows.conversations.macros import LONGEST_TEXT

#: Rows for a template's gaps on the form.
GAPS: Final = 6


@needs("conversations.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Those that the viewer may use, or those that are archived."""
    house, viewer = house_of(request), signed_of(request).viewer
    archived = "archived" in request.query
    context = {
        "macros": await list_macros(house.db, viewer, archived=archived),
        "archived": archived,
        "words": message_words,
        "ticket_words": ticket_words,
        "done": request.query.get("done", ""),
    }
    return html(request, "macro_list.html", context)


@needs("conversations.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new macro."""
    audience = "all" if signed_of(request).viewer.may("macros.write") else "own"
    return await _form(request, None, {**_EMPTY, "audience": audience})


@needs("conversations.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Makes the macro, or shows the form again with what is wrong."""
    typed = _typed(await form_of(request))
    try:
        made: Any = {**_changes(typed), "audience": typed["audience"], "team_id": _team(typed)}
        await workflow.create_macro(house_of(request), signed_of(request).viewer, made)
    except (Invalid, Conflict) as error:
        return await _form(request, None, typed, error)
    return see_other("/macros?done=created")


@needs("conversations.read")
async def show(request: web.Request) -> web.StreamResponse:
    """A macro: to be changed, or to be read by who may not, and what it said before."""
    house, viewer = house_of(request), signed_of(request).viewer
    macro = await get_macro(house.db, viewer, uuid_of(request))
    values = {
        "name": macro.name,
        "audience": macro.audience,
        "team": str(macro.team_id or ""),
        "texts": dict(macro.texts),
        "channels": list(macro.channels),
        "kind": macro.actions.kind or "",
        "state": macro.actions.state or "",
        "assign": macro.actions.assign or "",
        "tags": ", ".join(macro.actions.tags),
        "template": macro.template or "",
        "variables": list(macro.variables),
    }
    return await _form(request, macro, values)


@needs("conversations.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the macro, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    macro = await get_macro(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    typed = _typed(form)
    try:
        await workflow.change_macro(house, viewer, macro.id, _changes(typed), version_of(form))
    except (Invalid, Conflict) as error:
        return await _form(request, macro, {**typed, "audience": macro.audience}, error)
    return see_other("/macros?done=saved")


async def _form(
    request: web.Request, macro: MacroView | None, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    shared = viewer.may("macros.write")
    context = {
        "macro": macro,
        "values": values,
        "errors": problems(request, error) if error else {},
        "returned": error is not None,
        "may_change": viewer.may("conversations.write") and (macro is None or macro.mine),
        "audiences": [each for each in message_words.AUDIENCES if shared or each == "own"],
        "teams": await list_teams(house.db, viewer) if shared and viewer.may("users.read") else [],
        "versions": await list_macro_versions(house.db, viewer, macro.id) if macro else [],
        "placeholders": {f"{{{name}}}": message_words.PLACEHOLDER_WORDS[name] for name in PLACEHOLDERS},
        "names": list(PLACEHOLDERS),
        "channels": CHANNELS,
        "gaps": GAPS,
        "longest": LONGEST_TEXT,
        "words": message_words,
        "ticket_words": ticket_words,
    }
    return html(request, "macro.html", context, status=error.status if error else 200)


_EMPTY: Final[Mapping[str, Any]] = {
    "name": "", "audience": "own", "team": "", "texts": {}, "channels": [], "kind": "", "state": "", "assign": "",
    "tags": "", "template": "", "variables": [],
}  # fmt: skip


def _typed(form: Form) -> dict[str, Any]:
    return {
        "name": field(form, "name", 200),
        "audience": field(form, "audience", 10) or "own",
        "team": field(form, "team", 40),
        "texts": {code: field(form, f"texts_{code}", 2 * LONGEST_TEXT) for code in LANGUAGES},
        "channels": fields(form, "channel", 20),
        "kind": field(form, "kind", 40),
        "state": field(form, "state", 20),
        "assign": field(form, "assign", 20),
        "tags": field(form, "tags", 1000),
        "template": field(form, "template", 100),
        "variables": fields(form, "variable", 60),
    }


def _changes(typed: Mapping[str, Any]) -> workflow.MacroChanges:
    return {
        "name": typed["name"],
        "texts": typed["texts"],
        "channels": typed["channels"],
        "actions": {
            "kind": typed["kind"] or None,
            "state": typed["state"] or None,
            "assign": typed["assign"] or None,
            "tags": _words(typed["tags"]),
        },
        "template": typed["template"],
        "variables": _filled(typed["variables"]),
    }


def _words(text: str) -> list[str]:
    return words_of(text)


def _filled(names: Sequence[str]) -> list[str]:
    """The gaps' placeholders up to the first that is left empty."""
    return list(names[: next((at for at, name in enumerate(names) if not name), len(names))])


def _team(typed: Mapping[str, Any]) -> UUID | None:
    if typed["audience"] != "team":
        return None
    try:
        return UUID(typed["team"])
    except ValueError:
        raise Invalid("team: there is no such team.") from None


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/macros", index)
    app.router.add_get("/macros/new", new)
    app.router.add_post("/macros/new", create)
    app.router.add_get("/macros/{id}", show)
    app.router.add_post("/macros/{id}", update)
