"""The PBX's own web client: prompts by URL, fetched once and kept, and recordings sent where they are wanted."""

from __future__ import annotations

import asyncio
import io
import logging
import wave
from collections import OrderedDict
from contextlib import suppress
from typing import Final

import aiohttp

from hotline.simulator.line import RATE, SAMPLE_BYTES, Sound

log = logging.getLogger(__name__)

#: Prompts whose length is kept, and bytes of one at most.
MOST_KEPT: Final = 500
LARGEST: Final = 10_000_000
FETCH_SECONDS: Final = 5.0
SEND_SECONDS: Final = 30.0
#: A recording that cannot be sent is tried again after so many seconds, then given up.
PAUSES: Final = (0.5, 2.0, 8.0, 30.0)


class NotAWave(ValueError):
    """The bytes are no WAV with 16-bit mono samples of the telephone's rate."""


class Media:
    """One PBX's client and cache."""

    def __init__(self) -> None:
        self._client: aiohttp.ClientSession | None = None
        self._known: OrderedDict[str, float] = OrderedDict()
        self._sending: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in list(self._sending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._client is not None:
            await self._client.close()

    @property
    def _web(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SEND_SECONDS))
        return self._client

    async def sound(self, url: str) -> Sound | None:
        """The sound at an address; None when there is none that a telephone plays."""
        seconds = self._known.get(url)
        if seconds is None:
            if not url.startswith(("http://", "https://")):
                return None  # the PBX has no sounds of its own
            try:
                async with asyncio.timeout(FETCH_SECONDS), self._web.get(url) as response:
                    data = await _whole(response) if response.status == 200 else b""
                seconds = _seconds(data)
            except (aiohttp.ClientError, TimeoutError, NotAWave):
                log.warning("a prompt could not be fetched")
                return None
            self._known[url] = seconds
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
        return Sound(url, seconds)

    def send(self, url: str, data: bytes) -> None:
        """Sends a recording in the background, again after a while when that fails."""
        task = asyncio.create_task(self._send(url, data))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, url: str, data: bytes) -> None:
        for pause in (*PAUSES, None):
            try:
                async with self._web.put(url, data=data, headers={"Content-Type": "audio/wav"}) as response:
                    if response.status < 300:
                        return
                    log.warning("a recording was refused with status %d", response.status)
                    if response.status < 500:
                        return
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("a recording could not be sent: %s", type(error).__name__)
            if pause is not None:
                await asyncio.sleep(pause)


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for part in response.content.iter_chunked(65_536):
        data += part
        if len(data) > LARGEST:
            raise NotAWave
    return bytes(data)


def _seconds(data: bytes) -> float:
    try:
        with wave.open(io.BytesIO(data)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        raise NotAWave from None


def wave_of(samples: bytes) -> bytes:
    """A WAV file of 16-bit mono samples."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(SAMPLE_BYTES)
        sound.setframerate(RATE)
        sound.writeframes(samples)
    return out.getvalue()


def samples_of(data: bytes) -> bytes:
    """The samples of a WAV file. Raises NotAWave."""
    try:
        with wave.open(io.BytesIO(data)) as sound:
            if (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) != (1, SAMPLE_BYTES, RATE):
                raise NotAWave
            return bytes(sound.readframes(sound.getnframes()))
    except (wave.Error, EOFError):
        raise NotAWave from None
