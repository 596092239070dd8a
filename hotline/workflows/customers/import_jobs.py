"""The jobs of imports: the trial run, the import itself, and its way back; each in small committed steps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import structlog

from hotline.crm.commands.customers import import_consents, import_undo
from hotline.crm.commands.customers import imports as commands
from hotline.crm.commands.customers.bulk import BATCH, settle
from hotline.crm.commands.customers.import_steps import Rules, Seen, Tally, write_step
from hotline.crm.import_seal import Prepared, Sealing
from hotline.crm.queries.customers import imports as queries
from hotline.crm.queries.customers.imports import ImportView, known_words
from hotline.crm.queries.customers.tiers import list_tiers
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import import_mapping
from hotline.customers.custom_fields import FieldSet
from hotline.customers.import_reading import reading_of
from hotline.customers.import_record import Plan, Required
from hotline.customers.import_targets import CUSTOM, says_consent
from hotline.customers.names import fold
from hotline.errors import Unavailable
from hotline.workflows.background import Kind, Result, Run
from hotline.workflows.company import fields, lists
from hotline.workflows.customers import import_readers, imports
from hotline.workflows.customers.import_messages import Task
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Customers that one step of the way back removes, and those that it changes back.
REMOVED_AT_ONCE: Final = 1_000
CHANGED_AT_ONCE: Final = 50
_CLASSIFICATION: Final = "classification"


async def run_import(house: House, run: Run) -> Result:
    """Write the rows of a file, on from the last step that was committed."""
    cursor = run.job.cursor or {}
    if cursor.get("ended"):  # all is written; whoever did it died before the job was told so
        return await _put_away(house, UUID(run.job.params["import_id"]), _tally(cursor))
    return await _through(house, run, after=cursor.get("row", 0), tally=_tally(cursor), trial=None)


async def run_check(house: House, run: Run) -> Result:
    """Try an import: everything but the writing. What earlier rows would have made is only remembered, so a trial that
    was interrupted begins anew."""
    async with house.unit(SYSTEM) as uow:
        await commands.forget_refused(uow, run.job.id)
        await run.advance(uow, cursor={"row": 0}, done=-run.job.done, failed=-run.job.failed)
    return await _through(house, run, after=0, tally=Tally(), trial=Seen())


async def undo_import(house: House, run: Run) -> Result:
    """Take an import back, the last customer first."""
    import_id = UUID(run.job.params["import_id"])
    cursor = run.job.cursor or {}
    before: int | None = cursor.get("before")
    removed, reverted, kept = cursor.get("removed", 0), cursor.get("reverted", 0), cursor.get("kept", 0)
    consents = cursor.get("consents", 0)
    async with house.unit(SYSTEM) as uow:
        naming = await import_undo.references(uow)
    while True:
        async with house.unit(run.viewer) as uow:
            found = await import_undo.effects(uow, import_id, before, REMOVED_AT_ONCE)
            if not found:
                break
            # One kind at a time: removing is a statement for all, changing back one for each.
            kind = found[0].kind
            some = []
            for effect in found[: REMOVED_AT_ONCE if kind == "created" else CHANGED_AT_ONCE]:
                if effect.kind != kind:
                    break
                some.append(effect)
            if kind == "created":
                gone = await import_undo.remove_created(uow, import_id, some, naming)
                removed, kept = removed + len(gone), kept + len(some) - len(gone)
            else:
                for effect in some:
                    back = await import_undo.revert_changed(uow, import_id, effect)
                    reverted, kept = reverted + back, kept + (not back)
            there = [effect.customer_id for effect in some]
            consents += await import_consents.take_back(uow, import_id, there)
            before = some[-1].id
            await run.advance(
                uow,
                cursor={"before": before, "removed": removed, "reverted": reverted, "kept": kept, "consents": consents},
                done=len(some),
            )
    return {"removed": removed, "reverted": reverted, "kept": kept, "consents": consents}


async def _through(house: House, run: Run, *, after: int, tally: Tally, trial: Seen | None) -> Result:
    import_id = UUID(run.job.params["import_id"])
    view = await queries.get_import(house.db, house.keyring, SYSTEM, import_id)
    queries.raise_for_gone_file(view)
    task, rules = await _task(house, run.viewer, view, writes=trial is None)
    last = after
    async with aclosing(import_readers.prepared(replace(task, after=after))) as steps:
        async for step in steps:
            if not isinstance(step, Prepared):
                last = max(last, step.rows)
                break
            tally = await _step(house, run, view, step, rules, tally, trial)
            last = step.last
    async with house.unit(SYSTEM) as uow:
        rows = last - (1 if view.reading.get("headings") else 0)
        await run.advance(uow, cursor={"row": last, "ended": trial is None, **tally.json()}, total=max(0, rows))
        if trial is None:
            uow.audit("import:ended", import_id, job_id=run.job.id, created=tally.created, updated=tally.updated,
                      skipped=tally.skipped, refused=tally.refused)  # fmt: skip
    return tally.json() if trial is not None else await _put_away(house, import_id, tally)


async def _put_away(house: House, import_id: UUID, tally: Tally) -> Result:
    await imports.end_file(house, import_id)
    if tally.created >= BATCH:
        with suppress(Unavailable):  # the server's own upkeep comes to it, too
            await settle(house.db)
    return tally.json()


async def _step(
    house: House, run: Run, view: ImportView, step: Prepared, rules: Rules, before: Tally, trial: Seen | None
) -> Tally:
    async with house.unit(run.viewer) as uow:
        tally, refused = await write_step(uow, view.id, step, rules, trial)
        await commands.keep_refused(uow, view.id, run.job.id, view.key, refused)
        tally.add(before.json())
        await run.advance(uow, cursor={"row": step.last, **tally.json()}, done=step.count, failed=len(refused))
    return tally


async def _task(house: House, viewer: Viewer, view: ImportView, *, writes: bool) -> tuple[Task, Rules]:
    """What the readers need: how to read rows, and keys to seal them."""
    options = imports.options_of(view.options)
    known = await fields.load(house)
    words = await lists.load(house)
    users, tiers, tags = await known_words(house.db, viewer)
    named_tiers = {
        fold(name): tier.key for tier in await list_tiers(house.db, SYSTEM) for name in (tier.key, *tier.names.values())
    }
    classifications = {
        fold(name): entry.key for entry in words.entries(_CLASSIFICATION) for name in (entry.key, *entry.names.values())
    }
    plan = Plan(
        mapping=view.mapping,
        labels=import_mapping.labels(view.headings, view.mapping),
        orders=tuple(options.date_order or order for order in view.orders),  # type: ignore[misc]
        region=options.region or house.settings.region,
        tiers=named_tiers,
        classifications=classifications,
        users={fold(name): user_id for name, user_id in users.items()},
        tags={tag.casefold(): tag for tag in tags},
        new_tags=viewer.may("tags.write"),
        more_tags=options.tags,
        fields=known,
        zone=str(house.settings.timezone),
        now=house.clock(),
    )
    own = viewer.user_id if viewer.scope_of("customers") != "all" else None
    sealing = Sealing(house.keyring, known, tiers, viewer.user_id, own)
    task = Task(
        "prepare",
        imports.folder(house) / view.path,
        view.key.secret,
        view.id,
        view.format,
        reading_of(view.reading),
        plan,
        house.keyring,
        sealing if writes else None,
    )
    required = _required(known, view, viewer, house.settings.locale)
    return task, Rules(options.duplicates, options.match, sealing, required, says_consent(view.mapping))  # type: ignore[arg-type]


def _required(known: FieldSet, view: ImportView, viewer: Viewer, language: str) -> tuple[Required, ...]:
    columns = {target: column for column, target in enumerate(view.mapping) if target is not None}
    return tuple(
        Required(each.key, each.record, each.name(language), columns.get(f"{CUSTOM}{each.key}"))
        for each in known.fields
        if each.required
        and each.target == "customer"
        and not each.archived
        # Who may not see a private field cannot be asked for it.
        and not (each.private and "private" in viewer.masks)
    )


def _tally(cursor: Mapping[str, Any]) -> Tally:
    tally = Tally()
    tally.add(cursor)
    return tally


KINDS: Final = {
    imports.CHECK: Kind(run_check, "customers.import"),
    imports.RUN: Kind(run_import, "customers.import", undo=undo_import),
}
