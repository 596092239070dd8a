"""How users sign in: the browsers in which they are signed in, what happened before, their second factor."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.people import sign_ins
from hotline.crm.queries.people import users as queries
from hotline.crm.queries.people.sign_ins import FactorView
from hotline.web.api.user_bodies import UserPath
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, ById, Endpoint, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.workflows.people import second_factor
from hotline.workflows.people import users as workflow


class Session(Output):
    """A browser that is signed in."""

    id: UUID
    user_id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    user_agent: str
    network: str = Field(description="The network that it signed in from, not the address.")
    second_factor: bool = Field(description="Whether a code was given, too.")
    current: bool = Field(description="Whether it is the session of this request.")


class SessionList(Output):
    """A user's sessions."""

    items: list[Session]
    next: str | None = None


class SignIn(Output):
    """A try to sign in."""

    id: UUID
    at: datetime
    outcome: str = Field(description="`in`, `wrong_password`, `wrong_code`, `locked` or `disabled`.")
    method: str = Field(description="`password`, `totp` or `recovery_code`.")
    network: str
    user_agent: str
    new: bool = Field(description="The first success from this network.")


class SecondFactor(Output):
    """How a user proves who they are beside the password."""

    on: bool
    since: datetime | None
    recovery_codes: int = Field(description="How many unused ones are left.")
    required: bool = Field(description="By a role of theirs.")


def _factor(view: FactorView) -> SecondFactor:
    return SecondFactor.model_validate(view)


@endpoint("GET", "/users/{user}/sessions", right="signed_in", summary="Browsers in which a user is signed in")
async def list_sessions(ask: Ask, path: UserPath) -> SessionList:
    """One's own always; others' need users.write."""
    user = await find_user(ask, path.user)
    found = await queries.list_sessions(ask.house.db, ask.viewer, user.id, ask.house.clock())
    return SessionList(
        items=[
            Session(
                **{name: getattr(view, name) for name in Session.model_fields if name != "current"},
                current=view.id == ask.signed.id,
            )
            for view in found
        ]
    )


@endpoint("DELETE", "/sessions/{id}", right="signed_in", summary="Sign a browser out", status=204)
async def end_session(ask: Ask, path: ById) -> None:
    """One's own; with users.write anybody's. What it has open ends within seconds."""
    await workflow.revoke_session(ask.house, ask.viewer, path.id)


@endpoint("DELETE", "/users/{user}/sessions", right="signed_in", summary="Sign a user out everywhere", status=204)
async def end_sessions(ask: Ask, path: UserPath) -> None:
    """One's own but for the one of this request; with users.write all of somebody else's."""
    user = await find_user(ask, path.user)
    await workflow.revoke_sessions(ask.house, ask.viewer, user.id, but=ask.signed.id)


@endpoint("GET", "/users/{user}/sign-ins", right="signed_in", summary="How a user signed in or tried to, newest first")
async def list_sign_ins(ask: Ask, path: UserPath, query: Paging) -> Page[SignIn]:
    """One's own always; others' need users.write."""
    user = await find_user(ask, path.user)
    found = await sign_ins.list_sign_ins(
        ask.house.db, ask.viewer, user.id, limit=query.limit + 1, before=id_cursor(query.cursor)
    )
    return paged(found, query.limit, SignIn.model_validate, lambda each: str(each.id))


@endpoint("GET", "/users/{user}/second-factor", right="signed_in", summary="A user's second factor")
async def get_second_factor(ask: Ask, path: UserPath) -> SecondFactor:
    """One's own always; others' need users.write. It is set up and turned off at the desk, by its user alone."""
    user = await find_user(ask, path.user)
    return _factor(await sign_ins.get_factor(ask.house.db, ask.viewer, user.id, ask.house.clock()))


@endpoint(
    "DELETE", "/users/{user}/second-factor", right="users.write", summary="Turn off a lost second factor", fresh=True
)
async def reset_second_factor(ask: Ask, path: UserPath) -> SecondFactor:
    """For who lost app and recovery codes. Their sessions end; a role that asks for one makes them set it up anew."""
    user = await find_user(ask, path.user)
    return _factor(await second_factor.reset(ask.house, ask.viewer, user.id))


routes: list[Endpoint] = [
    list_sessions,
    end_session,
    end_sessions,
    list_sign_ins,
    get_second_factor,
    reset_second_factor,
]
