"""The guided first set-up: a PBX, an agent, a queue, the customers; each step tried live, each skippable, in any order,
today or tomorrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.calls.presence import STALE, list_agents, list_pbxs
from hotline.crm.queries.company.setup import STEPS, Step
from hotline.crm.queries.people.users import UserView, get_user, list_users
from hotline.errors import Conflict, HotlineError, Invalid, NotFound
from hotline.settings import PbxAddress
from hotline.web import auth
from hotline.web.context import EXAMINE, Examine, Found, house_of, signed_of
from hotline.web.desktop.forms import Form, field, form_of, needed_id_of, problems, refusal_words
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import fresh, needs
from hotline.workflows.calls import pbx_addresses
from hotline.workflows.calls.pbx_addresses import NewPbx
from hotline.workflows.company import setup as workflow
from hotline.workflows.people import users
from hotline.workflows.people.users import NewUser

MOST: Final = 200

#: Step → (what it is called, what it is for).
WORDS: Final[Mapping[Step, tuple[str, str]]] = {
    "pbx": (
        N_("Connect the telephone system"),
        N_("hotline listens to your Asterisk or FreePBX, and tells it whom to call."),
    ),
    "agent": (
        N_("The first agent"),
        N_("Somebody who answers: a name, a password for the desk, and the phone that rings."),
    ),
    "queue": (N_("The first queue"), N_("Where callers wait; the agent signs in to it at the desk.")),
    "import": (
        N_("Bring your customers"),
        N_("From a CSV or XLSX file, so that the first caller is known by name. You see every row before it counts."),
    ),
}
#: Why an agent could not be signed in to a queue, in words; others are shown as the PBX says them.
_FAILED: Final[Mapping[str, str]] = {
    "expired": N_("The PBX did not answer in time. Is it connected? Then try again."),
    "unknown": N_("It is not known what became of it: the connection was lost in the middle. Try again."),
}


@dataclass(frozen=True, slots=True)
class Note:
    """A finding of ours, beside those of the PBX."""

    name: str
    verdict: str
    found: str
    advice: tuple[str, ...] = ()
    translated: bool = True


@needs("settings.write")
async def show(request: web.Request) -> web.StreamResponse:
    """Every step with its state; the first one that is left is open."""
    return await _page(request)


@fresh
@needs("settings.write")
async def pbx(request: web.Request) -> web.StreamResponse:
    """Tries a PBX, and keeps it when it lets hotline in."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    typed = _typed_pbx(form)
    try:
        address = pbx_addresses.cleaned(typed)
        if any(address.name == each.name for each in pbx_addresses.from_environment(house)):
            raise Conflict("name: this PBX is set by HOTLINE_AMI_URLS; change it there.")
    except (Invalid, Conflict) as error:
        return await _page(request, step="pbx", typed=dict(typed), errors=problems(request, error), status=error.status)
    found = await _examine(request).pbx(address)
    if any(each.name in ("reach", "login", "time") and each.verdict == "wrong" for each in found):
        return await _page(request, step="pbx", typed=dict(typed), found=found, status=422)
    await pbx_addresses.keep(house, viewer, address)
    return await _page(request, step="pbx", found=found, kept=address.name)


@needs("settings.write")
async def try_pbx(request: web.Request) -> web.StreamResponse:
    """Tries a PBX that there is already."""
    address = _known_pbx(request)
    return await _page(request, step="pbx", found=await _examine(request).pbx(address))


@fresh
@needs("settings.write")
async def drop_pbx(request: web.Request) -> web.StreamResponse:
    """Forgets a PBX that was entered here."""
    await pbx_addresses.drop(house_of(request), signed_of(request).viewer, _known_pbx(request).name)
    return see_other("/setup#pbx")


@fresh
@needs("users.write")
async def agent(request: web.Request) -> web.StreamResponse:
    """Adds the agent and asks the PBX about their phone."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    typed = {name: field(form, name, 300) for name in ("name", "login", "extension", "interface")}
    data: NewUser = {
        "name": typed["name"],
        "login": typed["login"],
        "role": "agent",
        "locale": viewer.locale,
        "extension": typed["extension"] or None,
        "interfaces": [typed["interface"].strip()] if typed["interface"].strip() else [],
        "password": field(form, "password", 1000) or None,
    }
    try:
        if not data["interfaces"]:
            raise Invalid("interfaces: something must stand here.")
        user = await users.create_user(house, viewer, data)
    except (Invalid, Conflict) as error:
        errors = problems(request, error)
        errors = {"interface" if name == "interfaces" else name: text for name, text in errors.items()}
        return await _page(request, step="agent", typed=typed, errors=errors, status=error.status)
    return await _page(request, step="agent", found=await _try_phone(request, user))


@needs("settings.write")
async def try_agent(request: web.Request) -> web.StreamResponse:
    """Asks the PBX about an agent's phone once more."""
    form = await form_of(request)
    return await _page(request, step="agent", found=await _try_phone(request, await _user(request, form)))


