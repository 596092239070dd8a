"""The IVR's flows: which are in use, what was refused and why, and each as a picture with the ways of its callers."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from hotline.errors import NotFound
from hotline.ivr.draw_words import KINDS, TYPES, WAYS
from hotline.ivr.parts import worded
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.i18n import language_of
from hotline.web.desktop.render import html, say
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.ivr import flow_views as views

#: The words in pictures, for the catalogues.
WORDS: Final = (
    N_("say"), N_("play"), N_("menu"), N_("digits"), N_("language"), N_("hours"), N_("lookup"), N_("set"),
    N_("branch"), N_("queue"), N_("transfer"), N_("voicemail"), N_("survey"), N_("flow"), N_("back"), N_("hang up"),
    N_("next"), N_("otherwise"), N_("skipped"), N_("open"), N_("closed"), N_("holiday"), N_("found"), N_("not found"),
    N_("failed"), N_("answered"), N_("nobody in time"), N_("no agent"), N_("full"), N_("not answered"),
    N_("recorded"), N_("no message"), N_("entered"), N_("consultation"), N_("complaint"), N_("service request"),
)  # fmt: skip


@needs("flows.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every flow of this node, and what is wrong with files."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = await views.list_flows(house, viewer)
    told = {problem for view in found for problem in view.problems}
    others = [one for problems in house.flows.problems.values() for one in problems if one not in told]
    return html(request, "flows.html", {"flows": found, "others": others, "folder": house.settings.flows_dir})


@needs("flows.read")
async def show(request: web.Request) -> web.StreamResponse:
    """One flow as a picture, and the same as a table."""
    house, viewer = house_of(request), signed_of(request).viewer
    name = request.match_info["name"]
    view = await views.get_flow(house, viewer, name)
    version = _version(request)
    context: dict[str, Any] = {
        "flow": view,
        "versions": await views.list_versions(house, viewer, name),
        "version": version,
    }
    if not view.used:
        return html(request, "flow.html", {**context, "picture": None, "ways": [], "days": views.DAYS})
    flows = await views.flow_of(house, viewer, name, version)
    ways = await views.list_ways(house, viewer, flows, version)
    language = language_of(request)
    svg = await views.picture(
        flows,
        views.counts_of(ways),
        language,
        word=lambda word: say(request, word),
        link=lambda called: f"/flows/{called}",
        standalone=False,
    )
    words = {**WAYS, **KINDS, **TYPES}
    rows = [(way, say(request, words[way.way]) if way.way in words else "") for way in ways if way.times]
    context["labels"] = {name: worded(node.label, language) for name, node in flows.root.nodes.items()}
    # Drawn by us from escaped texts.
    picture = Markup(svg)  # noqa: S704
    return html(request, "flow.html", {**context, "picture": picture, "ways": rows, "days": views.DAYS})


def _version(request: web.Request) -> int | None:
    text = request.query.get("version", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise NotFound()
    return int(text)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/flows", index)
    app.router.add_get("/flows/{name}", show)
