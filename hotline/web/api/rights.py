"""What somebody may do and see at this moment, and why."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.people import rights as queries
from hotline.crm.queries.people.rights import RecordRights, RightsView
from hotline.crm.viewer import MASKS, PERMISSIONS, Scoped
from hotline.errors import Invalid
from hotline.web.api.user_bodies import UserPath
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint

_REFERENCE: Final = re.compile(r"[CcTtMm]?(\d{1,12})")


class RightSource(Output):
    """Where a permission comes from: the person's own role, or a grant that runs `until` then."""

    kind: Literal["role", "grant"]
    role: str | None
    grant_id: UUID | None
    until: datetime | None


class Permission(Output):
    """A permission, whether it is held, and from where."""

    name: str
    meaning: str
    held: bool
    sources: list[RightSource]


class ScopeOf(Output):
    """How far records of a kind are seen (null: none), and the permission that says so."""

    kind: Literal["customers", "calls", "tickets", "conversations"]
    scope: Literal["own", "team", "all"] | None
    permission: str | None
    meaning: str | None


class MaskOf(Output):
    """What is shown in part only, unless the permission is held."""

    what: str
    permission: str
    masked: bool


class RightsTeam(Output):
    """A team that the person is in."""

    id: UUID
    name: str
    queues: list[str]


class SeenWhy(Output):
    """A way in which a record is seen. `scope` own: by the person's own work; team: by that of a team; all: by
    permission."""

    scope: Literal["own", "team", "all"]
    reason: str


class RecordSeen(Output):
    """Whether the person sees one record, and why."""

    kind: Literal["customers", "calls", "tickets", "conversations"]
    id: UUID
    reference: str | None
    seen: bool
    reasons: list[SeenWhy]


class Rights(Output):
    """What a person may do and see."""

    user_id: UUID
    login: str
    name: str
    role: str
    disabled: bool
    teams: list[RightsTeam]
    scopes: list[ScopeOf]
    masks: list[MaskOf]
    permissions: list[Permission]
    record: RecordSeen | None = Field(None, description="About the record that was asked for.")


class RightsQuery(Input):
    """One record to ask about, by its id or the number that people say (C10001, T10001, M10001)."""

    customer: str | None = Field(None, max_length=40)
    call: str | None = Field(None, max_length=40)
    ticket: str | None = Field(None, max_length=40)
    conversation: str | None = Field(None, max_length=40)


@endpoint("GET", "/users/{user}/rights", right="signed_in", summary="What somebody may do and see, and why")
async def get_rights(ask: Ask, path: UserPath, query: RightsQuery) -> Rights:
    """One's own are always there; others' need roles.write or users.write. With a record: whether they see it, and by
    which way."""
    me = ask.viewer.user_id if path.user == "me" else None
    user_id = me or (await find_user(ask, path.user)).id
    now = ask.house.clock()
    view = await queries.get_rights(ask.house.db, ask.viewer, now, user_id)
    named: tuple[tuple[Scoped, str | None], ...] = (
        ("customers", query.customer),
        ("calls", query.call),
        ("tickets", query.ticket),
        ("conversations", query.conversation),
    )
    asked = [(kind, text) for kind, text in named if text is not None]
    if len(asked) > 1:
        raise Invalid("query: ask about one record at a time.")
    record = None
    if asked:
        kind, text = asked[0]
        record = await queries.explain(ask.house.db, ask.viewer, now, user_id, kind, record_of(text))
    return _render(view, record)


def record_of(text: str) -> UUID | int:
    """A record as a person names it: its id, or its number with or without the letter. Raises Invalid."""
    cleaned = text.strip()
    if number := _REFERENCE.fullmatch(cleaned):
        return int(number[1])
    try:
        return UUID(cleaned)
    except ValueError:
        raise Invalid("record: an id, or a number such as C10001.") from None


def _render(view: RightsView, record: RecordRights | None) -> Rights:
    return Rights(
        user_id=view.user_id,
        login=view.login,
        name=view.name,
        role=view.role,
        disabled=view.disabled,
        teams=[RightsTeam(id=team.id, name=team.name, queues=list(team.queues)) for team in view.teams],
        scopes=[
            ScopeOf(
                kind=each.kind, scope=each.scope, permission=each.permission,
                meaning=None if each.permission is None else PERMISSIONS[each.permission],
            )
            for each in view.scopes
        ],
        masks=[
            MaskOf(what=MASKS[permission], permission=permission, masked=masked)
            for permission, masked in view.masked.items()
        ],
        permissions=[
            Permission(
                name=each.name, meaning=PERMISSIONS[each.name], held=bool(each.sources),
                sources=[RightSource.model_validate(source) for source in each.sources],
            )
            for each in view.permissions
        ],
        record=None if record is None else RecordSeen(
            kind=record.kind, id=record.id, reference=record.reference, seen=record.seen,
            reasons=[SeenWhy.model_validate(each) for each in record.reasons],
        ),
    )  # fmt: skip


routes: list[Endpoint] = [get_rights]
