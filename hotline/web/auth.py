"""Who makes the request, whether they may, and whether it was really they who meant it (CSRF)."""

from __future__ import annotations

import asyncio
import hmac
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from hotline.errors import Forbidden, NotSignedIn
from hotline.web.context import IDENTIFY, SIGNED, SignedIn, house_of
from hotline.web.places import Places
from hotline.web.problems import (
    BODY_SECONDS,
    BadRequest,
    ConfirmNeeded,
    LimitReached,
    SecondFactorMissing,
    Slow,
    TooLarge,
    WrongType,
)
from hotline.web.rate_limits import Buckets
from hotline.web.rights import (
    PUBLIC,
    SIGNED_IN,
    is_endless,
    is_enrolling,
    is_fresh,
    is_streamed,
    is_unmetered,
    right_of,
)
from hotline.workflows.people.sign_in import fresh_for

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"

_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

#: Longer credentials are nobody's: refused before anything is looked up.
_LONGEST_CREDENTIAL: Final = 256

_CHALLENGE_SECONDS: Final = 600

#: Per signed-in user or token and process: enough for a busy desk or an import, too little to starve the others.
PRINCIPAL_LIMIT: Final = (300.0, 1500.0)
#: Per address and process: refused credentials and sign-in attempts.
ADDRESS_LIMIT: Final = (5.0, 200.0)

PRINCIPALS: Final = web.AppKey("principals", Buckets)
ADDRESSES: Final = web.AppKey("addresses", Buckets)
PLACES: Final = web.AppKey("places", Places)


def cookie_name(*, secure: bool) -> str:
    """The session cookie's name. ``__Host-`` makes browsers refuse one set by a neighbour or over plain HTTP."""
    return "__Host-hotline" if secure else "hotline"


def is_secure(request: web.Request) -> bool:
    """Whether the browser reaches us over TLS."""
    return request.scheme == "https" or house_of(request).settings.public_url.startswith("https://")


def set_session_cookie(request: web.Request, response: web.StreamResponse, session_secret: str) -> None:
    """Signs the browser in; the cookie ends with the browser, the session by the server's own clock."""
    secure = is_secure(request)
    response.set_cookie(
        cookie_name(secure=secure), session_secret, path="/", httponly=True, secure=secure, samesite="Lax"
    )


def session_cookie_header(request: web.Request, session_secret: str) -> str:
    """The header by which an answer of the API gives the browser a session's new cookie."""
    response = web.Response()
    set_session_cookie(request, response, session_secret)
    return response.cookies.output(header="", sep="").strip()


def clear_session_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Signs the browser out."""
    secure = is_secure(request)
    response.del_cookie(cookie_name(secure=secure), path="/", httponly=True, secure=secure, samesite="Lax")


def set_challenge_cookie(request: web.Request, response: web.StreamResponse, challenge: str) -> None:
    """Remembers between password and code whose code is awaited. Strict: it serves one form of ours, nothing else."""
    secure = is_secure(request)
    name = challenge_cookie(secure=secure)
    response.set_cookie(
        name, challenge, path="/", max_age=_CHALLENGE_SECONDS, httponly=True, secure=secure, samesite="Strict"
    )


def clear_challenge_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Forgets it."""
    secure = is_secure(request)
    response.del_cookie(challenge_cookie(secure=secure), path="/", httponly=True, secure=secure, samesite="Strict")


def challenge_secret(request: web.Request) -> str:
    """The challenge cookie's value, empty without one."""
    return request.cookies.get(challenge_cookie(secure=is_secure(request)), "")


def challenge_cookie(*, secure: bool) -> str:
    """The name of the cookie between password and code."""
    return "__Host-hotline-code" if secure else "hotline-code"


def session_secret(request: web.Request) -> str:
    """The session cookie's value, empty without one."""
    return request.cookies.get(cookie_name(secure=is_secure(request)), "")


