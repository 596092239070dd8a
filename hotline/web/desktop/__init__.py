"""The desk: pages for people."""

from __future__ import annotations

from aiohttp import web


def setup(app: web.Application) -> None:
    """Adds the pages' routes."""
