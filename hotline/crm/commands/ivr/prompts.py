"""Keeping and removing what people recorded in place of the speech command."""

from __future__ import annotations

from hotline.crm.commands.campaigns.campaign_voids import void_by_recording
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound


async def keep_prompt_recording(
    uow: UnitOfWork, *, name: str, language: str, digest: str, seconds: float, sound: bytes
) -> None:
    """Make ``sound`` (a WAV of 16 kHz) the prompt in this language, in place of an earlier recording."""
    await uow.execute(
        """INSERT INTO prompt_recording (id, name, language, digest, seconds, sound, user_id, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (name, language) DO UPDATE SET digest = excluded.digest, seconds = excluded.seconds,
               sound = excluded.sound, user_id = excluded.user_id, created_at = excluded.created_at""",
        *(uow.new_id(), name, language, digest, seconds, sound, uow.viewer.user_id, uow.now),
    )
    await void_by_recording(uow, name)
    uow.audit("prompt:recorded", None, prompt=name, language=language, digest=digest)


async def remove_prompt_recording(uow: UnitOfWork, name: str, language: str) -> None:
    """Forget the recording: the speech command's voice is heard again. Raises NotFound when there is none."""
    done = await uow.execute("DELETE FROM prompt_recording WHERE name = $1 AND language = $2", name, language)
    if done == "DELETE 0":
        raise NotFound("There is no recording of this prompt.")
    await void_by_recording(uow, name)
    uow.audit("prompt:removed", None, prompt=name, language=language)
