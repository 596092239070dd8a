"""Two-step sign-in: set up with an authenticator app, replaced, turned off; recovery codes for who lost the app.

Only a person at a browser changes their own: an API token cannot make its user's sign-in its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

from hotline.crm.commands.people import second_factor as commands
from hotline.crm.commands.people import sessions
from hotline.crm.commands.people import users as user_commands
from hotline.crm.queries.people.sign_ins import FactorView, get_factor
from hotline.crm.second_factors import address_of, new_recovery_codes, new_secret, step_of
from hotline.crm.viewer import SYSTEM, Viewer, acting
from hotline.errors import Conflict, Invalid
from hotline.workflows.house import House
from hotline.workflows.people.sign_in import SignedInUser

ISSUER: Final = "hotline"


class FactorRequired(Conflict):
    """Your role asks for two-step sign-in; it can be set up anew, but not turned off."""

    code: ClassVar[str] = "second_factor_required"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the app is told: the picture's ``address``, or ``secret`` typed by hand."""

    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The second factor is on: recovery codes, told this once, and the session's new token."""

    recovery_codes: list[str]
    token: str


async def begin(house: House, user: SignedInUser) -> Enrolment:
    """A fresh secret for the app. Nothing changes until a code proves that the app has it."""
    secret = new_secret()
    async with house.unit(acting(user.user_id)) as uow:
        await commands.keep_pending(uow, user.user_id, secret)
    return _enrolment(user, secret)


async def pending(house: House, user: SignedInUser) -> Enrolment | None:
    """The set-up that was begun; None when there is none."""
    async with house.unit(acting(user.user_id)) as uow:
        factor = await commands.lock_factor(uow, user.user_id)
    return None if factor.pending is None else _enrolment(user, factor.pending)


async def prove(house: House, user: SignedInUser, code: str) -> Enrolled:
    """Turn the second factor on by the app's first code. Every other session of the user ends, and this one gets a
    new token. Raises Invalid for a wrong code, Conflict when nothing was begun."""
    codes = new_recovery_codes()
    async with house.unit(acting(user.user_id)) as uow:
        factor = await commands.lock_factor(uow, user.user_id)
        if factor.pending is None:
            raise Conflict("Begin anew: there is nothing to set up.")
        step = step_of(factor.pending, code, uow.now, 0)
        if step is None:
            raise Invalid("code: this is not the code that the app shows now.")
        await commands.turn_on(uow, factor, step, codes)
        await user_commands.sign_out_everywhere(uow, user.user_id, but=user.session_id)
        token = await sessions.rotate_session(uow, user.session_id, second_factor=True)
    return Enrolled(codes, token)


async def required(house: House, user: SignedInUser) -> bool:
    """Whether a role of the user's asks for a second factor."""
    return (await get_factor(house.db, SYSTEM, user.user_id, house.clock())).required


async def drop_pending(house: House, user: SignedInUser) -> None:
    """Forget a set-up that was begun."""
    async with house.unit(acting(user.user_id)) as uow:
        await commands.forget_pending(uow, user.user_id)


async def turn_off(house: House, user: SignedInUser) -> None:
    """Turn one's own second factor off. Raises FactorRequired where a role asks for it."""
    if await required(house, user):
        raise FactorRequired()
    async with house.unit(acting(user.user_id)) as uow:
        await commands.turn_off(uow, user.user_id)


async def new_codes(house: House, user: SignedInUser) -> list[str]:
    """New recovery codes; the old ones end. Raises Conflict when the second factor is off."""
    codes = new_recovery_codes()
    async with house.unit(acting(user.user_id)) as uow:
        if (await commands.lock_factor(uow, user.user_id)).secret is None:
            raise Conflict("Two-step sign-in is off.")
        await commands.replace_recovery_codes(uow, user.user_id, codes)
    return codes


async def reset(house: House, viewer: Viewer, user_id: UUID) -> FactorView:
    """Turn off the second factor of somebody who lost app and codes; their sessions end. Where a role asks for one
    they set it up anew at the next sign-in. Raises Forbidden, NotFound."""
    viewer.require("users.write")
    async with house.unit(viewer) as uow:
        await user_commands.lock_user(uow, user_id)
        await commands.turn_off(uow, user_id)
        await user_commands.sign_out_everywhere(uow, user_id)
    return await get_factor(house.db, viewer, user_id, house.clock())


def _enrolment(user: SignedInUser, secret: str) -> Enrolment:
    return Enrolment(secret, address_of(secret, user.login, ISSUER))
