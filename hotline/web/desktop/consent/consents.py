"""Consents: who agreed to what, who gets nothing, lists of both; and one customer's own."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from hotline.crm.queries.consent.consents import ConsentFilter, list_consent_records, list_consents, suppressed_channels
from hotline.crm.queries.consent.suppressions import list_suppressions
from hotline.crm.queries.pushes.push_files import list_push_files
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.consent import consent_words
from hotline.web.desktop.consent.suppression_errors import FAULTS
from hotline.web.desktop.customers import import_words
from hotline.web.desktop.customers.customer_pages import customer_of
from hotline.web.desktop.forms import Form, field, form_of, id_of, problems, refusal_words
from hotline.web.desktop.render import html, see_other
from hotline.web.problems import BadRequest
from hotline.web.rights import needs
from hotline.workflows.campaigns.links import preferences_url
from hotline.workflows.consent import consents as workflow
from hotline.workflows.consent import suppression_import, suppressions
from hotline.workflows.sealed_files import FileTooLarge

PAGE: Final = 50
#: Records of one customer that their page shows; lists that are shown.
RECORDS: Final = 100
LISTS: Final = 30
#: Bytes of the lists that the page itself takes; larger ones go to the API.
LARGEST: Final = 900_000
_EMPTY: Final = {"channel": "email", "reason": "opt_out", "purpose": "", "address": ""}


@needs("consents.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every record, the latest first."""
    house, viewer = house_of(request), signed_of(request).viewer
    chosen = _chosen(request, channel=consent_words.CHANNELS, purpose=consent_words.PURPOSES,
                     state=consent_words.ACTIONS, source=consent_words.SOURCES)  # fmt: skip
    after = id_of(request.query.get("after", ""))
    wanted = ConsentFilter(**{name: value or None for name, value in chosen.items()})  # type: ignore[arg-type]
    found = await list_consent_records(house.db, house.keyring, viewer, wanted, limit=PAGE + 1, after=after)
    return html(request, "consents.html", {
        "records": found[:PAGE],
        "next": str(found[PAGE - 1].id) if len(found) > PAGE else None,
        "chosen": chosen,
        "query": urlencode({name: value for name, value in chosen.items() if value}),
        "words": consent_words,
    })  # fmt: skip


@needs("consents.read")
async def held_back(request: web.Request) -> web.StreamResponse:
    """Who gets nothing."""
    return await _held_back(request, dict(_EMPTY))


@needs("consents.write")
async def hold_back(request: web.Request) -> web.StreamResponse:
    """Lets nothing more go to an address."""
    form = await form_of(request)
    values = {name: field(form, name, 254) for name in _EMPTY}
    try:
        await suppressions.add(
            house_of(request), signed_of(request).viewer, values["channel"], values["address"], values["reason"],
            values["purpose"] or "all",
        )  # fmt: skip
    except Invalid as error:
        return await _held_back(request, values, error)
    return see_other("/consents/suppressions?done=added")


async def _held_back(request: web.Request, values: dict[str, str], error: HotlineError | None = None) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    chosen = _chosen(request, channel=consent_words.CHANNELS)
    address = request.query.get("address", "")[:254].strip()
    problem, index = "", None
    if address:
        try:
            index = suppressions.index_of(house, chosen["channel"] or ("email" if "@" in address else "sms"), address)
        except Invalid as refused:
            problem = refusal_words(request, refused)
    lifted = "lifted" in request.query
    found = []
    if not problem:
        found = await list_suppressions(
            house.db, viewer, limit=PAGE + 1, after=id_of(request.query.get("after", "")),
            channel=chosen["channel"] or None, address_index=index, lifted=lifted,
        )  # fmt: skip
    query = {"channel": chosen["channel"], "address": address, **({"lifted": "yes"} if lifted else {})}
    context = {
        "rows": found[:PAGE],
        "next": str(found[PAGE - 1].id) if len(found) > PAGE else None,
        "chosen": {**chosen, "address": address, "lifted": lifted},
        "query": urlencode({name: value for name, value in query.items() if value}),
        "problem": problem,
        "values": values,
        "errors": problems(request, error) if error is not None else {},
        "theirs": suppressions.THEIRS,
        "addressed": suppressions.ADDRESSED,
        "done": request.query.get("done", ""),
        "words": consent_words,
    }
    return html(request, "suppressions.html", context, status=error.status if error is not None else 200)


@needs("consents.write")
async def lists(request: web.Request) -> web.StreamResponse:
    """Lists that were brought, and the place to bring another."""
    return await _lists(request, dict(_EMPTY))


