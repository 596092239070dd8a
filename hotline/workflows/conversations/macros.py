"""Reply templates: made, changed, archived, removed. Using them is ``hotline.workflows.conversations.macro_use``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, get_args
from uuid import UUID

from hotline.conversations.macros import (
    CHANNELS,
    PLACEHOLDERS,
    Actions,
    Audience,
    MacroAssign,
    MacroState,
    unknown_placeholders,
)
from hotline.crm.commands.conversations import macros as commands
from hotline.crm.queries.conversations.macros import MacroView, get_macro
from hotline.crm.viewer import Viewer
from hotline.customers.text import many_lines, one_line
from hotline.errors import Forbidden, Invalid
from hotline.tickets.states import Kind
from hotline.workflows.house import House

LONGEST_NAME: Final = 100
#: As long as a message may be.
LONGEST_TEXT: Final = 10_000
LONGEST_TAG: Final = 40
MOST_TAGS: Final = 10
MOST_VARIABLES: Final = 20
LANGUAGES: Final = ("en", "zh")
#: https://www.twilio.com/docs/content: ContentSid.
_CONTENT_SID: Final = re.compile(r"HX[0-9a-fA-F]{32}")


class MacroChanges(TypedDict, total=False):
    """What may change of a macro; what is absent stays. ``texts`` are by language, ``actions`` as
    ``hotline.conversations.macros.Actions`` has them. ``template`` is the id of an approved WhatsApp template (none:
    ""), ``variables`` the placeholders for its {{1}}, {{2}} …"""

    name: str
    texts: Mapping[str, str]
    channels: Sequence[str]
    actions: Mapping[str, Any]
    template: str
    variables: Sequence[str]


class NewMacro(MacroChanges, total=False):
    """A macro to be made: one's ``own``, a ``team``'s, or everybody's (``all``)."""

    audience: Audience
    team_id: UUID | None


async def create_macro(house: House, viewer: Viewer, data: NewMacro) -> MacroView:
    """Make a macro. Raises Forbidden for one of others without ``macros.write``, Invalid, Conflict."""
    viewer.require("conversations.write")
    audience = data.get("audience", "own")
    if audience not in get_args(Audience):
        raise Invalid(f"audience: one of {', '.join(get_args(Audience))}")
    team_id = data.get("team_id")
    if audience != "own":
        viewer.require("macros.write")
    elif viewer.user_id is None:
        raise Forbidden()
    if (audience == "team") != (team_id is not None):
        raise Invalid("team: a team's macro needs its team, no other has one.")
    name = one_line(data.get("name", ""), "name", LONGEST_NAME, needed=True)
    texts, actions = _texts(data.get("texts", {})), _actions(data.get("actions", {}))
    _something(texts, actions)
    async with house.unit(viewer) as uow:
        macro_id = uow.new_id()
        await commands.create_macro(
            uow, macro_id, name,
            user_id=viewer.user_id if audience == "own" else None, team_id=team_id,
            texts=texts, channels=_channels(data.get("channels", ())), actions=actions,
            template=_template(data.get("template", "")) or None, variables=_variables(data.get("variables", ())),
        )  # fmt: skip
        return await get_macro(uow, viewer, macro_id)


async def change_macro(
    house: House, viewer: Viewer, macro_id: UUID, changes: MacroChanges, expected_version: int | None = None
) -> MacroView:
    """Change a macro; what it said before is kept. Raises NotFound, Forbidden, Invalid, Conflict."""
    async with house.unit(viewer) as uow:
        before = await _changeable(uow, viewer, macro_id)
        texts = _texts(changes["texts"]) if "texts" in changes else None
        actions = _actions(changes["actions"]) if "actions" in changes else None
        _something(before.texts if texts is None else texts, before.actions if actions is None else actions)
        await commands.update_macro(
            uow, macro_id, expected_version,
            name=one_line(changes["name"], "name", LONGEST_NAME, needed=True) if "name" in changes else None,
            texts=texts,
            channels=_channels(changes["channels"]) if "channels" in changes else None,
            actions=actions,
            template=_template(changes["template"]) if "template" in changes else None,
            variables=_variables(changes["variables"]) if "variables" in changes else None,
        )  # fmt: skip
        return await get_macro(uow, viewer, macro_id)


async def archive_macro(house: House, viewer: Viewer, macro_id: UUID, *, archived: bool = True) -> MacroView:
    """Take a macro out of use, or bring it back. Raises NotFound, Forbidden."""
    async with house.unit(viewer) as uow:
        await _changeable(uow, viewer, macro_id)
        await commands.archive_macro(uow, macro_id, archived=archived)
        return await get_macro(uow, viewer, macro_id)


async def delete_macro(house: House, viewer: Viewer, macro_id: UUID) -> None:
    """Remove an archived macro for good. Raises NotFound, Forbidden, Conflict."""
    async with house.unit(viewer) as uow:
        await _changeable(uow, viewer, macro_id)
        await commands.delete_macro(uow, macro_id)


async def _changeable(uow: Any, viewer: Viewer, macro_id: UUID) -> MacroView:
    viewer.require("conversations.write")
    macro = await get_macro(uow, viewer, macro_id)
    if not macro.mine:
        raise Forbidden()
    return macro


def _texts(texts: Mapping[str, str]) -> dict[str, str]:
    cleaned = {}
    for language, text in texts.items():
        if language not in LANGUAGES:
            raise Invalid(f"texts: one of {', '.join(LANGUAGES)}")
        field = f"texts_{language}"
        if kept := many_lines(text, field, LONGEST_TEXT):
            if unknown := unknown_placeholders(kept):
                raise Invalid(f"{field}: there is no placeholder {{{unknown[0]}}}; there are {', '.join(PLACEHOLDERS)}.")  # noqa: E501  # fmt: skip
            cleaned[language] = kept
    return cleaned


def _channels(channels: Sequence[str]) -> list[str]:
    if unknown := [each for each in channels if each not in CHANNELS]:
        raise Invalid(f"channels: one of {', '.join(CHANNELS)}, not {unknown[0]!r}")
    return [each for each in CHANNELS if each in channels]


def _actions(data: Mapping[str, Any]) -> Actions:
    for name, kind in (("kind", Kind), ("state", MacroState), ("assign", MacroAssign)):
        if data.get(name) is not None and data[name] not in get_args(kind):
            raise Invalid(f"{name}: one of {', '.join(get_args(kind))}")
    tags = [one_line(str(tag), "tags", LONGEST_TAG) for tag in data.get("tags") or ()]
    tags = list(dict.fromkeys(tag for tag in tags if tag))
    if len(tags) > MOST_TAGS:
        raise Invalid(f"tags: at most {MOST_TAGS}.")
    return Actions(data.get("kind"), tuple(tags), data.get("state"), data.get("assign"))


def _template(text: str) -> str:
    template = text.strip()
    if template and not _CONTENT_SID.fullmatch(template):
        raise Invalid("template: an approved template's id, HX and 32 letters and digits.")
    return template


def _variables(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in PLACEHOLDERS:
            raise Invalid(f"variables: there is no placeholder {{{name}}}; there are {', '.join(PLACEHOLDERS)}.")
    if len(names) > MOST_VARIABLES:
        raise Invalid(f"variables: at most {MOST_VARIABLES}.")
    return list(names)


def _something(texts: Mapping[str, str], actions: Actions) -> None:
    if not texts and not actions:
        raise Invalid("texts_en: a text, or something that it does.")
