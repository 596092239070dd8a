"""One call of the simulated Twilio: the person at its far end, what they hear and do, and the document that Twilio
carries out meanwhile.

``pace`` 0 waits for nothing but people's deeds (tests), 1 takes the real time (the demo).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hotline.simulator.twilio.messages import country_of
from hotline.simulator.twilio.records import VERSION, Call, Recording, now

if TYPE_CHECKING:
    from hotline.simulator.twilio.server import SimulatedTwilio

#: Seconds after which a person's deed that a test waits for counts as never done.
PATIENCE: Final = 60.0
#: Most documents that one call may be taken through.
MOST_DOCUMENTS: Final = 500


@dataclass(frozen=True)
class Heard:
    """Something that the person heard: ``say`` with its words, ``play`` with its address, ``ring``, ``music``."""

    kind: str
    what: str
    language: str = ""


@dataclass(frozen=True)
class Key:
    """A key was pressed."""

    key: str


@dataclass(frozen=True)
class Speech:
    """Something was said to a question."""

    text: str


@dataclass(frozen=True)
class Silence:
    """Nothing happens until time is up."""


@dataclass(frozen=True)
class Voicemail:
    """Something was said that is recorded."""

    data: bytes = field(repr=False)
    seconds: int
    text: str
    #: How it ended: a key, or ``hangup``.
    end: str = "#"


@dataclass(frozen=True)
class Answered:
    """The telephone was picked up, by a human or a machine."""

    by: str = "human"


@dataclass(frozen=True)
class NotAnswered:
    """It was not: busy, no-answer, failed or canceled."""

    how: str


@dataclass(frozen=True)
class Gone:
    """The person hung up, or the call was ended from outside."""

    how: str = "completed"


@dataclass(frozen=True)
class Sent:
    """The call is to go on elsewhere: an address, or a document."""

    url: str = ""
    document: str = ""


Deed = Key | Speech | Silence | Voicemail | Answered | NotAnswered


class HangUp(Exception):
    """The call is over."""

    def __init__(self, how: str = "completed") -> None:
        super().__init__(how)
        self.how = how


class GoOn(Exception):
    """Another document follows."""

    def __init__(self, url: str = "", params: dict[str, str] | None = None, document: str = "") -> None:
        super().__init__(url)
        self.url = url
        self.params = params or {}
        self.document = document


class SentOn(GoOn):
    """It was sent elsewhere from outside, whatever it was doing."""


class Taken(Exception):
    """Somebody took a waiting caller out of the queue: whatever they hear there ends."""


class Line:
    """One leg, from its first ring to its end."""

    def __init__(
        self,
        twilio: SimulatedTwilio,
        call: Call,
        *,
        status_callback: str = "",
        events: Sequence[str] = ("completed",),
        fallback: str = "",
    ) -> None:
        self.twilio = twilio
        self.call = call
        self.heard: list[Heard] = []
        #: What the call is doing: gather, record, dial, queue, bridged or nothing.
        self.doing = ""
        self.over = asyncio.Event()
        #: Legs that were dialled for this one, the newest last.
        self.children: list[Line] = []
        self.recordings: list[Recording] = []
        self.bridged_to: Line | None = None
        #: Headers that a SIP address carried.
        self.headers: dict[str, str] = {}
        #: Whether Twilio listens who picked up, and whom it tells of that.
        self.detects = False
        self.amd_callback = ""
        self.status_callback = status_callback
        self.events = tuple(events)
        self.fallback = fallback
        self.documents: list[str] = []
        self._deeds: deque[Deed] = deque()
        self._end: Gone | None = None
        self._sent: Sent | None = None
        self._wake = asyncio.Event()
        self._sequence = 0
        #: Waiting documents that they heard in a queue, and how much time a test said has passed there.
        self.waits = 0
        self.rounds = 0
        #: While they wait in a queue: whether somebody has taken them.
        self.taken: Callable[[], bool] | None = None

    # What the person does

    def press(self, keys: str) -> None:
        """They press keys."""
        self._do(*(Key(key) for key in keys))

    def speak(self, text: str) -> None:
        """They say something to a question."""
        self._do(Speech(text))

    def wait(self) -> None:
        """They do nothing until the time for it is up."""
        self._do(Silence())

    def record(self, data: bytes = b"RIFF", seconds: int = 3, text: str = "", end: str = "#") -> None:
        """They leave a message."""
        self._do(Voicemail(data, seconds, text, end))

    def answer(self, by: str = "human") -> None:
        """They pick up."""
        self._do(Answered(by))

    def decline(self, how: str = "busy") -> None:
        """They do not: busy, no-answer or failed."""
        self._do(NotAnswered(how))

    def wait_on(self) -> None:
        """In a queue: the waiting music plays to its end."""
        self.rounds += 1
        self._woken()

    def hang_up(self) -> None:
        """They hang up."""
        self.end()

    def end(self, how: str = "completed") -> None:
        """The call ends from outside."""
        self._end = self._end or Gone(how)
        self._woken()

    def send(self, *, url: str = "", document: str = "") -> None:
        """The call goes on elsewhere, whatever it does now."""
        self._sent = Sent(url, document)
        self._woken()

    def leave_bridge(self) -> None:
        """Whoever it talked with is gone."""
        self.bridged_to = None
        self._woken()

    def _do(self, *deeds: Deed) -> None:
        self._deeds.extend(deeds)
        self._woken()

    def _woken(self) -> None:
        self._wake.set()
        self.twilio.changed()

    # What Twilio waits for

    @property
    def words(self) -> str:
        """What was heard so far, as one text."""
        return " ".join(each.what for each in self.heard)

    def hear(self, kind: str, what: str, language: str = "") -> None:
        """They hear something."""
        self.heard.append(Heard(kind, what, language))
        self.twilio.changed()

    def check(self) -> None:
        """Raises HangUp or GoOn when the call ended or was sent elsewhere meanwhile."""
        if self._end is not None:
            raise HangUp(self._end.how)
        if self._sent is not None:
            sent, self._sent = self._sent, None
            raise SentOn(sent.url, document=sent.document)
        if self.taken is not None and self.taken():
            raise Taken

    async def deed(self, *kinds: type[Deed], seconds: float | None = None) -> Deed | None:
        """The next deed of one of ``kinds``; None when nothing came in ``seconds``, or they chose to be silent."""
        limit = PATIENCE if not self.twilio.pace or seconds is None else seconds * self.twilio.pace
        try:
            async with asyncio.timeout(limit):
                while True:
                    self.check()
                    for deed in self._deeds:
                        if isinstance(deed, kinds):
                            self._deeds.remove(deed)
                            return deed
                        if isinstance(deed, Silence):
                            self._deeds.remove(deed)
                            return None
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            return None

    async def until(self, done: Callable[[], bool], seconds: float | None = None) -> bool:
        """Waits until something is so; whether it came to be. Raises HangUp or GoOn when the call ends before."""
        limit = PATIENCE if not self.twilio.pace or seconds is None else seconds * self.twilio.pace
        try:
            async with asyncio.timeout(limit):
                while not done():
                    self.check()
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def pass_time(self, seconds: float) -> None:
        """Time passes, in which they may hang up; what they do while a question is asked cuts it short."""
        self.check()
        if self.twilio.pace:
            await self.until(lambda: self.doing == "gather" and bool(self._deeds), seconds)
        else:
            await asyncio.sleep(0)

    # What Twilio tells

    async def tell(self, status: str, event: str = "") -> None:
        """The call gets a status, and who wants to know of it is told."""
        self.call.status = status
        if status == "in-progress" and self.call.started_at is None:
            self.call.started_at = now()
        self.twilio.changed()
        if not self.status_callback or (event or status) not in self.events:
            return
        params = self.params(CallbackSource="call-progress-events", SequenceNumber=str(self._sequence))
        self._sequence += 1
        if self.call.ended_at is not None:
            params |= {"CallDuration": str(self.call.seconds), "Duration": str(self.call.seconds // 60 + 1)}
        await self.twilio.hooks.call(self.status_callback, params)

    def params(self, **more: str) -> dict[str, str]:
        """What every webhook of a call carries (https://www.twilio.com/docs/voice/twiml#request-parameters)."""
        call = self.call
        params = {
            "CallSid": call.sid, "AccountSid": call.account_sid, "From": call.from_, "To": call.to,
            "Caller": call.from_, "Called": call.to, "CallStatus": call.status, "ApiVersion": VERSION,
            "Direction": "outbound-api" if call.direction == "outbound-api" else call.direction,
            "FromCountry": country_of(call.from_), "ToCountry": country_of(call.to),
        }  # fmt: skip
        if call.parent_sid:
            params["ParentCallSid"] = call.parent_sid
        if call.answered_by:
            params["AnsweredBy"] = call.answered_by
        return params | more

    def store(self, data: bytes, seconds: int, source: str, text: str = "") -> Recording:
        """A recording of this call."""
        recording = Recording(self.call.account_sid, self.call.sid, seconds, source, data, text)
        self.recordings.append(recording)
        self.twilio.recordings[recording.sid] = recording
        return recording

    # From the first document to the end

    async def run(self, url: str = "", document: str = "", params: dict[str, str] | None = None) -> None:
        """Carries out documents until the call is over."""
        from hotline.simulator.twilio.verbs import perform

        step = GoOn(url, params, document)
        how = "completed"
        try:
            for _ in range(MOST_DOCUMENTS):
                text = step.document or await self._fetch(step.url, step.params)
                try:
                    self.documents.append(text)
                    await perform(self, text, step.url)
                    break
                except GoOn as following:
                    step = following
        except HangUp as end:
            how = end.how
        await self.finish(how)

    async def _fetch(self, url: str, params: dict[str, str]) -> str:
        found = await self.twilio.hooks.call(url, self.params(**params), fallback=self.fallback, kind="voice")
        if found is None:
            self.hear("say", "We are sorry, an application error has occurred. Goodbye.")
            raise HangUp("completed")
        self.check()
        return found.body

    async def finish(self, how: str = "completed") -> None:
        """The call is over."""
        if self.over.is_set():
            return
        self.doing = ""
        self.call.ended_at = now()
        for child in self.children:
            if not child.over.is_set():
                child.end("completed" if child.call.started_at else "canceled")
        if self.bridged_to is not None:
            self.bridged_to.leave_bridge()
        self.over.set()
        self.twilio.changed()
        await self.tell(how, "completed")
