"""The company's settings, in sections."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hotline.crm.company import SECTIONS, Section, SectionView, get_section, list_sections
from hotline.web.endpoint import Ask, Endpoint, Output, endpoint
from hotline.workflows.company import company as workflow


class SettingsOut(Output):
    """A section. `version` 0: nobody changed it yet, `value` are the defaults."""

    section: str
    value: dict[str, Any]
    version: int
    updated_at: datetime | None


class SettingsList(Output):
    """Every section."""

    items: list[SettingsOut]
    next: str | None = None


def render(view: SectionView) -> SettingsOut:
    """A section as it is shown outside."""
    return SettingsOut(
        section=view.name,
        value=view.value.model_dump(mode="json"),
        version=view.version,
        updated_at=view.updated_at,
    )


@endpoint("GET", "/settings", right="settings.read", summary="The company's settings")
async def list_settings(ask: Ask) -> SettingsList:
    return SettingsList(items=[render(view) for view in await list_sections(ask.house.db, ask.viewer)])


def _reading(section: type[Section]) -> Endpoint:
    async def get_settings(ask: Ask) -> SettingsOut:
        return render(await get_section(ask.house.db, ask.viewer, section.section))

    get_settings.__name__ = f"get_{section.section}_settings"
    path = f"/settings/{section.section}"
    return endpoint("GET", path, right="settings.read", summary=f"Settings: {section.section}")(get_settings)


def _writing(section: type[Section]) -> Endpoint:
    async def put_settings(ask: Ask, body: Section) -> SettingsOut:
        """What is absent stays. `If-Match` binds it to a version."""
        view = await get_section(ask.house.db, ask.viewer, section.section)
        expected = ask.expected_version(view.version, None)
        value = view.value.model_copy(update={name: getattr(body, name) for name in body.model_fields_set})
        return render(await workflow.put(ask.house, ask.viewer, value, expected))

    put_settings.__name__ = f"put_{section.section}_settings"
    # The body's model is known only here; the decorator reads it from the annotations.
    put_settings.__annotations__["body"] = section
    path = f"/settings/{section.section}"
    summary = f"Change settings: {section.section}"
    return endpoint("PUT", path, right="settings.write", summary=summary, fresh=section.guarded)(put_settings)


routes: list[Endpoint] = [list_settings, *(make(each) for each in SECTIONS.values() for make in (_reading, _writing))]
