"""``hotline import``: customers out of a CSV or XLSX file."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import typer

from hotline.cli.house import in_house
from hotline.cli.job_progress import finish
from hotline.crm.queries.customers.imports import ImportView
from hotline.crm.viewer import SYSTEM
from hotline.customers.import_reasons import said
from hotline.customers.import_targets import BY_KEY, CONSENT, CUSTOM, folded
from hotline.customers.table_cells import defused
from hotline.errors import Invalid
from hotline.workflows.customers import import_jobs
from hotline.workflows.customers import imports as workflow
from hotline.workflows.customers.imports import ImportChanges
from hotline.workflows.house import House

_PIECE = 1 << 20
_TARGETS = [key for key in BY_KEY if not key.startswith(CONSENT)]
_COLUMN = typer.Option(
    [], "--column", "-c", metavar="HEADING=TARGET",
    help=f"What a column is, instead of the guess; repeatable. A target is {', '.join(_TARGETS)}, {CUSTOM}KEY, "
    f"{CONSENT}CHANNEL.PURPOSE, {CONSENT}DETAIL, or - to leave it out; a heading may be its number, counted from 1.",
)  # fmt: skip
_TAG = typer.Option([], "--tag", help="A tag for every row; repeatable.")
_ERRORS = typer.Option(None, help="Write refused rows with their reasons into this file.")
_FILE = typer.Argument(help="CSV in any usual encoding, or XLSX.", metavar="FILE", show_default=False)


def import_(
    file: Path = _FILE,
    duplicates: str = typer.Option("skip", help="Customers who are there: skip, update, or merge (only complete)."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would happen, and write nothing."),
    column: list[str] = _COLUMN,
    mapping: str = typer.Option("", help="Read the file by the saved mapping of this name."),
    save: str = typer.Option("", help="Save the mapping under this name."),
    encoding: str = typer.Option("", help="Instead of the guess, for example gb18030."),
    delimiter: str = typer.Option("", help="Instead of the guess; tab for a tab."),
    headings: bool | None = typer.Option(None, "--headings/--no-headings", help="Instead of the guess."),
    sheet: int = typer.Option(1, min=1, help="Of a workbook."),
    region: str = typer.Option("", help="Country of numbers without one; HOTLINE_REGION when empty."),
    tag: list[str] = _TAG,
    errors: Path | None = _ERRORS,
) -> None:
    """Import customers. It goes on after a crash (of this command too, when hotline serves), and can be undone for 30
    days on its page."""
    if not file.is_file():
        raise Invalid(f"{file}: there is no such file.")
    reading: dict[str, Any] = {}
    if encoding:
        reading["encoding"] = encoding
    if delimiter:
        reading["delimiter"] = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if headings is not None:
        reading["headings"] = headings
    if sheet > 1:
        reading["sheet"] = sheet - 1
    size = file.stat().st_size
    options = {"duplicates": duplicates, "region": region.upper(), "tags": tag}

    async def work(house: House) -> None:
        view = await workflow.receive(house, SYSTEM, file.name, size, _pieces(file))
        changes: ImportChanges = {"options": options}
        if reading:
            changes["reading"] = reading
        if mapping:
            changes["saved"] = mapping
        view = await workflow.change(house, SYSTEM, view.id, changes)
        if column:
            view = await workflow.change(house, SYSTEM, view.id, {"mapping": _targets(view, column)})
        if save:
            await workflow.save_mapping(house, SYSTEM, save, view.id)
        _show_mapping(view)
        view = await workflow.start(house, SYSTEM, view.id, trial=dry_run)
        started = view.check if dry_run else view.job
        if started is None:
            raise Invalid("The import was not started.")
        job = await finish(house, started.id, import_jobs.KINDS, "Dry run" if dry_run else "Import")
        _show_result(job.result, dry_run=dry_run)
        if errors is not None and job.failed:
            await _write_errors(house, view, errors)
            typer.echo(f"Refused rows: {errors}")

    in_house(work)


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := await asyncio.to_thread(opened.read, _PIECE):
            yield piece


def _targets(view: ImportView, wanted: list[str]) -> list[str | None]:
    targets = list(view.mapping)
    places = {folded(heading): at for at, heading in reversed(list(enumerate(view.headings))) if heading}
    for each in wanted:
        heading, equals, target = each.rpartition("=")
        if not equals:
            raise Invalid(f"--column {each}: expected HEADING=TARGET.")
        at = places.get(folded(heading))
        if at is None and heading.isdecimal() and 0 < int(heading) <= view.columns:
            at = int(heading) - 1
        if at is None:
            raise Invalid(f"--column {each}: the file has no column of this heading.")
        chosen = None if target in ("", "-") else target
        # What a person says of a column holds against what was guessed of another one.
        if chosen in BY_KEY and not BY_KEY[chosen].many:
            targets = [None if target == chosen else target for target in targets]
        targets[at] = chosen
    return targets


def _show_mapping(view: ImportView) -> None:
    how = f"sheet {view.reading['sheet'] + 1}" if view.format == "xlsx" else view.reading["encoding"]
    typer.echo(f"{view.name}: {view.format.upper()}, {how}, about {view.rows_estimated or 0:,} rows")
    for at, (heading, target) in enumerate(zip(view.headings, view.mapping, strict=True), start=1):
        typer.echo(f"  {heading or f'column {at}':<30} {target or '-'}")


def _show_result(result: Any, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    typer.echo(
        f"{result['created']:,} {would}created, {result['updated']:,} {would}changed, "
        f"{result['unchanged']:,} unchanged, {result['skipped']:,} skipped, {result['refused']:,} refused."
    )
    if any(result[name] for name in ("consents_granted", "consents_withdrawn", "consents_older")):
        typer.echo(
            f"Consent: {result['consents_granted']:,} {would}granted, "
            f"{result['consents_withdrawn']:,} {would}withdrawn, {result['consents_older']:,} older than what holds."
        )
    for code, rows in sorted(result["reasons"].items(), key=lambda each: -each[1]):
        typer.echo(f"  {rows:>9,} {code}")


async def _write_errors(house: House, view: ImportView, place: Path) -> None:
    view, rows = await workflow.refused(house, SYSTEM, view.id)
    with place.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        out = csv.writer(file)
        names = [heading or f"Column {at}" for at, heading in enumerate(view.headings, start=1)]
        out.writerow([*map(defused, names), "Row", "Why refused"])
        async for row in rows:
            cells = [*row.cells[: view.columns], *[""] * (view.columns - len(row.cells))]
            out.writerow(
                [*map(defused, cells), row.number, " ".join(said(each, view.headings) for each in row.reasons)]
            )
