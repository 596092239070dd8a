"""SLA policies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.tickets.sla import PolicyView, get_policy, list_policies
from hotline.tickets.policies import PolicySpec
from hotline.tickets.states import Kind, Priority
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, endpoint
from hotline.workflows.tickets import policies as workflow


class PolicyOut(PolicySpec):
    """What is promised to which tickets. Times are seconds of business time by the calendar `calendar`."""

    id: UUID
    open_clocks: int
    version: int
    updated_at: datetime


class PolicyList(Output):
    """Every policy."""

    items: list[PolicyOut]
    next: str | None = None


class MatchQuery(Input):
    """A ticket to be asked about."""

    kind: Kind
    tier: Annotated[str, Field(max_length=32)] | None = None
    service: Annotated[str, Field(max_length=64)] | None = None
    priority: Priority = "normal"


class ConsideredOut(Output):
    """A policy that was looked at; `misses` is the condition that such a ticket does not meet."""

    id: UUID
    name: str
    misses: str | None


class Match(Output):
    """The policy of such a ticket (null: none, and no deadline), and why: the first one that misses nothing."""

    policy_id: UUID | None
    considered: list[ConsideredOut]


def render(view: PolicyView) -> PolicyOut:
    """A policy as it is shown outside."""
    return PolicyOut.model_construct(
        **{name: getattr(view.spec, name) for name in PolicySpec.model_fields},
        id=view.id,
        open_clocks=view.open_clocks,
        version=view.version,
        updated_at=view.updated_at,
    )


@endpoint("GET", "/sla-policies", right="settings.read", summary="SLA policies")
async def list_sla_policies(ask: Ask) -> PolicyList:
    return PolicyList(items=[render(view) for view in await list_policies(ask.house.db, ask.viewer)])


@endpoint("POST", "/sla-policies", right="settings.write", summary="Make a policy", status=201)
async def create_policy(ask: Ask, body: PolicySpec) -> PolicyOut:
    return render(await workflow.create_policy(ask.house, ask.viewer, body))


@endpoint("GET", "/sla-policies/match", right="settings.read", summary="Which policy such a ticket has, and why")
async def match_policy(ask: Ask, query: MatchQuery) -> Match:
    described = workflow.Described(query.kind, query.tier, query.service, query.priority)
    found = await workflow.explain(ask.house, ask.viewer, described)
    return Match(
        policy_id=next((each.policy.id for each in found if each.misses is None), None),
        considered=[ConsideredOut(id=each.policy.id, name=each.policy.spec.name, misses=each.misses) for each in found],
    )


@endpoint("GET", "/sla-policies/{id}", right="settings.read", summary="One policy")
async def get_sla_policy(ask: Ask, path: ById) -> PolicyOut:
    return render(await get_policy(ask.house.db, ask.viewer, path.id))


@endpoint("PUT", "/sla-policies/{id}", right="settings.write", summary="Replace a policy")
async def replace_policy(ask: Ask, path: ById, body: PolicySpec) -> PolicyOut:
    """Open deadlines are computed again; what was told stays told. `If-Match` binds it to a version."""
    view = await get_policy(ask.house.db, ask.viewer, path.id)
    expected = ask.expected_version(view.version, None)
    return render(await workflow.update_policy(ask.house, ask.viewer, path.id, body, expected))


@endpoint("DELETE", "/sla-policies/{id}", right="settings.write", summary="Delete a policy", status=204)
async def delete_policy(ask: Ask, path: ById) -> None:
    """Its tickets come under the next policy that fits them, or have no deadline."""
    await workflow.delete_policy(ask.house, ask.viewer, path.id)


routes: list[Endpoint] = [
    list_sla_policies,
    create_policy,
    match_policy,
    get_sla_policy,
    replace_policy,
    delete_policy,
]
