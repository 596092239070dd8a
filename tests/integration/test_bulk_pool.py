"""Mails over a few connections, with several commands in one packet where the relay takes that, and without."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hotline.channels.errors import AddressRefused, ChannelError, Filtered, SenderPaused, TemporarilyRefused, Unknown
from hotline.channels.mail import bulk_pool, smtp
from hotline.channels.mail.bulk_pool import BulkPool, NotAllowed
from hotline.channels.mail.smtp import Handed
from hotline.settings.mail import smtp_server
from hotline.workflows.pushes.push_mail import EMAIL

MAIL = b"Subject: x\r\n\r\nHello\r\n"


class _Jumps(selectors.DefaultSelector):
    """Waits for what comes over the wire, and for no time: that jumps ahead."""

    #: Seconds after which nothing more comes over loopback.
    still = 0.05

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As the real one, for a moment."""
        found: list[tuple[selectors.SelectorKey, int]] = super().select(
            timeout if timeout is None else min(timeout, self.still)
        )
        if not found and timeout is not None and timeout > self.still:
            self.ahead += timeout - self.still
        return found


class _JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps ahead to the next thing that is due when nothing else happens."""

    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)

    def time(self) -> float:
        """Its own clock."""
        return super().time() + self._jumps.ahead

    def run_in_executor(  # type: ignore[override]  # none but the library calls it
        self, executor: Any, func: Any, *arguments: Any
    ) -> asyncio.Future[Any]:
        """At once: time would jump while a thread works."""
        done: asyncio.Future[Any] = self.create_future()
        done.set_result(func(*arguments))
        return done


class Relay:
    """Answers commands by a table; notes what it was asked."""

    def __init__(self, *, pipelining: bool, **answers: str) -> None:
        self.pipelining = pipelining
        self.answers = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 taken", "RSET": "250 ok"}
        self.answers["AUTH"] = "235 ok"
        self.answers |= {"." if name == "END" else name: answer for name, answer in answers.items()}
        self.asked: list[str] = []
        self.packets = 0
        self.connections = 0
        #: Addresses that it refuses; mails after which it hangs up at the next command, None: never; what it waits for
        #: before it answers a mail.
        self.refused: set[str] = set()
        self.drops_after: int | None = None
        self.gate: asyncio.Event | None = None
        #: Whether it hangs up after a mail; seconds that it takes for each answer; whether one has to sign in.
        self.only_one = False
        self.seconds = 0.0
        self.signs_in = False
        self._came = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    async def asked_for(self, verb: str) -> None:
        """Wait until it was asked for this."""
        while verb not in self.asked:
            self._came.clear()
            await self._came.wait()

    def _note(self, verb: str) -> None:
        self.asked.append(verb)
        self._came.set()

    async def ended(self) -> None:
        """Wait until nobody is served any more."""
        while self._serving:
            await asyncio.wait(self._serving)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self.connections += 1
        await asyncio.sleep(self.seconds)
        writer.write(b"220 relay\r\n")
        taken = True
        try:
            while line := (await self._line(reader)).decode().strip():
                verb = line[:4].upper()
                self._note(verb)
                await asyncio.sleep(self.seconds)
                if verb == "EHLO":
                    able = ["relay", *["PIPELINING"] * self.pipelining, *["AUTH PLAIN"] * self.signs_in]
                    writer.write("".join(f"250-{each}\r\n" for each in able).encode() + b"250 HELP\r\n")
                    continue
                answer = self.answers.get(verb, "250 ok")
                if answer == "drop":
                    break
                if self.drops_after is not None and self.asked.count("mail") > self.drops_after:
                    self.drops_after = None
                    break
                if verb == "RCPT" and line.partition("<")[2].rstrip(">") in self.refused:
                    answer, taken = "550 5.1.1 no such user", False
                elif verb == "RCPT":
                    taken = answer.startswith("250")
                if verb == "DATA" and not taken and answer.startswith("354") and self.refused:
                    answer = "503 5.5.1 no valid recipients"
                writer.write(f"{answer}\r\n".encode())
                if verb == "DATA" and answer.startswith("354"):
                    await self._content(reader)
                    await asyncio.sleep(self.seconds)
                    if self.gate is not None:
                        self._note(".")
                        await self.gate.wait()
                    if self.answers["."] == "drop":
                        break
                    writer.write(f"{self.answers['.']}\r\n".encode())
                    if self.only_one:
                        break
                if verb == "QUIT":
                    break
        except ConnectionError:
            pass  # they hung up
        finally:
            writer.close()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        # What came in one piece is read without waiting: its own buffer tells how many pieces there were.
        self.packets += not reader._buffer  # type: ignore[attr-defined]
        return await reader.readline()

    async def _content(self, reader: asyncio.StreamReader) -> None:
        empty = True
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise ConnectionError
            empty = False
            assert line.endswith(b"\r\n")
        self.asked.append("empty" if empty else "mail")


@asynccontextmanager
async def relay(found: Relay, most: int = 2, mails: int = 100, user: str = "") -> AsyncIterator[BulkPool]:
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pool = BulkPool(smtp_server(f"smtp://{user}127.0.0.1:{port}?starttls=no"), most=most, mails=mails)
    try:
        yield pool
    finally:
        await pool.close()
        server.close()
        await found.ended()


async def sent(pool: BulkPool) -> None:
    await pool.send("news@company.example", ["anna@example.com"], MAIL)


@pytest.mark.parametrize("pipelining", [True, False])
async def test_mails_go_over_one_connection_one_after_the_other(pipelining: bool) -> None:
    found = Relay(pipelining=pipelining)
    async with relay(found) as pool:
        for _ in range(3):
            await sent(pool)
    assert found.connections == 1
    assert found.asked.count("mail") == 3
    assert "empty" not in found.asked


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_refused_recipient_gets_nothing_and_the_next_mail_goes(pipelining: bool) -> None:
    found = Relay(pipelining=pipelining, RCPT="550 5.1.1 no such user", END="554 no valid recipients")
    async with relay(found) as pool:
        with pytest.raises(AddressRefused):
            await sent(pool)
        assert "mail" not in found.asked
        found.answers |= {"RCPT": "250 ok", ".": "250 taken"}
        await sent(pool)
    assert found.connections == 1
    assert found.asked.count("mail") == 1


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("verb", "answer", "error"),
    [
        ("MAIL", "451 4.3.0 later", TemporarilyRefused),
        ("RCPT", "450 4.2.1 later", TemporarilyRefused),
        ("DATA", "451 later", TemporarilyRefused),
        ("MAIL", "drop", TemporarilyRefused),
        ("DATA", "drop", TemporarilyRefused),
        ("END", "554 5.7.1 spam", Filtered),
        ("END", "452 4.3.1 full", TemporarilyRefused),
        ("END", "drop", Unknown),
        # Answers that are none, to a mail's commands, say nothing of the mail; to its content, nobody knows.
        ("MAIL", "354 what", TemporarilyRefused),
        ("DATA", "250 ok", TemporarilyRefused),
        ("MAIL", "250-endless\r\n" * 150 + "250 ok", TemporarilyRefused),
        ("MAIL", "2x0 ok", TemporarilyRefused),
        ("RCPT", "250-" + "long" * 200_000, TemporarilyRefused),
        ("END", "354 what", Unknown),
        ("END", "250-endless\r\n" * 150 + "250 ok", Unknown),
        ("END", "?", Unknown),
        # What is said of the dialogue, or of ourselves, ends no mail for good.
        ("MAIL", "503 5.5.1 nested MAIL", TemporarilyRefused),
        ("RCPT", "503 5.5.1 bad sequence", TemporarilyRefused),
        ("DATA", "503 bad sequence", TemporarilyRefused),
        ("DATA", "502 not here", TemporarilyRefused),
        ("END", "503 bad sequence", TemporarilyRefused),
        ("RCPT", "421 4.3.2 going down", TemporarilyRefused),
        ("RCPT", "552 too many recipients", TemporarilyRefused),
        ("RCPT", "530 5.7.0 sign in first", SenderPaused),
        ("RSET", "503 what", None),
    ],
)
async def test_what_a_relay_says_where_is_what_is_known(
    pipelining: bool, verb: str, answer: str, error: type[Exception] | None
) -> None:
    found = Relay(pipelining=pipelining, **{verb: answer})
    if error is None:
        found.answers["RCPT"], error = "550 5.1.1 no such user", AddressRefused
    async with relay(found) as pool:
        with pytest.raises(error):
            await sent(pool)
        found.answers |= Relay(pipelining=pipelining).answers
        await sent(pool)
    assert found.asked[-1] in ("mail", "QUIT")


async def test_one_answer_too_many_fails_no_mail_for_good() -> None:
    found = Relay(pipelining=True, RCPT="250 one\r\n250 too many")
    async with relay(found, most=1) as pool:
        with pytest.raises(TemporarilyRefused):
            await sent(pool)
        found.answers |= Relay(pipelining=True).answers
        await sent(pool)
    assert found.asked.count("mail") == 1
    assert found.connections == 2


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_connection_that_is_out_of_step_is_given_up(pipelining: bool) -> None:
    found = Relay(pipelining=pipelining, RCPT="503 5.5.1 bad sequence of commands")
    async with relay(found, most=1) as pool:
        with pytest.raises(TemporarilyRefused):
            await sent(pool)
        found.answers |= Relay(pipelining=pipelining).answers
        await sent(pool)
    assert found.asked.count("mail") == 1
    assert found.connections == 2


async def test_any_positive_answer_takes_a_mail() -> None:
    found = Relay(pipelining=True, END="220 fine")
    async with relay(found, most=1) as pool:
        results = await one_after_the_other(pool, 3)
    assert all(isinstance(each, Handed) for each in results)


async def test_many_at_once_use_no_more_connections_than_there_are() -> None:
    found = Relay(pipelining=True)
    work: Callable[[BulkPool], Awaitable[None]] = sent
    async with relay(found) as pool:
        await asyncio.gather(*(work(pool) for _ in range(20)))
    assert found.connections == 2
    assert found.asked.count("mail") == 20


async def one_after_the_other(pool: BulkPool, count: int, **options: object) -> list[object]:
    """What came of so many mails at once."""
    tasks = [
        pool.send("news@company.example", [f"person{n}@example.com"], MAIL, **options)  # type: ignore[arg-type]
        for n in range(count)
    ]
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_the_commands_of_a_mail_follow_the_content_of_the_one_before() -> None:
    found = Relay(pipelining=True)
    async with relay(found, most=1) as pool:
        await one_after_the_other(pool, 10)
    assert found.connections == 1
    assert found.asked.count("mail") == 10
    # The first one's commands, and the content of each with the commands of the next.
    assert found.packets <= 12


async def test_when_the_relay_hangs_up_only_the_mail_that_it_got_is_unknown() -> None:
    found = Relay(pipelining=True, END="drop")
    async with relay(found, most=1) as pool:
        results = await one_after_the_other(pool, 2)
        assert [type(each) for each in results] == [Unknown, TemporarilyRefused]
        found.answers |= Relay(pipelining=True).answers
        # Whose commands had not gone goes over the next connection, and knows nothing of it.
        found.drops_after = 1
        results = await one_after_the_other(pool, 4)
    assert [type(each) for each in results].count(Unknown) == 0
    assert found.asked.count("mail") == sum(isinstance(each, Handed) for each in results) + 1


async def test_a_refused_mail_does_not_hold_up_the_one_behind_it() -> None:
    found = Relay(pipelining=True)
    found.refused = {"person1@example.com", "person4@example.com"}
    async with relay(found, most=1) as pool:
        results = await one_after_the_other(pool, 6)
    assert [isinstance(each, AddressRefused) for each in results] == [False, True, False, False, True, False]
    assert found.asked.count("mail") == 4
    assert found.connections == 1


async def test_a_mail_that_may_not_go_any_more_leaves_nothing_at_the_relay() -> None:
    found, asked = Relay(pipelining=True), list[int]()

    async def may_go() -> bool:
        asked.append(1)
        return len(asked) != 2

    async with relay(found, most=1) as pool:
        results = await one_after_the_other(pool, 5, may_go=may_go)
    assert [type(each) for each in results].count(NotAllowed) == 1
    handed = sum(isinstance(each, Handed) for each in results)
    assert found.asked.count("mail") == handed
    assert "empty" not in found.asked
    assert handed + sum(isinstance(each, TemporarilyRefused) for each in results) == 4


async def test_who_is_cancelled_while_waiting_behind_another_is_not_sent() -> None:
    found = Relay(pipelining=True)
    found.gate = asyncio.Event()
    async with relay(found, most=1) as pool:
        first = asyncio.create_task(sent(pool))
        await found.asked_for(".")
        second = asyncio.create_task(sent(pool))
        third = asyncio.create_task(sent(pool))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        third.cancel()
        found.gate.set()
        await asyncio.gather(first, second)
        with pytest.raises(asyncio.CancelledError):
            await third
        second = asyncio.create_task(sent(pool))
        await second
    assert found.asked.count("mail") == 3


async def test_a_worn_connection_takes_no_further_mail() -> None:
    found = Relay(pipelining=True)
    async with relay(found, most=1, mails=3) as pool:
        results = await one_after_the_other(pool, 10)
    assert all(isinstance(each, Handed) for each in results)
    assert found.connections >= 4


@pytest.mark.parametrize("bye", ["", "\r\n421 4.7.0 enough for one connection"])
async def test_a_relay_that_ends_connections_after_each_mail_costs_no_tries(bye: str) -> None:
    found = Relay(pipelining=True, END=f"250 taken{bye}")
    found.only_one = True
    async with relay(found, most=1) as pool:
        results = await one_after_the_other(pool, 2)
    assert all(isinstance(each, Handed) for each in results), results
    assert found.asked.count("mail") == 2
    assert found.connections == 2


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_relay_that_takes_half_a_minute_for_each_answer_gets_each_mail_once(
    pipelining: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that jumps: as many at once as one process hands over on a connection, with sign-in."""
    found = Relay(pipelining=pipelining)
    found.seconds, found.signs_in = 30.0, True
    took: list[float] = []

    async def some(pool: BulkPool, numbers: Sequence[int]) -> list[object]:
        results: list[object] = []
        for number in numbers:
            began = asyncio.get_running_loop().time()
            try:
                results.append(await pool.send("news@company.example", [f"person{number}@example.com"], MAIL))
            except ChannelError as error:
                results.append(error)
            took.append(asyncio.get_running_loop().time() - began)
        return results

    async def all_of_them() -> list[list[object]]:
        clock = asyncio.get_running_loop().time
        monkeypatch.setattr(bulk_pool, "monotonic", clock)
        monkeypatch.setattr(smtp, "monotonic", clock)
        async with relay(found, most=1, user="user:secret@") as pool:
            return list(await asyncio.gather(some(pool, (0, 1, 2)), some(pool, (3, 4))))

    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        first, second = runner.run(all_of_them())
    assert all(isinstance(each, Handed) for each in (*first, *second)), (first, second)
    assert found.asked.count("mail") == 5
    assert max(took) < EMAIL.seconds
