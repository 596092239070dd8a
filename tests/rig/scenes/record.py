"""Records the simulator's tapes from a real Asterisk 22: ``python -m tests.rig.scenes.record ROOT [SCENE…]``, as root.

ROOT is Asterisk's root file system. Each scene is acted by
softphones; what the PBX says on AMI is written as it came, with a line ``;act: WHO DOES WHAT`` where it waited for a
person or for an action of the desk. hotline/simulator/tree.py reads them.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

from tests.rig.softphone import Dialog, Softphone

HERE = Path(__file__).parent
TAPES = HERE.parents[2] / "hotline" / "simulator" / "tapes"
REPLIES = HERE.parents[1] / "unit" / "simulator" / "replies.ami"
CALLER = "+8613800138000"
CALLED = "+442079460158"
#: Who plays which part: the queue calls agent and other, transfers go to target and from there to next.
PARTS = {"agent": "1001", "target": "1002", "other": "1003", "next": "1004"}
COMMAND = "0197d0c0-0000-7000-8000-00000000c11c"
SILENCE = 0.7
#: What no client uses and only makes tapes long: RTP statistics and the sip module's own variables.
DULL = ("Variable: RTPAUDIO", "Variable: SIPDOMAIN", "Variable: __SIP", "Variable: NEXT", "Variable: AGISTATUS")


class Recorder:
    """An AMI session that keeps what it hears."""

    listener: asyncio.Task[None]

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.frames: list[str] = []
        self._heard = asyncio.Event()
        self._count = 0
        self.verbatim = False

    @classmethod
    async def connect(cls, port: int) -> Recorder:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        recorder = cls(reader, writer)
        recorder.listener = asyncio.create_task(recorder._listen())
        await recorder.ask("Login", Username="recorder", Secret="recorder")
        await recorder.silence()
        return recorder

    async def _listen(self) -> None:
        while True:
            try:
                frame = (await self._reader.readuntil(b"\r\n\r\n")).decode()[:-4]
            except asyncio.IncompleteReadError:
                return
            if not any(word in frame for word in DULL):
                self.frames.append(frame)
            self._heard.set()

    async def ask(self, action: str, **headers: str) -> None:
        self._count += 1
        headers = {"ActionID": f"ask-{self._count}", **headers}
        if self.verbatim:
            self.frames.append("\r\n".join([f";ask: {action}", *(f";{k}: {v}" for k, v in headers.items())]))
        lines = [f"Action: {action}", *(f"{k}: {v}" for k, v in headers.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self.silence()

    async def silence(self, seconds: float = SILENCE) -> None:
        """Returns when the PBX has said nothing for a while."""
        while True:
            self._heard.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._heard.wait()
            except TimeoutError:
                return

    async def act(self, act: str) -> None:
        """Marks that the PBX now waits, and what happens next."""
        await self.silence()
        self.frames.append(f";act: {act}")

    def close(self) -> None:
        self.listener.cancel()
        self._writer.close()

    def take(self) -> str:
        text = "\r\n\r\n".join(self.frames)
        self.frames = []
        return text + "\r\n\r\n"


class Script:
    """The FastAGI server that the PBX's dialplan asks: it says nothing until the scene lets it."""

    def __init__(self) -> None:
        self._asking: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def start(self) -> int:
        """Listens; returns the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return int(self.port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        await self._asking.put((reader, writer))

    async def asked(self, seconds: float = 20.0) -> None:
        """Returns when a caller's dialplan asks."""
        async with asyncio.timeout(seconds):
            self._reader, self._writer = await self._asking.get()

    async def says(self, label: str) -> None:
        """The dialplan goes on at ``label``."""
        self._writer.write(f"SET VARIABLE NEXT {label}\n".encode())
        await self._reader.readline()
        self._writer.close()


