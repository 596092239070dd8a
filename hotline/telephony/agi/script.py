"""One run of a script: the engine's effects performed on the caller's line, until the dialplan goes on.

What the dialplan does next is told in HOTLINE_NEXT, as the very last thing. A run that ends in any other way says
nothing, and the caller goes to the default queue.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import structlog

from hotline.calls.fields import presentation_withheld
from hotline.errors import HotlineError, Invalid, Unavailable
from hotline.ivr import engine
from hotline.ivr.effects import (
    Collect,
    Effect,
    Enqueue,
    Failed,
    Found,
    HangUp,
    HungUp,
    Input,
    Left,
    LookUp,
    Prompt,
    RecordMessage,
    Say,
    Tell,
    Transfer,
)
from hotline.ivr.flow import FlowSet
from hotline.ivr.session import Session, Step
from hotline.pbx import dial
from hotline.pbx.errors import UnsafeValue
from hotline.telephony.agi import metrics, words
from hotline.telephony.agi.line import Line
from hotline.telephony.agi.server import Request
from hotline.telephony.agi.wire import AgiConnection, CallerGone
from hotline.workflows.calls import recordings
from hotline.workflows.company.calendars import calendars_of
from hotline.workflows.house import House
from hotline.workflows.ivr import flows as flow_records
from hotline.workflows.ivr import ivr
from hotline.workflows.ivr.ivr import Caller, within
from hotline.workflows.ivr.ivr_sessions import Held, Sessions

log = structlog.get_logger(__name__)

#: Seconds that handing a caller over waits for the records, so that the ticket is there at the first ring.
COMMIT_SECONDS: Final = 1.0
#: Seconds for a session that another node ran.
LOAD_SECONDS: Final = 1.0
#: Seconds for the count of callers in a queue, and for what is to be recorded.
ASK_SECONDS: Final = 0.5

#: What QUEUESTATUS (app_queue) and DIALSTATUS (app_dial) mean for a flow.
_LEFT: Final[dict[str, Left]] = {
    "CONTINUE": Left("answered"),
    "ANSWER": Left("answered"),
    "TIMEOUT": Left("timeout"),
    "NOANSWER": Left("timeout"),
    "JOINEMPTY": Left("empty"),
    "LEAVEEMPTY": Left("empty"),
    "JOINUNAVAIL": Left("empty"),
    "LEAVEUNAVAIL": Left("empty"),
    "CHANUNAVAIL": Left("empty"),
    "FULL": Left("full"),
    "BUSY": Left("full"),
}
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z]{2,8})?")
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9._:/\[\]-]{1,1000}")

#: How many callers wait in a queue ahead of a new one of this priority: (pbx, queue, priority); None when unknown.
Ahead = Callable[[str, str, int], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Scripts:
    """What all runs share."""

    house: House
    sessions: Sessions
    ahead: Ahead


class Script:
    """One run for one channel, whose call is ``call_id``."""

    def __init__(self, shared: Scripts, connection: AgiConnection, line: Line, request: Request, call_id: UUID) -> None:
        self._house = shared.house
        self._sessions = shared.sessions
        self._ahead = shared.ahead
        self._connection = connection
        self._request = request
        self._call_id = call_id
        self._line = line
        self._caller: Caller | None = None
        self._customer_id: UUID | None = None
        self._since = time.monotonic()

    async def begin(self) -> str:
        """A caller's first words; answers how the run ended."""
        flows = self._house.flows.get(self._request.name or "main")
        if flows is None:
            log.warning("ivr.no_flow", pbx=self._request.pbx, flow=self._request.name[:64])
            return "no_flow"
        caller = await self._who()
        step = engine.start(flows, caller.facts, calendars_of(self._house), self._house.clock())
        began = self._house.clock()
        held = self._sessions.begin(self._request.pbx, self._request.uniqueid, flows, step.session, began)
        return await self._go(held, step)

    async def left(self) -> str:
        """The caller came back from a queue or an extension."""
        held = await self._held()
        if held is None:
            return "no_session"
        status = self._request.parameters.get("status", "")
        step = self._resume(held, _LEFT.get(status, Left("failed")))
        return await self._go(held, step)

    # The way through a flow

    async def _go(self, held: Held, step: Step) -> str:
        try:
            while True:
                self._keep(held, step.session)
                metrics.STEP.observe(time.monotonic() - self._since)
                outcome = await self._perform(held, step)
                if isinstance(outcome, str):
                    return outcome
                step = self._resume(held, outcome)
        except CallerGone:
            step = self._resume(held, HungUp())
            self._sessions.keep(held, step.session, "over", now=True)
            raise

    def _resume(self, held: Held, input: Input) -> Step:
        self._since = time.monotonic()
        session = self._house.flows.settled(held.session)
        return engine.resume(held.flows, session, input, calendars_of(self._house), self._house.clock())

    def _keep(self, held: Held, session: Session) -> None:
        queued = session.waits in ("queue", "transfer")
        state = "over" if session.over else "queued" if queued else "running"
        self._sessions.keep(held, session, state, now=queued or session.over)

    async def _perform(self, held: Held, step: Step) -> Input | str:
        """The effects of a step in order: what came of the last one, or how the run ended."""
        before: list[Prompt] = []
        for effect in step.effects:
            match effect:
                case Say(keep_keys=True):
                    before += effect.prompts  # with the question that follows they are one
                case Say():
                    await self._say(before)
                    await self._line.say(effect.prompts, keep_keys=False)
                case Tell():
                    pass
                case Collect():
                    return await self._line.collect(effect, before)
                case _:
                    await self._say(before)
                    return await self._wait_or_leave(held, effect)
        raise Invalid("A step of a flow ended with nothing to wait for.")

    async def _say(self, prompts: list[Prompt]) -> None:
        if prompts:
            await self._line.say(prompts, keep_keys=True)
            prompts.clear()

    async def _wait_or_leave(self, held: Held, effect: Effect) -> Input | str:
        match effect:
            case LookUp():
                return await self._look_up(effect)
            case RecordMessage():
                return await self._record(held, effect)
            case Enqueue():
                return await self._enqueue(held, effect)
            case Transfer():
                return await self._transfer(held, effect)
            case HangUp():
                await self._language(held)
                await self._line.set("HOTLINE_NEXT", "hangup")
                return "over"
            case _:
                raise Invalid("An effect that this door does not know.")

    # Effects

    async def _look_up(self, effect: LookUp) -> Input:
        caller = await self._who()
        await self._line.allow(effect.seconds)
        found: Found | Failed
        found, customer_id = await self._line.meanwhile(ivr.look_up(self._house, effect, caller), "ivr look-up")
        if customer_id is not None:
            self._caller = replace(caller, customer_id=customer_id)
        return found

    async def _record(self, held: Held, effect: RecordMessage) -> Input:
        upload = recordings.issue(self._house, self._request.pbx, self._request.uniqueid, "voicemail")
        if _ADDRESS.fullmatch(upload.url) is None:
            return Failed("refused")
        await self._language(held)
        return await self._line.record(effect, upload)

    async def _enqueue(self, held: Held, effect: Enqueue) -> Input | str:
        try:
            queue = dial.queue(effect.queue) if effect.queue else ""
        except UnsafeValue:
            return Left("failed")
        if effect.announce_position and queue:
            await self._tell_position(held, queue, effect.priority)
        await self._hand_over(held)
        await self._line.set("HOTLINE_QUEUE", queue)  # without a name the dialplan's own default
        await self._line.set("HOTLINE_QUEUE_SECONDS", str(max(1, effect.seconds)))
        await self._line.set("QUEUE_PRIO", str(effect.priority))
        # Only a flow that has something to say after the talk keeps the caller when the agent hangs up.
        after = engine.resume(held.flows, held.session, Left("answered"), {}, self._house.clock())
        goes_on = any(not isinstance(each, HangUp | Tell) for each in after.effects)
        await self._line.set("HOTLINE_CONTINUE", "c" if goes_on else "")
        await self._line.set("HOTLINE_NEXT", "queue")
        return "queued"

    async def _transfer(self, held: Held, effect: Transfer) -> Input | str:
        try:
            extension = dial.extension(effect.to)
        except UnsafeValue:
            return Left("failed")
        await self._hand_over(held)
        await self._line.set("HOTLINE_EXTEN", extension)
        await self._line.set("HOTLINE_DIAL_SECONDS", str(max(1, effect.seconds)))
        await self._line.set("HOTLINE_NEXT", "extension")
        return "transferred"

    async def _hand_over(self, held: Held) -> None:
        """What a queue and an extension need alike: the language, our call's id, the recording, and the records."""
        await self._line.allow(COMMIT_SECONDS + ASK_SECONDS)
        await self._language(held)
        await self._line.set("HOTLINE_CALL", str(self._call_id))
        await self._begin_recording(held)
        # The records get a second, or less when the caller hangs up meanwhile.
        written = self._house.spawn(self._sessions.written(held, COMMIT_SECONDS), "ivr commit")
        gone = self._house.spawn(self._connection.gone.wait(), "ivr caller")
        await asyncio.wait({written, gone}, return_when=asyncio.FIRST_COMPLETED)
        written.cancel()
        gone.cancel()

    async def _begin_recording(self, held: Held) -> None:
        """Announce and prepare the recording of the whole call, when the company records."""
        language = self._speaking(held)
        asked = recordings.begin(self._house, self._request.pbx, self._request.uniqueid, language)
        try:
            recorded = await within(self._house, ASK_SECONDS, asked, "ivr recording")
        except HotlineError as error:
            log.warning("ivr.not_recorded", pbx=self._request.pbx, code=error.code)
            return
        if recorded is None or _ADDRESS.fullmatch(recorded.upload.url) is None:
            return
        if recorded.announcement is not None:
            await self._line.say((recorded.announcement,), keep_keys=False)
            await self._line.allow(COMMIT_SECONDS + ASK_SECONDS)
        await self._line.set("HOTLINE_RECORD_ID", str(recorded.upload.id))
        await self._line.set("HOTLINE_RECORD", recorded.upload.url)

    async def _tell_position(self, held: Held, queue: str, priority: int) -> None:
        ahead: int | None = None
        with suppress(Unavailable):
            asked = self._ahead(self._request.pbx, queue, priority)
            ahead = await asyncio.wait_for(asked, ASK_SECONDS) if asked else None
        if ahead is not None:
            await self._line.say((words.position(ahead + 1, self._speaking(held)),), keep_keys=False)

    async def _language(self, held: Held) -> None:
        """The PBX's own words, such as a queue's, in the caller's language."""
        language = held.session.facts.language
        if language is not None and _LANGUAGE.fullmatch(language):
            await self._line.set("CHANNEL(language)", language)

    # Who, and which session

    def _speaking(self, held: Held) -> str:
        return held.session.facts.language or held.flows.languages[0]

    async def _who(self) -> Caller:
        if self._caller is None:
            environment = self._request.environment
            withheld = presentation_withheld(environment.get("callingpres")) is True
            dialled = environment.get("dnid") or environment.get("extension")
            variables = {"call.pbx": self._request.pbx, "call.dialled": "" if dialled == "unknown" else dialled[:64]}
            number = environment.caller_number
            asked = ivr.greet(self._house, number, withheld, variables)
            self._caller = await self._line.meanwhile(asked, "ivr caller")
        return self._caller

    async def _held(self) -> Held | None:
        """The session of this channel: from memory, else from the records, for a node that did not begin it."""
        pbx, uniqueid = self._request.pbx, self._request.uniqueid
        held = self._sessions.find(pbx, uniqueid)
        if held is not None:
            return held
        try:
            saved = await within(self._house, LOAD_SECONDS, ivr.find_session(self._house, pbx, uniqueid), "ivr session")
            if saved is None or saved.state == "over":
                return None
            session = Session.from_json(saved.session, saved.secrets)
            fetched = flow_records.fetch(self._house, session.flow, session.digest)
            flows: FlowSet | None = await within(self._house, LOAD_SECONDS, fetched, "ivr flow")
        except HotlineError as error:
            log.warning("ivr.session_away", pbx=pbx, code=error.code)
            return None
        if flows is None:
            return None
        return self._sessions.begin(pbx, uniqueid, flows, session, saved.started_at)
