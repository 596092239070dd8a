"""Lists of who wants nothing: brought as a file, taken in by a job step by step. What is refused of a list is told
from the file itself for as long as that lies."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast, get_args
from uuid import UUID

from hotline.campaigns.suppression_list import (
    CHANNELS,
    Column,
    Fault,
    Line,
    ListRules,
    Reason,
    Scope,
    columns_of,
    read_line,
)
from hotline.crm.commands.consent.opt_outs import opt_out_many
from hotline.crm.commands.consent.suppressions import Held
from hotline.crm.commands.ending_files import note_job, note_whole
from hotline.crm.commands.pushes.push_files import add_push_file
from hotline.crm.queries.pushes.push_files import TABLE, PushFileView, get_push_file, read_push_file
from hotline.crm.viewer import Viewer
from hotline.customers.import_csv import Row, guess_delimiter, rows_of
from hotline.customers.import_encoding import MARKING, SAMPLE, decoder_of, guess_encoding, refuse_other_formats
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.media.sealed import SealedReader
from hotline.media.sealed_stream import SealedStream
from hotline.workflows import background, ending_files, sealed_files
from hotline.workflows.background import Kind, Result, Run
from hotline.workflows.ending_files import KEPT, FileGone
from hotline.workflows.house import House
from hotline.workflows.sealed_files import in_thread

IMPORT: Final = "import_suppressions"
#: Bytes of the largest list, and rows of one step.
LARGEST: Final = 512 << 20
STEP: Final = 1_000
LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A row that was left out: where it stands, its cells, and why."""

    number: int
    cells: tuple[str, ...] = field(repr=False)
    fault: Fault


async def receive(
    house: House,
    viewer: Viewer,
    name: str,
    body: AsyncIterator[bytes],
    *,
    channel: str,
    reason: str = "opt_out",
    purpose: str = "",
) -> PushFileView:
    """Take a list and begin to take it in. ``channel``, ``reason`` and ``purpose`` are of rows that do not say so
    themselves; an empty purpose is the channel's usual one. Raises Forbidden, and Invalid, saying why, when it is none.
    """
    viewer.require("consents.write")
    _rules(house, {"channel": channel, "reason": reason, "purpose": purpose})
    file_id = house.new_id()
    key, wrapped = house.keyring.new_personal_key(house.new_id())
    path = f"{file_id}{sealed_files.SUFFIX}"
    place = ending_files.folder(house, TABLE) / path
    size = await sealed_files.receive(place, key, file_id, body, LARGEST, _check)
    chosen: dict[str, Any] = {"channel": channel, "reason": reason, "purpose": purpose}
    try:
        encoding, delimiter, quote, columns = await in_thread(_looked_at, place, key.secret, file_id)
        chosen |= {"encoding": encoding, "delimiter": delimiter, "quote": quote, "columns": columns}
        async with house.unit(viewer) as uow:
            await add_push_file(
                uow, file_id, "suppressions", key, wrapped,
                name=one_line(name.replace("/", " ").replace("\\", " "), "name", LONGEST_NAME) or "list",
                format="csv", language=viewer.locale, chosen=chosen, expires_at=uow.now + KEPT, path=path, size=size,
            )  # fmt: skip
            job_id = await background.start_in(uow, IMPORT, {"file_id": str(file_id)})
            await note_job(uow, TABLE, file_id, job_id)
    except BaseException:
        await in_thread(sealed_files.remove, place)
        raise
    background.wake(house)
    return await get_push_file(house.db, house.keyring, viewer, file_id, "suppressions")


async def run_import(house: House, run: Run) -> Result:
    """Take the list in. One that a crash cut off goes on behind its last step."""
    file_id = UUID(run.job.params["file_id"])
    view = await read_push_file(house.db, house.keyring, run.viewer, file_id, "suppressions")
    cursor = run.job.cursor or {"row": 0, "new": 0, "faults": {}}
    row, new, faults = int(cursor["row"]), int(cursor["new"]), Counter(cast(dict[str, int], cursor["faults"]))
    async for some in _steps(house, view):
        if some[-1][0].number <= row:
            continue
        some = [each for each in some if each[0].number > row]
        lines = [line for _, line in some if isinstance(line, Line)]
        refused = [line for _, line in some if isinstance(line, str)]
        faults.update(refused)
        row = some[-1][0].number
        async with house.unit(run.viewer) as uow:
            held = [
                Held(
                    each.channel, uow.keyring.contact_index(each.kind, each.value), each.reason, each.purpose,
                    min(each.at or uow.now, uow.now),
                )
                for each in lines
            ]  # fmt: skip
            if held:
                new += await opt_out_many(uow, held, "import", file_id)
            await run.advance(
                uow, cursor={"row": row, "new": new, "faults": dict(faults)}, done=len(some), failed=len(refused)
            )
    async with house.unit(run.viewer) as uow:
        uow.audit("suppression:imported", file_id, new=new, refused=sum(faults.values()))
        await note_whole(
            uow, TABLE, file_id, path=view.path or "", size=view.bytes or 0, rows=row, expires_at=uow.now + KEPT
        )
    return {"new": new, "rows": row, "refused": sum(faults.values()), "faults": dict(faults)}


