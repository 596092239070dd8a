"""Templates of what campaigns send: made, changed, archived. Every change of what one says is a further version; what
was approved with an older one must be reviewed again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.campaigns.content import as_written
from hotline.crm.commands.campaigns import templates as commands
from hotline.crm.commands.campaigns.campaign_voids import void_by_template
from hotline.crm.queries.campaigns.templates import TemplateView, get_template
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.workflows.campaigns.template_content import channel_of, content_of
from hotline.workflows.house import House
from hotline.workflows.pushes.dispatch_gate import settle_stopped

LONGEST_NAME: Final = 100


class TemplateChanges(TypedDict, total=False):
    """What may change of a template; what is absent stays. ``locales``: what it says, by language; ``default``: the
    language of recipients whose own is not among them."""

    name: str
    locales: Mapping[str, Mapping[str, Any]]
    default: str
    track_links: bool


class NewTemplate(TemplateChanges, total=False):
    """A template to be made; its channel never changes."""

    channel: str


async def create_template(house: House, viewer: Viewer, data: NewTemplate) -> TemplateView:
    """Make a template. Raises Invalid, which names the field, and Conflict for a name that is taken."""
    viewer.require("templates.write")
    channel = channel_of(data.get("channel", ""))
    name = one_line(data.get("name", ""), "name", LONGEST_NAME, needed=True)
    async with house.unit(viewer) as uow:
        content = await content_of(
            uow, viewer, channel, data.get("locales", {}),
            default=data.get("default"), track_links=data.get("track_links", False),
        )  # fmt: skip
        template_id = await commands.create_template(uow, name, channel, content)
        return await get_template(uow, viewer, template_id)


async def change_template(
    house: House, viewer: Viewer, template_id: UUID, changes: TemplateChanges, expected_version: int | None = None
) -> TemplateView:
    """Change a template. When it says something else then, what it said before is kept, and whatever campaign of it is
    in review or approved must be reviewed again. Raises NotFound, Invalid, Conflict."""
    viewer.require("templates.write")
    async with house.unit(viewer) as uow:
        before = await get_template(uow, viewer, template_id)
        content = None
        if changes.keys() & {"locales", "default", "track_links"}:
            content = await content_of(
                uow, viewer, before.channel, changes["locales"] if "locales" in changes else _written(before),
                default=changes.get("default", before.content["default"]),
                track_links=changes.get("track_links", before.content["track_links"]),
            )  # fmt: skip
        name = one_line(changes["name"], "name", LONGEST_NAME, needed=True) if "name" in changes else None
        if await commands.update_template(uow, template_id, expected_version, name=name, content=content):
            await void_by_template(uow, template_id)
        view = await get_template(uow, viewer, template_id)
    await settle_stopped(house, uow)
    return view


async def archive_template(house: House, viewer: Viewer, template_id: UUID, *, archived: bool = True) -> TemplateView:
    """Take a template out of use, or bring it back. What was approved with it stays so. Raises NotFound, Conflict."""
    viewer.require("templates.write")
    async with house.unit(viewer) as uow:
        await commands.archive_template(uow, template_id, archived=archived)
        return await get_template(uow, viewer, template_id)


def _written(template: TemplateView) -> dict[str, dict[str, Any]]:
    return {locale: as_written(template.channel, each) for locale, each in template.content["locales"].items()}
