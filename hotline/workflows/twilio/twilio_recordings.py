"""Recordings that Twilio made: fetched once, encrypted like all others, their texts beside them, and deleted at Twilio
when the company wants that.

What is to be done is a row (``crm.commands.twilio.twilio_fetches``); whoever works on it holds a lease, and tries
until it is done, until it cannot be done, or until its time is over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from hotline.channels.errors import MediaRefused, NotConfigured, PermanentlyRefused, TemporarilyRefused
from hotline.channels.outgoing_urls import Gone
from hotline.channels.twilio import recordings as twilio
from hotline.channels.twilio.client import TwilioClient
from hotline.crm.commands.twilio import twilio_fetches as commands
from hotline.crm.commands.twilio.twilio_fetches import Fetch, RecordingKind
from hotline.crm.company import Recordings, TwilioIvr
from hotline.crm.queries.calls.recordings import is_known
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.media.errors import NotSound
from hotline.workflows.calls import uploads
from hotline.workflows.calls.calls import TWILIO
from hotline.workflows.calls.recordings import TooLong, store
from hotline.workflows.company import company
from hotline.workflows.house import House
from hotline.workflows.once import once

log = structlog.get_logger(__name__)

FETCHES: Final = Counter("hotline_twilio_fetches", "Recordings and texts at Twilio by what became of them.",
                         ["what", "outcome"])  # fmt: skip

#: Seconds that one recording may take, and for how long the one who fetches it has it alone.
FETCH_SECONDS: Final = 300.0
LEASE: Final = timedelta(minutes=8)
#: Most that are worked on at once.
AT_ONCE: Final = 4
#: Waits between two tries; after the last one every try waits as long. In all about three days.
_PAUSES: Final = tuple(timedelta(seconds=each) for each in (5, 15, 60, 300, 900, 3600, 4 * 3600))
MOST_ATTEMPTS: Final = 24
#: A recording that is not there yet is looked for so often: Twilio tells of some a moment too early.
_MOST_MISSING: Final = 6
#: A recording whose status callback is lost is fetched all the same, so long after its caller went on.
_UNTOLD: Final = timedelta(minutes=2)
#: A recording is deleted at Twilio only when its text may be written.
_TEXT: Final = timedelta(minutes=30)

#: What no further try would change.
_FOR_GOOD: Final = (MediaRefused, PermanentlyRefused, NotConfigured, NotSound, TooLong)

_RECORDING: Final = re.compile(r"RE[0-9a-fA-F]{32}")
_TRANSCRIPTION: Final = re.compile(r"TR[0-9a-fA-F]{32}")
_CALL: Final = re.compile(r"CA[0-9a-fA-F]{32}")

Form = Mapping[str, str]


def recording_id(recording_sid: str) -> UUID:
    """The id under which a recording is stored: the same whoever fetches it. In the form of a UUIDv8 (RFC 9562)."""
    digest = bytearray(hashlib.sha256(b"twilio recording\0" + recording_sid.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


# Told by Twilio


async def told(house: House, account_sid: str, form: Form, keys: Sequence[str]) -> None:
    """A recording's status callback: have it fetched when it is there."""

    async def take(uow: UnitOfWork) -> str:
        if form.get("RecordingStatus", "completed") == "completed":
            await _ask(uow, account_sid, form, timedelta(), _kind(form))
        return ""

    await once(house, keys, take)


async def noticed(uow: UnitOfWork, form: Form) -> None:
    """A flow's voicemail came back with a recording: have it fetched later, should its own callback get lost."""
    await _ask(uow, form.get("AccountSid", ""), form, _UNTOLD, "voicemail")


async def transcribed(house: House, account_sid: str, form: Form, keys: Sequence[str]) -> None:
    """A transcription's callback: have the text fetched."""
    sid, recording_sid = form.get("TranscriptionSid", ""), form.get("RecordingSid", "")
    call_sid = form.get("CallSid", "")
    named = _TRANSCRIPTION.fullmatch(sid) and _RECORDING.fullmatch(recording_sid) and _CALL.fullmatch(call_sid)
    if not named or form.get("TranscriptionStatus") == "failed":
        return

    async def take(uow: UnitOfWork) -> str:
        await commands.ask(
            uow,
            "transcript",
            sid,
            recording_sid=recording_sid,
            account_sid=account_sid,
            call_sid=call_sid,
            kind="voicemail",
            due_at=uow.now,
        )
        return ""

    await once(house, keys, take)


def _kind(form: Form) -> RecordingKind:
    return "voicemail" if form.get("RecordingSource", "") == "RecordVerb" else "call"


async def _ask(uow: UnitOfWork, account_sid: str, form: Form, later: timedelta, kind: RecordingKind) -> None:
    sid, call_sid = form.get("RecordingSid", ""), form.get("CallSid", "")
    if _RECORDING.fullmatch(sid) is None or _CALL.fullmatch(call_sid) is None:
        return
    await commands.ask(
        uow,
        "recording",
        sid,
        recording_sid=sid,
        account_sid=account_sid,
        call_sid=call_sid,
        kind=kind,
        due_at=uow.now + later,
    )


