"""What a request carries and what the application holds, under typed keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol
from uuid import UUID

from aiohttp import web

from hotline.crm.viewer import Viewer
from hotline.errors import HotlineError
from hotline.settings import PbxAddress
from hotline.workflows.house import House

if TYPE_CHECKING:
    from hotline.web.stream import Hub


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who makes the request: a person through a session cookie, or a program through an API token.

    ``id`` is the session's or the token's, ``csrf`` what the session's forms must carry (empty for tokens).
    ``confirmed_at`` is when the person of a session last proved who they are; ``must_enrol``: they must set up their
    second factor before anything else.
    """

    viewer: Viewer
    kind: Literal["session", "token"]
    id: UUID
    login: str
    csrf: str = ""
    confirmed_at: datetime | None = None
    must_enrol: bool = False
    second_factor: bool = False
    preferences: Mapping[str, Any] = field(default_factory=dict)


class Identify(Protocol):
    """Finds who a credential belongs to; None when it is unknown, expired or revoked."""

    async def by_session(self, secret: str) -> SignedIn | None: ...

    async def by_token(self, secret: str) -> SignedIn | None: ...


@dataclass(frozen=True, slots=True)
class Part:
    """The health of one part of this process; without a ``needed`` part that is well, /readyz says 503."""

    name: str
    well: bool
    detail: str = ""
    needed: bool = True


class Health(Protocol):
    """What the composition root tells about this process's parts. Answers within a second, whatever is away."""

    async def __call__(self) -> Sequence[Part]: ...


class Found(Protocol):
    """One check of a PBX: what was found, and the lines to change; the first of these names where."""

    @property
    def name(self) -> str: ...

    @property
    def verdict(self) -> Literal["ok", "warning", "wrong", "unknown"]: ...

    @property
    def found(self) -> str: ...

    @property
    def advice(self) -> tuple[str, ...]: ...


class Examine(Protocol):
    """Tries a PBX, as ``hotline doctor`` does. Each answers within half a minute."""

    async def pbx(self, address: PbxAddress) -> Sequence[Found]: ...

    async def phone(self, address: PbxAddress, interface: str) -> Found: ...


#: Shows an error to a person: (request, error) → page. The desk sets it; without it errors are problem details.
ErrorPage = Callable[[web.Request, HotlineError], Awaitable[web.StreamResponse]]

HOUSE: Final = web.AppKey("house", House)
HUB: Final[web.AppKey[Hub]] = web.AppKey("hub")
IDENTIFY: Final[web.AppKey[Identify]] = web.AppKey("identify")
EXAMINE: Final[web.AppKey[Examine]] = web.AppKey("examine")
HEALTH: Final[web.AppKey[Health]] = web.AppKey("health")
ERROR_PAGE: Final[web.AppKey[ErrorPage]] = web.AppKey("error_page")

SIGNED: Final = web.RequestKey("signed", SignedIn)
REQUEST_ID: Final = web.RequestKey("request_id", str)


def house_of(request: web.Request) -> House:
    """The house that serves the request."""
    return request.config_dict[HOUSE]


def signed_of(request: web.Request) -> SignedIn:
    """Who makes the request. Only for routes that need a right or a sign-in."""
    return request[SIGNED]
