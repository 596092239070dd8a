"""What surrounds every request: an id, a log line, figures, headers, and errors told in one form."""

from __future__ import annotations

import logging
from ipaddress import IPv6Address, ip_address
from time import perf_counter
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp_remotes import XForwardedFiltered
from prometheus_client import Counter, Histogram

from hotline.errors import HotlineError, Unavailable
from hotline.ids import new_id
from hotline.settings import IpNetwork
from hotline.web.context import ERROR_PAGE, HOUSE, REQUEST_ID
from hotline.web.problems import from_http, problem_response

log = structlog.get_logger(__name__)
_STANDARD_LOG: Final = logging.getLogger(__name__)

REQUESTS = Counter("hotline_http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "hotline_http_request_seconds",
    "Seconds until a request was answered; event streams are not counted.",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

#: Anybody may invent a method; the figures do not grow with it.
METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "frame-src 'self'",
        "manifest-src 'self'",
        "media-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def route_name(request: web.Request) -> str:
    """The route's pattern, never the address itself: addresses may hold a number or a token."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """The on_response_prepare signal: security headers on every answer, streams included."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-Id"] = request.get(REQUEST_ID, "")
    response.headers["Server"] = "hotline"
    # Not request.scheme: aiohttp hands this signal the request as it was before a proxy's word was taken.
    if request.config_dict[HOUSE].settings.public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives the request an id, logs one line when it is over and counts it."""
    request[REQUEST_ID] = str(new_id())
    began = perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
        response = await handler(request)
        took = perf_counter() - began
        route = route_name(request)
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, response.status).inc()
        if response.content_type != "text/event-stream":
            SECONDS.labels(route).observe(took)
        # 503 is said by the part that is away, once, and not by each request that it fails.
        level = logging.INFO if response.status >= 500 and response.status != 503 else logging.DEBUG
        if _STANDARD_LOG.isEnabledFor(level):  # asked first: it is the most frequent line of all
            log.log(level, "request", method=method, route=route, status=response.status, ms=round(took * 1000, 1))
        return response


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every error into problem details, or into a page for a person. Nothing inside shows outside."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return await _tell(request, from_http(error), error)
    except HotlineError as error:
        if error.status >= 500 and not isinstance(error, Unavailable):
            log.exception("request failed", route=route_name(request))
        return await _tell(request, error)
    except (ConnectionResetError, TimeoutError) as error:
        # The browser went away in the middle, or a part of ours did: neither is a defect of the request.
        log.warning("request cut", route=route_name(request), why=type(error).__name__)
        return await _tell(request, Unavailable())
    except Exception:
        log.exception("request failed", route=route_name(request))
        return await _tell(request, HotlineError("Something went wrong inside; the log has the request's id."))


async def _tell(request: web.Request, error: HotlineError, http: web.HTTPException | None = None) -> web.StreamResponse:
    page = request.config_dict.get(ERROR_PAGE)
    for_people = "text/html" in request.headers.get("Accept", "") or "HX-Request" in request.headers
    wants_page = for_people and not request.path.startswith("/api/")
    response: web.StreamResponse = problem_response(request, error)
    if page is not None and wants_page:
        response = await page(request, error)
    if http is not None and (allow := http.headers.get("Allow")):
        response.headers["Allow"] = allow
    return response


def trust_proxies(trusted: tuple[IpNetwork, ...]) -> Middleware:
    """The middleware that believes X-Forwarded-* of the trusted proxies, and of nobody else."""
    forwarded = XForwardedFiltered(trusted)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _from(request, trusted):
            return await handler(request)
        return await forwarded.middleware(request, handler)

    return middleware


def _from(request: web.Request, networks: tuple[IpNetwork, ...]) -> bool:
    try:
        peer = ip_address(request.remote or "")
    except ValueError:
        return False
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
        peer = peer.ipv4_mapped
    return any(peer in network for network in networks)