# Done


async def work(house: House) -> int:
    """Do what is due, AT_ONCE at most; how many things that were. Raises Unavailable while the records are away."""
    client = house.twilio
    if client is None:
        return 0
    async with house.unit(SYSTEM) as uow:
        due = await commands.lease(uow, LEASE, limit=AT_ONCE)
    for task in [house.spawn(_do(house, client, fetch), f"twilio {fetch.what}") for fetch in due]:
        await task
    return len(due)


async def _do(house: House, client: TwilioClient, fetch: Fetch) -> None:
    try:
        match fetch.what:
            case "recording":
                await _fetch_recording(house, client, fetch)
            case "transcript":
                await _fetch_transcript(house, client, fetch)
            case "delete_recording":
                await twilio.delete_recording(client, fetch.account_sid, fetch.sid)
                await _done(house, fetch)
            case "delete_transcript":
                await twilio.delete_transcript(client, fetch.account_sid, fetch.sid)
                await _done(house, fetch)
    except Unavailable:
        log.debug("twilio_fetch.waiting", what=fetch.what)  # the records are away: the lease runs out
    except HotlineError as error:
        await _missed(house, fetch, error)
    except Exception:
        log.exception("twilio_fetch.broken", what=fetch.what, sid=fetch.sid)
        await _missed(house, fetch, HotlineError())


async def _fetch_recording(house: House, client: TwilioClient, fetch: Fetch) -> None:
    """The sound, as it comes; what is here already is not fetched again."""
    stored_as = recording_id(fetch.recording_sid)
    of = await commands.call_of(house.db, fetch.call_sid)
    if of.erased:
        async with house.unit(SYSTEM) as uow:
            await _ask_deletion(uow, fetch, timedelta())
            await commands.failed(uow, fetch, "erased")
        return
    if not await is_known(house.db, SYSTEM, stored_as):
        limit = (await company.get(house, Recordings)).largest_mb << 20
        grant = uploads.Grant(stored_as, TWILIO, of.call_sid, fetch.kind, house.clock() + uploads.LIFETIME)
        opened = twilio.open_recording(client, fetch.account_sid, fetch.sid, limit, seconds=FETCH_SECONDS)
        async with opened as answer:
            await store(house, grant, answer.length, answer.pieces())
    await _done(house, fetch)


async def _fetch_transcript(house: House, client: TwilioClient, fetch: Fetch) -> None:
    found = await twilio.fetch_transcript(client, fetch.account_sid, fetch.sid)
    if found.status == "in-progress":
        raise TemporarilyRefused("The text is not written yet.")
    stored_as = recording_id(fetch.recording_sid)
    async with house.unit(SYSTEM) as uow:
        stored, key = await commands.lock_recording_key(uow, stored_as)
        if not stored:
            raise TemporarilyRefused("Its recording is not stored yet.")
        if key is not None and found.text.strip():
            await commands.keep_transcript(uow, stored_as, key, found.text)
    await _done(house, fetch)


async def _done(house: House, fetch: Fetch) -> None:
    """It is done; what follows on it is asked for with it."""
    section = await company.get(house, TwilioIvr)
    async with house.unit(SYSTEM) as uow:
        if not await commands.done(uow, fetch):
            return
        if section.delete_at_twilio:
            await _ask_deletion(uow, fetch, _TEXT if section.transcribe and fetch.kind == "voicemail" else timedelta())
    FETCHES.labels(fetch.what, "done").inc()


async def _ask_deletion(uow: UnitOfWork, fetch: Fetch, later: timedelta) -> None:
    if fetch.what == "recording":
        what: commands.What = "delete_recording"
    elif fetch.what == "transcript":
        what, later = "delete_transcript", timedelta()
    else:
        return
    await commands.ask(
        uow,
        what,
        fetch.sid,
        recording_sid=fetch.recording_sid,
        account_sid=fetch.account_sid,
        call_sid=fetch.call_sid,
        kind=fetch.kind,
        due_at=uow.now + later,
    )


async def _missed(house: House, fetch: Fetch, error: HotlineError) -> None:
    """It did not work: later again, or never."""
    over = fetch.attempts >= (_MOST_MISSING if isinstance(error, Gone) else MOST_ATTEMPTS)
    async with house.unit(SYSTEM) as uow:
        if over or (isinstance(error, _FOR_GOOD) and not isinstance(error, Gone)):
            await commands.failed(uow, fetch, error.code)
            FETCHES.labels(fetch.what, "failed").inc()
            log.error("twilio_fetch.failed", what=fetch.what, sid=fetch.sid, why=error.code, attempts=fetch.attempts)
            return
        pause = _PAUSES[min(fetch.attempts, len(_PAUSES)) - 1]
        wanted = error.retry_after if isinstance(error, TemporarilyRefused) else None
        if wanted is not None:
            pause = max(pause, timedelta(seconds=wanted))
        await commands.put_back(uow, fetch, error.code, uow.now + pause)
    log.info("twilio_fetch.again", what=fetch.what, sid=fetch.sid, why=error.code, attempts=fetch.attempts)