@needs("consents.write")
async def bring(request: web.Request) -> web.StreamResponse:
    """Takes a list."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    values = {name: field(form, name, 254) for name in _EMPTY if name != "address"}
    try:
        name, data = _file_of(form)
        await suppression_import.receive(
            house, viewer, name, _one(data), channel=values["channel"], reason=values["reason"],
            purpose=values["purpose"],
        )  # fmt: skip
    except (Invalid, FileTooLarge) as error:
        return await _lists(request, values, error)
    return see_other("/consents/lists?done=brought")


def _file_of(form: Form) -> tuple[str, bytes]:
    sent = form.get("file")
    if isinstance(sent, web.FileField):
        data = sent.file.read(LARGEST + 1)
        if len(data) > LARGEST:
            # Never a part of it: those whose lines were cut off would be written to.
            raise FileTooLarge()
        return sent.filename, data
    if not isinstance(sent, str | bytes | bytearray):
        raise BadRequest()
    raise Invalid("file: it is empty.")


async def _one(data: bytes) -> Any:
    if data:
        yield data


async def _lists(request: web.Request, values: dict[str, str], error: HotlineError | None = None) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    found = await list_push_files(house.db, house.keyring, viewer, "suppressions", limit=LISTS)
    context = {
        "lists": found,
        "under_way": any(each.job is not None and each.job.state in ("queued", "running") for each in found),
        "values": values,
        "errors": problems(request, error) if error is not None else {},
        "addressed": suppressions.ADDRESSED,
        "done": request.query.get("done", ""),
        "words": consent_words,
        "import_words": import_words,
        "faults": FAULTS,
    }
    return html(request, "suppression_lists.html", context, status=error.status if error is not None else 200)


@needs("consents.read")
async def of_customer(request: web.Request) -> web.StreamResponse:
    """What one customer agreed to, with every record of it."""
    return await _of_customer(request, {})


@needs("consents.write")
async def say(request: web.Request) -> web.StreamResponse:
    """Writes down what they said."""
    form = await form_of(request)
    values = {name: field(form, name, 4_000) for name in ("channel", "purpose", "action", "wording", "proof", "source")}
    customer = await customer_of(request)
    try:
        new = workflow.NewConsent(
            customer.id, values["channel"], values["purpose"], values["action"], values["wording"], values["source"],
            values["proof"],
        )  # fmt: skip
        await workflow.record(house_of(request), signed_of(request).viewer, new)
    except (Invalid, Conflict) as error:
        return await _of_customer(request, values, error)
    return see_other(f"/customers/{customer.id}/consents?done=said")


async def _of_customer(request: web.Request, values: dict[str, str], error: HotlineError | None = None) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await customer_of(request)
    records = await list_consent_records(
        house.db, house.keyring, viewer, ConsentFilter(customer_id=customer.id), limit=RECORDS
    )
    may = viewer.may("consents.write") and not customer.erased
    context = {
        "customer": customer,
        "consents": await card(request, customer.id),
        "records": records,
        "may": may,
        "link": preferences_url(house, customer.id) if may else "",
        "values": {"channel": "email", "purpose": "marketing", "action": "granted", "wording": "", "proof": "",
                   "source": "call", **values},
        "errors": problems(request, error) if error is not None else {},
        "done": request.query.get("done", ""),
        "words": consent_words,
    }  # fmt: skip
    return html(request, "customer_consents.html", context, status=error.status if error is not None else 200)


async def card(request: web.Request, seen_id: Any) -> dict[str, Any] | None:
    """What a customer's page shows of it: (channel, state of marketing, of service, what is held back); None for who
    may not see it. Of a customer of whom the caller knows that the viewer sees them."""
    house, viewer = house_of(request), signed_of(request).viewer
    if not viewer.may("consents.read"):
        return None
    states = await list_consents(house.db, viewer, ConsentFilter(customer_id=seen_id), limit=RECORDS)
    held = await suppressed_channels(house.db, viewer, seen_id)
    said = {(each.channel, each.purpose): each.state for each in states}
    rows = [
        (channel, said.get((channel, "marketing")), said.get((channel, "service")), held.get(channel))
        for channel in consent_words.CHANNELS
        if channel in held or any((channel, purpose) in said for purpose in consent_words.PURPOSES)
    ]
    return {"rows": rows, "words": consent_words}


def _chosen(request: web.Request, **known: Any) -> dict[str, str]:
    return {
        name: value if (value := request.query.get(name, "")) in some else "" for name, some in known.items()
    }  # fmt: skip


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/consents", index)
    app.router.add_get("/consents/suppressions", held_back)
    app.router.add_post("/consents/suppressions", hold_back)
    app.router.add_get("/consents/lists", lists)
    app.router.add_post("/consents/lists", bring)
    app.router.add_get("/customers/{id}/consents", of_customer)
    app.router.add_post("/customers/{id}/consents", say)
