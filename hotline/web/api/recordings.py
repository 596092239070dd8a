"""Recordings: voicemails and recorded calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from aiohttp import hdrs, web
from pydantic import Field, computed_field

from hotline.crm.queries.calls import recordings as queries
from hotline.crm.queries.calls.recordings import RecordingView
from hotline.errors import HotlineError
from hotline.web import downloads
from hotline.web.endpoint import PREFIX, Ask, ById, Endpoint, Input, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.web.problems import problem_response
from hotline.web.ranges import NotThere, part_of
from hotline.workflows.calls import recordings as workflow
from hotline.workflows.calls.transcripts import read_transcript


class Recording(Output):
    """A voicemail, or a recorded call. Its sound is at `audio`, a WAV that can be asked for in parts (Range)."""

    id: UUID
    call_id: UUID | None = Field(description="Null until the call is known.")
    pbx: str
    kind: Literal["voicemail", "call"]
    state: Literal["stored", "deleted"]
    seconds: float
    bytes: int
    stored_at: datetime
    delete_at: datetime | None = Field(description="When it is deleted by itself.")
    deleted_at: datetime | None
    deleted_why: Literal["hand", "retention", "room", "lost", "erasure"] | None
    transcribed: bool = Field(description="What is said in it was written down: see `transcript`.")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def audio(self) -> str:
        """Where its sound is."""
        return f"{PREFIX}/recordings/{self.id}/audio"


class Transcript(Output):
    """What is said in a recording, as a machine heard it."""

    text: str


class RecordingsQuery(Paging):
    """Which recordings."""

    call_id: UUID | None = None
    customer_id: UUID | None = None
    kind: Literal["voicemail", "call"] | None = None
    deleted: bool = Field(False, description="Also those that were deleted; of them only the facts are left.")


class AudioQuery(Input):
    """How the sound is wanted."""

    download: bool = Field(False, description="As a file to keep; needs recordings.download.")


def render_recording(view: RecordingView) -> Recording:
    """The recording's body."""
    return Recording.model_validate(view)


@endpoint("GET", "/recordings", right="recordings.listen", summary="Recordings, the newest first")
async def list_recordings(ask: Ask, query: RecordingsQuery) -> Page[Recording]:
    """Of the calls that one sees, and of tickets that nobody has."""
    filters: dict[str, Any] = query.model_dump(exclude_none=True, exclude={"limit", "cursor"})
    found = await queries.list_recordings(
        ask.house.db, ask.viewer, limit=query.limit + 1, after=id_cursor(query.cursor), **filters
    )
    return paged(found, query.limit, render_recording, lambda view: str(view.id))


@endpoint("GET", "/recordings/{id}", right="recordings.listen", summary="One recording")
async def get_recording(ask: Ask, path: ById) -> Recording:
    return render_recording(await queries.get_recording(ask.house.db, ask.viewer, path.id))


@endpoint(
    "GET", "/recordings/{id}/audio", right="recordings.listen", summary="A recording's sound", media_type="audio/wav"
)
async def get_audio(ask: Ask, path: ById, query: AudioQuery) -> web.StreamResponse:
    """Whole, or a part of it (`Range`): only that part is decrypted. Hearing and downloading are in the audit trail."""
    header = ask.request.headers.get(hdrs.RANGE)
    # A browser asks for many parts while somebody listens: only the first is noted.
    first = header is None or header.replace(" ", "").lower().startswith("bytes=0-")
    sealed, reader = await workflow.open_recording(
        ask.house, ask.viewer, path.id, download=query.download, noted=query.download or first
    )
    try:
        part = part_of(header, reader.size)
    except NotThere as error:
        reader.close()
        return _refused(ask.request, error, reader.size)
    return await downloads.send(ask.request, reader, _headers(sealed.view, query), part)


@endpoint("GET", "/recordings/{id}/transcript", right="recordings.listen", summary="What is said in a recording")
async def get_transcript(ask: Ask, path: ById) -> Transcript:
    """404 when nobody wrote it down. Reading is in the audit trail."""
    return Transcript(text=await read_transcript(ask.house, ask.viewer, path.id))


@endpoint("DELETE", "/recordings/{id}", right="recordings.delete", summary="Delete a recording for good", status=204)
async def delete_recording(ask: Ask, path: ById) -> None:
    """Its key is destroyed, so that no copy of its file can be heard."""
    await workflow.delete_recording(ask.house, ask.viewer, path.id)


def _headers(view: RecordingView, query: AudioQuery) -> dict[str, str]:
    headers: dict[str, str] = {
        hdrs.CONTENT_TYPE: view.content_type,
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.ETAG: f'"{view.id.hex}"',
        hdrs.CACHE_CONTROL: "private, no-store",
    }
    if query.download:
        name = f"{view.kind}-{view.stored_at:%Y%m%d-%H%M%S}.wav"
        headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{name}"'
    return headers


def _refused(request: web.Request, error: HotlineError, size: int) -> web.Response:
    response = problem_response(request, error)
    response.headers[hdrs.CONTENT_RANGE] = f"bytes */{size}"
    return response


routes: Final[list[Endpoint]] = [list_recordings, get_recording, get_audio, get_transcript, delete_recording]
