"""The support bundle: what whoever helps needs to see, and nothing that is secret or anybody's.

It is a zip of text files that a person can read before sending it on. Settings are told as set or not where they are
secret; texts that somebody else wrote (errors, log lines) go through the mask of the logs.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from pydantic import SecretStr

import hotline
from hotline import logs
from hotline.crm.embedded import EmbeddedPostgres
from hotline.crm.queries.upkeep.support import support_facts
from hotline.crm.viewer import Viewer
from hotline.errors import HotlineError
from hotline.settings import PREFIX, AccountToken, Settings
from hotline.workflows.house import House
from hotline.workflows.upkeep.backup_parts import files, parts

#: Most lines and bytes of a log that a bundle takes: the last ones.
MOST_LINES: Final = 2_000
MOST_BYTES: Final = 1 << 20

ABOUT: Final = """\
A support bundle of hotline. Read it before you send it on.

It holds no passwords, keys, tokens, names, numbers or addresses of customers: settings that are secret are only said
to be set; error texts and log lines are masked. Names of PBXs, hosts and tables are in it.

versions.json   hotline, Python, PostgreSQL, libraries, this machine
settings.json   every HOTLINE_ setting; what is secret as "set" or "not set"
records.json    steps of the schema, sizes of tables, what is behind
disk.json       sizes of the data folder's parts, what is free
log.txt         the last lines of this process, masked
"""


async def bundle(house: House, viewer: Viewer, more: Mapping[str, str] | None = None) -> bytes:
    """The bundle; ``more`` are further files that the door knows (doctor, health, logs), masked here.

    Raises Forbidden without ``system.support``.
    """
    viewer.require("system.support")
    try:
        records: Any = await support_facts(house.db, viewer)
    except HotlineError as error:
        records = {"error": error.code}
    made = await asyncio.to_thread(_zipped, house.settings, records, more or {})
    async with house.unit(viewer) as uow:
        uow.audit("support:bundled", None, bytes=len(made))
    return made


def offline(settings: Settings, trouble: str, more: Mapping[str, str]) -> bytes:
    """The bundle of an installation whose records cannot be reached. Blocking."""
    return _zipped(settings, {"error": logs.mask_text(trouble)}, more)


def _zipped(settings: Settings, records: Any, more: Mapping[str, str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("README.txt", ABOUT)
        made.writestr("versions.json", _json(versions()))
        made.writestr("settings.json", _json(told_settings(settings)))
        made.writestr("records.json", _json(_masked(records)))
        made.writestr("disk.json", _json(disk(settings)))
        made.writestr("log.txt", "\n".join(logs.recent()) + "\n")
        embedded = EmbeddedPostgres(settings.data_dir / "postgres").folder / "log"
        if embedded.is_file():
            made.writestr("postgresql.txt", tail(embedded))
        for name, text in more.items():
            made.writestr(name, "\n".join(logs.mask_text(line) for line in text.splitlines()[-MOST_LINES:]) + "\n")
    return sink.getvalue()


def tail(path: Path) -> str:
    """The last lines of a log, masked."""
    with path.open("rb") as file:
        file.seek(0, io.SEEK_END)
        file.seek(max(0, file.tell() - MOST_BYTES))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(logs.mask_text(line) for line in text.splitlines()[-MOST_LINES:]) + "\n"


def versions() -> dict[str, Any]:
    """What runs, and on what."""
    libraries = {}
    for line in requires("hotline") or ():
        if "extra ==" in line:
            continue
        name = line.split(";")[0]
        for mark in "<>=![ ~":
            name = name.partition(mark)[0]
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            libraries[name] = "missing"
    return {
        "hotline": hotline.__version__,
        "python": sys.version,
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "libraries": libraries,
    }


def told_settings(settings: Settings) -> dict[str, Any]:
    """Every setting: its value, or "set" and "not set" where it is secret."""
    return {f"{PREFIX}{name.upper()}": _told(getattr(settings, name)) for name in type(settings).model_fields}


def _told(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return _address(value.get_secret_value())
    if isinstance(value, (tuple, list, set, frozenset)):
        if any(isinstance(each, (SecretStr, AccountToken)) for each in value):
            return f"{len(value)} set"
        return [_told(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _told(each) for name, each in value.items()}
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if hasattr(value, "host") and hasattr(value, "user"):  # a PBX: its repr hides the secret
        return {"name": value.name, "host": value.host, "port": value.port, "tls": value.tls}
    return logs.mask_text(str(value))


def _address(secret: str) -> str:
    """An address without who signs in there; of any other secret, whether it is set."""
    if not secret:
        return "not set"
    parts_of = urlsplit(secret)
    if parts_of.scheme and parts_of.hostname:
        host = parts_of.hostname + (f":{parts_of.port}" if parts_of.port else "")
        return urlunsplit((parts_of.scheme, host, parts_of.path, "", ""))
    return secret if secret == "embedded" else "set"  # noqa: S105 - the word, no password


def disk(settings: Settings) -> dict[str, Any]:
    """How many files and megabytes each part has, and what is free."""
    told: dict[str, Any] = {}
    for name, folder in parts(settings).items():
        count = size = 0
        for each in files(folder):
            try:
                size += (folder / each).stat().st_size
                count += 1
            except OSError:
                continue
        told[name] = {"files": count, "megabytes": round(size / 1e6, 1)}
    place = settings.data_dir
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    told["free_megabytes"] = usage.free >> 20
    told["total_megabytes"] = usage.total >> 20
    return told


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _masked(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(each) for each in value]
    return logs.mask_text(value) if isinstance(value, str) else value


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, (datetime, UUID, timedelta)):
        return str(value)
    return type(value).__name__
