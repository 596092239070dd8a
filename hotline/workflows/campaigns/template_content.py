"""Content as authors send it, made into what a version holds: checked against the company's schema, MJML made into
HTML, the text part made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.consent import CHANNELS, Channel
from hotline.campaigns.content import MOST_LOCALES, clean, clean_locale, whole
from hotline.channels.mail.mjml import html_of, text_of
from hotline.crm.commands.campaigns.templates import keep_anonymous
from hotline.crm.database import Reader
from hotline.crm.queries.customers.custom_fields import read_fields
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import Viewer
from hotline.errors import Invalid

#: The language of a variant that names none.
USUAL_LOCALE: Final = "en"


def channel_of(text: str, place: str = "channel") -> Channel:
    """The channel of this name. Raises Invalid."""
    for channel in CHANNELS:
        if text == channel:
            return channel
    raise Invalid(f"{place}: one of {', '.join(CHANNELS)}.")


async def custom_keys(db: Reader, viewer: Viewer) -> tuple[str, ...]:
    """The keys of the fields that customers have: what ``{{ custom.… }}`` may name."""
    fields = (await read_fields(db, viewer)).fields
    return tuple(field.key for field in fields if field.target == "customer" and not field.archived)


async def content_of(
    db: Reader,
    viewer: Viewer,
    channel: Channel,
    locales: Mapping[str, Mapping[str, Any]],
    *,
    default: str | None = None,
    track_links: bool = False,
) -> dict[str, Any]:
    """A version's content of what was written in each language; ``default`` None: the first of them. Raises Invalid,
    which names the field, ``locales.en.body``."""
    if len(locales) > MOST_LOCALES:
        raise Invalid(f"locales: at most {MOST_LOCALES}.")
    custom = await custom_keys(db, viewer)
    made: dict[str, dict[str, Any]] = {}
    first = None
    for written, given in locales.items():
        locale = clean_locale(written, "locales")
        if locale in made:
            raise Invalid(f"locales.{written}: this language is there already.")
        made[locale] = await _cleaned(channel, given, locale, custom, f"locales.{written}")
        first = first or locale
    return whole(channel, made, clean_locale(default, "default") if default else first or "", track_links=track_links)


async def version_of_variants(
    uow: UnitOfWork,
    channel: Channel,
    variants: Sequence[Mapping[str, Any]],
    *,
    track_links: bool = False,
    places: Sequence[str] | None = None,
) -> UUID:
    """A version without a template of one arm's variants, one per language as ``{locale, subject, body, …}``; the first
    one's language is the default. ``places`` name them in errors, else variants.0, variants.1 … Raises Invalid."""
    if not variants:
        raise Invalid("variants: write what is sent.")
    custom = await custom_keys(uow, uow.viewer)
    made: dict[str, dict[str, Any]] = {}
    default = None
    for at, given in enumerate(variants):
        place = places[at] if places is not None else f"variants.{at}"
        locale = clean_locale(str(given.get("locale") or USUAL_LOCALE), f"{place}.locale")
        if locale in made:
            raise Invalid(f"{place}.locale: this language is there already.")
        made[locale] = await _cleaned(channel, given, locale, custom, place)
        default = default or locale
    return await keep_anonymous(uow, channel, whole(channel, made, default or "", track_links=track_links))


async def _cleaned(
    channel: Channel, given: Mapping[str, Any], locale: str, custom: Sequence[str], place: str
) -> dict[str, Any]:
    if channel != "email":
        return clean(channel, given, locale, custom, place, html_of, text_of)
    # A long mail takes a second: nobody else waits for it.
    return await asyncio.to_thread(clean, channel, given, locale, custom, place, html_of, text_of)
