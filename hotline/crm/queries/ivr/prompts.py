"""The prompts that people recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer


@dataclass(frozen=True, slots=True)
class PromptRecordingView:
    """One recorded prompt, without its sound. ``user`` is the login of who brought it."""

    name: str
    language: str
    digest: str
    seconds: float
    user: str | None
    created_at: datetime


async def list_prompt_recordings(db: Reader, viewer: Viewer) -> list[PromptRecordingView]:
    """All recorded prompts, by name and language."""
    viewer.require("flows.read")
    rows = await db.fetch(
        """SELECT p.name, p.language, p.digest, p.seconds, u.login AS "user", p.created_at
           FROM prompt_recording p LEFT JOIN users u ON u.id = p.user_id ORDER BY p.name, p.language LIMIT 10000"""
    )
    return [PromptRecordingView(**row) for row in rows]


async def prompt_sound(db: Reader, viewer: Viewer, digest: str) -> bytes | None:
    """The sound of a recorded prompt, a WAV of 16 kHz; None when it was removed meanwhile."""
    viewer.require("flows.read")
    found: bytes | None = await db.fetchval("SELECT sound FROM prompt_recording WHERE digest = $1 LIMIT 1", digest)
    return found
