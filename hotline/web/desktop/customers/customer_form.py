"""The form of a customer: what it shows, what was typed, and where two people changed the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.calendars.zones import zone_names
from hotline.crm.queries.customers.customers import CustomerView
from hotline.crm.queries.customers.tiers import list_tags, list_tiers
from hotline.crm.queries.people.users import list_users
from hotline.customers.three_way import Decided, EditConflict
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers.custom_forms import (
    custom_errors,
    custom_typed,
    custom_values,
    custom_written,
    offered,
)
from hotline.web.desktop.customers.customer_pages import customer_of
from hotline.web.desktop.customers.customer_values import CHANNELS, Speaker, speaker
from hotline.web.desktop.forms import Form, field, fields, form_of, id_of, once_of, version_of, words_of
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.customers import customers as workflow
from hotline.workflows.customers.customers import AddressInput, ContactPointInput, CustomerChanges

#: Most users that a form offers.
_MOST_USERS: Final = 500
#: Days of the week that a span of time is offered for, as the form sends them.
DAYS: Final[Mapping[str, str]] = {
    "1,2,3,4,5": N_("Monday to Friday"), "1,2,3,4,5,6,7": N_("every day"), "6,7": N_("at weekends"), "1": N_("Monday"),
    "2": N_("Tuesday"), "3": N_("Wednesday"), "4": N_("Thursday"), "5": N_("Friday"), "6": N_("Saturday"),
    "7": N_("Sunday"),
}  # fmt: skip
_POINT: Final = ("point_id", "point_kind", "point_value", "point_label")
_ADDRESS: Final = ("address_id", "address_text", "address_label", "address_country")
_TIME: Final = ("time_days", "time_from", "time_to")
_SIMPLE: Final = ("kind", "name", "locale", "tier", "tags", "classification", "responsible", "channel", "timezone")


@needs("customers.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new customer."""
    kind = "organisation" if request.query.get("kind") == "organisation" else "person"
    return await _form(request, None, {"kind": kind})


