"""A call from outside as its dialplan sees it: variables, scripts, queues and extensions, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

from hotline.simulator.agi import ask_script
from hotline.simulator.call import Call
from hotline.simulator.line import CallerGone, Line, Sound
from hotline.simulator.media import Media
from hotline.simulator.tape import Headers

VERSION: Final = "22.10.1"


class Dialplan(Protocol):
    """What a PBX does with a call from outside."""

    def script(self, dialled: str) -> str:
        """The address of the script that calls to this number begin with."""
        ...

    async def run(self, caller: Inbound) -> None:
        """Serves the caller until the call is to be hung up; CallerGone comes through."""
        ...

    def announcement(self, delivery: str) -> str:
        """The address of the script that says what a campaign has to say."""
        ...

    async def announce(self, caller: Inbound) -> None:
        """Serves somebody who picked up a call of a campaign, as ``run`` does."""
        ...

    def gone(self, caller: Inbound) -> None:
        """The call is over (extension h)."""
        ...


class Exchange(Protocol):
    """What it needs of the PBX around it."""

    def set_variable(self, call: Call, name: str, value: str) -> None: ...

    def enter_queue(self, call: Call, queue: str, seconds: float, priority: int, *, stays: bool) -> bool: ...

    def dial(self, call: Call, extension: str, seconds: float) -> bool: ...

    def is_alive(self, channel: str) -> bool: ...


class Inbound:
    """One caller. Methods that wait raise CallerGone."""

    def __init__(self, exchange: Exchange, call: Call, line: Line, media: Media) -> None:
        self._exchange, self.call, self.line, self._media = exchange, call, line, media
        self.variables: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        #: The script hung up.
        self.ended = False
        self.task: asyncio.Task[None] | None = None
        self._back: asyncio.Future[str] | None = None

    # ---- what a script needs (agi.Channel) -----------------------------------------------------------------

    def get(self, name: str) -> str | None:
        """A variable's value; of CALLERID and CHANNEL those that are known here."""
        call = self.call
        known: Mapping[str, str] = {
            "CALLERID(num)": call.number, "CALLERID(name)": call.name, "EXTEN": call.dialled,
            "UNIQUEID": call.values.get(f"{call.outside}.uniqueid", ""),
            "CHANNEL": call.values.get(f"{call.outside}.channel", ""),
            "CALLERID(num-pres)": "prohib" if call.withheld else "allowed_not_screened",
        }  # fmt: skip
        return self.variables.get(name) or known.get(name) or None

    def set(self, name: str, value: str) -> None:
        """Sets a variable, which the PBX tells everybody."""
        self.variables[name] = value
        self._exchange.set_variable(self.call, name, value)

    async def sound(self, name: str) -> Sound | None:
        """A sound by its address."""
        return await self._media.sound(name)

    def is_up(self, channel: str) -> bool:
        """Whether a channel of this name is there."""
        return self._exchange.is_alive(channel)

    def end(self) -> None:
        """The script hangs up; its end is the call's end."""
        self.ended = True

    # ---- what a dialplan needs -------------------------------------------------------------------------------

    async def ask(self, url: str, seconds: float) -> str:
        """Runs a script; AGISTATUS, or TIMEOUT when the channel's time was over."""
        call = self.call
        environment = {
            "channel": call.values[f"{call.outside}.channel"], "language": self.get("CHANNEL(language)") or "en",
            "type": "PJSIP", "uniqueid": call.values[f"{call.outside}.uniqueid"], "version": VERSION,
            "callerid": call.number or "unknown", "calleridname": call.name or "unknown",
            "callingpres": "35" if call.withheld else "0", "callingani2": "0", "callington": "0", "callingtns": "0",
            "dnid": call.dialled, "rdnis": "unknown", "context": "hotline-in", "extension": call.dialled,
            "priority": "4", "enhanced": "0.0", "accountcode": "", "threadid": "1",
        }  # fmt: skip
        status = await ask_script(url, environment, self, seconds)
        self.set("AGISTATUS", "FAILURE" if status == "TIMEOUT" else status)
        if self.line.gone or self.ended:
            raise CallerGone
        return status

    async def queue(self, name: str, seconds: float, *, stays: bool = False, priority: int = 0) -> str:
        """Puts the caller into a queue; QUEUESTATUS when they come back. With ``stays`` they do so after the talk."""
        back = self._expect()
        if not self._exchange.enter_queue(self.call, name, seconds, priority, stays=stays):
            return "UNKNOWN"
        return await back

    async def dial(self, extension: str, seconds: float) -> str:
        """Rings an extension; DIALSTATUS when the caller comes back."""
        back = self._expect()
        if not self._exchange.dial(self.call, extension, seconds):
            return "CHANUNAVAIL"
        return await back

    def _expect(self) -> asyncio.Future[str]:
        if self.line.gone:
            raise CallerGone
        self._back = asyncio.get_running_loop().create_future()
        return self._back

    def came_back(self, status: str) -> None:
        """The caller is back from a queue or an extension."""
        if self._back is not None and not self._back.done():
            self._back.set_result(status)

    def send(self, path: str, url: str) -> bool:
        """Sends a recorded file in the background; False when there is none."""
        data = self.files.pop(path, None)
        if data is not None:
            self._media.send(url, data)
        return data is not None

    def state(self) -> Mapping[str, Any]:
        """What the caller hears."""
        return self.line.state()


def variable_set(snapshot: Headers, name: str, value: str) -> Headers:
    """The event of a variable that was set."""
    told = [("Event", "VarSet"), ("Privilege", "dialplan,all"), *snapshot]
    return [*told, ("Variable", name), ("Value", value.replace("\r", "\\r").replace("\n", "\\n"))]
