"""A mail of a campaign as its recipients see it, for a frame that runs nothing."""

from __future__ import annotations

from typing import Final

from aiohttp import web

#: Its own style, and its pictures, which are the company's; no script, no form, no frame; links lead nowhere.
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-ancestors 'self'; form-action 'none';"
    " sandbox"
)


def mail_frame(html: str) -> web.Response:
    """The answer that a sandboxed frame shows."""
    return web.Response(
        text=html,
        content_type="text/html",
        charset="utf-8",
        headers={
            "Content-Security-Policy": POLICY,
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-store",
        },
    )
