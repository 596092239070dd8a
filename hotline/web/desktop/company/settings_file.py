"""Settings as one file: taken away, and brought in after a look at what would change."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from hotline.errors import HotlineError, Invalid
from hotline.web import auth
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company.settings_words import SECTIONS
from hotline.web.desktop.forms import field, form_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import fresh, needs
from hotline.workflows.company import settings_file as workflow
from hotline.workflows.company.settings_file import Change, SettingsFile

#: Characters of a file; a form with it must stay below the largest body.
LONGEST: Final = 600_000
#: Changes that are listed; of more, their number.
LISTED: Final = 300


@needs("settings.read")
async def show(request: web.Request) -> web.StreamResponse:
    """Take the file away, or choose one to bring in."""
    return _page(request)


@needs("settings.read")
async def download(request: web.Request) -> web.StreamResponse:
    """The file."""
    file = await workflow.export_settings(house_of(request), signed_of(request).viewer)
    text = json.dumps(file.model_dump(mode="json"), ensure_ascii=False, indent=2)
    headers = {"Content-Disposition": 'attachment; filename="hotline-settings.json"', "Cache-Control": "no-store"}
    return web.Response(text=text, content_type="application/json", charset="utf-8", headers=headers)


@fresh
@needs("settings.write")
async def bring(request: web.Request) -> web.StreamResponse:
    """Shows what a file would change; sent again with ``apply`` it does."""
    form = await form_of(request)
    sent = form.get("file")
    text = field(form, "settings", LONGEST)
    if isinstance(sent, web.FileField):
        raw = sent.file.read(LONGEST + 1)
        text = raw.decode("utf-8-sig", "replace") if len(raw) <= LONGEST else ""
    try:
        file = _file(text)
        apply = "apply" in form
        changes = await workflow.import_settings(house_of(request), signed_of(request).viewer, file, dry_run=not apply)
    except Invalid as error:
        return _page(request, problem=error)
    if apply:
        return see_other(f"/settings/file?done={len(changes)}")
    return _page(request, changes=changes, text=text)


def _file(text: str) -> SettingsFile:
    try:
        return SettingsFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "settings"
        raise Invalid(f"{place}: {first['msg']}") from None


def _page(
    request: web.Request, *, changes: list[Change] | None = None, text: str = "", problem: HotlineError | None = None
) -> web.Response:
    place, _, said = problem.detail.partition(": ") if problem else ("", "", "")
    done = request.query.get("done", "")
    context: dict[str, Any] = {
        "page": "file",
        "fresh": auth.is_confirmed(request, signed_of(request), to_begin=True),
        "words": SECTIONS,
        "changes": None
        if changes is None
        else [(each.place, _said(each.before), _said(each.after)) for each in changes],
        "listed": LISTED,
        "text": text,
        "place": place,
        "said": said,
        "done": int(done) if done.isdecimal() and len(done) < 6 else None,
    }
    return html(request, "settings_file.html", context, status=200 if problem is None else problem.status)


def _said(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/settings/file", show)
    app.router.add_get("/settings/file/hotline-settings.json", download)
    app.router.add_post("/settings/file", bring)