async def refused(
    house: House, viewer: Viewer, file_id: UUID
) -> tuple[PushFileView, AsyncGenerator[RefusedLine, None]]:
    """The rows that were left out, for as long as the file lies. Raises NotFound, FileGone."""
    view = await get_push_file(house.db, house.keyring, viewer, file_id, "suppressions")
    if view.key is None or view.path is None:
        raise FileGone()
    return view, _refused(house, view)


async def _refused(house: House, view: PushFileView) -> AsyncGenerator[RefusedLine, None]:
    async for some in _steps(house, view):
        for row, line in some:
            if isinstance(line, str):
                yield RefusedLine(row.number, tuple(row.cells), line)


async def _steps(house: House, view: PushFileView) -> AsyncGenerator[list[tuple[Row, Line | Fault | None]], None]:
    """The rows of a list as lines, some at a time. Raises FileGone."""
    if view.key is None or view.path is None:
        raise FileGone()
    rules = _rules(house, view.chosen)
    columns = cast("dict[Column, int] | None", view.chosen["columns"])
    with _rows(ending_files.folder(house, TABLE) / view.path, view.key.secret, view.id, view.chosen) as rows:
        while some := await in_thread(_lines, rows, columns, rules):
            yield some


def _lines(
    rows: Iterator[Row], columns: dict[Column, int] | None, rules: ListRules
) -> list[tuple[Row, Line | Fault | None]]:
    found: list[tuple[Row, Line | Fault | None]] = []
    for row in islice(rows, STEP):
        if row.number == 1 and columns is not None:
            found.append((row, None))
            continue
        found.append((row, "unreadable" if row.fault else read_line(row.cells, columns, rules)))
    return found


@contextlib.contextmanager
def _rows(place: Path, secret: bytes, owner: UUID, chosen: Mapping[str, Any]) -> Iterator[Iterator[Row]]:
    """The rows of a sealed list."""
    encoding = "utf-8-sig" if chosen["encoding"] == "utf-8" else chosen["encoding"]
    with io.BufferedReader(SealedStream(SealedReader(place, secret, owner)), 1 << 16) as file:
        yield rows_of(io.TextIOWrapper(file, encoding, MARKING, newline=""), chosen["delimiter"], chosen["quote"])


def _looked_at(place: Path, secret: bytes, owner: UUID) -> tuple[str, str, str, dict[str, int] | None]:
    """How the list is read: (encoding, delimiter, quote, columns)."""
    reader = SealedReader(place, secret, owner)
    try:
        head = b"".join(reader.read(0, SAMPLE))
    finally:
        reader.close()
    encoding = guess_encoding(head)
    text = decoder_of(encoding)().decode(head)
    delimiter, quote = guess_delimiter(text)
    first = next(iter(rows_of(io.StringIO(text, newline=""), delimiter, quote)), None)
    if first is None:
        raise Invalid("file: it is empty.")
    return encoding, delimiter, quote, cast("dict[str, int] | None", columns_of(first.cells))


def _check(first: bytes) -> None:
    refuse_other_formats(first)
    if first.startswith(b"PK\x03\x04"):
        raise Invalid("file: this is a workbook; save the list as CSV.")


def _rules(house: House, chosen: Mapping[str, Any]) -> ListRules:
    for name, known in (("channel", CHANNELS), ("reason", get_args(Reason)), ("purpose", ("", *get_args(Scope)))):
        if chosen[name] not in known:
            raise Invalid(f"{name}: one of {', '.join(each for each in known if each)}")
    return ListRules(chosen["channel"], chosen["reason"], chosen["purpose"], house.settings.region)


KIND: Final = Kind(run_import, "consents.write")
