"""Imports of customers: a file is received, looked at, mapped, tried, and started.

The file is sealed while it comes in and stays so; other processes read it (``import_readers``). What is done with its
rows is a job in the background (``import_jobs``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypedDict
from uuid import UUID

import structlog

from hotline.crm.commands.customers import imports as commands
from hotline.crm.import_seal import RefusedRow
from hotline.crm.queries.customers import imports as queries
from hotline.crm.queries.customers.imports import ImportView, MappingView, raise_for_gone_file
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import import_mapping, import_reading
from hotline.customers.custom_fields import FieldSet
from hotline.customers.import_encoding import is_workbook, refuse_other_formats
from hotline.customers.import_mapping import Guess
from hotline.customers.import_policy import DUPLICATES, MATCHES
from hotline.customers.import_reading import Sample, reading_of
from hotline.customers.import_record import LONGEST_TAG, MOST_TAGS
from hotline.customers.import_targets import CUSTOM, folded, says_consent
from hotline.customers.import_values import country_of
from hotline.customers.text import one_line
from hotline.errors import Conflict, Forbidden, Invalid
from hotline.workflows import background, sealed_files
from hotline.workflows.company import fields
from hotline.workflows.customers import import_readers
from hotline.workflows.customers.import_messages import Task
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Bytes of the largest file.
LARGEST: Final = 2 << 30
LONGEST_NAME: Final = 200
#: How long a file waits for its import to be started, and refused rows for who mends them.
FILE_KEPT: Final = timedelta(hours=24)
REFUSED_KEPT: Final = timedelta(hours=24)
#: How long it is known that there was an import: longer than it can be undone.
IMPORT_KEPT: Final = timedelta(days=90)

CHECK: Final = "import_check"
RUN: Final = "import_customers"

_ORDERS: Final = ("ymd", "dmy", "mdy")


class ImportChanges(TypedDict, total=False):
    """Corrections of how a file is read. ``saved`` lays a saved mapping over the table."""

    reading: Mapping[str, Any]
    mapping: Sequence[str | None]
    options: Mapping[str, Any]
    saved: str


@dataclass(frozen=True, slots=True)
class Options:
    """What is done with the rows. ``region``: of numbers without a country, empty for the installation's.
    ``date_order``: of dates such as 3/4/2024, empty for what each column looks like. ``tags``: added to every row's."""

    duplicates: str = "skip"
    match: tuple[str, ...] = ("phone", "email", "inapp")
    region: str = ""
    date_order: str = ""
    tags: tuple[str, ...] = field(default=())

    def json(self) -> dict[str, Any]:
        """As they are kept."""
        return {
            "duplicates": self.duplicates,
            "match": list(self.match),
            "region": self.region,
            "date_order": self.date_order,
            "tags": list(self.tags),
        }


def folder(house: House) -> Path:
    """Where imported files lie until they are read."""
    return house.settings.data_dir / "imports"


def options_of(kept: Mapping[str, Any]) -> Options:
    """Options as they were kept, or as somebody chose them. Raises Invalid naming what is wrong."""
    if unknown := [name for name in kept if name not in Options.__dataclass_fields__]:
        raise Invalid(f"options.{unknown[0][:40]}: there is no such setting.")
    options = Options(**{**kept, "match": tuple(kept.get("match", MATCHES)), "tags": tuple(kept.get("tags", ()))})
    if options.duplicates not in DUPLICATES:
        raise Invalid(f"options.duplicates: expected one of {', '.join(DUPLICATES)}.")
    if not set(options.match) <= set(MATCHES):
        raise Invalid(f"options.match: expected some of {', '.join(MATCHES)}.")
    if options.region and country_of(options.region) != options.region:
        raise Invalid("options.region: expected a country as two letters, for example CN.")
    if options.date_order and options.date_order not in _ORDERS:
        raise Invalid(f"options.date_order: expected one of {', '.join(_ORDERS)}.")
    if len(options.tags) > MOST_TAGS // 2:
        raise Invalid(f"options.tags: a list of at most {MOST_TAGS // 2}.")
    for tag in options.tags:
        one_line(str(tag), "options.tags", LONGEST_TAG, needed=True)
    return options


