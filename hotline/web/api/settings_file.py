"""All settings as one file."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hotline.web.endpoint import Ask, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.company import settings_file as workflow
from hotline.workflows.company.settings_file import SettingsFile


class SettingsFileOut(Output, SettingsFile):
    """The file."""


class SettingsImport(Input):
    """A file to import. What it leaves out stays as it is; of a list and of the categories that it names, entries that
    it leaves out are archived."""

    settings: SettingsFile
    dry_run: bool = Field(True, description="Only tell what would change.")


class SettingsChange(Output):
    """A value that is another one afterwards; `place` is where it stands in the file."""

    place: str
    before: Any
    after: Any


class SettingsImported(Output):
    """What changed, or would change."""

    dry_run: bool
    changes: list[SettingsChange]


@endpoint("GET", "/settings/export", right="settings.read", summary="All settings as one file")
async def export_settings(ask: Ask) -> Reply[SettingsFileOut]:
    file = await workflow.export_settings(ask.house, ask.viewer)
    headers = {"Content-Disposition": 'attachment; filename="hotline-settings.json"'}
    return Reply(SettingsFileOut.model_validate(file.model_dump()), headers=headers)


@endpoint("POST", "/settings/import", right="settings.write", summary="Make the settings what a file says", fresh=True)
async def import_settings(ask: Ask, body: SettingsImport) -> SettingsImported:
    """All of it or nothing. A dry run does the same and undoes it."""
    changes = await workflow.import_settings(ask.house, ask.viewer, body.settings, dry_run=body.dry_run)
    return SettingsImported(dry_run=body.dry_run, changes=[SettingsChange.model_validate(each) for each in changes])


routes: list[Endpoint] = [export_settings, import_settings]