class Stage:
    """The PBX, its phones, its script and the recorder."""

    def __init__(self, ami: Recorder, sip: int, trunk: Softphone, phones: dict[str, Softphone], script: Script) -> None:
        self.ami, self._sip, self.trunk, self.phones, self.script = ami, sip, trunk, phones, script
        self.dialogs: dict[str, Dialog] = {}

    async def sign_in(self, *parts: str) -> None:
        for part in parts:
            number = PARTS[part]
            await self.ami.ask("QueueAdd", Queue="support", Interface=f"PJSIP/{number}", MemberName=f"Agent {number}")
        self.ami.take()

    async def calls(self, *, withheld: bool = False) -> None:
        await self.sign_in("agent", "other")
        await self.ami.act("caller calls withheld" if withheld else "caller calls")
        self.dialogs["caller"] = self.trunk.call(
            "9500", ("127.0.0.1", self._sip), caller=CALLER, name="Zhang Wei", withheld=withheld
        )
        await self.rings("agent")
        await self.rings("other")

    async def asks(self, *, withheld: bool = False) -> None:
        """A caller whose dialplan asks the script."""
        await self.sign_in("agent", "other")
        await self.ami.act("caller asks withheld" if withheld else "caller asks")
        self.dialogs["caller"] = self.trunk.call(
            "9510", ("127.0.0.1", self._sip), caller=CALLER, name="Zhang Wei", withheld=withheld
        )
        await self.script.asked()

    async def script_queues(self, label: str = "queue") -> None:
        await self.ami.act("script queues")
        await self.script.says(label)
        await self.rings("agent")
        await self.rings("other")

    async def script_dials(self) -> None:
        await self.ami.act("script dials target")
        await self.script.says("extension")
        await self.rings("target")

    async def script_hangs_up(self) -> None:
        await self.ami.act("script hangs up")
        await self.script.says("over")

    async def comes_back(self, who: str, *words: str) -> None:
        """The PBX lets the caller go on by itself, and the dialplan asks again."""
        await self.ami.act(" ".join((who, *words)))
        await self.script.asked()

    async def lets_go(self, part: str) -> None:
        """A phone hangs up, and the caller goes on."""
        await self.ami.act(f"{part} lets go")
        self.phone(part).hang_up(self.dialogs[part])
        await self.script.asked()

    async def turns_down(self, part: str) -> None:
        """A phone that the script dialled declines, and the caller goes on."""
        await self.ami.act(f"{part} declines")
        self.phone(part).decline(self.dialogs[part])
        await self.script.asked()

    def phone(self, part: str) -> Softphone:
        return self.phones.get(part, self.trunk)

    async def rings(self, part: str) -> None:
        self.dialogs[part] = await self.phone(part).rings()

    async def answers(self, part: str) -> None:
        await self.ami.act(f"{part} answers")
        await self.phone(part).answer(self.dialogs[part])

    async def declines(self, part: str) -> None:
        await self.ami.act(f"{part} declines")
        self.phone(part).decline(self.dialogs[part])

    async def hangs_up(self, part: str) -> None:
        await self.ami.act(f"{part} hangs up")
        self.phone(part).hang_up(self.dialogs[part])

    async def talks(self, *, withheld: bool = False) -> None:
        await self.calls(withheld=withheld)
        await self.answers("agent")

    async def _send(
        self, act: str, action: str, part: str, to: str, context: str = "hotline-agents", **headers: str
    ) -> None:
        await self.ami.act(f"{act} {part}")
        await self.ami.ask(action, Channel=self.channel(part), Context=context, Exten=PARTS[to], **headers)
        await self.rings(to)

    async def transfers(self, part: str, to: str = "target") -> None:
        await self._send("desk transfers", "BlindTransfer", part, to)

    async def consults(self, part: str, to: str = "target") -> None:
        await self._send("desk consults", "Atxfer", part, to)

    async def redirects(self, part: str, to: str = "target") -> None:
        await self._send("desk redirects", "Redirect", part, to, Priority="1")

    async def desk_hangs_up(self, part: str) -> None:
        await self.ami.act(f"desk hangs up {part}")
        await self.ami.ask("Hangup", Channel=self.channel(part), Cause="16")

    async def dials(self, milliseconds: str = "30000") -> None:
        await self.ami.act("desk dials")
        await self.ami.ask(
            "Originate", Channel="PJSIP/1001", Context="hotline-out", Exten=CALLED, Priority="1", Async="true",
            Timeout=milliseconds, CallerID=f"<{CALLED}>", ChannelId=COMMAND, Variable=f"HOTLINE_COMMAND={COMMAND}",
        )  # fmt: skip
        await self.rings("agent")

    async def reaches(self) -> None:
        await self.dials()
        await self.answers("agent")
        await self.rings("callee")

    async def clear(self) -> None:
        for phone in (self.trunk, *self.phones.values()):
            for dialog in phone.dialogs:
                if dialog.state in ("up", "calling") or (dialog.outgoing and dialog.state == "ringing"):
                    phone.hang_up(dialog)
        await self.ami.silence()
        for number in PARTS.values():
            await self.ami.ask("QueueRemove", Queue="support", Interface=f"PJSIP/{number}")
        self.ami.take()
        self.dialogs.clear()
        for phone in (self.trunk, *self.phones.values()):
            phone.dialogs.clear()

    def channel(self, part: str) -> str:
        """The newest channel of a part on the tape."""
        endpoint = PARTS.get(part, "trunk")
        lines = [line for frame in self.ami.frames for line in frame.split("\r\n")]
        return [line[9:] for line in lines if line.startswith(f"Channel: PJSIP/{endpoint}-")][-1]


