"""Everything that is kept about a person, opened: what ``tables`` says of each table, and their files.

Names of staff are left out: they are other people's. What a note says of third persons is for who hands the report
over to read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers.erasure import Reach, bound, reach_of
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, WrongKey
from hotline.crm.personal_keys import load_personal_keys
from hotline.crm.privacy.personal import Personal
from hotline.crm.privacy.tables import PERSONAL
from hotline.crm.viewer import Viewer

#: Most lines of one section; a person with more has a machine that calls.
MOST: Final = 20_000

_SEALED: Final = "_cipher"
_SEALED_JSON: Final = "_cipher_json"
#: What ``tables`` shows of a file's row beside its fields.
_FILE: Final = {"part_path": "x.path"}


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file of the person: where it lies, what opens it, and how it is called in the report's archive."""

    part: str
    path: str
    owner: UUID
    key: PersonalKey = field(repr=False)
    name: str


@dataclass(slots=True)
class Section:
    """One part of the report: ``lines`` are fields by name; ``cut`` when there were more than MOST."""

    name: str
    lines: list[dict[str, Any]]
    cut: bool = False


@dataclass(slots=True)
class PersonReport:
    """The report. ``customers`` are the records that were merged into one; ``language`` is the person's."""

    customer_id: UUID
    customers: tuple[UUID, ...]
    language: str | None
    sections: list[Section]
    files: list[ReportFile]


async def person_report(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> PersonReport:
    """Everything about a person. Raises Forbidden without ``customers.report``, and NotFound."""
    viewer.require("customers.report")
    reach = await reach_of(db, customer_id)
    report = PersonReport(reach.asked, reach.customers, None, [], [])
    for table in reversed(PERSONAL):
        if table.shows:
            await _add(db, keyring, table, reach, report)
    record = next((section for section in report.sections if section.name == "record"), None)
    if record is not None and record.lines:
        report.language = next((line["language"] for line in record.lines if line.get("language")), None)
    report.sections.sort(key=lambda section: _place(section.name))
    return report


_ORDER: Final = (
    *("record", "contact_point", "address", "customer_tag", "customer_relation", "purchase", "notes", "calls"),
    *("keyed_in", "recordings", "dialled", "conversations", "messages", "message_file", "tickets", "ticket_texts"),
    *("consents", "suppression", "customer_file", "customer_change", "merges"),
)


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


async def _add(db: Reader, keyring: Keyring, table: Personal, reach: Reach, report: PersonReport) -> None:
    shows = {**table.shows, **(_FILE if table.part else {})}
    columns = ", ".join(f'{expression} AS "{name}"' for name, expression in shows.items())
    text, arguments = bound(
        f'SELECT x.id AS row_id, {table.opened_by} AS opened_by, {columns} FROM "{table.table}" x '  # noqa: S608
        f"WHERE {table.rows}{f' AND NOT {table.hides}' if table.hides else ''} ORDER BY {table.order} LIMIT {MOST + 1}",
        reach,
    )
    rows = await db.fetch(text, *arguments)
    keys = await load_personal_keys(db, keyring, {row["opened_by"] for row in rows if row["opened_by"] is not None})
    section = Section(table.section or table.table, [], len(rows) > MOST)
    for row in rows[:MOST]:
        key = keys.get(row["opened_by"])
        line = _line(keyring, table, key, row)
        if table.part and key is not None and not line.get("deleted"):
            line["file"] = _file(table, key, row, line, report)
        section.lines.append(line)
    if section.lines:
        report.sections.append(section)


def _line(keyring: Keyring, table: Personal, key: PersonalKey | None, row: Row) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for name, expression in table.shows.items():
        value = row[name]
        if name.endswith((_SEALED, _SEALED_JSON)) or name == "cipher":
            plain = name.removesuffix(_SEALED_JSON).removesuffix(_SEALED) if name != "cipher" else "text"
            value = None if key is None or not value else _opened(keyring, table, key, row, expression, value)
            if value is not None and name.endswith(_SEALED_JSON):
                value = _parsed(value)
            if plain in line and isinstance(line[plain], Mapping) and isinstance(value, Mapping):
                value = {**line[plain], **value}
            elif value is None and plain in line:
                continue
            line[plain] = value
        else:
            line[name] = value
    return {name: value for name, value in line.items() if value not in (None, "", {}, [])}


def _opened(
    keyring: Keyring, table: Personal, key: PersonalKey, row: Row, expression: str, sealed: bytes
) -> str | None:
    try:
        return keyring.decrypt(key, table.table, expression.removeprefix("x."), row["row_id"], sealed)
    except WrongKey:
        return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _file(table: Personal, key: PersonalKey, row: Row, line: Mapping[str, Any], report: PersonReport) -> str:
    """Note a file; its name in the archive, which none shares."""
    at: datetime = line["at"]
    if table.part == "recordings":
        name = f"recordings/{at:%Y%m%d-%H%M%S}-{line['kind']}-{len(report.files) + 1}.wav"
    else:
        name = f"files/{len(report.files) + 1}-{safe_name(str(line.get('name') or 'file'))}"
    report.files.append(ReportFile(table.part, row["part_path"], row["row_id"], key, name))
    return name


def safe_name(name: str) -> str:
    """A file's name without what a file system or an archive reads as more than a name."""
    kept = "".join(letter if letter.isprintable() and letter not in '\\/:*?"<>|' else "_" for letter in name)
    return kept.strip(". ")[-120:] or "file"


def lines_of(sections: Sequence[Section]) -> int:
    """How many lines there are in all."""
    return sum(len(section.lines) for section in sections)
