"""The web application on a real database, with a client for each role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from hotline.crm.viewer import SYSTEM
from hotline.web.application import create_app
from hotline.web.context import Part
from hotline.web.scene import HouseScene
from hotline.web.sources import DatabaseOutbox, HouseIdentify, nudges
from hotline.web.stream import Hub, Limits
from hotline.workflows.house import House
from hotline.workflows.people import users
from tests.unit.web.twins import Block, read_blocks


@dataclass
class Api:
    """Requests to ``/api/v1`` with a role's token, JSON in and out."""

    house: House
    hub: Hub
    client: TestClient[Any, Any]
    tokens: dict[str, str] = field(default_factory=dict)

    async def token(self, role: str) -> str:
        """A token of the user who is called like the role; made when first asked for."""
        if role not in self.tokens:
            user = await users.create_user(self.house, SYSTEM, {"login": role, "name": role.title(), "role": role})
            _, self.tokens[role] = await users.create_token(self.house, SYSTEM, user.id, "test", ["all"])
        return self.tokens[role]

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str = "administrator",
        headers: Mapping[str, str] | None = None,
    ) -> ClientResponse:
        """The response to one request."""
        sent = {"Authorization": f"Bearer {await self.token(role)}", **(headers or {})}
        response: ClientResponse = await self.client.request(method, f"/api/v1{path}", json=body, headers=sent)
        return response

    async def get(self, path: str, *, role: str = "administrator", status: int = 200) -> Any:
        """The JSON of a GET, whose status must be ``status``."""
        return await self._json(await self.ask("GET", path, role=role), status)

    async def post(
        self,
        path: str,
        body: Any,
        *,
        role: str = "administrator",
        status: int = 201,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of a POST, whose status must be ``status``."""
        return await self._json(await self.ask("POST", path, body, role=role, headers=headers), status)

    async def patch(
        self,
        path: str,
        body: Any,
        *,
        role: str = "administrator",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of a PATCH, whose status must be ``status``."""
        return await self._json(await self.ask("PATCH", path, body, role=role, headers=headers), status)

    @asynccontextmanager
    async def events(self, *, role: str = "agent", watch: bool = False) -> AsyncIterator[AsyncIterator[Block]]:
        """The role's event stream."""
        headers = {"Authorization": f"Bearer {await self.token(role)}"}
        response = await self.client.get(f"/api/v1/events{'?watch=calls' if watch else ''}", headers=headers)
        assert response.status == 200, await response.text()
        yield read_blocks(response)
        response.close()

    async def _json(self, response: ClientResponse, status: int) -> Any:
        text = await response.text()
        assert response.status == status, text
        return await response.json() if text else None


@pytest.fixture
async def api(house: House) -> AsyncIterator[Api]:
    """The API over the test's own house."""

    async def parts() -> list[Part]:
        return []

    hub = Hub(DatabaseOutbox(house.db), nudges(house.bus), HouseScene(house), Limits(poll=0.05, recheck=0.1))
    app = create_app(house, hub=hub, identify=HouseIdentify(house), parts=parts)
    async with TestClient(TestServer(app)) as client:
        yield Api(house, hub, client)
