"""Changing SLA policies, and saying why a ticket has the one that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from hotline.calendars import Calendar
from hotline.crm.commands.tickets import sla as commands
from hotline.crm.queries.customers.tiers import list_tiers
from hotline.crm.queries.people.users import find_user_by_login, list_roles
from hotline.crm.queries.tickets.sla import PolicyView, get_policy
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Invalid, NotFound
from hotline.tickets.policies import Policy, PolicySpec, misses, ranked
from hotline.workflows.company.calendars import changing, check_reachable, rules_of
from hotline.workflows.house import House


@dataclass(frozen=True, slots=True)
class Described:
    """A ticket that is asked about."""

    kind: str
    tier: str | None = None
    service: str | None = None
    priority: str = "normal"


@dataclass(frozen=True, slots=True)
class Considered:
    """A policy that was looked at; ``misses`` is the condition that the ticket does not meet, None when it meets all.
    The first that misses nothing is the ticket's own."""

    policy: Policy
    misses: str | None


async def create_policy(house: House, viewer: Viewer, spec: PolicySpec) -> PolicyView:
    """Add a policy; open clocks are computed again. Raises Invalid for what cannot be kept, and Conflict when another
    enabled policy is for the same tickets."""
    return await _write(house, viewer, None, spec, None)


async def update_policy(
    house: House, viewer: Viewer, policy_id: UUID, spec: PolicySpec, expected_version: int | None = None
) -> PolicyView:
    """Replace a policy. Raises as ``create_policy``, NotFound, and Conflict for a stale version."""
    return await _write(house, viewer, policy_id, spec, expected_version)


async def delete_policy(house: House, viewer: Viewer, policy_id: UUID) -> None:
    """Delete a policy: its tickets come under the next one that fits, or have no deadline. Raises NotFound."""
    async with changing(house, viewer) as uow:
        await commands.delete_policy(uow, policy_id)


async def explain(house: House, viewer: Viewer, described: Described) -> list[Considered]:
    """Every enabled policy, the most specific first, and what keeps it from such a ticket."""
    viewer.require("settings.read")
    rules = await rules_of(house)
    return [Considered(policy, misses(policy, described)) for policy in ranked(rules.policies)]


async def _write(
    house: House, viewer: Viewer, policy_id: UUID | None, spec: PolicySpec, expected_version: int | None
) -> PolicyView:
    async with changing(house, viewer) as uow:
        keyed = await checked(uow, spec, (await rules_of(house, uow)).calendars)
        written = await commands.write_policy(uow, policy_id, keyed, expected_version)
        return await get_policy(uow, viewer, written)


async def checked(uow: UnitOfWork, spec: PolicySpec, calendars: Mapping[str, Calendar]) -> PolicySpec:
    """The policy with a key for each rule. Raises Invalid for names that nobody has, and what could never come due."""
    if spec.tier and spec.tier not in {tier.key for tier in await list_tiers(uow, SYSTEM)}:
        raise Invalid(f"tier: there is no tier {spec.tier!r}.")
    calendar = calendars.get(spec.calendar)
    if calendar is None:
        raise Invalid("calendar: there is no such calendar.")
    if spec.enabled:
        check_reachable(spec, calendar, uow, "calendar:")
    roles = {role.name for role in await list_roles(uow, SYSTEM)}
    escalations = []
    for at, rule in enumerate(spec.escalations):
        assign = rule.actions.assign
        wanted = {*rule.actions.notify, *([assign.role] if assign is not None and assign.role else [])}
        if unknown := wanted - roles:
            raise Invalid(f"escalations[{at}]: there is no role {sorted(unknown)[0]!r}.")
        if assign is not None and assign.login:
            try:
                await find_user_by_login(uow, SYSTEM, assign.login)
            except NotFound:
                raise Invalid(f"escalations[{at}]: there is no user {assign.login!r}.") from None
        escalations.append(rule if rule.key else rule.model_copy(update={"key": uow.new_id().hex[-8:]}))
    return spec.model_copy(update={"escalations": tuple(escalations)})
