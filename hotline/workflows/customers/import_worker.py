"""The process that reads an imported file: decrypts, decodes, cleans, seals. Run as ``python -m``, told over its stdin.

Whatever a hostile file does to its reader, it does here, where memory is bounded and which can be ended. Several of
these read one file at once, each preparing its share of the steps; none outlives the process that started it, since it
then writes to nobody.
"""

from __future__ import annotations

import contextlib
import gc
import io
import itertools
import os
import pickle
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import IO, Final

from hotline.crm.import_seal import Prepared, PreparedRow, RefusedRow, indexes_of, kept_of, seal
from hotline.customers import import_csv, import_encoding, import_mapping
from hotline.customers.import_csv import KEPT_OF_CELL, LONGEST_ROW, MOST_COLUMNS, Row
from hotline.customers.import_reading import LONGEST_HEADING, LONGEST_SHOWN, LOOKED_AT, SHOWN, Reading, Sample
from hotline.customers.import_record import read
from hotline.errors import HotlineError, Invalid
from hotline.media.sealed import SealedReader
from hotline.media.sealed_stream import SealedStream
from hotline.workflows.customers.import_messages import LENGTH, Ended, Refused, Task, written

#: Rows of one step, and of the first, since writing waits for it; characters after which a step is full all the same.
STEP_ROWS: Final = 2_000
FIRST_STEP_ROWS: Final = 250
STEP_SIZE: Final = 2 << 20
#: Bytes of memory for data; what needs more is no table.
MOST_MEMORY: Final = 400 << 20
#: How much less important than calls it is.
NICENESS: Final = 5


def main() -> None:
    """Do one task and end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    os.nice(NICENESS)
    (length,) = LENGTH.unpack(sys.stdin.buffer.read(LENGTH.size))
    task: Task = pickle.loads(sys.stdin.buffer.read(length))  # noqa: S301 - from the process that started this one
    # Rows hold no circles: looking for some a hundred times a step would be a tenth of all work.
    gc.freeze()
    gc.disable()
    with contextlib.suppress(BrokenPipeError):
        for message in _messages(task):
            sys.stdout.buffer.write(written(message))
            sys.stdout.buffer.flush()
            gc.collect()
    sys.stdout = None  # nobody reads any more: nothing to flush at the end


def _messages(task: Task) -> Iterator[object]:
    try:
        if task.work == "sample":
            yield sample(task)
        else:
            yield from prepare(task)
    except MemoryError:
        yield Refused("file: reading it needs too much memory.")
    except HotlineError as error:
        yield Refused(error.detail)


def sample(task: Task) -> Sample:
    """The first rows, with guesses of how they are to be read where ``task.reading`` does not say."""
    with _opened(task) as file:
        if task.format == "xlsx":
            return _sample_workbook(file, task.reading)
        head = file.read(import_encoding.SAMPLE)
        size = file.seek(0, io.SEEK_END)
        if not head.strip(b"\0 \t\r\n\xef\xbb\xbf"):
            raise Invalid("file: it is empty.")
        reading = task.reading or _guessed(head)
        file.seek(0)
        rows = list(itertools.islice(_text_rows(file, reading), LOOKED_AT + 1))
        read_bytes = max(1, sum(1 + sum(len(cell) + 1 for cell in row.cells) for row in rows))
        ended = len(rows) <= LOOKED_AT
        estimated = len(rows) if ended else int(len(rows) * size / max(1, read_bytes * _width(head, reading)))
        return _sampled(rows, reading, (), estimated, guess=task.reading is None)


def prepare(task: Task) -> Iterator[Prepared | Ended]:
    """This worker's share of the steps, in their order."""
    if task.plan is None or task.reading is None:
        raise ValueError("nothing to prepare by")
    with _opened(task) as file:
        rows = _rows(file, task.format, task.reading)
        first = 1 if task.reading.headings else 0
        last = max(task.after, first)
        rows = (row for row in rows if row.number > last)
        for step, some in enumerate(_steps(rows)):
            last = some[-1].number
            if step % task.shares == task.share:
                yield _prepared(some, task)
        yield Ended(last)


