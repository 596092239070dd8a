"""Twilio tells that a recording, or its text, is ready."""

from __future__ import annotations

from typing import Final

from hotline.web.webhooks.door import Door, Reply, twilio_webhook
from hotline.web.webhooks.hook import Webhook
from hotline.workflows.house import House
from hotline.workflows.twilio import twilio_recordings


@twilio_webhook("/recordings", kind="callback")
async def recording(house: House, hook: Webhook) -> Reply:
    """A recording's status."""
    event = f"{hook.form.get('RecordingSid', '')}:{hook.form.get('RecordingStatus', '')}"
    await twilio_recordings.told(house, hook.account_sid, hook.form, hook.keys(event))
    return Reply.nothing()


@twilio_webhook("/transcripts", kind="callback")
async def transcript(house: House, hook: Webhook) -> Reply:
    """The text of a voicemail."""
    event = f"{hook.form.get('TranscriptionSid', '')}:{hook.form.get('TranscriptionStatus', '')}"
    await twilio_recordings.transcribed(house, hook.account_sid, hook.form, hook.keys(event))
    return Reply.nothing()


routes: Final[tuple[Door, ...]] = (recording, transcript)
