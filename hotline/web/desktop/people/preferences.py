"""``/u/<token>``: what customers get, chosen by themselves; nobody signs in, and no script is needed.

Programs of mail providers and security gateways open every link (GET, HEAD) before a person does: these change nothing.
A POST whose body says ``List-Unsubscribe=One-Click`` unsubscribes without a further question (RFC 8058 section 3.2),
whoever sends it, from wherever, without a cookie; the page's own forms are the other POSTs.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hotline.campaigns.consent import Channel, Purpose
from hotline.crm.queries.consent.preferences import Holder
from hotline.web.context import house_of
from hotline.web.desktop.i18n import LANGUAGE, LANGUAGES, language_of
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.problems import LimitReached
from hotline.web.rate_limits import Buckets
from hotline.web.rights import public, unmetered
from hotline.workflows.consent import preferences as workflow

#: A link that is asked for by its owner, and by the programs on its way: so many a second, so many at once.
LINK_LIMIT: Final = (0.5, 40.0)
#: Who tries links that nobody made, by address. A mail provider's few addresses send the clicks of millions: those of
#: links that are ours are never counted here.
FORGED_LIMIT: Final = (0.5, 30.0)
_LINKS: Final = web.AppKey("preference_links", Buckets)
_FORGED: Final = web.AppKey("preference_forged", Buckets)

ONE_CLICK: Final = ("List-Unsubscribe", "One-Click")

CHANNELS: Final[dict[Channel, tuple[str, str]]] = {
    "email": ("mail", N_("Email")),
    "sms": ("sms", N_("Text messages (SMS)")),
    "whatsapp": ("chat", N_("WhatsApp")),
    "voice": ("phone", N_("Telephone")),
    "inapp": ("device", N_("In the app")),
}
#: What stands beside the boxes: whoever ticks one has agreed to this sentence, and it is kept as their consent.
WORDINGS: Final[dict[tuple[Channel, Purpose], str]] = {
    ("email", "marketing"): N_("Send me news and offers by email."),
    ("email", "service"): N_("Tell me by email what concerns my orders, requests and appointments."),
    ("sms", "marketing"): N_("Send me news and offers by text message (SMS)."),
    ("sms", "service"): N_("Tell me by text message (SMS) what concerns my orders, requests and appointments."),
    ("whatsapp", "marketing"): N_("Send me news and offers by WhatsApp."),
    ("whatsapp", "service"): N_("Tell me by WhatsApp what concerns my orders, requests and appointments."),
    ("voice", "marketing"): N_("Call me with news and offers."),
    ("voice", "service"): N_("Call me about what concerns my orders, requests and appointments."),
    ("inapp", "marketing"): N_("Show me news and offers in the app."),
    ("inapp", "service"): N_("Show me in the app what concerns my orders, requests and appointments."),
}
STOP: Final[dict[Channel, str]] = {
    "email": N_("No more news and offers by email"),
    "sms": N_("No more news and offers by text message"),
    "whatsapp": N_("No more news and offers by WhatsApp"),
    "voice": N_("No more calls with news and offers"),
    "inapp": N_("No more news and offers in the app"),
}
STOPPED: Final[dict[Channel, str]] = {
    "email": N_("You get no news and offers by email."),
    "sms": N_("You get no news and offers by text message."),
    "whatsapp": N_("You get no news and offers by WhatsApp."),
    "voice": N_("You get no calls with news and offers."),
    "inapp": N_("You get no news and offers in the app."),
}
EVERYTHING: Final = N_("Send me nothing at all")


@public
async def show(request: web.Request) -> web.StreamResponse:
    """What they get; looking changes nothing."""
    target = _target(request)
    if target is None:
        return _nowhere(request)
    try:
        whose = await workflow.holder(house_of(request), target)
    except workflow.NoSuchLink:
        return _nowhere(request)
    return _page(request, whose)


@unmetered
@public
async def change(request: web.Request) -> web.StreamResponse:
    """A mail program's one click, or a form of the page."""
    target = _target(request)
    if target is None:
        return _nowhere(request)
    form = await request.post()
    house, ip, do = house_of(request), (request.remote or "")[:64], form.get("do")
    try:
        if form.get(ONE_CLICK[0]) == ONE_CLICK[1]:
            return _page(request, await workflow.unsubscribe(house, target, ip=ip), done="unsubscribed")
        whose = await workflow.holder(house, target)
        _speak(request, whose)
        if do == "unsubscribe":
            wording = say(request, STOP[whose.channel]) if whose.channel else ""
            await workflow.unsubscribe(house, target, ip=ip, wording=wording)
            return see_other(_again(request, "unsubscribed"))
        if do == "stop":
            await workflow.stop_everything(house, target, ip=ip, wording=say(request, EVERYTHING))
            return see_other(_again(request, "stopped"))
        if do == "save":
            shown = [place for place in WORDINGS if f"{place[0]}.{place[1]}" in form.getall("shown", [])]
            chosen = {place: f"{place[0]}.{place[1]}" in form for place in shown}
            wordings = {place: say(request, WORDINGS[place]) for place in shown}
            await workflow.choose(house, target, chosen, wordings, ip=ip)
            return see_other(_again(request, "saved"))
    except workflow.NoSuchLink:
        return _nowhere(request)
    # Nothing that this page knows: nothing is changed, and they see what is.
    return _page(request, whose, status=400)


def _target(request: web.Request) -> workflow.Target | None:
    """Whose link it is. Raises LimitReached."""
    token = request.match_info["token"]
    target = workflow.read(house_of(request), token)
    bucket, key = (_FORGED, request.remote or "") if target is None else (_LINKS, token)
    if wait := request.config_dict[bucket].take(key):
        raise LimitReached(wait)
    return target


def _speak(request: web.Request, whose: Holder | None) -> None:
    """In the language that they chose above, else the one that their message was in, else their browser's."""
    for asked in (request.query.get("language", ""), (whose.locale or "")[:2] if whose else ""):
        if asked in LANGUAGES:
            request[LANGUAGE] = asked
            return


def _again(request: web.Request, done: str) -> str:
    return f"/u/{request.match_info['token']}?done={done}&language={language_of(request)}"


def _page(request: web.Request, whose: Holder, *, done: str = "", status: int = 200) -> web.Response:
    _speak(request, whose)
    done = done or request.query.get("done", "")
    own = next((each for each in whose.channels if each.channel == whose.channel), None)
    # Anybody may write an address: it is told what holds, never what an address says.
    told = [own] if own is not None else whose.channels
    if (done == "unsubscribed" and any(each.marketing for each in told)) or (
        done == "stopped" and any(each.marketing or each.service for each in whose.channels)
    ):
        done = ""
    context = {
        "whose": whose,
        "token": request.match_info["token"],
        "done": done,
        "own": own,
        "channels": CHANNELS,
        "wordings": WORDINGS,
        "stop": STOP,
        "stopped": STOPPED,
        "everything": EVERYTHING,
        "refused": status == 400,
    }
    return html(request, "preferences.html", context, status=status)


def _nowhere(request: web.Request) -> web.Response:
    """A link that is incomplete, made up, or long over; the same words for all of them."""
    _speak(request, None)
    context = {"whose": None, "token": "", "done": "", "refused": False}
    return html(request, "preferences.html", context, status=workflow.NoSuchLink.status)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app[_LINKS] = Buckets(*LINK_LIMIT)
    app[_FORGED] = Buckets(*FORGED_LIMIT)
    app.router.add_get("/u/{token}", show)
    app.router.add_post("/u/{token}", change)