@fresh
@needs("users.write")
async def queue(request: web.Request) -> web.StreamResponse:
    """Gives the agent a queue, and signs them in to it on the PBX: that is the proof that it works."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    user = await _user(request, form)
    name = field(form, "queue", 200).strip()
    typed = {"queue": name, "agent": str(user.id)}
    try:
        if not name:
            raise Invalid("queues: something must stand here.")
        await workflow.give_queue(house, viewer, user.id, name)
    except (Invalid, Conflict) as error:
        errors = {"queue": next(iter(problems(request, error).values()))}
        return await _page(request, step="queue", typed=typed, errors=errors, status=error.status)
    return await _page(request, step="queue", typed=typed, found=[await _signed_in(request, user, name)])


@needs("settings.write")
async def skip(request: web.Request) -> web.StreamResponse:
    """Leaves a step out."""
    await workflow.skip(house_of(request), signed_of(request).viewer, _step(request))
    return see_other("/setup")


@needs("settings.write")
async def resume(request: web.Request) -> web.StreamResponse:
    """Takes a step up again."""
    step = _step(request)
    await workflow.skip(house_of(request), signed_of(request).viewer, step, skipped=False)
    return see_other(f"/setup#{step}")


async def _page(
    request: web.Request,
    *,
    step: Step | None = None,
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    found: Sequence[Found | Note] = (),
    kept: str = "",
    status: int = 200,
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    view = await workflow.look(house)
    now = house.clock()
    states = {each.id: each.connected and now - each.updated_at <= STALE for each in await list_pbxs(house.db, viewer)}
    fixed = {address.name for address in pbx_addresses.from_environment(house)}
    agents = [
        user
        for user in await list_users(house.db, viewer, limit=MOST, with_disabled=False)
        if user.interfaces and not user.disabled_at
    ]
    context = {
        "path": "/setup",  # a form's answer has an address that nobody can go to
        "view": view,
        "words": WORDS,
        "opened": step or view.next,
        "acted": step,
        "pbxs": [(address, states.get(address.name), address.name in fixed) for address in house.settings.ami_urls],
        "agents": sorted(agents, key=lambda user: user.created_at),
        "queues": await _queues(request),
        "typed": typed or {},
        "errors": errors or {},
        "found": found,
        "kept": kept,
        "fresh": auth.is_confirmed(request, signed_of(request), to_begin=True),
    }
    return html(request, "setup.html", context, status=status)


async def _queues(request: web.Request) -> list[str]:
    """The queues that are known: of the PBXs' members, and those that agents have."""
    house, viewer = house_of(request), signed_of(request).viewer
    known = {member.queue for agent in await list_agents(house.db, viewer) for member in agent.members}
    known |= {
        queue for user in await list_users(house.db, viewer, limit=MOST, with_disabled=False) for queue in user.queues
    }
    return sorted(known)


async def _try_phone(request: web.Request, user: UserView) -> list[Found | Note]:
    addresses = house_of(request).settings.ami_urls
    if not addresses:
        return [Note("phone", "unknown", say(request, N_("Not tried: no telephone system is connected yet.")))]
    if not user.interfaces:
        return [Note("phone", "wrong", say(request, N_("This user has no phone.")))]
    return [await _examine(request).phone(address, user.interfaces[0]) for address in addresses]


async def _signed_in(request: web.Request, user: UserView, queue: str) -> Note:
    house, viewer = house_of(request), signed_of(request).viewer
    if not house.settings.ami_urls:
        return Note("queue", "unknown", say(request, N_("Not tried: no telephone system is connected yet.")))
    tried = await workflow.try_queue(house, viewer, user.login, queue)
    if isinstance(tried, HotlineError):
        return Note("queue", "wrong", refusal_words(request, tried))
    if tried.state == "done":
        message = N_("{name} is signed in to {queue} now: the next caller rings there.")
        return Note("queue", "ok", say(request, message, name=user.name, queue=queue))
    if tried.state in _FAILED:
        return Note("queue", "warning", say(request, _FAILED[tried.state]))
    advice = ("/etc/asterisk/queues.conf; then asterisk -rx 'queue reload all':", f"[{queue}]", "strategy = rrmemory")
    said = tried.message or tried.error or tried.state
    known = refusal_words(request, Invalid(said))
    return Note("queue", "wrong", known, advice, translated=known.casefold() != said.casefold())


async def _user(request: web.Request, form: Form) -> UserView:
    return await get_user(house_of(request).db, signed_of(request).viewer, needed_id_of(field(form, "agent", 50)))


def _typed_pbx(form: Form) -> NewPbx:
    port = field(form, "port", 10).strip()
    return {
        "name": field(form, "name", 100),
        "host": field(form, "host", 300),
        "port": int(port) if port.isdecimal() else None,
        "user": field(form, "user", 300),
        "secret": field(form, "secret", 500),
        "tls": "tls" in form,
        "verify": "any_certificate" not in form,
    }


def _known_pbx(request: web.Request) -> PbxAddress:
    name = request.match_info["name"]
    for address in house_of(request).settings.ami_urls:
        if address.name == name:
            return address
    raise NotFound()


def _step(request: web.Request) -> Step:
    step = request.match_info["step"]
    if step not in STEPS:
        raise NotFound()
    return step


def _examine(request: web.Request) -> Examine:
    return request.config_dict[EXAMINE]


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/setup", show)
    app.router.add_post("/setup/pbx", pbx)
    app.router.add_post("/setup/pbx/{name}/try", try_pbx)
    app.router.add_post("/setup/pbx/{name}/drop", drop_pbx)
    app.router.add_post("/setup/agent", agent)
    app.router.add_post("/setup/agent/try", try_agent)
    app.router.add_post("/setup/queue", queue)
    app.router.add_post("/setup/{step}/skip", skip)
    app.router.add_post("/setup/{step}/resume", resume)
