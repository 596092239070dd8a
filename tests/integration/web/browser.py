"""A browser that runs no scripts: its own cookies, forms with their token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientResponse, ClientSession, CookieJar

from tests.integration.people import PASSWORD
from tests.integration.web.conftest import Api


class Browser:
    """Signed in as nobody at first. ``headers`` go with every request."""

    def __init__(self, api: Api, headers: Mapping[str, str] | None = None) -> None:
        self._address = str(api.client.make_url("/")).rstrip("/")
        self._session = ClientSession(
            cookie_jar=CookieJar(unsafe=True), headers={"Accept": "text/html", **(headers or {})}
        )
        self.csrf = ""
        self.at = ""
        #: The headers of the last page.
        self.told: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser keeps."""
        return {cookie.key: cookie.value for cookie in self._session.cookie_jar}

    def take(self, cookies: Mapping[str, str]) -> None:
        """Use somebody else's cookies, as a thief does."""
        self._session.cookie_jar.update_cookies(cookies)

    async def sign_in(self, login: str, password: str = PASSWORD, status: int = 200) -> str:
        """The page to which it leads."""
        return await self.post("/sign-in", {"login": login, "password": password}, status)

    async def get(self, path: str, status: int = 200) -> str:
        """The page's text, wherever it led."""
        return await self._read(await self._session.get(self._address + path), status)

    async def post(self, path: str, fields: Mapping[str, Any] | None = None, status: int = 200) -> str:
        """What the form leads to; a list is a field that is there several times."""
        data = [("csrf", self.csrf)]
        for name, value in (fields or {}).items():
            data += [(name, each) for each in (value if isinstance(value, list) else [value])]
        return await self._read(await self._session.post(self._address + path, data=data), status)

    async def ask(self, method: str, path: str, body: Any = None) -> ClientResponse:
        """The API, as the desk's scripts use it."""
        return await self._session.request(
            method,
            f"{self._address}/api/v1{path}",
            json=body,
            headers={"X-CSRF-Token": self.csrf, "Accept": "application/json"},
        )

    async def _read(self, response: ClientResponse, status: int) -> str:
        text = await response.text()
        assert response.status == status, text[:2000]
        self.at, self.told = response.url.path_qs, response.headers
        if found := re.search(r'name="csrf" (?:value|content)="([^"]+)"', text):
            self.csrf = found[1]
        return text
