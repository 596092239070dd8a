"""Tokens of sessions and of the API: shown once, kept as SHA-256; 256 random bits need no salt."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

#: Lets a scanner of leaked secrets recognise an API token.
API_PREFIX: Final = "hotline_"
_LONGEST: Final = 128


def new_session_token() -> str:
    """A fresh token for a browser's cookie."""
    return secrets.token_urlsafe(32)


def new_api_token() -> str:
    """A fresh token for the API."""
    return API_PREFIX + secrets.token_urlsafe(32)


def new_csrf_token() -> str:
    """What the forms of one session must carry."""
    return secrets.token_urlsafe(24)


def token_hash(token: str) -> bytes:
    """What is kept and looked up. Nothing that was never given out costs more than a short hash."""
    return hashlib.sha256(token[:_LONGEST].encode("utf-8", "replace")).digest()
