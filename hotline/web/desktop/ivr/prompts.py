"""Prompts: what callers hear in each language, to be listened to and replaced by recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import form_of
from hotline.web.desktop.render import html, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.ivr import prompt_recordings as workflow
from hotline.workflows.ivr.prompt_recordings import PromptView

#: How a prompt stands in a language → (what the badge says, its colour, its icon).
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "recorded": (N_("a person’s voice"), "badge-accent", "mic"),
    "spoken": (N_("the machine’s voice"), "badge-plain", "volume"),
    "waiting": (N_("is being made"), "badge-plain", "clock"),
    "failed": (N_("cannot be heard"), "badge-breach", "alert"),
}
LANGUAGES: Final[Mapping[str, str]] = {"en": N_("English"), "zh": N_("Chinese")}

#: What may be looked at: (value, name).
VIEWS: Final = (
    ("", N_("All")),
    ("failed", N_("With problems")),
    ("recorded", N_("Recorded")),
    ("spoken", N_("Spoken")),
)


@needs("flows.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every prompt of the flows, those with problems first when asked for."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = workflow.list_prompts(house, viewer)
    shown = request.query.get("show", "")
    context = {
        "prompts": [prompt for prompt in found if _shown(prompt, shown)],
        "total": len(found),
        "failed": sum(state.state == "failed" or bool(state.why) for prompt in found for state in prompt.states),
        "waiting": sum(state.state == "waiting" for prompt in found for state in prompt.states),
        "show": shown if shown in dict(VIEWS) else "",
        "views": VIEWS,
        "states": STATES,
        "language_names": LANGUAGES,
        "trouble": workflow.trouble(house),
        "working": workflow.speaks(house),
    }
    return html(request, "prompts.html", context)


@needs("prompts.write")
async def retry(request: web.Request) -> web.StreamResponse:
    """Tries again at once what could not be made."""
    await form_of(request)
    workflow.unmake_all(house_of(request))
    return see_other("/prompts")


def _shown(prompt: PromptView, show: str) -> bool:
    states: Sequence[str] = [state.state for state in prompt.states]
    if show == "failed":
        return "failed" in states or any(state.why for state in prompt.states)
    return show not in ("recorded", "spoken") or show in states


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/prompts", index)
    app.router.add_post("/prompts/retry", retry)