@needs("customers.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Makes the customer, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    try:
        changes = await _changes(request, form)
        made = await workflow.create_customer(house, viewer, changes, once_of(request, form), complete=True)
    except (Invalid, Conflict, Forbidden) as error:
        return await _form(request, None, await _typed(request, form), error)
    return see_other(f"/customers/{made.id}")


@needs("customers.write")
async def edit(request: web.Request) -> web.StreamResponse:
    """The form of a customer."""
    customer = await customer_of(request)
    return await _form(request, customer, await _values(request, customer))


@needs("customers.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the customer. What others changed meanwhile stays; where both changed the same, the form comes back with
    both values, and whoever sent it chooses."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await customer_of(request)
    form = await form_of(request)
    try:
        changes = await _changes(request, form)
        base = version_of(form) or customer.version
        decided = _decided(form)
        changed = await workflow.update_customer(
            house, viewer, customer.id, changes, base_version=base, decided=decided
        )
    except EditConflict as conflict:
        return await _form(request, customer, await _typed(request, form), conflict)
    except (Invalid, Conflict, Forbidden) as error:
        return await _form(request, customer, await _typed(request, form), error)
    done = f"?done=changed&version={changed.version}" if changed.version > customer.version else ""
    return see_other(f"/customers/{customer.id}{done}")


def _decided(form: Form) -> Decided | None:
    """Whose value stays, as the form of a conflict sends it back."""
    seen = field(form, "conflict_version", 20)
    if not seen.isdecimal():
        return None
    sides: dict[str, Any] = {
        name.removeprefix("side:"): value
        for name, value in form.items()
        if name.startswith("side:") and value in ("yours", "theirs")
    }
    return Decided(int(seen), sides)


async def _form(
    request: web.Request, customer: CustomerView | None, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    errors = custom_errors(request, error) if error else {}
    speak = await speaker(request)
    people = await _people(request, customer)
    tiers = await list_tiers(house.db, viewer)
    conflicts: list[dict[str, Any]] = []
    if isinstance(error, EditConflict):
        errors = {"": say(request, N_("You and somebody else changed the same. Choose what shall stay."))}
        names = {user["id"]: user["name"] for user in people} | {
            tier.key: tier.names.get(speak.language) or tier.names.get("en") or tier.key for tier in tiers
        }
        conflicts = _conflicts(request, speak, error, names)
    elif isinstance(error, Conflict) and error.detail == Conflict().detail:
        errors = {
            "": say(
                request,
                N_(
                    "Somebody else changed this customer meanwhile. What you typed is still here;"
                    " open the record in another tab to see the change."
                ),
            )
        }
    context = {
        "customer": customer,
        "values": {
            **dict.fromkeys((*_SIMPLE, "version"), ""),
            "points": [],
            "addresses": [],
            "times": [],
            "custom": {},
            **values,
        },
        "errors": errors,
        "conflicts": conflicts,
        "returned": error is not None,
        "tiers": tiers,
        "all_tags": [tag.name for tag in (await list_tags(house.db, viewer))[:300]],
        "classifications": speak.lists.entries("classification"),
        "people": people,
        "channels": CHANNELS,
        "span_days": DAYS,
        "speak": speak,
        "zones": sorted(
            name for name in zone_names() if "/" in name and not name.startswith(("Etc/", "posix", "right"))
        ),
        "customs": await offered(request, "customer"),
        "masked": customer.custom_masked if customer else (),
    }
    return html(request, "customer_edit.html", context, status=error.status if error else 200)


def _conflicts(
    request: web.Request, speak: Speaker, error: EditConflict, people: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "field": each.field,
            "name": speak.field(each.field),
            "yours": speak.lines(each.field, each.yours, people) or [say(request, N_("nothing"))],
            "theirs": speak.lines(each.field, each.theirs, people) or [say(request, N_("nothing"))],
            "by": each.by_name or say(request, N_("hotline")),
            "at": each.at,
        }
        for each in error.conflicts
    ]


async def _people(request: web.Request, customer: CustomerView | None) -> list[dict[str, str]]:
    """Who may look after them, as far as the viewer may choose: everybody, or oneself for whom nobody has."""
    house, viewer = house_of(request), signed_of(request).viewer
    now = customer.responsible if customer else None
    found = [] if now is None else [{"id": str(now.id), "login": now.login, "name": now.name}]
    if viewer.may("customers.transfer") and viewer.may("users.read"):
        users = await list_users(house.db, viewer, limit=_MOST_USERS)
        found += [
            {"id": str(user.id), "login": user.login, "name": user.name}
            for user in users
            if user.disabled_at is None and (now is None or user.id != now.id)
        ]
    elif now is None:
        signed = signed_of(request)
        found.append({"id": str(viewer.user_id), "login": signed.login, "name": signed.login})
    return sorted(found, key=lambda user: user["name"].casefold())


async def _values(request: web.Request, customer: CustomerView) -> dict[str, Any]:
    return {
        "kind": customer.kind,
        "name": customer.name,
        "locale": customer.locale or "",
        "tier": customer.tier.key if customer.tier else "",
        "tags": ", ".join(customer.tags),
        "classification": customer.classification or "",
        "responsible": customer.responsible.login if customer.responsible else "",
        "channel": customer.preferences.get("channel", ""),
        "timezone": customer.preferences.get("timezone", ""),
        "times": [
            {"days": ",".join(map(str, span["days"])), "from": span["from"], "to": span["to"]}
            for span in customer.preferences.get("times", ())
        ],
        "custom": await custom_written(request, "customer", customer.custom),
        "points": [
            {"id": point.id, "kind": point.kind, "value": "" if point.masked else point.display,
             "shown": point.display, "label": point.label}
            for point in customer.contact_points
        ],
        "addresses": [
            {"id": address.id, "label": address.label, "text": address.text, "country": address.country or ""}
            for address in customer.addresses
        ],
    }  # fmt: skip


async def _changes(request: web.Request, form: Form) -> CustomerChanges:
    points: list[ContactPointInput] = []
    for row in _rows(form, _POINT):
        if row["point_value"].strip() or row["point_id"]:
            point: ContactPointInput = {
                "kind": row["point_kind"], "value": row["point_value"], "label": row["point_label"]
            }  # fmt: skip
            if (kept := id_of(row["point_id"])) is not None:
                point["id"] = kept
            points.append(point)
    addresses: list[AddressInput] = []
    for row in _rows(form, _ADDRESS):
        if row["address_text"].strip() or row["address_id"]:
            address: AddressInput = {
                "label": row["address_label"],
                "text": row["address_text"],
                "country": row["address_country"].strip().upper() or None,
            }
            if (kept := id_of(row["address_id"])) is not None:
                address["id"] = kept
            addresses.append(address)
    times = [
        {"days": [int(day) for day in row["time_days"].split(",") if day.isdecimal()], "from": row["time_from"],
         "to": row["time_to"]}
        for row in _rows(form, _TIME)
        if row["time_from"] or row["time_to"]
    ]  # fmt: skip
    changes: CustomerChanges = {
        "kind": field(form, "kind", 20),
        "name": field(form, "name"),
        "locale": field(form, "locale", 20) or None,
        "tier": field(form, "tier", 40) or None,
        "tags": words_of(field(form, "tags", 5000)),
        "classification": field(form, "classification", 64) or None,
        "preferences": {
            "channel": field(form, "channel", 20) or None, "timezone": field(form, "timezone", 64).strip() or None,
            "times": times or None,
        },
        "contact_points": points,
        "addresses": addresses,
        "custom": await custom_values(request, form, "customer", field(form, "kind", 20)),
    }  # fmt: skip
    if "responsible" in form:
        changes["responsible"] = field(form, "responsible", 150) or None
    return changes


async def _typed(request: web.Request, form: Form) -> dict[str, Any]:
    """What was typed, to be shown again."""
    return {
        **{name: field(form, name)[:1_000] for name in _SIMPLE},
        "custom": await custom_typed(request, form, "customer"),
        "version": field(form, "version", 20),
        "points": [
            {"id": row["point_id"], "kind": row["point_kind"], "value": row["point_value"], "shown": "",
             "label": row["point_label"]}
            for row in _rows(form, _POINT)
        ],
        "addresses": [
            {"id": row["address_id"], "label": row["address_label"], "text": row["address_text"],
             "country": row["address_country"]}
            for row in _rows(form, _ADDRESS)
        ],
        "times": [
            {"days": row["time_days"], "from": row["time_from"], "to": row["time_to"]} for row in _rows(form, _TIME)
        ],
    }  # fmt: skip


def _rows(form: Form, names: tuple[str, ...]) -> list[dict[str, str]]:
    columns = [fields(form, name, 2000) for name in names]
    return [dict(zip(names, row, strict=False)) for row in zip(*columns, strict=False)]


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers/new", new)
    app.router.add_post("/customers/new", create)
    app.router.add_get("/customers/{id}/edit", edit)
    app.router.add_post("/customers/{id}/edit", update)