async def receive(
    house: House, viewer: Viewer, name: str, length: int | None, body: AsyncIterator[bytes]
) -> ImportView:
    """Take a file, look at it and guess how it is to be read. Raises Invalid, saying why, when it is no table."""
    viewer.require("customers.import")
    kept_name = one_line(name.replace("/", " ").replace("\\", " "), "name", LONGEST_NAME) or "import"
    if length is not None and length > LARGEST:
        raise sealed_files.FileTooLarge()
    import_id = house.new_id()
    key, wrapped = house.keyring.new_personal_key(house.new_id())
    path = f"{import_id}{sealed_files.SUFFIX}"
    place = folder(house) / path
    head: list[bytes] = []

    def check(first: bytes) -> None:
        refuse_other_formats(first)
        head.append(first[:8])

    size = await sealed_files.receive(place, key, import_id, body, LARGEST, check)
    format = "xlsx" if is_workbook(head[0]) else "csv"
    try:
        task = Task("sample", place, key.secret, import_id, format)
        sample = await import_readers.sampled(task)
        known = await fields.load(house)
        guesses = _guess(sample, known, await queries.list_mappings(house.db, viewer))
        async with house.unit(viewer) as uow:
            await commands.add_import(
                uow, import_id, key, wrapped,
                name=kept_name,
                sample=_kept_sample(sample, guesses),
                format=format,
                size=size,
                path=path,
                reading=sample.reading.json(),
                mapping=[guess.target for guess in guesses],
                options=Options().json(),
                rows_estimated=sample.rows_estimated,
            )  # fmt: skip
    except BaseException:
        await sealed_files.in_thread(sealed_files.remove, place)
        raise
    return await queries.get_import(house.db, house.keyring, viewer, import_id)


async def change(
    house: House, viewer: Viewer, import_id: UUID, changes: ImportChanges, version: int | None = None
) -> ImportView:
    """Correct how a file is read. Another encoding, delimiter or sheet makes new guesses of its columns."""
    view = await queries.get_import(house.db, house.keyring, viewer, import_id)
    raise_for_gone_file(view)
    known = await fields.load(house)
    reading = reading_of(view.reading)
    sample: Sample | None = None
    kept_sample: Mapping[str, Any] | None = None
    mapping: Sequence[str | None] = view.mapping
    headings: Sequence[str] = view.headings
    options = options_of({**view.options, **changes.get("options", {})})
    saved = await queries.get_mapping(house.db, viewer, changes["saved"]) if "saved" in changes else None
    wanted = import_reading.changed(reading, changes.get("reading", {}))
    if wanted != reading:
        task = Task("sample", folder(house) / view.path, view.key.secret, view.id, view.format, wanted)
        sample = await import_readers.sampled(task)
        guesses = _guess(sample, known, await queries.list_mappings(house.db, viewer))
        mapping, headings = [guess.target for guess in guesses], sample.headings
        kept_sample = _kept_sample(sample, guesses)
    if saved is not None:
        mapping = _overlaid(headings, mapping, saved)
        options = options_of({**options.json(), **saved.options})
    if "mapping" in changes:
        mapping = changes["mapping"]
    checked = import_mapping.checked(mapping, len(headings), lambda key: _may_be_field(known, key))
    async with house.unit(viewer) as uow:
        await commands.lock_import(uow, import_id, version)
        await commands.change_import(
            uow, import_id, view.key,
            reading=wanted.json(),
            mapping=checked,
            options=options.json(),
            sample=kept_sample,
            rows_estimated=view.rows_estimated if sample is None else sample.rows_estimated,
        )  # fmt: skip
    return await queries.get_import(house.db, house.keyring, viewer, import_id)


async def start(
    house: House, viewer: Viewer, import_id: UUID, *, trial: bool, duplicates: str | None = None
) -> ImportView:
    """Start the import, or a trial run of it that writes nothing. Raises Conflict when it was started before,
    and Forbidden for a column that would write what the viewer may not see."""
    viewer.require("customers.write")
    view = await queries.get_import(house.db, house.keyring, viewer, import_id)
    raise_for_gone_file(view)
    chosen = {} if duplicates is None else {"duplicates": duplicates}
    options = options_of({**view.options, **chosen})
    if import_mapping.lacks_name(view.mapping):
        raise Invalid("mapping: no column says who the customer is; choose one for the name.")
    if says_consent(view.mapping):
        viewer.require("consents.write")
    if "private" in viewer.masks:
        private = {f"{CUSTOM}{each.key}" for each in (await fields.load(house)).fields if each.private}
        if private.intersection(filter(None, view.mapping)):
            raise Forbidden("Your role does not see private fields.")
    if view.check is not None and view.check.state in ("queued", "running"):
        raise Conflict("This import is being tried at the moment.")
    async with house.unit(viewer) as uow:
        await commands.lock_import(uow, import_id, view.version)
        await commands.change_import(
            uow, import_id, view.key,
            reading=view.reading,
            mapping=view.mapping,
            options=options.json(),
            sample=None,
            rows_estimated=view.rows_estimated,
        )  # fmt: skip
        job_id = await background.start_in(
            uow, CHECK if trial else RUN, {"import_id": str(import_id)}, view.rows_estimated
        )
        await commands.note_started(uow, import_id, job_id, trial=trial, duplicates=options.duplicates)
    background.wake(house)
    return await queries.get_import(house.db, house.keyring, viewer, import_id)