#: Scene → what happens, in order. Scenes that begin alike share their beginning in the simulator.
SCENES = {
    "caller_hangs_up": "talks; hangs_up caller",
    "agent_hangs_up": "talks; hangs_up agent",
    "desk_hangs_up": "talks; desk_hangs_up agent",
    "abandoned": "calls; hangs_up caller",
    "declined": "calls; declines agent",
    "desk_declines": "calls; desk_hangs_up agent",
    "blind": "talks; transfers agent; answers target; hangs_up caller",
    "blind_target_ends": "talks; transfers agent; answers target; hangs_up target",
    "blind_declined": "talks; transfers agent; declines target",
    "blind_abandoned": "talks; transfers agent; hangs_up caller",
    "blind_again": "talks; transfers agent; answers target; transfers target next; answers next; hangs_up caller",
    "blind_then_attended": "talks; transfers agent; answers target; "
    "consults target next; answers next; hangs_up target; hangs_up caller",
    "attended": "talks; consults agent; answers target; hangs_up agent; hangs_up caller",
    "attended_target_ends": "talks; consults agent; answers target; hangs_up agent; hangs_up target",
    "attended_declined": "talks; consults agent; declines target",
    "attended_abandoned": "talks; consults agent; hangs_up caller",
    "attended_caller_leaves": "talks; consults agent; answers target; hangs_up caller",
    "attended_taken_back": "talks; consults agent; answers target; hangs_up target",
    "attended_let_ring": "talks; consults agent; hangs_up agent; answers target; hangs_up caller",
    "attended_let_ring_target_ends": "talks; consults agent; hangs_up agent; answers target; hangs_up target",
    "attended_then_blind": "talks; consults agent; answers target; "
    "hangs_up agent; transfers target next; answers next; hangs_up caller",
    "redirected": "talks; redirects caller; answers target; hangs_up caller",
    "redirected_target_ends": "talks; redirects caller; answers target; hangs_up target",
    "redirected_declined": "talks; redirects caller; declines target",
    "redirected_abandoned": "talks; redirects caller; hangs_up caller",
    "dial": "reaches; answers callee; hangs_up callee",
    "dial_agent_ends": "reaches; answers callee; hangs_up agent",
    "dial_desk_ends": "reaches; answers callee; desk_hangs_up agent",
    "dial_cancelled": "reaches; hangs_up agent",
    "dial_busy": "reaches; declines callee",
    "dial_declined": "dials; declines agent",
    "dial_desk_cancels": "dials; desk_hangs_up agent",
    "dial_unanswered": "dials 3000",
    "dial_blind": "reaches; answers callee; transfers agent; answers target; hangs_up callee",
    "dial_attended": "reaches; answers callee; consults agent; answers target; hangs_up agent; hangs_up callee",
}

#: Calls whose dialplan asks a script what is next.
SCENES |= {
    "script_over": "asks; script_hangs_up",
    "script_left": "asks; hangs_up caller",
    "script_queue_over": "asks; script_queues; comes_back queue lets go; hangs_up caller",
    "script_queue_talk": "asks; script_queues stay; answers agent; lets_go agent; hangs_up caller",
    "script_extension": "asks; script_dials; answers target; lets_go target; hangs_up caller",
    "script_extension_left": "asks; script_dials; answers target; hangs_up caller",
    "script_extension_declined": "asks; script_dials; turns_down target; hangs_up caller",
    "script_extension_silent": "asks; script_dials; comes_back target is not there; hangs_up caller",
    "script_extension_abandoned": "asks; script_dials; hangs_up caller",
}


