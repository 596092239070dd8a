"""Tiers (VIP levels) and tags."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.customers import tiers as queries
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, endpoint
from hotline.workflows.customers import tiers as workflow


class Tier(Output):
    """A tier. `names` by language; `rank` 1 is the highest; `queue_priority` is what the PBX's queue gets."""

    id: UUID
    key: str
    names: dict[str, str]
    rank: int
    queue_priority: int


class TierList(Output):
    """Every tier, the highest first."""

    items: list[Tier]
    next: str | None = None


class TierCreate(Input):
    """A tier to be made."""

    key: str = Field(min_length=1, max_length=32)
    names: dict[str, str] = Field(min_length=1, max_length=10, examples=[{"en": "Gold", "zh": "金卡"}])
    rank: int = Field(ge=1, le=1000)
    queue_priority: int = Field(0, ge=0, le=1000)


class TierChange(Input):
    """What to change; what is absent stays."""

    names: dict[str, str] = Field(default_factory=dict, max_length=10)
    rank: int = Field(1, ge=1, le=1000)
    queue_priority: int = Field(0, ge=0, le=1000)


class Tag(Output):
    """A word that customers are grouped by; it begins to exist when a customer gets it."""

    id: UUID
    name: str


class TagList(Output):
    """Every tag by name."""

    items: list[Tag]
    next: str | None = None


@endpoint("GET", "/tiers", right="customers.read", summary="Tiers, the highest first")
async def list_tiers(ask: Ask) -> TierList:
    return TierList(items=[Tier.model_validate(view) for view in await queries.list_tiers(ask.house.db, ask.viewer)])


@endpoint("POST", "/tiers", right="tiers.write", summary="Make a tier", status=201)
async def create_tier(ask: Ask, body: TierCreate) -> Tier:
    fields: Any = body.model_dump(exclude={"key"})
    return Tier.model_validate(await workflow.create_tier(ask.house, ask.viewer, body.key, fields))


@endpoint("PATCH", "/tiers/{id}", right="tiers.write", summary="Change a tier")
async def change_tier(ask: Ask, path: ById, body: TierChange) -> Tier:
    changes: Any = body.model_dump(exclude_unset=True)
    return Tier.model_validate(await workflow.update_tier(ask.house, ask.viewer, path.id, changes))


@endpoint("GET", "/tags", right="customers.read", summary="Tags by name")
async def list_tags(ask: Ask) -> TagList:
    return TagList(items=[Tag.model_validate(view) for view in await queries.list_tags(ask.house.db, ask.viewer)])


routes: list[Endpoint] = [list_tiers, create_tier, change_tier, list_tags]