async def delete(house: House, viewer: Viewer, import_id: UUID) -> None:
    """Forget an import that does not run; what it wrote stays, and can no longer be undone."""
    view = await queries.get_import(house.db, house.keyring, viewer, import_id)
    if any(
        job is not None and job.state in ("queued", "running", "paused", "undoing") for job in (view.job, view.check)
    ):
        raise Conflict("This import is under way; stop it first.")
    async with house.unit(viewer) as uow:
        path = await commands.delete_import(uow, import_id)
    if path is not None:
        await sealed_files.in_thread(sealed_files.remove, folder(house) / path)


async def save_mapping(house: House, viewer: Viewer, name: str, import_id: UUID) -> MappingView:
    """Keep how an import reads its file under a name, for the next file with these headings."""
    cleaned = one_line(name, "name", 100, needed=True)
    view = await queries.get_import(house.db, house.keyring, viewer, import_id)
    columns = {
        folded(heading): target for heading, target in zip(view.headings, view.mapping, strict=True) if folded(heading)
    }
    if not columns:
        raise Invalid("mapping: this file has no headings to remember it by.")
    async with house.unit(viewer) as uow:
        await commands.save_mapping(uow, cleaned, columns, view.reading, view.options)
    return await queries.get_mapping(house.db, viewer, cleaned)


async def delete_mapping(house: House, viewer: Viewer, name: str) -> None:
    """Forget a saved mapping."""
    viewer.require("customers.import")
    async with house.unit(viewer) as uow:
        await commands.delete_mapping(uow, name)


async def refused(
    house: House, viewer: Viewer, import_id: UUID, *, most: int | None = None
) -> tuple[ImportView, AsyncIterator[RefusedRow]]:
    """The refused rows of the import, or of its trial run while it was not started."""
    view = await queries.get_import(house.db, house.keyring, viewer, import_id)
    job = view.job or view.check
    if job is None:
        raise Conflict("This import was neither tried nor started yet.")
    return view, queries.refused_rows(house.db, house.keyring, viewer, view, job.id, most=most)


async def keep_imports(house: House) -> int:
    """End what is past its time: files of imports that ended or were never started, refused rows; and remove files that
    a crash left. How many files."""
    removed = 0
    now = house.clock()
    for import_id in await queries.ended_files(house.db, SYSTEM, now - FILE_KEPT, limit=500):
        removed += await end_file(house, import_id)
    async with house.unit(SYSTEM) as uow:
        await commands.forget_refusals(uow, now - REFUSED_KEPT)
        await commands.forget_imports(uow, now - IMPORT_KEPT)
    return removed + await sealed_files.sweep(folder(house), lambda paths: queries.kept_paths(house.db, SYSTEM, paths))


async def end_file(house: House, import_id: UUID) -> bool:
    """Remove the file of an import that needs it no more, and the rows that were shown of it."""
    view = await queries.get_import(house.db, house.keyring, SYSTEM, import_id)
    sample = {
        "headings": view.headings, "rows": [], "orders": view.orders, "sheets": view.sheets, "guessed": view.guessed,
    }  # fmt: skip
    async with house.unit(SYSTEM) as uow:
        path = await commands.forget_file(uow, import_id, view.key, sample)
    if path is None:
        return False
    await sealed_files.in_thread(sealed_files.remove, folder(house) / path)
    return True


def _guess(sample: Sample, known: FieldSet, saved: Sequence[MappingView]) -> list[Guess]:
    named = [heading for heading in map(folded, sample.headings) if heading]
    for mapping in saved:
        # A file with the very headings of a saved mapping is one more of its kind.
        if named and set(named) == set(mapping.columns):
            return import_mapping.remembered(sample.headings, mapping.columns)
    return import_mapping.guess(sample.headings, sample.by_column, _field_names(known))


def _field_names(known: FieldSet) -> dict[str, str]:
    return {
        folded(name): each.key
        for each in known.fields
        if each.target == "customer" and not each.archived
        for name in (each.key, *each.names.values())
    }


def _may_be_field(known: FieldSet, key: str) -> bool:
    """A field of the company's that is in use, or a key that none of its fields has."""
    described = known.get(key)
    if described is not None:
        return not described.archived
    return len(key) <= 100 and key.isprintable()


def _overlaid(headings: Sequence[str], mapping: Sequence[str | None], saved: MappingView) -> list[str | None]:
    found = import_mapping.remembered(headings, saved.columns)
    taken = {guess.target for guess in found if guess.by == "saved"}
    return [
        guess.target if guess.by == "saved" else (None if target in taken else target)
        for guess, target in zip(found, mapping, strict=True)
    ]


def _kept_sample(sample: Sample, guesses: Sequence[Guess]) -> dict[str, Any]:
    return {
        "headings": sample.headings,
        "rows": sample.rows,
        "orders": sample.orders,
        "sheets": sample.sheets,
        "guessed": [guess.by for guess in guesses],
    }
