"""How the company looks: its name, its logo and its colour, at the head of the desk and on public pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aiohttp import hdrs, web

from hotline.crm.company import Brand, Company, picture
from hotline.errors import NotFound
from hotline.web.context import HOUSE, house_of
from hotline.web.rights import public
from hotline.workflows.company import company
from hotline.workflows.house import House

#: Browsers ask again after an hour; an address carries a digest of what it shows.
_CACHED = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
#: The brightest and the darkest ground that the colour stands on, in both themes.
_LIGHT = (255, 255, 255)
_DARK = (28, 33, 41)


@dataclass(frozen=True, slots=True)
class Look:
    """What a page shows of the company; ``styles`` and ``logo`` are addresses, empty where there is nothing of it."""

    name: str
    styles: str
    logo: str


def look_of(house: House) -> Look:
    """The company as pages show it, from memory."""
    brand = company.known(house, Brand)
    name = company.known(house, Company).name or "hotline"
    styles = f"/brand.css?{_digest(brand.colour)}" if brand.colour else ""
    return Look(name, styles, f"/brand/logo?{_digest(brand.logo)}" if brand.logo else "")


@public
async def styles(request: web.Request) -> web.StreamResponse:
    """The company's colour as a style sheet: pages carry no styles of their own."""
    colour = (await company.get(house_of(request), Brand)).colour
    both = f"light-dark({shown(colour, _LIGHT)},{shown(colour, _DARK)})" if colour else ""
    text = f":root{{--hl-brand-shown:{both}}}" if colour else ""
    return web.Response(text=text, content_type="text/css", charset="utf-8", headers=_CACHED)


@public
async def logo(request: web.Request) -> web.StreamResponse:
    """The company's logo. Raises NotFound when it has none."""
    kept = (await company.get(house_of(request), Brand)).logo
    if not kept:
        raise NotFound()
    kind, data = picture(kept)
    headers = _CACHED | {hdrs.CONTENT_TYPE: kind, hdrs.CONTENT_SECURITY_POLICY: "sandbox; default-src 'none'"}
    return web.Response(body=data, headers=headers)


def shown(colour: str, background: tuple[int, int, int]) -> str:
    """``#rrggbb`` made darker or lighter until it stands out from a background (3:1, WCAG 2.2 for graphics)."""
    channels = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    towards = 0 if _luminance(background) > 0.5 else 255
    for share in range(0, 101, 5):
        mixed = tuple(round(each + (towards - each) * share / 100) for each in channels)
        if _contrast(mixed, background) >= 3:
            break
    return "#" + "".join(f"{each:02x}" for each in mixed)


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(channels: tuple[int, ...]) -> float:
    red, green, blue = (_linear(each / 255) for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


async def _read(app: web.Application) -> None:
    """The first page shows the company already."""
    await company.warm(app[HOUSE])


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/brand.css", styles)
    app.router.add_get("/brand/logo", logo)
    app.on_startup.append(_read)
