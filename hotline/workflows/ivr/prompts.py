"""Prompts: what callers hear, found in memory, made beforehand, replaced by recordings.

Each prompt has, per language, a list of ways in which it can be heard, the best first: a recording that somebody
brought, the configured voice, the language's default voice; then the same in the next language. The file of each way is
named by a digest of what it says and how, so a changed text has another address and nothing is ever out of date in a
PBX's cache.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from hotline.crm.queries.ivr.prompts import PromptRecordingView, list_prompt_recordings, prompt_sound
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.events import permission_mark
from hotline.ivr.effects import Prompt
from hotline.media.converter import Converter
from hotline.media.errors import FULL, NoRoom
from hotline.media.speech import SpeechCommand, default_voice
from hotline.media.store import SUFFIXES, PromptStore
from hotline.workflows.house import House
from hotline.workflows.ivr.flow_registry import Snapshot

log = structlog.get_logger(__name__)

#: The bus topic on which a node tells the others that a recording was brought or removed.
TOPIC: Final = "prompts"
#: Seconds for which a prompt that could not be made is not tried again: a caller must not wait for it each time.
RETRY_SECONDS: Final = 60.0
#: Prompts that are made at one moment because somebody waits for them; what is made beforehand takes one at a time.
MOST_URGENT: Final = 4
#: Numbers that are made beforehand: places in the queue.
WARM_NUMBERS: Final = 20
#: Texts kept of what was heard lately.
MOST_TOLD: Final = 500

_LOOK_SECONDS: Final = 2.0
_REFRESH_SECONDS: Final = 30.0
_SWEEP_SECONDS: Final = 86_400.0
_LANGUAGES: Final = ("en", "zh")
#: Raised when the sound of prompts changes for the same text, so that they are made anew.
MAKING: Final = "1"


@dataclass(frozen=True, slots=True)
class Spoken:
    """Where a PBX fetches a prompt. ``fallback``: another voice or language than wanted; ``missing``: nothing at all,
    and no ``url``."""

    url: str | None
    seconds: float = 0.0
    language: str | None = None
    fallback: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """One way to hear a prompt: a recording that was brought, or a ``text`` read by a ``voice``."""

    digest: str
    language: str
    text: str | None = None
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a way could not be made, and when that was (monotonic seconds)."""

    why: str
    at: float


@dataclass(slots=True)
class PromptBook:
    """What this process knows of prompts."""

    store: PromptStore
    speech: SpeechCommand
    converter: Converter
    base: str
    wanted: dict[str, Prompt] = field(default_factory=dict)
    also: dict[str, Prompt] = field(default_factory=dict)
    recorded: dict[tuple[str, str], PromptRecordingView] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    reported: set[tuple[str, str]] = field(default_factory=set)
    making: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    urgent: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_URGENT))
    pressed_at: float = float("-inf")
    followed: Snapshot | None = None
    #: What was located lately, by digest: language and text. The demo shows it to those without sound.
    told: dict[str, tuple[str, str]] = field(default_factory=dict)


def book(house: House) -> PromptBook:
    """The prompts of this process."""
    found = house.kept.get(PromptBook)
    if not isinstance(found, PromptBook):
        settings = house.settings
        found = PromptBook(
            store=PromptStore(settings.prompts_dir or settings.data_dir / "prompts"),
            speech=SpeechCommand(settings.speech_command),
            converter=Converter(),
            base=(settings.media_url or f"http://{settings.http_bind}").rstrip("/"),
        )
        house.kept[PromptBook] = found
        house.at_end(found.converter.close)
    return found


def serve_at(house: House, address: str) -> None:
    """Say where this process's web is reached, once that is known; HOTLINE_MEDIA_URL goes before it."""
    if not house.settings.media_url:
        book(house).base = address.rstrip("/")


# What a caller hears


def locate(house: House, prompt: Prompt, rate: int = 8000) -> Spoken:
    """The best way to hear a prompt that is there now, from memory alone."""
    prompts = book(house)
    best = True
    for way in ways(house, prompt):
        seconds = prompts.store.seconds(way.digest)
        if seconds is not None:
            url = f"{prompts.base}/prompts/{way.digest}{SUFFIXES[rate]}"
            prompts.told[way.digest] = (way.language, way.text or prompt.texts.get(way.language, ""))
            if len(prompts.told) > MOST_TOLD:
                prompts.told.pop(next(iter(prompts.told)))
            return Spoken(url, seconds, way.language, not best or way.language != prompt.language)
        best = False
    return Spoken(None, missing=True, fallback=True)


def caption(house: House, url: str) -> tuple[str, str] | None:
    """The language and the text of what is heard at an address that ``locate`` gave lately."""
    return book(house).told.get(url.rpartition("/")[2].partition(".")[0])


