"""One door per library: which room may import what, and what the pure rooms may not touch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.parsed import parsed

PACKAGE = Path(__file__).resolve().parents[2] / "hotline"

#: Library (or module of it) → rooms that may import it.
DOORS = {
    "tortoise": {"crm"},
    "asyncpg": {"crm", "bus"},
    "redis": {"bus"},
    "panoramisk": {"pbx"},
    "twilio": {"channels"},
    "aiosmtplib": {"channels"},
    "aiosmtpd": {"channels"},
    "aioimaplib": {"channels"},
    "flufl.bounce": {"channels"},
    "nh3": {"channels"},
    "pywebpush": {"channels"},
    "py_vapid": {"channels"},
    "inscriptis": {"channels"},
    "mrml": {"channels"},
    "mailparser_reply": {"channels"},
    "aiohttp.web": {"web", "app.py", "simulator"},
    "jinja2": {"web"},
    "babel": {"web", "customers"},
    "argon2": {"crm"},
    "cryptography": {"crm", "media", "telephony"},
    "typer": {"cli"},
    "uvloop": {"app.py", "cli", "simulator"},
    "holidays": {"calendars"},
    "grandalf": {"ivr"},
    "soundfile": {"media"},
    "soxr": {"media"},
}
PURE = (
    "calls",
    "customers",
    "ivr",
    "tickets",
    "conversations",
    "campaigns",
    "calendars",
    "events.py",
    "errors.py",
    "phone.py",
    "ids.py",
)
#: What would let the world into a pure room.
WORLD = {"asyncio", "socket", "random", "time", "os", "subprocess", "threading", "tempfile", "logging", "structlog"}


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, and ``module.name`` for each name it takes from one; each file is read once."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize("library", DOORS)
def test_a_library_is_used_in_its_rooms_only(library: str) -> None:
    users = {
        path
        for path in PACKAGE.rglob("*.py")
        if any(name == library or name.startswith(f"{library}.") for name in imports(path))
    }
    strangers = [str(path.relative_to(PACKAGE)) for path in users if room(path) not in DOORS[library]]
    assert strangers == []


@pytest.mark.parametrize("name", PURE)
def test_pure_rooms_do_no_io(name: str) -> None:
    place = PACKAGE / name
    for path in [place] if place.is_file() else place.rglob("*.py"):
        met = {module.split(".")[0] for module in imports(path)} & WORLD
        assert met == set(), f"{path.relative_to(PACKAGE)} imports {met}"
        assert "hotline.clock.utc_now" not in set(imports(path)), path
        assert "hotline.ids.new_id" not in set(imports(path)), path


def test_every_query_takes_a_viewer() -> None:
    """Every public coroutine in crm/queries has a parameter ``viewer``, but for what finds out who the viewer is
    (identity.py) and what serves many viewers at once by their audience marks (stream.py).
    """
    without = []
    for path in (PACKAGE / "crm" / "queries").rglob("*.py"):
        if path.name in ("identity.py", "stream.py"):
            continue
        for node in parsed(path).body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                names = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
                if "viewer" not in names:
                    without.append(f"{path.name}:{node.name}")
    assert without == []


def test_sql_is_written_in_crm_alone() -> None:
    """Nobody else asks the database by statements; the service's own health is ``SELECT 1``."""
    outside = []
    for path in PACKAGE.rglob("*.py"):
        if room(path) in ("crm", "bus"):
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                asks = node.func.attr in ("fetch", "fetchrow", "fetchval", "execute") and node.args
                statement = ast.unparse(node.args[0]) if asks else "'SELECT 1'"
                if statement != "'SELECT 1'" and isinstance(node.args[0], ast.Constant | ast.JoinedStr):
                    outside.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert outside == []


def test_files_have_one_subject() -> None:
    """Past about 400 lines a file is two."""
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "migrations" and (lines := len(path.read_text().splitlines())) > 450
    }
    assert long == {}
