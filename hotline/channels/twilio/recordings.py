"""Recordings and their texts as they lie at Twilio. Their addresses are made of their ids: what a webhook names is not
asked. https://www.twilio.com/docs/voice/api/recording · https://www.twilio.com/docs/voice/api/recording-transcription
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from hotline.channels.errors import PermanentlyRefused
from hotline.channels.outgoing_urls import Answer, Trust, outgoing
from hotline.channels.twilio.client import NOT_FOUND, TwilioClient

_API: Final = "https://api.twilio.com"
#: Longest text of a voicemail that is kept, in characters.
LONGEST_TEXT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in a recording, once it is ``completed``."""

    status: Literal["in-progress", "completed", "failed"]
    text: str = field(default="", repr=False)


@asynccontextmanager
async def open_recording(
    client: TwilioClient, account_sid: str, recording_sid: str, limit: int, *, seconds: float
) -> AsyncIterator[Answer]:
    """A recording as WAV, at most ``limit`` bytes. Raises as ``outgoing`` does."""
    base = (client.api_url or _API).rstrip("/")
    url = f"{base}/2010-04-01/Accounts/{account_sid}/Recordings/{recording_sid}.wav"
    trust = Trust(client.credentials(account_sid), client.api_url)
    async with outgoing(client.transport.session(), url, limit, trust=trust, seconds=seconds) as answer:
        yield answer


async def fetch_transcript(client: TwilioClient, account_sid: str, transcription_sid: str) -> Transcript:
    """The text of a recording. Raises ChannelError."""
    found = await client.ask(lambda api: api.transcriptions(transcription_sid).fetch_async(), account_sid)
    status = str(found.status)
    if status == "completed":
        return Transcript("completed", str(found.transcription_text or "")[:LONGEST_TEXT].replace("\0", ""))
    return Transcript("failed" if status == "failed" else "in-progress")


async def delete_recording(client: TwilioClient, account_sid: str, recording_sid: str) -> None:
    """Delete a recording at Twilio; nothing happens when it is gone. Raises ChannelError."""
    try:
        await client.ask(lambda api: api.recordings(recording_sid).delete_async(), account_sid)
    except PermanentlyRefused as error:
        if error.provider_code != NOT_FOUND:
            raise


async def delete_transcript(client: TwilioClient, account_sid: str, transcription_sid: str) -> None:
    """Delete a text at Twilio; nothing happens when it is gone. Raises ChannelError."""
    try:
        await client.ask(lambda api: api.transcriptions(transcription_sid).delete_async(), account_sid)
    except PermanentlyRefused as error:
        if error.provider_code != NOT_FOUND:
            raise