def _steps(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows in steps; where a step ends depends on the file alone, so that all workers agree."""
    some: list[Row] = []
    size, most = 0, FIRST_STEP_ROWS
    for row in rows:
        some.append(row)
        size += sum(map(len, row.cells))
        if len(some) >= most or size >= STEP_SIZE:
            yield some
            some, size = [], 0
            most = min(STEP_ROWS, 2 * most)
    if some:
        yield some


def _prepared(rows: Sequence[Row], task: Task) -> Prepared:
    plan, sealing = task.plan, task.sealing
    if plan is None or task.keyring is None:
        raise ValueError("nothing to prepare by")
    kept: list[PreparedRow] = []
    refused: list[RefusedRow] = []
    for row in rows:
        record = read(row, plan)
        cells = tuple(cell[:KEPT_OF_CELL] for cell in row.cells[:MOST_COLUMNS])
        if isinstance(record, list):
            refused.append(RefusedRow(row.number, tuple(record), cells))
            continue
        indexes = indexes_of(record, task.keyring)
        sealed = seal(record, indexes, sealing) if sealing is not None and record.name is not None else None
        kinds = tuple(kind for kind, _, _ in record.points)
        packed = kept_of(record, cells)
        kept.append(PreparedRow(row.number, record.number, kinds, indexes, record.tags, packed, sealed))
    return Prepared.of(rows[-1].number, len(rows), kept, refused)


@contextlib.contextmanager
def _opened(task: Task) -> Iterator[IO[bytes]]:
    stream = SealedStream(SealedReader(task.path, task.secret, task.owner))
    with io.BufferedReader(stream, 1 << 16) as file:
        yield file


def _rows(file: IO[bytes], format: str, reading: Reading) -> Iterator[Row]:
    return _sheet_rows(file, reading.sheet) if format == "xlsx" else _text_rows(file, reading)


def _text_rows(file: IO[bytes], reading: Reading) -> Iterator[Row]:
    encoding = "utf-8-sig" if reading.encoding == "utf-8" else reading.encoding
    text = io.TextIOWrapper(file, encoding, import_encoding.MARKING, newline="")
    rows = import_csv.rows_of(text, reading.delimiter, reading.quote)
    try:
        for row in rows:
            if row.number == 1 and len(row.cells) == 1 and row.cells[0].lower().startswith("sep="):
                continue  # a hint of Excel to itself
            yield row
    except UnicodeError:
        raise Invalid("encoding: the file cannot be read in this encoding.") from None
    finally:
        with contextlib.suppress(ValueError):
            text.detach()


def _sheet_rows(file: IO[bytes], sheet: int) -> Iterator[Row]:
    from hotline.media.workbook import WorkbookReader

    book = WorkbookReader(file)
    try:
        if not 0 <= sheet < len(book.sheets):
            raise Invalid("reading.sheet: there is no such sheet.")
        number = width = 0
        for line, cells in enumerate(book.rows(book.sheets[sheet].name), start=1):
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            width = width or len(cells)
            # A sheet leaves out empty cells at the end of a row: it is whole all the same.
            cells += [""] * (width - len(cells))
            if sum(map(len, cells)) > LONGEST_ROW:
                yield Row(number, line, [cell[:KEPT_OF_CELL] for cell in cells], "size")
            else:
                yield Row(number, line, cells)
    finally:
        book.close()


def _guessed(head: bytes) -> Reading:
    encoding = import_encoding.guess_encoding(head)
    text = import_encoding.decoder_of(encoding)().decode(head)
    delimiter, quote = import_csv.guess_delimiter(text)
    return Reading(encoding=encoding, delimiter=delimiter, quote=quote)


def _width(head: bytes, reading: Reading) -> float:
    """Bytes of a character, as the file's beginning has them."""
    text = import_encoding.decoder_of(reading.encoding)().decode(head)
    return len(head) / max(1, len(text))


def _sample_workbook(file: IO[bytes], reading: Reading | None) -> Sample:
    from hotline.media.workbook import WorkbookReader

    book = WorkbookReader(file)
    sheets = book.sheets
    book.close()
    file.seek(0)
    at = reading.sheet if reading is not None else 0
    rows = list(itertools.islice(_sheet_rows(file, at), LOOKED_AT + 1))
    claimed = sheets[at].rows if at < len(sheets) else None
    estimated = len(rows) if len(rows) <= LOOKED_AT else claimed
    names = tuple(sheet.name for sheet in sheets)
    return _sampled(rows, reading or Reading(), names, estimated, guess=reading is None)


def _sampled(
    rows: Sequence[Row], reading: Reading, sheets: tuple[str, ...], estimated: int | None, *, guess: bool
) -> Sample:
    if not rows:
        raise Invalid("file: it is empty.")
    first = rows[0]
    if len(first.cells) > MOST_COLUMNS:
        raise Invalid(f"file: the first row has {len(first.cells)} cells; a table has at most {MOST_COLUMNS} columns.")
    if first.fault in ("size", "quote"):
        raise Invalid("file: its first row has no end; this is no table, or its delimiter and quote are others.")
    if guess:
        headings = import_mapping.has_headings(first.cells, [row.cells for row in rows[1:50]])
        reading = replace(reading, headings=headings)
    below = [row for row in rows[1 if reading.headings else 0 :] if not row.fault]
    if not below:
        raise Invalid("file: there is no row below the headings.")
    width = len(first.cells)
    by_column = tuple(
        tuple(row.cells[at][:LONGEST_SHOWN] for row in below[:LOOKED_AT] if at < len(row.cells)) for at in range(width)
    )
    return Sample(
        reading=reading,
        headings=tuple(cell.strip()[:LONGEST_HEADING] if reading.headings else "" for cell in first.cells),
        rows=tuple(tuple(cell[:LONGEST_SHOWN] for cell in row.cells[:width]) for row in below[:SHOWN]),
        orders=tuple(import_mapping.date_order(cells) for cells in by_column),
        sheets=sheets,
        rows_estimated=None if estimated is None else max(len(below), estimated - (1 if reading.headings else 0)),
        by_column=by_column,
    )


if __name__ == "__main__":
    main()
