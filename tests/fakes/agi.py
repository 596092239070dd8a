"""Asterisk's side of FastAGI: a caller whose dialplan asks a script, with the keys that they press and when they go.

It answers each command as Asterisk 22 does (recorded in tests/e2e/test_ivr.py's runs): one reply to one command, and
after a hang-up the text HANGUP and the end of the connection.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

#: What a caller does at a question: keys, nothing until its time is over (""), or they hang up (None).
Act = str | None
#: A wait for a key this short, in milliseconds, is no question.
MOMENT = 100


@dataclass
class AgiCaller:
    """One script's run. ``acts`` are used one for each command that takes keys."""

    port: int
    channel: str = "PJSIP/trunk-00000001"
    uniqueid: str = "1795316655.100"
    number: str = "+4930123456"
    presentation: str = "0"
    dialled: str = "4000"
    acts: list[Act] = field(default_factory=list)
    #: Keys pressed while nobody asks yet.
    ahead: list[str] = field(default_factory=list)
    #: Values of ``GET FULL VARIABLE``, by its expression.
    values: dict[str, str] = field(default_factory=lambda: {"${HOTLINE_SPOOL}": "/var/spool/hotline"})
    #: Every command received, as words.
    commands: list[list[str]] = field(default_factory=list)
    #: Variables as they are after the script.
    variables: dict[str, str] = field(default_factory=dict)
    hung_up: bool = False
    #: Seconds of sound that RECORD FILE records.
    message_seconds: float = 3.0
    #: Set when a command of this name arrives; the reply then waits for ``go_on``.
    stop_at: str = ""
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def environment(self, path: str, **more: str) -> bytes:
        """What Asterisk sends first."""
        host = f"127.0.0.1:{self.port}"
        fields = {
            "network": "yes", "network_script": path, "request": f"agi://{host}/{path}", "channel": self.channel,
            "language": "en", "type": "PJSIP", "uniqueid": self.uniqueid, "version": "22.10.1",
            "callerid": self.number or "unknown", "calleridname": "Anna Müller", "callingpres": self.presentation,
            "callingani2": "0", "callington": "0", "callingtns": "0", "dnid": self.dialled, "rdnis": "unknown",
            "context": "hotline-call", "extension": "s", "priority": "12", "enhanced": "0.0", "accountcode": "",
            "threadid": "140012345678080", **more,
        }  # fmt: skip
        return "".join(f"agi_{name}: {value}\n" for name, value in fields.items()).encode() + b"\n"

    async def run(self, path: str = "main/key/flow/main") -> str | None:
        """Run a script to its end, as the dialplan does; what HOTLINE_NEXT says then."""
        self.variables["HOTLINE_NEXT"] = ""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(self.environment(path))
            while line := await reader.readline():
                words = shlex.split(line.decode())
                self.commands.append(words)
                if self.stop_at and self.stop_at == words[0]:
                    self.stopped.set()
                    await self.go_on.wait()
                if words[:3] == ["WAIT", "FOR", "DIGIT"] and int(words[3]) <= MOMENT:
                    # Listening while something is looked up: these callers act at questions.
                    await asyncio.sleep(int(words[3]) / 1000)
                    reply = f"200 result={ord(self.ahead.pop(0)) if self.ahead else 0}\n"
                else:
                    reply = self._answer(words)
                writer.write(reply.encode())
                if self.hung_up:
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        return self.variables["HOTLINE_NEXT"] or None

    def named(self, *name: str) -> list[list[str]]:
        """The commands with this name, without it."""
        return [words[len(name) :] for words in self.commands if tuple(words[: len(name)]) == name]

    @property
    def heard(self) -> list[str]:
        """What was played, in order."""
        played = (w[2] for w in self.commands if w[:2] in (["STREAM", "FILE"], ["GET", "DATA"]))
        return [each for each in played if each]

    def _act(self) -> Act:
        act = self.acts.pop(0) if self.acts else ""
        self.hung_up |= act is None
        return act

    def _answer(self, words: list[str]) -> str:
        match words:
            case ["SET", "VARIABLE", name, value]:
                self.variables[name] = value
                return "200 result=1\n"
            case ["SET", "AUTOHANGUP", _] | ["NOOP", *_]:
                return "200 result=0\n"
            case ["GET", "FULL", "VARIABLE", expression]:
                known = self.values.get(expression)
                return "200 result=0\n" if known is None else f"200 result=1 ({known})\n"
            case ["STREAM", "FILE", _, ""]:
                return "200 result=0 endpos=11360\n"
            case ["STREAM", "FILE", _, _]:
                return "200 result=0 endpos=11360\n"
            case ["GET", "DATA", _, _, most]:
                return self._digits(int(most))
            case ["WAIT", "FOR", "DIGIT", _]:
                act = self._act()
                if act is None:
                    return "200 result=-1\nHANGUP\nHANGUP\n"
                if len(act) > 1:
                    self.acts.insert(0, act[1:])
                return f"200 result={ord(act[0]) if act else 0}\n"
            case ["RECORD", "FILE", *_]:
                act = self._act()
                end = int(self.message_seconds * 8000)
                if act is None:
                    return f"200 result=-1 (hangup) endpos={end}\nHANGUP\n"
                return f"200 result=35 (dtmf) endpos={end}\n" if act else f"200 result=0 (timeout) endpos={end}\n"
            case _:
                return "510 Invalid or unknown command\n"

    def _digits(self, most: int) -> str:
        act = self._act()
        if act is None:
            return "200 result=-1\nHANGUP\nHANGUP\n"
        keys, hash_, rest = act.partition("#")
        if len(keys) >= most:
            # What is typed ahead comes to the next command that takes keys.
            left = keys[most:] + hash_ + rest
            if left:
                self.acts.insert(0, left)
            return f"200 result={keys[:most]}\n"
        return f"200 result={keys}\n" if hash_ else f"200 result={keys} (timeout)\n"


@asynccontextmanager
async def script(caller: AgiCaller, path: str = "main/key/flow/main") -> AsyncIterator[asyncio.Task[str | None]]:
    """A run beside the test."""
    task = asyncio.create_task(caller.run(path))
    try:
        yield task
    finally:
        caller.go_on.set()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
