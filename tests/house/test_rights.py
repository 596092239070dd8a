"""Every route is walked with every role: who lacks the declared right is turned away, who holds it is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hotline.crm.viewer import SHIPPED_ROLES, SYSTEM
from hotline.web.application import create_app
from hotline.web.rights import PUBLIC, SIGNED_IN, route_rights
from hotline.web.sources import DatabaseOutbox, HouseIdentify, nudges
from hotline.web.stream import Hub
from hotline.web.webhooks import MODULES
from hotline.workflows.house import House
from hotline.workflows.people import users
from tests.unit.web.twins import MemoryScene

#: What a pattern's variables become: a well-formed id of nothing.
NOTHING = "01890000-0000-7000-8000-000000000000"
#: A stream has no end to wait for; its right is tested with the streams.
ENDLESS = {"GET /api/v1/events"}

Walk = tuple[TestClient[Any, Any], dict[str, str], dict[str, str]]


@pytest.fixture
async def walk(house: House) -> AsyncIterator[Walk]:
    """A client, the right of each route, and a token for each shipped role."""

    async def parts() -> list[Any]:
        return []

    hub = Hub(DatabaseOutbox(house.db), nudges(house.bus), MemoryScene())
    app = create_app(house, hub=hub, identify=HouseIdentify(house), parts=parts)
    tokens = {}
    for role in SHIPPED_ROLES:
        user = await users.create_user(house, SYSTEM, {"login": role, "name": role, "role": role})
        _, tokens[role] = await users.create_token(house, SYSTEM, user.id, "walk", ["all"])
    async with TestClient(TestServer(app)) as client:
        yield client, route_rights(app), tokens


async def _status(client: TestClient[Any, Any], route: str, token: str | None) -> int:
    method, pattern = route.split(" ", 1)
    path = re.sub(r"\{[^}]*\}", NOTHING, pattern)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body: dict[str, Any] | None = {} if method in ("POST", "PUT", "PATCH") and pattern.startswith("/api/") else None
    async with client.request(method, path, json=body, headers=headers, allow_redirects=False) as response:
        return response.status


async def test_every_route_with_every_role(walk: Walk) -> None:
    client, rights, tokens = walk
    wrong: list[str] = []
    for route, right in sorted(rights.items()):
        if right == PUBLIC or route in ENDLESS:
            continue
        for role, token in tokens.items():
            status = await _status(client, route, token)
            allowed = right == SIGNED_IN or right in SHIPPED_ROLES[role]
            refused = status == 403
            if status >= 500 or (refused and allowed and not _narrower(route)) or (not refused and not allowed):
                wrong.append(f"{route} as {role}: {status}")
    assert wrong == []


def _narrower(route: str) -> bool:
    """A route for everybody signed in may turn some away by itself: other people's records."""
    return "{" in route


async def test_nobody_gets_in_without_signing_in(walk: Walk) -> None:
    client, rights, _ = walk
    wrong = [
        f"{route}: {status}"
        for route, right in sorted(rights.items())
        if right != PUBLIC and (status := await _status(client, route, None)) not in (401, 302, 303)
    ]
    assert wrong == []


async def test_only_these_are_public(walk: Walk) -> None:
    """A new public route is a decision: it is written here too."""
    _, rights, _ = walk
    public = {route.split(" ", 1)[1] for route, right in rights.items() if right == PUBLIC}
    # Twilio's door lets in what Twilio has signed, whatever the route.
    signed = {door.path for module in MODULES for door in module.routes}
    assert public - signed == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/openapi.json",
        "/api/v1/docs",
        "/api/v1/flows/schema.json",
        "/prompts/{name}",  # PBXs fetch them; the name is a digest of what is said
        "/recordings/{token}",  # PBXs send them; the token is the right
        "/webhooks/twilio/voice/music.wav",  # Twilio fetches what callers hear while they wait
        "/media/messages/{file}/{until}/{signature}",  # Twilio fetches what is sent; the signature is the right
        "/api/v1/docs.css",
        "/sign-in",
        "/sign-in/code",  # between password and session; the challenge's cookie is the right
        "/static/{name}",
        "/language",
        "/privacy",  # the notice for customers
        "/u/{token}",  # what customers get; the token in their message is the right
        "/c/{token}",  # a tracked link: its signed token is all that it knows
        # The customer's own app: their token is the right, but for the key that every browser may have.
        *(f"/inapp/v1{path}" for path in ("/messages", "/messages/{id}/read", "/messages/{id}/dismiss")),
        *(f"/inapp/v1{path}" for path in ("/stream", "/devices", "/push-key")),
        "/brand.css",
        "/brand/logo",
    }


def test_the_administrator_alone_may_do_everything() -> None:
    everything = set(SHIPPED_ROLES["administrator"])
    for role, held in SHIPPED_ROLES.items():
        assert set(held) <= everything
        assert role == "administrator" or not {"users.write"} & set(held)