async def play(stage: Stage, name: str) -> None:
    """Acts one scene."""
    for step in SCENES[name].split("; "):
        verb, *words = step.split(" ")
        match verb, words:
            case "dials", [milliseconds]:
                await stage.dials(milliseconds)
                await stage.ami.act("agent is not there")
                await stage.ami.silence(4.0)
            case _:
                await getattr(stage, verb)(*words)
    # What the PBX does by itself a while later, a failed consultation's tone for example, belongs to the scene.
    await stage.ami.silence(3.0)


async def withheld(stage: Stage) -> None:
    """A call whose number only the trusted trunk may know."""
    await stage.calls(withheld=True)
    await stage.hangs_up("caller")


async def script_withheld(stage: Stage) -> None:
    """A call to a script whose number only the trusted trunk may know."""
    await stage.asks(withheld=True)
    await stage.hangs_up("caller")


async def members(stage: Stage) -> None:
    """Signing in, pausing and signing out."""
    ask, act = stage.ami.ask, stage.ami.act
    await act("desk signs in agent")
    await ask(
        "QueueAdd",
        Queue="support",
        Interface="PJSIP/1001",
        MemberName="Agent 1001",
        StateInterface="PJSIP/1001",
    )
    await act("desk pauses agent")
    await ask("QueuePause", Queue="support", Interface="PJSIP/1001", Paused="true", Reason="Lunch")
    await act("desk resumes agent")
    await ask("QueuePause", Queue="support", Interface="PJSIP/1001", Paused="false")
    await act("desk signs out agent")
    await ask("QueueRemove", Queue="support", Interface="PJSIP/1001")


#: Questions for the tape of replies; the simulator must answer each with the same headers.
GONE = "PJSIP/1001-99999999"
DIALPLAN = {"Context": "hotline-agents", "Exten": "1002", "Priority": "1"}
QUESTIONS: tuple[dict[str, str], ...] = (
    {"Action": "Ping"},
    {"Action": "CoreShowChannels"},
    {"Action": "QueueStatus"},
    {"Action": "QueueStatus", "Queue": "support"},
    {"Action": "QueueStatus", "Queue": "nowhere"},
    {"Action": "QueueSummary"},
    {"Action": "CoreSettings"},
    {"Action": "CoreStatus"},
    {"Action": "ListCommands"},
    {"Action": "Events", "EventMask": "on"},
    {"Action": "Filter", "Operation": "Add", "MatchCriteria": "action(exclude),name(Newstate),method(none)"},
    {
        "Action": "Filter", "Operation": "Add", "Filter": "NO_",
        "MatchCriteria": "action(exclude),name(VarSet),header(Variable),method(starts_with)",
    },
    {"Action": "Filter", "Operation": "Add", "MatchCriteria": "nonsense(include)"},
    {"Action": "Filter", "Operation": "Remove", "Filter": "Event: Newchannel"},
    {"Action": "QueueAdd", "Queue": "support", "Interface": "PJSIP/1001"},
    {"Action": "QueueAdd", "Queue": "nowhere", "Interface": "PJSIP/1001"},
    {"Action": "QueueAdd", "Queue": "support"},
    {"Action": "QueueAdd", "Interface": "PJSIP/1001"},
    {"Action": "QueueAdd", "Queue": "support", "Interface": "PJSIP/1004", "MemberName": "Agent 1004"},
    {"Action": "QueuePause", "Queue": "support", "Interface": "PJSIP/1004", "Paused": "true", "Reason": "Lunch"},
    {"Action": "QueuePause", "Queue": "support", "Interface": "PJSIP/1004", "Paused": "false"},
    {"Action": "QueueRemove", "Queue": "support", "Interface": "PJSIP/1004"},
    {"Action": "QueueRemove", "Queue": "support", "Interface": "PJSIP/1009"},
    {"Action": "QueueRemove", "Queue": "nowhere", "Interface": "PJSIP/1009"},
    {"Action": "QueuePause", "Queue": "support", "Interface": "PJSIP/1009", "Paused": "true"},
    {"Action": "QueuePause", "Queue": "support", "Paused": "true"},
    {"Action": "Hangup", "Channel": GONE},
    {"Action": "Hangup"},
    {"Action": "Redirect", "Channel": GONE, **DIALPLAN},
    {"Action": "BlindTransfer", "Channel": GONE, **DIALPLAN},
    {"Action": "BlindTransfer", **DIALPLAN},
    {"Action": "Atxfer", "Channel": GONE, **DIALPLAN},
    {"Action": "Atxfer", **DIALPLAN},
    {"Action": "CancelAtxfer", "Channel": GONE},
    {"Action": "Originate", **DIALPLAN, "Async": "true"},
    {"Action": "Originate", "Channel": "PJSIP/1009", **DIALPLAN, "Async": "true"},
    {"Action": "Getvar", "Channel": GONE, "Variable": "A"},
    {"Action": "Getvar", "Variable": "A"},
    {"Action": "Setvar", "Channel": GONE, "Variable": "A", "Value": "1"},
    {"Action": "Status", "Channel": GONE},
    {"Action": "Nonsense"},
    {"Action": "Challenge", "AuthType": "MD5"},
    {"Action": "Challenge", "AuthType": "ROT13"},
    {"Action": "Command", "Command": "nonsense"},
    {"Action": "ModuleCheck", "Module": "app_queue"},
    {"Action": "ModuleCheck", "Module": "app_nonsense"},
    {"Action": "DeviceStateList"},
    {"Action": "PJSIPShowEndpoints"},
    {"Action": "ShowDialPlan", "Context": "hotline-agents"},
    {"Action": "ShowDialPlan", "Context": "nowhere"},
    {"Action": "Logoff"},
)  # fmt: skip


