"""Changing many customers at once: seen before it is done, done in the background, undone for 30 days.

Whom it is about is frozen when it is asked for: whoever comes to fit the filter later is not touched. Each customer is
looked at again at their turn: whoever was merged, erased or is out of the asker's sight by then is left out, and told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, get_args
from uuid import UUID

from hotline.crm.commands.customers import batches as commands
from hotline.crm.commands.customers.batches import MOST_TOLD, Action, Change, Step
from hotline.crm.commands.upkeep import background as jobs
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.queries.customers.batches import BatchPreview, only, preview_batch
from hotline.crm.queries.customers.customer_filter import CustomerFilter, conditions
from hotline.crm.queries.customers.customer_search import found_ids
from hotline.crm.scopes import Arguments
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.workflows import background
from hotline.workflows.background import Kind, Run
from hotline.workflows.company import lists
from hotline.workflows.house import House

ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
#: Kinds of jobs: giving customers to another agent is a right of its own.
BATCH: Final = "batch"
TRANSFER: Final = "transfer"
MOST_IDS: Final = 10_000
MOST_TAGS: Final = 20
LONGEST_TAG: Final = 64


class Stepping(Protocol):
    """``commands.step`` or ``commands.undo_step``."""

    async def __call__(
        self, uow: UnitOfWork, job_id: UUID, change: Change, after: int, *, tell: bool
    ) -> Step | None: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which customers: single ones, else those of a filter, with ``text`` those of them that a search finds."""

    ids: Sequence[UUID] | None = None
    text: str = ""
    filter: CustomerFilter = field(default_factory=CustomerFilter)


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What to do. ``tags`` are names, for tag and untag; ``value`` is a classification's key or a login, None for
    none."""

    action: Action
    chosen: Chosen
    tags: Sequence[str] = ()
    value: str | None = None


async def preview(house: House, viewer: Viewer, wanted: NewBatch) -> BatchPreview:
    """How many it is about, how many would change, and some of them. Raises Forbidden, Invalid."""
    _require(viewer, wanted.action)
    async with house.unit(viewer) as uow:
        change = await _change(house, uow, wanted, make=False)
        bind = Arguments()
        where = await _where(house, viewer, wanted.chosen, bind)
        return await preview_batch(uow, house.keyring, viewer, where, bind, change)


async def preview_chosen(house: House, viewer: Viewer, chosen: Chosen) -> BatchPreview:
    """Whom an export is about."""
    bind = Arguments()
    where = await _where(house, viewer, chosen, bind)
    return await preview_batch(house.db, house.keyring, viewer, where, bind, None)


async def start(house: House, viewer: Viewer, wanted: NewBatch, idempotency: Idempotency | None = None) -> UUID:
    """Begin it; the job's id. Raises Forbidden, Invalid: for a filter that nobody fits, too."""
    _require(viewer, wanted.action)
    bind = Arguments()
    where = await _where(house, viewer, wanted.chosen, bind)
    async with house.unit(viewer) as uow:
        job_id = uow.new_id()
        if (earlier := await claim(uow, idempotency, job_id)) is not None:
            return earlier
        change = await _change(house, uow, wanted, make=True)
        kind = TRANSFER if wanted.action == "transfer" else BATCH
        params = {"action": change.action, "tags": [str(tag) for tag in change.tag_ids], "value": change.value}
        await background.start_in(uow, kind, params, None, job_id)
        total = await commands.freeze(uow, job_id, where, bind.values)
        if total == 0:
            raise Invalid("filter: nobody fits it.")
        await jobs.set_total(uow, job_id, total)
        uow.audit("customer:batch_started", job_id, what=wanted.action, count=total)
    background.wake(house)
    return job_id


async def run(house: House, work: Run) -> Mapping[str, Any]:
    """The job: step by step, each behind the last one."""
    return await _steps(house, work, commands.step)


async def undo(house: House, work: Run) -> Mapping[str, Any]:
    """The way back."""
    return await _steps(house, work, commands.undo_step)


KINDS: Final[Mapping[str, Kind]] = {
    BATCH: Kind(run, "customers.batch", undo=undo),
    TRANSFER: Kind(run, "customers.transfer", undo=undo),
}


async def _steps(house: House, work: Run, step: Stepping) -> Mapping[str, Any]:
    params = work.job.params
    change = Change(params["action"], tuple(UUID(tag) for tag in params["tags"]), params["value"])
    tell = (work.job.total or 0) <= MOST_TOLD
    after = (work.job.cursor or {}).get("after", 0)
    while True:
        async with house.unit(work.viewer) as uow:
            made = await step(uow, work.job.id, change, after, tell=tell)
            if made is None:
                return {"action": change.action, "outcomes": await commands.outcomes(uow, work.job.id)}
            await work.advance(uow, cursor={"after": made.last}, done=made.done, failed=made.failed)
            after = made.last


def _require(viewer: Viewer, action: str) -> None:
    if action not in ACTIONS:
        raise Invalid(f"action: expected one of {', '.join(ACTIONS)}.")
    viewer.require("customers.read")
    if action == "transfer":
        viewer.require("customers.transfer")
    else:
        viewer.require("customers.batch")
        viewer.require("customers.write")


async def _where(house: House, viewer: Viewer, chosen: Chosen, bind: Arguments) -> list[str]:
    """The conditions on ``customer c`` that say who is chosen, with what the viewer may see."""
    # Who was erased is no customer any more, whoever still has their id.
    where = [*conditions(chosen.filter, viewer, bind), "c.erased_at IS NULL"]
    ids = None if chosen.ids is None else list(dict.fromkeys(chosen.ids))
    if ids is not None and len(ids) > MOST_IDS:
        raise Invalid(f"ids: at most {MOST_IDS} at once; choose them by a filter.")
    if chosen.text:
        fitting = await found_ids(
            house.db, house.keyring, viewer, chosen.text, chosen.filter, region=house.settings.region
        )
        ids = fitting if ids is None else [each for each in ids if each in set(fitting)]
    if ids is not None:
        where.append(only(ids, bind))
    return where


async def _change(house: House, uow: UnitOfWork, wanted: NewBatch, *, make: bool) -> Change:
    """The change by ids and codes. Raises Invalid for a tag, classification or user that is not there."""
    if wanted.action in ("tag", "untag"):
        names = [one_line(tag, "values.tags", LONGEST_TAG, needed=True) for tag in wanted.tags]
        if not 0 < len(names) <= MOST_TAGS:
            raise Invalid(f"values.tags: 1 to {MOST_TAGS} tags.")
        return Change(wanted.action, await commands.tags_of(uow, names, new=wanted.action == "tag", make=make))
    if wanted.action == "classify":
        if wanted.value is not None:
            (await lists.load(house, uow)).check("classification", wanted.value, "values.classification")
        return Change("classify", value=wanted.value)
    if wanted.value is None:
        return Change("transfer", value=None)
    user_id = await commands.user_of(uow, wanted.value)
    if user_id is None:
        raise Invalid("values.responsible: there is no such user.")
    return Change("transfer", value=str(user_id))
