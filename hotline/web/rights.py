"""Which right a route needs. Deny by default: the application refuses to start with a route that declares none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from aiohttp import web

from hotline.crm.viewer import PERMISSIONS

Handler = TypeVar("Handler", bound=Callable[..., Any])

#: Anybody may call it, signed in or not.
PUBLIC: Final = "public"
#: Any signed-in user or valid token; what it shows is decided by the viewer inside.
SIGNED_IN: Final = "signed_in"

_ATTRIBUTE: Final = "__hotline_right__"
_ENDLESS: Final = "__hotline_endless__"
_STREAMED: Final = "__hotline_streamed__"
_UNMETERED: Final = "__hotline_unmetered__"
_FRESH: Final = "__hotline_fresh__"
_ENROLLING: Final = "__hotline_enrolling__"


def needs(permission: str) -> Callable[[Handler], Handler]:
    """Declares that the handler needs ``permission``."""
    if permission not in PERMISSIONS and permission not in (PUBLIC, SIGNED_IN):
        raise ValueError(f"unknown permission {permission!r}")

    def mark(handler: Handler) -> Handler:
        setattr(handler, _ATTRIBUTE, permission)
        return handler

    return mark


def public(handler: Handler) -> Handler:
    """Declares that anybody may call the handler."""
    return needs(PUBLIC)(handler)


def signed_in(handler: Handler) -> Handler:
    """Declares that any signed-in user may call the handler."""
    return needs(SIGNED_IN)(handler)


def fresh(handler: Handler) -> Handler:
    """Declares that the handler does what takes the house away: a person at a browser must have proved lately who they
    are, so that a session that was stolen, or a screen that was left open, is not enough."""
    setattr(handler, _FRESH, True)
    return handler


def is_fresh(handler: Any) -> bool:
    """Whether the handler asks for a proof that is not old."""
    return getattr(handler, _FRESH, False) is True


def enrolling(handler: Handler) -> Handler:
    """Declares that the handler is there for who must set up a second factor first."""
    setattr(handler, _ENROLLING, True)
    return handler


def is_enrolling(handler: Any) -> bool:
    """Whether the handler is there for who must set up a second factor first."""
    return getattr(handler, _ENROLLING, False) is True


def right_of(handler: Any) -> str | None:
    """The right that the handler declares, None when it declares none."""
    right = getattr(handler, _ATTRIBUTE, None)
    return right if isinstance(right, str) else None


def endless(handler: Handler) -> Handler:
    """Declares that the handler answers with a stream: it does not count among the requests worked on at once."""
    setattr(handler, _ENDLESS, True)
    return handler


def is_endless(handler: Any) -> bool:
    """Whether the handler answers with a stream."""
    return getattr(handler, _ENDLESS, False) is True


def streamed(handler: Handler) -> Handler:
    """Declares that the handler reads the body itself, piece by piece and with limits of its own."""
    setattr(handler, _STREAMED, True)
    return handler


def is_streamed(handler: Any) -> bool:
    """Whether the handler reads the body itself."""
    return getattr(handler, _STREAMED, False) is True


def unmetered(handler: Handler) -> Handler:
    """Declares that the handler finds out by itself, before it does anything, who asks: it is for programs that no
    limit of an address may stop, and whose requests come from other sites."""
    setattr(handler, _UNMETERED, True)
    return handler


def is_unmetered(handler: Any) -> bool:
    """Whether the handler finds out by itself who asks."""
    return getattr(handler, _UNMETERED, False) is True


def route_rights(app: web.Application) -> dict[str, str]:
    """``"GET /path"`` → right, for every route. A route without a right is a RuntimeError that names it."""
    rights: dict[str, str] = {}
    for route in app.router.routes():
        path = route.resource.canonical if route.resource is not None else "?"
        if isinstance(route.resource, web.StaticResource):
            rights[f"{route.method} {path}"] = PUBLIC
            continue
        right = right_of(route.handler)
        if right is None:
            raise RuntimeError(f"{route.method} {path} declares no right")
        rights[f"{route.method} {path}"] = right
    return rights