async def replies(stage: Stage) -> None:
    """What the PBX answers when asked: one call is up, another waits."""
    await stage.talks()
    await stage.ami.silence()
    stage.ami.take()
    stage.ami.verbatim = True
    for question in QUESTIONS:
        headers = dict(question)
        await stage.ami.ask(headers.pop("Action"), **headers)


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def asterisk(root: Path, ports: dict[str, int]) -> AsyncIterator[None]:
    """A private Asterisk out of ``root`` with the configuration beside this file."""
    home = Path(tempfile.mkdtemp(prefix="scenes-", dir=root / "tmp"))
    inside = Path("/") / home.relative_to(root)
    (home / "state").mkdir()
    triplet = next((root / "usr/lib").glob("*/asterisk")).parent.name
    words = {**ports, "etc": inside, "state": inside / "state", "triplet": triplet}
    for source in (HERE / "asterisk").iterdir():
        if source.suffix == ".in":
            text = source.read_text().replace("{", "\0").replace("}", "\1")
            for word, value in words.items():
                text = text.replace(f"\0{word}\1", str(value))
            (home / source.stem).write_text(text.replace("\0", "{").replace("\1", "}"))
        else:
            shutil.copy(source, home)
    process = await asyncio.create_subprocess_exec(
        "chroot", root, "/usr/sbin/asterisk", "-f", "-C", f"{inside}/asterisk.conf",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(home)


async def main(root: Path, only: list[str]) -> None:
    """Records all scenes, or those named."""
    phones = {part: Softphone(number) for part, number in PARTS.items()}
    trunk = Softphone("trunk")
    for phone in (trunk, *phones.values()):
        await phone.start()
    ports = {"ami": _free_port(socket.SOCK_STREAM), "sip": _free_port(socket.SOCK_DGRAM), "trunk": trunk.port}
    ports |= {f"phone{phone.name}": phone.port for phone in phones.values()}
    script = Script()
    ports["agi"] = await script.start()
    async with asterisk(root, ports):
        ami = await _connect(ports["ami"])
        await ami.silence(3.0)
        ami.take()
        stage = Stage(ami, ports["sip"], trunk, phones, script)
        files: dict[Path, Callable[[], Awaitable[None]]] = {
            TAPES / f"{name}.ami": partial(play, stage, name) for name in SCENES
        }
        files |= {
            TAPES / f"{extra.__name__}.ami": partial(extra, stage) for extra in (withheld, script_withheld, members)
        }
        files[REPLIES] = partial(replies, stage)
        for path, scene in files.items():
            if only and path.stem not in only:
                continue
            await scene()
            await ami.silence()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(ami.take().replace(f":{script.port}/script", ":4573/script").encode())
            print(path.name, path.stat().st_size)
            if path != REPLIES:
                await stage.clear()
        ami.close()


async def _connect(port: int) -> Recorder:
    for _ in range(300):
        with contextlib.suppress(ConnectionError):
            return await Recorder.connect(port)
        await asyncio.sleep(0.1)
    raise TimeoutError("Asterisk does not answer on AMI")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
