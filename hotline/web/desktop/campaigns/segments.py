"""Segments: the list, and one with its rules to be edited, counted while they are, and its lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.campaigns.consent import ASKED
from hotline.campaigns.segment_fields import EVENT_WORDS, EVENTS, FIELDS, SURVEY, Field, custom_field
from hotline.campaigns.segment_rules import conditions
from hotline.crm.company import Formats
from hotline.crm.queries.campaigns.audience import Definition, Lists
from hotline.crm.queries.campaigns.campaigns import list_campaigns
from hotline.crm.queries.campaigns.segments import (
    SegmentView,
    Side,
    get_segment,
    list_members,
    list_segments,
    list_versions,
)
from hotline.crm.queries.company.lists import read_lists
from hotline.crm.queries.customers.custom_fields import read_fields
from hotline.crm.queries.customers.customer_search import read_customers, search_customers
from hotline.crm.queries.customers.tiers import list_tiers
from hotline.customers.custom_fields import CustomField
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.campaigns import segment_forms, segment_words
from hotline.web.desktop.campaigns.segment_words import Names
from hotline.web.desktop.forms import Form, field, fields, form_of, problems, refusal_words, uuid_of, version_of
from hotline.web.desktop.i18n import language_of, words
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.campaigns import segment_counts
from hotline.workflows.campaigns import segments as workflow
from hotline.workflows.company import company
from hotline.workflows.ivr.flow_views import survey_questions

PAGE: Final = 50
VERSIONS: Final = 20
#: Customers of a list that the page shows.
SHOWN_MEMBERS: Final = 50
SAMPLED: Final = 8
_LANGUAGES: Final = {"en": "English", "zh": "中文", "de": "Deutsch", "fr": "Français", "es": "Español"}


@dataclass(frozen=True, slots=True)
class Offer:
    """What the form offers: fields by group with their names, and what values are called."""

    custom: tuple[CustomField, ...]
    groups: Mapping[str, list[tuple[str, str]]]
    names: Names
    currency: str

    def offers(self, name: str) -> bool:
        """Whether a field can be chosen."""
        return any(name == each for found in self.groups.values() for each, _ in found)


@needs("segments.read")
async def index(request: web.Request) -> web.StreamResponse:
    """The latest first; those that are archived, or whose names hold something."""
    house, viewer = house_of(request), signed_of(request).viewer
    archived, text = "archived" in request.query, request.query.get("q", "")[:100]
    found = await list_segments(
        house.db, viewer, limit=PAGE + 1, after=_id(request.query.get("after", "")), archived=archived,
        kept=not archived, text=text,
    )  # fmt: skip
    offer = await _offer(request)
    tell = _say(request)
    context = {
        "segments": [(each, segment_words.said(tell, offer.names, each.current.rules)) for each in found[:PAGE]],
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "archived": archived,
        "q": text,
        "done": request.query.get("done", ""),
    }
    return html(request, "segment_list.html", context)


@needs("segments.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new segment."""
    return await _page(request, None, {"name": "", "description": ""}, segment_forms.Node(segment_forms.ROOT, "all"))