async def speak(house: House, prompts: Sequence[Prompt], rate: int = 8000, patience: float = 1.0) -> list[Spoken]:
    """Where to fetch each prompt; those that were not made yet are made, for ``patience`` seconds at most.

    Never raises: a prompt that cannot be had in time is heard in the next best way, or is missing.
    """
    known = book(house)
    known.pressed_at = monotonic()
    late = [prompt for prompt in prompts if not _is_best(known, house, prompt)]
    if late:
        # Not gathered: what is not ready in time goes on being made, for the next caller.
        await asyncio.wait([house.spawn(_have(house, each), f"prompt {each.name}") for each in late], timeout=patience)
    found = [locate(house, prompt, rate) for prompt in prompts]
    for prompt, spoken in zip(prompts, found, strict=True):
        if spoken.missing:
            log.warning("prompt.missing", prompt=prompt.name, language=prompt.language)
    return found


def number(value: int, language: str) -> tuple[Prompt, ...]:
    """A number in words: one prompt up to 99, above it digit by digit."""
    if 0 <= value <= 99:
        return (Prompt(f"number.{value}", {each: str(value) for each in _LANGUAGES}, language),)
    return digits(str(value), language)


def digits(text: str, language: str) -> tuple[Prompt, ...]:
    """The digits of a text, one prompt each; whatever else is in it is left out."""
    return tuple(prompt for each in text if each in "0123456789" for prompt in number(int(each), language))


# The ways to hear a prompt


def ways(house: House, prompt: Prompt) -> Iterator[Way]:
    """How a prompt can be heard, the best first."""
    for language in dict.fromkeys((prompt.language, house.settings.locale, *prompt.texts)):
        yield from ways_in(house, prompt, language)


def ways_in(house: House, prompt: Prompt, language: str) -> Iterator[Way]:
    """How a prompt can be heard in one language: recorded, the configured voice, the default voice."""
    prompts = book(house)
    brought = prompts.recorded.get((prompt.name, language)) if prompt.fixed else None
    if brought is not None:
        yield Way(brought.digest, language)
    text = " ".join(prompt.texts.get(language, "").split())
    if text:
        fallback = default_voice(language)
        for voice in dict.fromkeys((house.settings.speech_voices.get(language, fallback), fallback)):
            told = "\0".join((MAKING, prompts.speech.identity, voice, text))
            yield Way(hashlib.sha256(told.encode()).hexdigest()[:32], language, text, voice)


def _is_best(prompts: PromptBook, house: House, prompt: Prompt) -> bool:
    """Whether the best way that can be hoped for is there."""
    way = next((way for way in ways(house, prompt) if _may_be_made(prompts, way)), None)
    return way is None or prompts.store.seconds(way.digest) is not None


def _may_be_made(prompts: PromptBook, way: Way) -> bool:
    """Whether it is there, or worth trying."""
    if prompts.store.seconds(way.digest) is not None:
        return True
    failure = prompts.failures.get(way.digest)
    return way.text is not None and (failure is None or monotonic() - failure.at > RETRY_SECONDS)


# Making them


async def _have(house: House, prompt: Prompt) -> None:
    """Make the best way that can be made."""
    prompts = book(house)
    for way in ways(house, prompt):
        if prompts.store.seconds(way.digest) is None and _may_be_made(prompts, way):
            await asyncio.wait([_making(house, way, urgent=True)])
        if prompts.store.seconds(way.digest) is not None:
            return


def _making(house: House, way: Way, *, urgent: bool) -> asyncio.Task[None]:
    """The task that makes it: one however many callers wait for it."""
    prompts = book(house)
    task = prompts.making.get(way.digest)
    if task is None:
        task = prompts.making[way.digest] = house.spawn(_make(house, way, urgent=urgent), f"prompt {way.digest}")
        task.add_done_callback(lambda _: prompts.making.pop(way.digest, None))
    return task


async def _make(house: House, way: Way, *, urgent: bool) -> None:
    """Make one file, or keep why it could not be made."""
    prompts = book(house)
    if way.text is None or way.voice is None:
        return
    draft = prompts.store.draft()
    try:
        with tempfile.TemporaryDirectory(prefix="hotline-prompt-") as folder:
            spoken = Path(folder, "spoken.wav")
            async with prompts.urgent:
                await prompts.speech.say(way.text, way.voice, spoken, urgent=urgent)
                await prompts.converter.convert(spoken, draft)
        prompts.store.keep(way.digest, draft)
        prompts.failures.pop(way.digest, None)
    except (HotlineError, OSError) as error:
        prompts.failures[way.digest] = Failure(_why(error), monotonic())
    finally:
        for path in draft.values():
            path.unlink(missing_ok=True)


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return NoRoom().detail if error.errno in FULL else f"The prompt could not be written ({error.strerror})."
    return error.detail if isinstance(error, HotlineError) else str(error)


# Beforehand


def follow_flows(house: House) -> None:
    """Want what the flows say now."""
    prompts = book(house)
    if not house.flows.is_loaded or prompts.followed is house.flows.now:
        return
    prompts.followed = house.flows.now
    warm(house, (prompt for flows in prompts.followed.sets.values() for prompt in flows.prompts()))


