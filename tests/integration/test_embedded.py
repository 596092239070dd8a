"""The embedded PostgreSQL: shared by processes, outliving any of them, started again when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from hotline.crm.database import Database
from hotline.crm.embedded import EmbeddedPostgres
from hotline.errors import Conflict, SettingError, Unavailable
from tests.conftest import FAST
from tests.waiting import until

#: Opens the embedded database, says so, and keeps it open until its input ends.
HOLDER = """
import asyncio, sys
from pathlib import Path
from hotline.crm.database import Database

async def main():
    db = await Database.open("embedded", data_dir=Path(sys.argv[1]), check=False)
    print(await db.fetchval("SELECT pg_postmaster_start_time()::text"), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await db.close()

asyncio.run(main())
"""


async def holder(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(folder), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


async def line_of(process: asyncio.subprocess.Process) -> str:
    """What the holder says once it is open, after the log lines of its start."""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if line.startswith("20") and "[" not in line:
            return line
    raise AssertionError("the holder ended without a word")


async def let_go(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


def server_of(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres((folder / "postgres").resolve())


async def test_processes_share_one_server_and_the_last_one_stops_it(server_folder: Path) -> None:
    holders = [await holder(server_folder) for _ in range(3)]  # all at once, on an empty folder
    started = [await line_of(process) for process in holders]
    assert len(set(started)) == 1, "one server"
    server = server_of(server_folder)
    await let_go(holders[0])
    assert server.running()
    holders[1].send_signal(signal.SIGKILL)
    await holders[1].wait()
    assert server.running(), "who is killed does not take the server along"
    again = await holder(server_folder)
    assert await line_of(again) == started[0]
    await let_go(holders[2])
    assert server.running()
    await let_go(again)
    assert not server.running(), "who was killed holds nothing"


async def test_what_was_written_is_there_after_a_restart(server_folder: Path) -> None:
    for number in range(2):
        db = await Database.open("embedded", data_dir=server_folder, migrate=True)
        await db.execute("INSERT INTO tag (id, name) VALUES (gen_random_uuid(), $1)", f"run {number}")
        await db.close()
        assert not server_of(server_folder).running()
    db = await Database.open("embedded", data_dir=server_folder)
    assert await db.fetchval("SELECT count(*) FROM tag") == 2
    await db.close()


async def test_a_server_that_dies_is_started_again(server_folder: Path) -> None:
    db = await Database.open("embedded", data_dir=server_folder, check=False)
    await db.execute("CREATE TABLE tag AS SELECT 'committed' AS name")
    started = await db.fetchval("SELECT pg_postmaster_start_time()")
    pid = int((server_folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)

    async def another_answers() -> bool:
        try:
            return bool(await db.fetchval("SELECT pg_postmaster_start_time()") != started)
        except Unavailable:
            return False

    await until(another_answers)
    assert await db.fetchval("SELECT name FROM tag") == "committed"
    await db.close()


def test_a_first_start_that_was_cut_off_is_made_good(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", options=FAST)
    (server.folder / "data.new" / "base").mkdir(parents=True)
    (server.folder / "data.new" / "PG_VERSION").write_text("18\n")
    server.open()
    assert server.running()
    assert not (server.folder / "data.new").exists()
    server.close()


def test_data_of_another_version_is_refused_untouched(server_folder: Path) -> None:
    data = server_folder / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(SettingError, match="made by PostgreSQL 16"):
        EmbeddedPostgres(server_folder / "postgres").open()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_too_deep_for_a_socket_works(server_folder: Path) -> None:
    folder = server_folder / ("a folder with 'quotes' and ünïcode " + "x" * 60) / "postgres"
    server = EmbeddedPostgres(folder, options=FAST)
    server.open()

    async def ask() -> None:
        db = await Database.open(server.url(), data_dir=server_folder, check=False)
        assert await db.fetchval("SELECT 1") == 1
        await db.close()

    asyncio.run(ask())
    assert server.socket_dir != server.folder
    server.close()
    assert not server.socket_dir.exists()


def test_nobody_else_may_enter(postgres: EmbeddedPostgres) -> None:
    assert postgres.folder.stat().st_mode & 0o077 == 0
    assert postgres.socket_dir.stat().st_mode & 0o077 == 0
    assert (postgres.socket_dir / ".s.PGSQL.5432").is_socket()


async def test_it_listens_on_no_network(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    db = await Database.open(postgres.url(), data_dir=tmp_path, check=False)
    assert await db.fetchval("SHOW listen_addresses") == ""
    await db.close()


def test_personal_data_does_not_reach_its_log(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", options=FAST)
    server.open()

    async def fail() -> None:
        db = await Database.open(server.url(), data_dir=server_folder, check=False)
        await db.execute("CREATE TABLE tag (name text UNIQUE)")
        insert = "INSERT INTO tag (name) VALUES ($1)"
        await db.execute(insert, "Anna Geheim")
        with pytest.raises(Conflict) as caught:
            await db.execute(insert, "Anna Geheim")
        assert "Geheim" not in str(caught.value)
        await db.close()

    asyncio.run(fail())
    assert "Geheim" not in (server.folder / "log").read_text()
    server.close()


def test_a_missing_wheel_is_one_line(monkeypatch: pytest.MonkeyPatch, server_folder: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"HOTLINE_DATABASE_URL.*pip install"):
        EmbeddedPostgres(server_folder / "postgres").open()


def test_a_server_that_cannot_start_says_why(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", options=FAST | {"shared_buffers": "nonsense"})
    with pytest.raises(Unavailable, match="pg_ctl"):
        server.open()
    assert not server.running()


def test_a_folder_that_cannot_be_used_is_one_line(server_folder: Path) -> None:
    (server_folder / "postgres").write_text("a file where a folder should be")
    with pytest.raises(SettingError, match=r"HOTLINE_DATA_DIR: .* cannot be used"):
        EmbeddedPostgres(server_folder / "postgres").open()