def bearer(request: web.Request) -> str | None:
    """The API token of the request, None when it carries none. Another scheme is NotSignedIn."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return None
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotSignedIn("Authorization must be: Bearer TOKEN.")
    return secret.strip()


async def identify(request: web.Request) -> SignedIn | None:
    """Who makes the request by its token or, without one, by its session cookie; None when it carries neither.

    Raises NotSignedIn for a credential that is unknown, expired or revoked.
    """
    finder = request.config_dict[IDENTIFY]
    token = bearer(request)
    secret = token if token is not None else session_secret(request)
    if not secret:
        return None
    found = None
    if len(secret) <= _LONGEST_CREDENTIAL and secret.isascii() and secret.isprintable():
        found = await (finder.by_token(secret) if token is not None else finder.by_session(secret))
    if found is None:
        raise NotSignedIn("The API token is unknown, expired or revoked." if token is not None else "")
    return found


def check_same_site(request: web.Request) -> None:
    """Refuses an unsafe request that a browser sends for another site; programs send neither header.

    Sec-Fetch-Site comes first: the Host that Origin is compared with may be a proxy's own invention.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Forbidden("This request came from another site.")
        return
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    own = {request.host.lower(), urlsplit(house_of(request).settings.public_url).netloc.lower()}
    if urlsplit(origin).netloc.lower() not in own - {""}:
        raise Forbidden("This request came from another site.")


async def check_csrf(request: web.Request, signed: SignedIn) -> None:
    """Refuses an unsafe request of a session that does not carry the session's token (header, or form field)."""
    sent: object = request.headers.get(CSRF_HEADER)
    if sent is None and request.content_type in _FORMS:
        sent = (await request.post()).get(CSRF_FIELD)
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), signed.csrf.encode()):
        raise Forbidden("The form is out of date; load the page again.")


def is_confirmed(request: web.Request, signed: SignedIn, *, to_begin: bool = False) -> bool:
    """Whether the person proved lately who they are: lately enough for what is being done, or ``to_begin`` it. A
    program's token is its own proof."""
    if signed.kind == "token":
        return True
    if signed.confirmed_at is None:
        return False
    house = house_of(request)
    lasts = fresh_for(house) / 2 if to_begin else fresh_for(house)
    return house.clock() - signed.confirmed_at <= lasts


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets a request through to its handler when the handler's declared right allows it."""
    if request.match_info.http_exception is not None:
        return await handler(request)
    resource = request.match_info.route.resource
    right = PUBLIC if isinstance(resource, web.StaticResource) else right_of(request.match_info.handler)
    if right is None:
        raise Forbidden
    own = is_streamed(request.match_info.handler)
    if (request.content_length or 0) > request.client_max_size and not own:
        raise TooLarge  # now, and not after waiting for what would be thrown away
    unsafe = request.method not in SAFE_METHODS
    if unsafe and request.can_read_body and not own:
        await _read_body(request)
    if right == PUBLIC:
        if unsafe and not is_unmetered(request.match_info.handler):
            check_same_site(request)
            _charge_address(request)
        return await handler(request)
    try:
        signed = await identify(request)
    except NotSignedIn:
        _charge_address(request)
        raise
    if signed is None:
        raise NotSignedIn
    if wait := request.config_dict[PRINCIPALS].take(signed.viewer.user_id or signed.id):
        raise LimitReached(wait)
    if unsafe and signed.kind == "session":
        check_same_site(request)
        await check_csrf(request, signed)
    request[SIGNED] = signed
    if signed.must_enrol and not is_enrolling(request.match_info.handler):
        raise SecondFactorMissing
    if right != SIGNED_IN:
        signed.viewer.require(right)
    if is_fresh(request.match_info.handler) and not is_confirmed(request, signed):
        raise ConfirmNeeded
    if is_endless(request.match_info.handler):
        return await handler(request)
    async with request.config_dict[PLACES].place(signed.viewer.user_id or signed.id):
        return await handler(request)


async def _read_body(request: web.Request) -> None:
    """Reads the body once for all who ask later: nobody holds a place while the client is still sending."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise WrongType("Send the body without a Content-Encoding.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            if request.content_type in _FORMS:
                await request.post()
            else:
                await request.read()
    except TimeoutError:
        raise Slow from None
    except (ValueError, LookupError):  # bytes that are no text, an encoding that nobody knows
        raise BadRequest("The form is not UTF-8 text.") from None
    except web.RequestPayloadError:
        raise BadRequest from None


def _charge_address(request: web.Request) -> None:
    if wait := request.config_dict[ADDRESSES].take(request.remote):
        raise LimitReached(wait)
