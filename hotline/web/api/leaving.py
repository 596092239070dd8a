"""Somebody leaves, comes back, or hands over what they have."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from hotline.errors import Invalid, NotFound
from hotline.web.api.user_bodies import User, UserPath, user_body
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.people import leaving as workflow
from hotline.workflows.people.leaving import Left


class HandOver(Input):
    """What goes to whom."""

    hand_over_to: str | None = Field(None, max_length=150, description="Id or login; null: it stays with nobody else.")
    customers: bool = Field(True, description="The customers for whom they are responsible.")
    tickets: bool = Field(True, description="Their open tickets, and their conversations.")


class Leaving(HandOver):
    """Who gets what they leave."""

    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class Handed(Output):
    """The job that hands over; null when there was nothing."""

    job_id: UUID | None


class Gone(User):
    """The user, and the job that hands over or gives back."""

    job_id: UUID | None


def _gone(left: Left) -> Gone:
    return Gone(**user_body(left.user).model_dump(), job_id=left.job_id)


async def _colleague(ask: Ask, named: str | None) -> UUID | None:
    if named is None:
        return None
    try:
        return (await find_user(ask, named)).id
    except NotFound:
        raise Invalid("hand_over_to: there is no such user.") from None


@endpoint("POST", "/users/{user}/leave", right="users.write", summary="Let a user go", status=200, fresh=True)
async def leave(ask: Ask, path: UserPath, body: Leaving) -> Gone:
    """Their sessions and API tokens end, they are signed out of their queues, and what they have is handed over by a
    job. `POST /users/{user}/return` takes it back."""
    user = await find_user(ask, path.user)
    expected = ask.expected_version(user.version, body.version)
    left = await workflow.leave(
        ask.house,
        ask.viewer,
        user.id,
        await _colleague(ask, body.hand_over_to),
        with_customers=body.customers,
        with_tickets=body.tickets,
        expected_version=expected,
    )
    return _gone(left)


@endpoint(
    "POST", "/users/{user}/return", right="users.write", summary="Take back that a user left", status=200, fresh=True
)
async def come_back(ask: Ask, path: UserPath) -> Gone:
    """They may sign in again, and what was handed over and is still with the colleague comes back; API tokens stay
    revoked."""
    user = await find_user(ask, path.user)
    return _gone(await workflow.come_back(ask.house, ask.viewer, user.id, KINDS))


@endpoint(
    "POST", "/users/{user}/hand-over", right="users.write", summary="Hand over what a user has", status=202, fresh=True
)
async def hand_over(ask: Ask, path: UserPath, body: HandOver) -> Handed:
    """For a long absence. Undone by `POST /jobs/{id}/undo`."""
    user = await find_user(ask, path.user)
    colleague = await _colleague(ask, body.hand_over_to)
    if colleague is None:
        raise Invalid("hand_over_to: to whom?")
    job_id = await workflow.hand_over(
        ask.house, ask.viewer, user.id, colleague, with_customers=body.customers, with_tickets=body.tickets
    )
    return Handed(job_id=job_id)


routes: list[Endpoint] = [leave, come_back, hand_over]
