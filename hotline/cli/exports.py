"""``hotline export``: customers into a CSV or XLSX file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import typer

from hotline.cli.house import in_house
from hotline.cli.job_progress import finish
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid
from hotline.workflows.customers import exports as workflow
from hotline.workflows.customers.exports import NewExport
from hotline.workflows.house import House

_FILE = typer.Argument(
    help="A new file; .xlsx makes a workbook, anything else CSV.", metavar="FILE", show_default=False
)
_FIELD = typer.Option([], "--field", "-f", help="A column: number, name, phone, custom.KEY …; repeatable; none: all.")


def export(
    file: Path = _FILE,
    field: list[str] = _FIELD,
    search: str = typer.Option("", "--search", "-q", help="Only the best 500 that this search finds."),
    tag: str = typer.Option("", help="Only customers with this tag."),
    tier: str = typer.Option("", help="Only customers of this tier."),
    responsible: str = typer.Option("", help="Only customers of this user (login), or none."),
    classification: str = typer.Option("", help="Only customers of this classification."),
    kind: str = typer.Option("", help="person or organisation."),
    language: str = typer.Option("en", help="Of the headings: en or zh."),
) -> None:
    """Export customers. It stands in the audit trail; formulas in cells are made harmless. The file is readable by its
    owner alone, and no longer encrypted: keep it accordingly."""
    if file.exists():
        raise Invalid(f"{file}: there is a file of this name already.")
    chosen = {
        "q": search, "tag": tag, "tier": tier, "responsible": responsible, "classification": classification,
        "kind": kind,
    }  # fmt: skip
    wanted = NewExport(
        format="xlsx" if file.suffix.lower() == ".xlsx" else "csv",
        fields=field,
        chosen={name: value for name, value in chosen.items() if value},
        language="zh" if language == "zh" else "en",
    )

    async def work(house: House) -> int:
        view = await workflow.start(house, SYSTEM, wanted)
        if view.job is None:
            raise Invalid("The export was not started.")
        await finish(house, view.job.id, workflow.KINDS, "Export")
        view, reader = await workflow.open_file(house, SYSTEM, view.id)
        try:
            await asyncio.to_thread(_write, file, reader.read(0, reader.size))
        finally:
            reader.close()
        await workflow.delete(house, SYSTEM, view.id)
        return view.rows or 0

    typer.echo(f"{file}: {in_house(work):,} customers.")


def _write(file: Path, pieces: Iterator[bytes]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        for piece in pieces:
            out.write(piece)