@needs("segments.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Keeps the segment, or shows the form again with what is wrong; without scripts also after each button in it."""
    form = await form_of(request)
    offer = await _offer(request)
    typed, tree = _typed(form), segment_forms.read(form, offer.custom)
    if wish := field(form, "do", 100):
        return await _page(request, None, typed, segment_forms.change(tree, wish), offer=offer)
    try:
        made = await workflow.create_segment(
            house_of(request), signed_of(request).viewer, typed["name"], segment_forms.rules(tree), typed["description"]
        )
    except (Invalid, Conflict) as error:
        return await _page(request, None, typed, tree, error, offer)
    return see_other(f"/segments/{made.id}?done=created")


@needs("segments.read")
async def show(request: web.Request) -> web.StreamResponse:
    """A segment: to be changed, or to be read by who may not, with what it said before."""
    segment = await get_segment(house_of(request).db, signed_of(request).viewer, uuid_of(request))
    offer = await _offer(request)
    tree = segment_forms.tree_of(segment.current.rules, offer.custom)
    typed = {"name": segment.name, "description": segment.description}
    return await _page(request, segment, typed, tree, offer=offer)


@needs("segments.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the segment, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    segment = await get_segment(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    offer = await _offer(request)
    typed, tree = _typed(form), segment_forms.read(form, offer.custom)
    if wish := field(form, "do", 100):
        return await _page(request, segment, typed, segment_forms.change(tree, wish), offer=offer)
    try:
        await workflow.change_segment(
            house, viewer, segment.id, name=typed["name"], description=typed["description"],
            rules=segment_forms.rules(tree), expected_version=version_of(form),
        )  # fmt: skip
    except (Invalid, Conflict) as error:
        return await _page(request, segment, typed, tree, error, offer)
    return see_other(f"/segments/{segment.id}?done=saved")


@needs("segments.read")
async def editor(request: web.Request) -> web.StreamResponse:
    """The rules again after a button, or after another field was chosen."""
    form = await form_of(request)
    offer = await _offer(request)
    tree = segment_forms.change(segment_forms.read(form, offer.custom), field(form, "do", 100))
    answer = html(request, "segment_editor.html", _editing(request, tree, offer))
    # The count hears of it.
    answer.headers["HX-Trigger"] = "rules"
    return answer


@needs("segments.read")
async def count(request: web.Request) -> web.StreamResponse:
    """What the rules that are being edited come to: how many, who is out and why, some of them."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    offer = await _offer(request)
    tree = segment_forms.read(form, offer.custom)
    context: dict[str, Any] = {"reasons": segment_words.REASONS, "answer": None, "problem": "", "slow": False}
    try:
        rule = await workflow.check(house, viewer, segment_forms.rules(tree))
        lists = None
        if segment_id := _id(field(form, "segment", 40)):
            segment = await get_segment(house.db, viewer, segment_id)
            lists = Lists(segment.id, segment.version)
        context["slow"] = any(each.field.type == "event" for each in conditions(rule))
        context["answer"] = await workflow.ask(
            house, viewer, Definition(rule, lists), field(form, "channel", 20) or None,
            field(form, "purpose", 20) or "marketing", samples=SAMPLED, seed=_seed(form),
        )  # fmt: skip
    except (Invalid, Forbidden, workflow.TooSlow) as error:
        unfinished = isinstance(error, Invalid) and segment_forms.mark(tree, error, "")
        context["problem"] = (
            say(request, N_("Something is missing in a condition.")) if unfinished else refusal_words(request, error)
        )
    return html(request, "segment_count.html", context)


@needs("segments.write")
async def members(request: web.Request) -> web.StreamResponse:
    """Puts a customer on a list, or takes some off it."""
    house, viewer = house_of(request), signed_of(request).viewer
    segment_id = uuid_of(request)
    form = await form_of(request)
    side: Side = "exclude" if field(form, "side", 10) == "exclude" else "include"
    remove = [each for text in fields(form, "remove", 40) if (each := _id(text)) is not None]
    try:
        add = [] if remove else await _found(request, field(form, "customer", 200))
        await workflow.change_members(house, viewer, segment_id, side, add=add, remove=remove)
    except (Invalid, Conflict) as error:
        segment = await get_segment(house.db, viewer, segment_id)
        offer = await _offer(request)
        tree = segment_forms.tree_of(segment.current.rules, offer.custom)
        typed = {"name": segment.name, "description": segment.description}
        wrong = {f"customer-{side}": refusal_words(request, error)}
        return await _page(request, segment, typed, tree, offer=offer, wrong=wrong)
    return see_other(f"/segments/{segment_id}?done=listed#list-{side}")


@needs("segments.read")
async def why(request: web.Request) -> web.StreamResponse:
    """Why a customer is in a segment or not, condition by condition."""
    house, viewer = house_of(request), signed_of(request).viewer
    definition = await workflow.definition_of(house, viewer, uuid_of(request))
    context: dict[str, Any] = {"found": None, "problem": "", "line": None, "reasons": segment_words.REASONS}
    try:
        (customer_id, *_) = await _found(request, request.query.get("customer", "")[:200])
        found = await workflow.explained(
            house, viewer, definition, customer_id, request.query.get("channel") or None,
            request.query.get("purpose") or "marketing",
        )  # fmt: skip
        shown = await read_customers(house.db, house.keyring, viewer, [customer_id])
        context |= {"found": found, "customer": shown[0] if shown else None}
        if found.parts is not None:
            context["line"] = segment_words.said(_say(request), (await _offer(request)).names, found.parts)
    except Invalid as error:
        context["problem"] = refusal_words(request, error)
    return html(request, "segment_why.html", context)


@needs("segments.read")
async def count_all(request: web.Request) -> web.StreamResponse:
    """Counts a segment as it is kept in the background; the job's page shows how far it is."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    job_id = await segment_counts.start(
        house, viewer, uuid_of(request), field(form, "channel", 20) or None, field(form, "purpose", 20) or "marketing"
    )
    return see_other(f"/jobs/{job_id}")


@needs("segments.write")
async def archive(request: web.Request) -> web.StreamResponse:
    """Offers a segment no more."""
    await workflow.archive_segment(house_of(request), signed_of(request).viewer, uuid_of(request))
    return see_other("/segments?done=archived")


# What the page needs


async def _page(
    request: web.Request,
    segment: SegmentView | None,
    typed: Mapping[str, str],
    tree: segment_forms.Node,
    error: HotlineError | None = None,
    offer: Offer | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    offer = offer or await _offer(request)
    errors: dict[str, str] = dict(wrong or {})
    if error is not None:
        marked = isinstance(error, Invalid) and segment_forms.mark(tree, error, refusal_words(request, error))
        errors |= {"": say(request, N_("Not saved: see the marked condition."))} if marked else problems(request, error)
    lists: dict[str, Any] = {}
    versions = []
    tell = _say(request)
    if segment is not None:
        for side in ("include", "exclude"):
            ids = await list_members(house.db, viewer, segment.id, side, limit=SHOWN_MEMBERS)
            lists[side] = await read_customers(house.db, house.keyring, viewer, ids)
        versions = [
            (each, segment_words.said(tell, offer.names, each.rules))
            for each in await list_versions(house.db, viewer, segment.id, limit=VERSIONS)
        ]
    context = {
        "segment": segment,
        "typed": typed,
        "errors": errors,
        "lists": lists,
        "versions": versions,
        "channels": {each: segment_words.WORDS[each] for each in ASKED},
        "purposes": segment_words.PURPOSES,
        "longest": workflow.LONGEST_DESCRIPTION,
        "done": request.query.get("done", ""),
        **_editing(request, tree, offer),
        "may_change": viewer.may("segments.write") and (segment is None or not segment.archived),
    }
    return html(request, "segment.html", context, status=error.status if error else 422 if wrong else 200)


def _editing(request: web.Request, tree: segment_forms.Node, offer: Offer) -> dict[str, Any]:
    tell = _say(request)
    return {
        "tree": tree,
        "offer": offer,
        "ops": segment_words.OPS,
        "modes": segment_words.MODES,
        "group_names": segment_words.GROUPS,
        "parts": segment_words.PARTS,
        "events": EVENTS,
        "event_words": EVENT_WORDS,
        "deepest": segment_forms.OFFERED_DEPTH,
        "named": lambda asked, value: segment_words.word(tell, offer.names, asked, value),
        "field_name": lambda name: segment_words.field_name(tell, offer.names, name),
        "choices": lambda asked: _choices(asked, offer),
        "may_change": signed_of(request).viewer.may("segments.write"),
    }


def _choices(asked: Field, offer: Offer) -> list[str] | None:
    """The values that a field offers to be ticked; None: they are typed."""
    if asked.choices is not None:
        return list(asked.choices)
    own = offer.names.values.get(asked.name)
    return list(own) if own and asked.name in _TICKED else None


#: Fields of the company's own lists that are short enough to be ticked.
_TICKED: Final = frozenset({"tier", "classification", "locale", "source"})


async def _offer(request: web.Request) -> Offer:
    house, viewer, language = house_of(request), signed_of(request).viewer, language_of(request)
    tell = _say(request)
    custom = (await read_fields(house.db, viewer)).fields
    values: dict[str, dict[str, str]] = {
        "tier": {
            each.key: each.names.get(language) or each.names.get("en") or each.key
            for each in await list_tiers(house.db, viewer)
        },
        "locale": dict(_LANGUAGES),
        "source": {each: tell(segment_words.WORDS[each]) for each in ("hand", "import", "api")},
    }
    lists = await read_lists(house.db, viewer)
    values["classification"] = {each.key: each.name(language) for each in lists.entries("classification")}
    if viewer.may("campaigns.read"):
        campaigns = await list_campaigns(house.db, viewer, limit=PAGE)
        values["delivery.campaign"] = {str(each.id): each.name for each in campaigns}
    groups: dict[str, list[tuple[str, str]]] = {}
    for each in FIELDS.values():
        groups.setdefault(each.group, []).append((each.name, tell(segment_words.FIELDS[each.name])))
    names: dict[str, str] = {}
    for question in survey_questions(house):
        asked_of = SURVEY + question
        groups["calls"].append((asked_of, segment_words.field_name(tell, Names(values, names), asked_of)))
    for described in custom:
        if (asked := custom_field(described)) is None:
            continue
        names[asked.name] = described.name(language)
        values[asked.name] = {choice.key: choice.name(language) for choice in described.choices}
        if not described.archived:
            groups.setdefault("custom", []).append((asked.name, names[asked.name]))
    currency = company.known(house, Formats).currency
    return Offer(custom, groups, Names(values, names), currency)


async def names_of(request: web.Request) -> Names:
    """What values of rules are called, for pages that show rules (``segment_words.said``)."""
    return (await _offer(request)).names


async def _found(request: web.Request, text: str) -> list[UUID]:
    """The one customer who is meant by what was typed. Raises Invalid for none, or several."""
    house, viewer = house_of(request), signed_of(request).viewer
    if not text.strip():
        raise Invalid("customer: something must stand here.")
    found = await search_customers(house.db, house.keyring, viewer, text, region=house.settings.region, limit=2)
    if not found:
        raise Invalid("customer: nobody is found by this.")
    if len(found) > 1:
        raise Invalid("customer: several are found by this; type the number, such as C10001.")
    return [found[0].id]


def _typed(form: Form) -> dict[str, str]:
    return {
        "name": field(form, "name", 2 * workflow.LONGEST_NAME),
        "description": field(form, "description", 2 * workflow.LONGEST_DESCRIPTION),
    }


def _say(request: web.Request) -> Callable[[str], str]:
    return words(language_of(request)).gettext


def _seed(form: Form) -> int:
    text = field(form, "seed", 12)
    return int(text) if text.isdecimal() else 0


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound from None


def setup(app: web.Application) -> None:
    """Adds the pages' routes."""
    app.router.add_get("/segments", index)
    app.router.add_get("/segments/new", new)
    app.router.add_post("/segments/new", create)
    app.router.add_post("/segments/editor", editor)
    app.router.add_post("/segments/count", count)
    app.router.add_get("/segments/{id}", show)
    app.router.add_post("/segments/{id}", update)
    app.router.add_post("/segments/{id}/members", members)
    app.router.add_get("/segments/{id}/why", why)
    app.router.add_post("/segments/{id}/count", count_all)
    app.router.add_post("/segments/{id}/archive", archive)
