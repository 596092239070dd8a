"""How a content reads: filled in for one customer, or with examples. Nothing leaves by this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.consent import Channel
from hotline.campaigns.fields import COMPANY, TRIGGER
from hotline.campaigns.prices import written_price
from hotline.campaigns.render import Compiled, Rendered, compile_version, render
from hotline.campaigns.render_errors import MissingValue, RenderError, UnusableValue
from hotline.campaigns.value_text import written_day
from hotline.conversations import segments
from hotline.conversations.segments import Segments
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import Viewer
from hotline.workflows.house import House
from hotline.workflows.pushes.prices import price_list
from hotline.workflows.pushes.push_values import schema_of, values_for

#: What stands where a viewer may not read the value.
HIDDEN: Final = "•••"
#: Where the example's link to stop leads: nowhere, for nobody is behind it.
EXAMPLE_TOKEN: Final = "preview"  # noqa: S105 — no secret
_NAMES: Final = {"zh": "王小明", "de": "Erika Mustermann", "fr": "Camille Martin", "es": "Ana García"}
_REFERENCE: Final = "C10001"
_NOWHERE: Final = "https://www.example.com/"


@dataclass(frozen=True, slots=True)
class Preview:
    """One message as it would be. ``missing``: values that this recipient lacks and that have no default; they stand in
    it by their names, and the recipient would get nothing. ``refused``: why they would get nothing otherwise."""

    locale: str
    rendered: Rendered = field(repr=False)
    missing: tuple[str, ...]
    refused: str | None
    segments: Segments | None
    #: What it is expected to cost: (beginning of the numbers, price); of a customer's own number alone where one is
    #: chosen; empty where nobody wrote prices down.
    costs: tuple[tuple[str, str], ...] = ()


async def preview(
    house: House,
    viewer: Viewer,
    channel: Channel,
    content: Mapping[str, Any],
    *,
    locale: str | None = None,
    customer_id: UUID | None = None,
) -> Preview:
    """How a version's content reads: in ``locale`` where given, else in the customer's language; without a customer
    with examples. Raises NotFound for a customer whom the viewer does not see."""
    version = compile_version(channel, content)
    if customer_id is None:
        compiled = version.for_locale(locale)
        values = await _examples(house, compiled)
        number = ""
    else:
        customer = await get_customer(house.db, house.keyring, viewer, customer_id)
        compiled = version.for_locale(locale or customer.locale)
        found = await values_for(house, {customer.id: compiled.locale}, compiled.fields)
        values = {**found.get(customer.id, {}), "unsubscribe_url": example_url(house)}
        if "private" in viewer.masks:
            schema = await schema_of(house)
            private = {f"custom.{each.key}" for each in schema.fields.fields if each.private}
            values = {name: HIDDEN if name in private else value for name, value in values.items()}
        number = next((each.value for each in customer.contact_points if each.kind in ("phone", "whatsapp")), "")
    shown = filled(compiled, values)
    return replace(shown, costs=await _costs(house, channel, shown, number))


async def _costs(house: House, channel: Channel, shown: Preview, number: str) -> tuple[tuple[str, str], ...]:
    prices = await price_list(house)
    parts = shown.segments.count if shown.segments is not None else 1
    if number:
        cost = prices.of(channel, number, parts)
        return () if cost is None else (("", written_price(cost, prices.currency)),)
    return tuple((begins, written_price(cost, prices.currency)) for begins, cost in prices.all(channel, parts))


def filled(compiled: Compiled, values: Mapping[str, str]) -> Preview:
    """A message with these values; those that are missing stand in it by their names."""
    missing: dict[str, None] = {}
    refused = None
    known = dict(values)
    while True:
        try:
            rendered = render(compiled, known)
            break
        except (MissingValue, UnusableValue) as error:
            if isinstance(error, UnusableValue) and error.name not in missing:
                refused = error.detail
            else:
                missing[error.name] = None
            # Where a whole address is needed, a name is none: it is filled in for eyes only.
            known[error.name] = _NOWHERE if known.get(error.name) == _named(error.name) else _named(error.name)
        except RenderError as error:
            return Preview(compiled.locale, Rendered(), tuple(missing), error.detail, None)
    counted = segments.count(rendered.body) if compiled.channel == "sms" else None
    return Preview(compiled.locale, rendered, tuple(missing), refused, counted)


def example_url(house: House) -> str:
    """What stands for the address to stop in messages that are none."""
    return f"{house.settings.base_url}/u/{EXAMPLE_TOKEN}"


def _named(name: str) -> str:
    return f"[{name.removeprefix('custom.')}]"


async def _examples(house: House, compiled: Compiled) -> dict[str, str]:
    schema = await schema_of(house)
    language = compiled.locale.partition("-")[0]
    name = _NAMES.get(language, "Alex Morgan")
    today = written_day(house.clock().astimezone(schema.zone).date(), compiled.locale)
    values = {
        "customer.name": name,
        "customer.first_name": name.split()[0],
        "customer.reference": _REFERENCE,
        "customer.tier": "Gold",
        "customer.locale": compiled.locale,
        "today": today,
        "unsubscribe_url": example_url(house),
        **{each: schema.company.get(each) or f"[{each}]" for each in COMPANY},
        **{each: f"[{each}]" for each in TRIGGER},
    }
    for each in compiled.fields:
        if each.startswith("custom."):
            described = schema.fields.get(each.removeprefix("custom."))
            values[each] = _example_of(described.type if described else "text", each, today)
        else:
            values.setdefault(each, f"[{each}]")
    return values


def _example_of(kind: str, name: str, today: str) -> str:
    match kind:
        case "number" | "decimal":
            return "42"
        case "money":
            return "12.50 EUR"
        case "date" | "datetime":
            return today
        case "url":
            return "https://www.example.com/"
        case _:
            return f"[{name.removeprefix('custom.')}]"