def warm(house: House, prompts: Iterable[Prompt]) -> None:
    """Have these made beforehand, in all their languages; takes the place of what was wanted before."""
    known = book(house)
    known.wanted = {prompt.name: prompt for prompt in prompts if prompt.fixed} | known.also
    known.wake.set()


def also_want(house: House, prompt: Prompt) -> None:
    """Have one made beforehand that no flow names."""
    known = book(house)
    if known.also.get(prompt.name) != prompt:
        known.also[prompt.name] = prompt
        known.wanted[prompt.name] = prompt
        known.wake.set()


async def run(house: House) -> None:
    """Make what is wanted, one at a time and while no caller waits, until cancelled; report what cannot be made."""
    prompts = book(house)
    if prompts.speech.name and not prompts.speech.available():
        log.warning(
            "speech.absent", command=prompts.speech.name,
            advice="install it, or set HOTLINE_SPEECH_COMMAND; callers hear recorded prompts only",
        )  # fmt: skip
    listening = house.spawn(_listen(house), "prompts bus")
    swept, looked = monotonic(), float("-inf")
    try:
        while True:
            follow_flows(house)
            if prompts.wake.is_set() or monotonic() - looked > _REFRESH_SECONDS:
                looked = monotonic()
                prompts.wake.clear()
                await refresh(house)
                await _warm_all(house)
            if monotonic() - swept > _SWEEP_SECONDS:
                swept = monotonic()
                await asyncio.to_thread(prompts.store.sweep, _wanted_digests(house))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await prompts.wake.wait()
    finally:
        listening.cancel()


async def _listen(house: House) -> None:
    async with house.bus.subscribe(TOPIC) as subscription:
        async for _ in subscription:
            book(house).wake.set()


async def refresh(house: House) -> None:
    """Learn which recordings were brought, and fetch the sound of those that this node lacks."""
    prompts = book(house)
    try:
        found = await list_prompt_recordings(house.db, SYSTEM)
        for each in found:
            if prompts.store.seconds(each.digest) is None:
                sound = await prompt_sound(house.db, SYSTEM, each.digest)
                if sound is not None:
                    await keep_sound(prompts, each.digest, sound)
        prompts.recorded = {(each.name, each.language): each for each in found}
    except Unavailable as error:
        log.debug("prompts.remembered", reason=error.code)
    except (HotlineError, OSError) as error:
        log.warning("prompts.recording_lost", reason=_why(error))


async def keep_sound(prompts: PromptBook, digest: str, sound: bytes) -> float:
    """Make a recording the prompt of this name; its seconds. Raises NotSound and NoRoom."""
    draft = prompts.store.draft()
    try:
        with tempfile.TemporaryDirectory(prefix="hotline-prompt-") as folder:
            source = Path(folder, "sound")
            await asyncio.to_thread(source.write_bytes, sound)
            seconds = await prompts.converter.convert(source, draft)
        prompts.store.keep(digest, draft)
        return seconds
    finally:
        for path in draft.values():
            path.unlink(missing_ok=True)


async def _warm_all(house: House) -> None:
    prompts = book(house)
    numbers = [prompt for value in range(WARM_NUMBERS + 1) for prompt in number(value, house.settings.locale)]
    for prompt in (*prompts.wanted.values(), *(numbers if prompts.wanted else ())):
        for language in prompt.texts:
            await _warm_one(house, prompt, language)
            if prompts.wake.is_set():
                return  # another set is wanted


async def _warm_one(house: House, prompt: Prompt, language: str) -> None:
    """See that a prompt can be heard in a language in the best way; tell once when it cannot."""
    prompts = book(house)
    place = (prompt.name, language)
    why = ""
    for way in ways_in(house, prompt, language):
        if prompts.store.seconds(way.digest) is None and _may_be_made(prompts, way):
            while prompts.making and monotonic() - prompts.pressed_at < 1.0:
                await asyncio.wait(list(prompts.making.values()))  # a caller waits: they come first
            await asyncio.wait([_making(house, way, urgent=False)])
        if prompts.store.seconds(way.digest) is not None:
            break
        failure = prompts.failures.get(way.digest)
        why = why or (failure.why if failure else "The recording is not there.")
    if not why:
        prompts.reported.discard(place)
    elif place not in prompts.reported:
        prompts.reported.add(place)
        if prompt.name not in prompts.wanted or not prompts.speech.available():
            return  # a number; or nothing at all can be made, which was said once
        log.warning("prompt.failed", prompt=prompt.name, language=language, reason=why)
        with suppress(HotlineError):
            async with house.unit(SYSTEM) as uow:
                marks = (permission_mark("flows.read"),)
                uow.emit("prompt.failed", marks, prompt=prompt.name, language=language, node=house.settings.node)


def _wanted_digests(house: House) -> set[str]:
    prompts = book(house)
    found = {each.digest for each in prompts.recorded.values()}
    for prompt in prompts.wanted.values():
        found |= {way.digest for language in prompt.texts for way in ways_in(house, prompt, language)}
    return found
