"""Very many mails over a few connections to a relay (RFC 5321): as ``SmtpPool``, without what single mails need and a
thousand in a second do not. Each mail here has one recipient and content that is ready for the wire; its commands go in
one packet where the relay takes that (RFC 2920), and behind the content of the mail before, where there is one: a mail
then takes one way to the relay and back.

A relay that hangs up before it asked for the content has got nothing; only after that nobody knows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final, cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from hotline.channels.errors import ChannelError, TemporarilyRefused, Unknown
from hotline.channels.mail.answers import GivenUp, content_error, recipient_error, sender_error
from hotline.channels.mail.pipelining import Answer, HungUp, Pipeline
from hotline.channels.mail.smtp import (
    CONTENT_SECONDS,
    FRESH_SECONDS,
    IDLE_SECONDS,
    OLDEST_SECONDS,
    Handed,
    SmtpPool,
    _Connection,
)

_GO_ON: Final = 354
_RSET: Final = b"RSET\r\n"
#: Mails on one connection at once: one whose content goes, and the next one's commands.
AT_ONCE: Final = 2
#: Seconds for the answers to a mail's three commands, and to each where they go one by one: relays may be slow, and
#: nobody waits at a screen (RFC 5321 4.5.3.2).
ENVELOPE_SECONDS: Final = 105.0
STEP_SECONDS: Final = 35.0
#: Seconds for a connection until it takes mail: greeting, EHLO, STARTTLS, EHLO again and AUTH, each as slow.
CONNECT_SECONDS: Final = 5 * STEP_SECONDS
#: Seconds that a mail waits for a connection: the longest that another one may need it, with getting it.
WAIT_SECONDS: Final = CONNECT_SECONDS + ENVELOPE_SECONDS + CONTENT_SECONDS

#: Asked right before the content of a mail goes: whether it may still.
MayGo = Callable[[], Awaitable[bool]]
_Answers = asyncio.Future[list[Answer]]


class NotAllowed(Exception):  # nothing went wrong: somebody said no
    """The mail may not go any more. Nothing of it went."""


class _Cut(TemporarilyRefused):
    """The relay ended the connection after it took the mail before, as many do after so many mails: nothing of this one
    went, and it is worth another connection."""


@dataclass(eq=False, slots=True)
class _Line:
    """A connection that mails go over, one after the other: the first one's content, and behind it the commands of the
    next."""

    connection: _Connection
    pipeline: Pipeline
    #: Whether the relay takes several commands in one packet.
    packets: bool
    #: Mails that are on it now.
    held: int = 0
    #: Whether the first one's content went: the next one's commands can follow at once.
    told: bool = False
    #: Whether the relay said that it took the last one.
    taken: bool = False
    #: The commands of the next one, which wait for that, and who wants their answers; None: it has to go another way.
    following: tuple[bytes, asyncio.Future[_Answers | None]] | None = None


class BulkPool(SmtpPool):
    """The connections of one dispatching process to one relay."""

    connect_seconds = CONNECT_SECONDS
    step_seconds = STEP_SECONDS

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._free: deque[_Line] = deque()
        #: Those that have a place behind the mail that goes.
        self._half: deque[_Line] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        #: Those that were told that there is a place, and did not take it yet.
        self._told: set[asyncio.Future[None]] = set()

    async def send(self, sender: str, recipients: Sequence[str], content: bytes, may_go: MayGo | None = None) -> Handed:
        """Hand one mail over to one recipient; ``sender`` is the return path. Raises a ChannelError when it was not
        accepted, and NotAllowed when ``may_go`` says so."""
        (recipient,) = recipients
        commands = (b"MAIL FROM:<%s>" % sender.encode("ascii"), b"RCPT TO:<%s>" % recipient.encode("ascii"), b"DATA")
        late = monotonic() + WAIT_SECONDS
        try:
            return await self._sent(commands, sender, content, may_go, late)
        except _Cut:
            if monotonic() >= late:
                raise
            return await self._sent(commands, sender, content, may_go, None)

    async def _sent(
        self, commands: Sequence[bytes], sender: str, content: bytes, may_go: MayGo | None, late: float | None
    ) -> Handed:
        """Hand it over on a connection that is free until ``late``; None: on one of its own, at once."""
        packet = b"\r\n".join((*commands, b""))
        try:
            line, asked, behind = await self._place(packet, late)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TemporarilyRefused("The mail relay hung up.") from error
        try:
            try:
                await self._introduced(line, asked, commands, sender)
            except TemporarilyRefused as error:
                if behind and line.taken and not line.pipeline.open:
                    raise _Cut("The mail relay hung up after the mail before.") from error
                raise
            if may_go is not None and not await _allowed(may_go, line):
                raise NotAllowed
            return await self._content(line, content)
        except asyncio.CancelledError:
            line.pipeline.close()  # nobody knows where the dialogue stands
            raise
        finally:
            self._done(line)

    async def close_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Say goodbye on connections that nobody used for so long."""
        now = monotonic()
        while self._free and now - self._free[0].connection.used >= seconds:
            self._leave_line(self._free.popleft())

    # The dialogue

    async def _introduced(self, line: _Line, asked: _Answers | None, commands: Sequence[bytes], sender: str) -> None:
        """The relay waits for the content. Raises a ChannelError when it does not want it."""
        try:
            answers = await asked if asked is not None else await _one_by_one(line.pipeline, commands)
            if _out_of_step(answers):
                line.pipeline.close()
                raise HungUp
            refused = _refusal(answers, sender)
            if isinstance(refused, GivenUp):
                line.pipeline.close()
            elif refused is not None:
                if answers[-1].code == _GO_ON:
                    # It waits for content all the same: an empty one, which nobody gets (RFC 2920 3.1).
                    await line.pipeline.ask(b".\r\n", 1, STEP_SECONDS)
                (reset,) = await line.pipeline.ask(_RSET, 1, STEP_SECONDS)
                if not _positive(reset):
                    line.pipeline.close()  # out of step: what the next one is answered may be this one's
        except OSError as error:
            # Nothing of the mail went yet. Answers that do not come in time are such an error, too.
            raise TemporarilyRefused("The mail relay hung up.") from error
        if refused is not None:
            raise refused

    async def _content(self, line: _Line, content: bytes) -> Handed:
        data = wire_ready(content)
        try:
            await line.pipeline.drained()
            answered = line.pipeline.ask(data, 1, CONTENT_SECONDS)
        except OSError as error:
            raise TemporarilyRefused("The mail relay hung up.") from error
        line.told, line.taken = True, False
        self._follow(line)
        try:
            (answer,) = await answered
        except OSError as error:
            raise Unknown("The mail relay did not answer after it got the mail.") from error
        if _positive(answer):
            line.taken = True
            return Handed(answer.text[:200])
        if not _refused(answer):
            line.pipeline.close()  # it answers something else than it was asked
            raise Unknown("The mail relay does not say whether it took the mail.", provider_code=answer.code)
        refused = content_error(answer.code, answer.text)
        if isinstance(refused, GivenUp):
            line.pipeline.close()
        raise refused

    # The connections

    async def _place(self, packet: bytes, late: float | None) -> tuple[_Line, _Answers | None, bool]:
        """A connection, the answers to come to a mail's commands (None: they have to be asked one by one), and whether
        it is behind another mail. Raises what connections raise."""
        if late is not None and (self._waiting or self._told):
            await self._some_room(late)  # those who came before come first
        while True:
            line = await self._own_line()
            if line is not None:
                line.held, line.told = 1, False
                self._offer(line)
                self._pass_on()
                return line, self._asked(line, packet) if line.packets else None, False
            if late is None:
                raise TemporarilyRefused("All connections to the mail relay are busy.")
            if self._half:
                line = self._half.popleft()
                self._pass_on()
                asked = await self._behind(line, packet)
                if asked is not None:
                    return line, asked, True
            else:
                await self._some_room(late)

    async def _own_line(self) -> _Line | None:
        """A connection that nobody uses, or a new one; None when there are as many as may be."""
        while self._free:
            line = self._free.pop()  # the last used one: the others may grow old
            if await self._usable(line):
                return line
        if self._room.locked():
            return None
        await self._room.acquire()
        try:
            return await self._opened()
        except BaseException:
            self._room.release()
            self._wake()
            raise

    async def _opened(self) -> _Line:
        connection = await self._new()
        client = connection.client
        try:
            if client.last_ehlo_response is None:
                await client.ehlo()
            protocol = cast(SMTPProtocol, client.protocol)
            if protocol is None or protocol.transport is None:
                raise HungUp
            pipeline = Pipeline(cast(asyncio.Transport, protocol.transport), protocol)
        except BaseException:
            client.close()
            raise
        return _Line(connection, pipeline, client.supports_extension("pipelining"))

    async def _usable(self, line: _Line) -> bool:
        """Whether a connection that waited can be used; one that cannot is ended."""
        now = monotonic()
        usable = line.pipeline.open and now - line.connection.born < OLDEST_SECONDS
        if usable and now - line.connection.used < FRESH_SECONDS:
            return True
        try:
            if usable:
                # Relays hang up on who is silent: better told before the mail than in the middle of it.
                await line.pipeline.ask(_RSET, 1, STEP_SECONDS)
                return True
        except HungUp:
            pass
        except BaseException:
            self._leave_line(line)
            raise
        self._leave_line(line)
        return False

    def _asked(self, line: _Line, packet: bytes) -> _Answers:
        try:
            return line.pipeline.ask(packet, 3, ENVELOPE_SECONDS)
        except HungUp:
            self._done(line)
            raise

    async def _behind(self, line: _Line, packet: bytes) -> _Answers | None:
        """The answers to come to the commands of a mail that goes behind another; None when the connection ended before
        they were asked."""
        turn: asyncio.Future[_Answers | None] = asyncio.get_running_loop().create_future()
        line.held += 1
        line.following = (packet, turn)
        if line.told:
            self._follow(line)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                line.following = None
                self._less(line)
            elif turn.result() is not None:
                line.pipeline.close()  # they were asked, and nobody waits for the answers
                self._less(line)
            raise

    def _follow(self, line: _Line) -> None:
        """The commands of the next mail go, if there is one: behind the content of the one before."""
        if line.following is None:
            return
        packet, turn = line.following
        line.following = None
        if turn.done():
            return
        try:
            turn.set_result(line.pipeline.ask(packet, 3, ENVELOPE_SECONDS))
        except HungUp:
            line.held -= 1
            turn.set_result(None)

    def _offer(self, line: _Line) -> None:
        """There is a place behind the mail that goes."""
        if line.packets and not self._worn(line):
            self._half.append(line)
            self._wake()

    def _worn(self, line: _Line) -> bool:
        # The mail that goes is not counted yet.
        return line.connection.mails + 1 >= self._mails or monotonic() - line.connection.born >= OLDEST_SECONDS

    def _done(self, line: _Line) -> None:
        """The first mail is not on a connection any more: the next one's turn."""
        line.connection.mails += 1
        line.connection.used = monotonic()
        line.told = False
        self._follow(line)
        self._less(line)

    def _less(self, line: _Line) -> None:
        """One mail less is on a connection: there is a place, or nobody uses it."""
        line.held -= 1
        if line.held:
            if line.pipeline.open:
                self._offer(line)
            return
        with suppress(ValueError):
            self._half.remove(line)
        if (
            line.pipeline.open
            and line.connection.mails < self._mails
            and (monotonic() - line.connection.born < OLDEST_SECONDS)
        ):
            self._free.append(line)
            self._wake()
        else:
            self._leave_line(line)

    def _leave_line(self, line: _Line) -> None:
        """Say goodbye and close."""
        line.pipeline.leave()
        line.connection.client.close()
        self._room.release()
        self._wake()

    # Who waits for one

    async def _some_room(self, late: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(woken)
        try:
            async with asyncio.timeout(late - monotonic()):
                await woken
        except BaseException as error:
            if woken in self._waiting:
                self._waiting.remove(woken)
            elif woken in self._told:
                self._told.discard(woken)
                self._wake()  # it was told, and does not use it
            if isinstance(error, TimeoutError):
                raise TemporarilyRefused("All connections to the mail relay are busy.") from None
            raise
        self._told.discard(woken)

    def _pass_on(self) -> None:
        """Who took a place tells the next one when there is another."""
        if self._waiting and (self._free or self._half or not self._room.locked()):
            self._wake()

    def _wake(self) -> None:
        while self._waiting:
            woken = self._waiting.popleft()
            if not woken.done():
                self._told.add(woken)
                woken.set_result(None)
                return


async def _allowed(may_go: MayGo, line: _Line) -> bool:
    allowed = False
    try:
        allowed = await may_go()
    finally:
        if not allowed:
            line.pipeline.close()  # the relay waits for content, and any would be a mail
    return allowed


async def _one_by_one(pipeline: Pipeline, commands: Sequence[bytes]) -> list[Answer]:
    """For a relay that takes one command at a time: what follows a refused one is not asked."""
    answers: list[Answer] = []
    for command in commands:
        answers += await pipeline.ask(command + b"\r\n", 1, STEP_SECONDS)
        if not _positive(answers[-1]):
            break
    return answers


def _positive(answer: Answer) -> bool:
    return 200 <= answer.code < 300


def _refused(answer: Answer) -> bool:
    return 400 <= answer.code < 600


def _out_of_step(answers: Sequence[Answer]) -> bool:
    """Whether these are no answers to a mail's commands: the relay said too much or too little before, or is none. Its
    codes then say nothing of the mail."""
    return any(
        not _refused(answer) and not (answer.code == _GO_ON if place == 2 else _positive(answer))
        for place, answer in enumerate(answers)
    )


def _refusal(answers: Sequence[Answer], sender: str) -> ChannelError | None:
    """Why the relay does not want the mail; None: it waits for the content."""
    if not _positive(answers[0]):
        return sender_error(answers[0].code, answers[0].text, sender)
    if not _positive(answers[1]):
        return recipient_error(answers[1].code, answers[1].text)
    if answers[2].code != _GO_ON:
        return content_error(answers[2].code, answers[2].text)
    return None


def wire_ready(content: bytes) -> bytes:
    """A mail's bytes, whose lines end in CR LF, as DATA wants them (RFC 5321 4.5.2): dots at the start of a line twice,
    one alone at the end."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
