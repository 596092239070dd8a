"""Calls whose dialplan asks a script: each recorded scene, queues and extensions that callers come back from, and those
who leave the script in every way."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from importlib.resources import files

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hotline.errors import Conflict, Invalid
from hotline.simulator.handsets import Simulator
from hotline.simulator.media import samples_of, wave_of
from tests.unit.simulator.ami import Client, simulator
from tests.unit.simulator.scripted import Run, Scripts, obey
from tests.unit.simulator.test_calls import OWN, PLAYED_BY, along, quiet
from tests.waiting import until

TAPES = files("hotline.simulator") / "tapes"
SCENES = sorted(tape.name for tape in TAPES.iterdir() if tape.name.startswith("script_"))
#: What the simulator's script and status set, which the tapes leave out.
OWN_VARIABLES = ("NEXT", "AGISTATUS")
#: Seconds after which a queue or an extension gives a caller back in a scene that waits for it.
SOON = 0.3


@pytest.fixture
async def scripts() -> AsyncIterator[Scripts]:
    async with Scripts() as server:
        yield server


def tone(seconds: float) -> bytes:
    """A WAV of so many seconds, as telephones have it."""
    return wave_of(b"".join(struct.pack("<h", int(9000 * math.sin(n * 0.3))) for n in range(int(seconds * 8000))))


class Sounds:
    """A web server with prompts of chosen lengths, which takes recordings."""

    def __init__(self) -> None:
        self.uploaded: list[bytes] = []
        self.refusals: list[int] = []
        app = web.Application()
        app.router.add_get("/prompts/{tenths}.wav", self._prompt)
        app.router.add_put("/recordings/{token}", self._upload)
        self.server = TestServer(app)

    async def _prompt(self, request: web.Request) -> web.Response:
        return web.Response(body=tone(int(request.match_info["tenths"]) / 10), content_type="audio/wav")

    async def _upload(self, request: web.Request) -> web.Response:
        if self.refusals:
            return web.Response(status=self.refusals.pop(0))
        self.uploaded.append(await request.read())
        return web.Response(status=201)

    def prompt(self, tenths: int) -> str:
        return str(self.server.make_url(f"/prompts/{tenths}.wav"))


@pytest.fixture
async def sounds() -> AsyncIterator[Sounds]:
    made = Sounds()
    await made.server.start_server()
    yield made
    await made.server.close()


async def say(run: Run, label: str) -> None:
    """The script tells where the dialplan goes on, and ends."""
    assert await run.ask(f"SET VARIABLE NEXT {label}") == "200 result=1"
    run.end()


@pytest.mark.parametrize("scene", SCENES)
async def test_plays_what_the_real_one_said(scene: str, scripts: Scripts) -> None:
    """The acts of a tape bring the recorded events again."""
    text = (TAPES / scene).read_bytes().decode().replace("\r\n", "\n")
    acts = [line.removeprefix(";act: ") for line in text.split("\n") if line.startswith(";act: ")]
    sim = simulator(members=2)
    waits = any(act.endswith(("queue lets go", "is not there")) for act in acts)
    plan = obey(sim, scripts, seconds=SOON if waits else 30.0)
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        run: Run | None = None
        for act in acts:
            run = await perform(sim, scripts, act, run, stays="agent lets go" in acts)
        await until(lambda: not sim.world.calls)
        await client.ask("Ping")
        heard = Counter(
            event["Event"] for event in client.heard if "Event" in event and event.get("Variable") not in OWN_VARIABLES
        )
        recorded = Counter(frame.name for frame in along(acts))
        for name in (*OWN, "FullyBooted"):
            del heard[name], recorded[name]
        assert heard == recorded
        assert len(plan.over) == 1
        assert not len(sim.world.channels)


async def perform(sim: Simulator, scripts: Scripts, act: str, run: Run | None, *, stays: bool) -> Run | None:
    """One act of a tape; the script's run that a caller is in afterwards."""
    who, *verb = act.split(" ")
    match who, verb:
        case "caller", ["asks", *withheld]:
            sim.call("+4915112345", "Anna", "9500", withheld=bool(withheld))
            return await scripts.next()
        case "caller", ["hangs", "up"]:
            sim.handset(sim.world.calls[0].key, "hangs up")
            return None
        case "script", ["hangs", "up"]:
            assert run
            await say(run, "over")
            return None
        case "script", ["queues"]:
            assert run
            await say(run, "stay" if stays else "queue")
            await until(lambda: sim.world.calls[0].ringing and sim.world.calls[0].at_rest)
        case "script", ["dials", _]:
            assert run
            await say(run, "extension")
            await until(lambda: sim.world.channels.of(PLAYED_BY["target"].interface))
            await quiet(sim)
        case "queue", ["lets", "go"]:
            return await scripts.next()
        case _, ["is", "not", "there"]:
            return await scripts.next()
        case _, ["lets", "go"]:
            sim.phone(PLAYED_BY[who].extension, sim.world.calls[0].key, "hangs up")
            return await scripts.next()
        case _, ["answers"]:
            sim.phone(PLAYED_BY[who].extension, sim.world.calls[0].key, "answers")
            await quiet(sim)
        case _, ["declines"]:
            sim.phone(PLAYED_BY[who].extension, sim.world.calls[0].key, "declines")
            return await scripts.next()
    return None


async def test_the_script_is_told_who_calls(scripts: Scripts) -> None:
    sim = simulator()
    obey(sim, scripts)
    sim.call("+4915112345", "Änne\nagi_x: 1", "9501", withheld=True)
    told = (await scripts.next()).environment
    caller = sim.world.channels.all()[0]
    assert told["agi_request"] == scripts.url
    assert told["agi_network_script"] == "main/key/flow/main"
    assert (told["agi_channel"], told["agi_uniqueid"]) == (caller.name, caller.headers["Uniqueid"])
    assert (told["agi_callerid"], told["agi_dnid"], told["agi_callingpres"]) == ("+4915112345", "9501", "35")
    assert "agi_x" not in told


async def test_statuses_of_queues_and_extensions(scripts: Scripts) -> None:
    """A caller rings out in the queue, is declined by an extension, finds none, talks, and goes on after it."""
    sim = simulator(members=1)
    plan = obey(sim, scripts, seconds=SOON)
    key = sim.call("+4915112345", "Anna", "9500")
    await say(await scripts.next(), "queue")
    await say(await scripts.next(), "extension")
    await until(lambda: sim.world.channels.of("PJSIP/1003"))
    sim.phone("1003", key, "declines")
    run = await scripts.next()
    await run.ask("SET VARIABLE EXTENSION 4711")
    await say(run, "extension")
    run = await scripts.next()
    await say(run, "stay")
    await until(lambda: sim.world.calls[0].ringing)
    sim.phone("1001", key, "answers")
    await quiet(sim)
    sim.phone("1001", key, "hangs up")
    await say(await scripts.next(), "over")
    await until(lambda: not sim.world.calls)
    came_back = [status for status in plan.statuses if status != "SUCCESS"]
    assert came_back == ["TIMEOUT", "BUSY", "CHANUNAVAIL", "CONTINUE"]


async def test_who_has_priority_is_rung_for_first(scripts: Scripts) -> None:
    sim = simulator(members=0)
    obey(sim, scripts)
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        sim.call("+4915111111", "First", "9500")
        await say(await scripts.next(), "queue")
        await client.hears("QueueCallerJoin")
        sim.call("+4915122222", "Important", "9500")
        await say(await scripts.next(), "stay")
        second = await client.hears(lambda e: e.get("Event") == "QueueCallerJoin" and e["CallerIDName"] == "Important")
        assert (second["Position"], second["Count"]) == ("1", "2")
        await client.ask("QueueStatus")
        assert [entry["Priority"] for entry in client.events("QueueEntry")] == ["5", "0"]
        await client.ask("QueueAdd", Queue="support", Interface="PJSIP/1002", MemberName="Agent 1002")
        assert (await client.hears("AgentCalled"))["CallerIDName"] == "Important"


async def test_variables_are_told_to_everybody(scripts: Scripts) -> None:
    sim = simulator()
    obey(sim, scripts)
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        sim.call("+4915112345", "Anna", "9500")
        run = await scripts.next()
        assert await run.ask(r'SET VARIABLE GREETING "said \"hello\" ${SHELL(id)}"') == "200 result=1"
        told = await client.hears(lambda e: e.get("Variable") == "GREETING")
        assert told["Value"] == 'said "hello" ${SHELL(id)}'
        assert told["ChannelStateDesc"] == "Up"
        assert await run.ask("GET VARIABLE GREETING") == '200 result=1 (said "hello" ${SHELL(id)})'
        assert await run.ask("GET VARIABLE NOTHING") == "200 result=0"
        assert await run.ask('GET FULL VARIABLE "<${CALLERID(num)}>"') == "200 result=1 (<+4915112345>)"


#: As an Asterisk 22.10.1 answered them.
ANSWERS: Mapping[str, str] = {
    "NOOP": "200 result=0",
    "noop hello": "200 result=0",
    "ANSWER": "200 result=0",
    "VERBOSE hello 1": "200 result=1",
    "CHANNEL STATUS": "200 result=6",
    "CHANNEL STATUS PJSIP/nobody-1": "200 result=-1",
    "SET AUTOHANGUP 20": "200 result=0",
    "EXEC NoOp hello": "200 result=0",
    'GET FULL VARIABLE "${NOTHING}"': "200 result=1 ()",
    "RECORD FILE /spool/a wav # 50 s=9": "200 result=0 (timeout) endpos=0",
    "EXEC Nonsense": "200 result=-2",
    "STREAM FILE nothing-here 123": "200 result=-1 endpos=0",
    "GET DATA nothing-here 100 1": "200 result=-1",
    "WAIT FOR DIGIT 1": "200 result=0",
    'GET DATA "" 1 3': "200 result= (timeout)",
    "EXPLODE": "510 Invalid or unknown command",
    "HANGUP PJSIP/nobody-1": "200 result=-1",
}


@pytest.mark.parametrize("command", ANSWERS)
async def test_answers_commands(command: str, scripts: Scripts) -> None:
    sim = simulator()
    obey(sim, scripts)
    sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    assert await run.ask(command) == ANSWERS[command]


@pytest.mark.parametrize("command", ["SET VARIABLE", "STREAM FILE", "SET AUTOHANGUP soon", "WAIT FOR DIGIT"])
async def test_a_command_formed_wrongly_is_explained(command: str, scripts: Scripts) -> None:
    sim = simulator()
    obey(sim, scripts)
    sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    assert (await run.ask(command)).startswith("520-Invalid command syntax.")
    while not (await run.hears()).startswith("520 End"):
        pass
    assert await run.ask("NOOP") == "200 result=0"


async def test_keys_stop_a_prompt_and_those_typed_ahead_count(scripts: Scripts, sounds: Sounds) -> None:
    sim = simulator(pace=1.0)
    obey(sim, scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    long = sounds.prompt(600)
    run.tell(f'STREAM FILE {long} "0123456789*#"')
    await until(lambda: sim.state()["calls"][0]["line"]["phase"] == "playing")
    assert sim.state()["calls"][0]["line"]["url"] == long
    sim.press(key, "4711#2")
    reply = await run.hears()
    assert reply.startswith(f"200 result={ord('4')} endpos=")
    assert int(reply.rpartition("=")[2]) < 60 * 8000
    assert await run.ask(f"GET DATA {long} 30000 12") == "200 result=711"
    assert await run.ask("WAIT FOR DIGIT 30000") == f"200 result={ord('2')}"
    # What nobody may stop loses the keys that are pressed meanwhile.
    sim.press(key, "5")
    assert (await run.ask(f'STREAM FILE {sounds.prompt(1)} ""')) == "200 result=0 endpos=800"
    assert await run.ask("WAIT FOR DIGIT 1") == "200 result=0"


async def test_as_many_digits_as_are_wanted_and_no_more(scripts: Scripts, sounds: Sounds) -> None:
    sim = simulator()
    obey(sim, scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    run.tell(f"GET DATA {sounds.prompt(1)} 30000 3")
    await until(lambda: sim.state()["calls"][0]["line"]["phase"] == "listening")
    sim.press(key, "1234")
    assert await run.hears() == "200 result=123"
    assert await run.ask("GET DATA nothing 1 1") == "200 result=-1"
    assert await run.ask('GET DATA "" 50 9') == "200 result=4 (timeout)"
    sim.press(key, "#")
    assert await run.ask('GET DATA "" 30000 9') == "200 result="


@pytest.mark.parametrize(
    ("command", "phase"),
    [
        ("STREAM FILE {} 1", "playing"),
        ("GET DATA {} 60000 4", "playing"),
        ('GET DATA "" 60000 4', "listening"),
        ("WAIT FOR DIGIT -1", "listening"),
        ("RECORD FILE /spool/a wav # 60000", "recording"),
    ],
)
async def test_hanging_up_in_the_middle_ends_the_script(
    command: str, phase: str, scripts: Scripts, sounds: Sounds
) -> None:
    sim = simulator(pace=1.0)
    plan = obey(sim, scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    run.tell(command.format(sounds.prompt(600)))
    await until(lambda: sim.state()["calls"][0]["line"]["phase"] == phase)
    sim.handset(key, "hangs up")
    expected = "200 result=-1 (hangup) endpos=0" if phase == "recording" else "200 result=-1"
    assert [await run.hears() for _ in range(3)] == [expected, "HANGUP", ""]
    await until(lambda: not sim.world.calls)
    assert len(plan.over) == 1


async def test_hanging_up_while_the_script_thinks(scripts: Scripts) -> None:
    sim = simulator()
    plan = obey(sim, scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    sim.handset(key, "hangs up")
    assert [await run.hears() for _ in range(2)] == ["HANGUP", ""]
    await until(lambda: not sim.world.calls)
    assert len(plan.over) == 1


async def test_the_script_hangs_up(scripts: Scripts) -> None:
    sim = simulator()
    obey(sim, scripts)
    sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    assert await run.ask("HANGUP") == "200 result=1"
    await until(lambda: not sim.world.calls)


async def test_a_silent_server_loses_the_caller_in_time(scripts: Scripts) -> None:
    """The PBX's own clock ends a script, and SET AUTOHANGUP renews it."""
    sim = simulator()
    plan = obey(sim, scripts, limit=0.2)
    sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    assert await run.ask("SET AUTOHANGUP 0") == "200 result=0"
    assert await run.ask("WAIT FOR DIGIT 300") == "200 result=0"
    assert await run.ask("SET AUTOHANGUP 1") == "200 result=0"
    await until(lambda: plan.statuses)
    assert plan.statuses == ["TIMEOUT"]


async def test_nobody_listens(scripts: Scripts) -> None:
    sim = simulator()
    plan = obey(sim, scripts)
    scripts._server.close()
    sim.call("+4915112345", "Anna", "9500")
    await until(lambda: plan.over)
    assert plan.statuses == ["FAILURE"]


async def test_a_command_without_an_end_is_no_command(scripts: Scripts) -> None:
    sim = simulator()
    plan = obey(sim, scripts)
    sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    run.writer.write(b"NOOP " + b"x" * 10_000)
    await until(lambda: plan.over)
    assert plan.statuses == ["SUCCESS"]


async def test_what_the_caller_says_is_recorded_and_sent(scripts: Scripts, sounds: Sounds) -> None:
    sim = simulator()
    plan = obey(sim, scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    with pytest.raises(Conflict):
        sim.say(key, tone(1))
    run.tell("RECORD FILE /spool/a wav # 60000 BEEP s=20")
    await until(lambda: sim.state()["calls"][0]["line"]["phase"] == "recording")
    with pytest.raises(Invalid):
        sim.say(key, b"RIFF")
    sim.say(key, tone(1.5))
    sim.say(key, tone(0.5))
    sim.press(key, "#")
    assert await run.hears() == "200 result=35 (dtmf) endpos=16000"
    assert await run.ask('GET FULL VARIABLE "${STAT(s,/spool/a.wav)}"') == "200 result=1 (32044)"
    sounds.refusals += [503]
    assert plan.over == []
    caller = next(iter(sim.world.dialling.callers.values()))
    assert caller.send("/spool/a.wav", str(sounds.server.make_url("/recordings/token")))
    await until(lambda: sounds.uploaded)
    assert samples_of(sounds.uploaded[0]) == samples_of(tone(1.5)) + samples_of(tone(0.5))


async def test_a_recording_ends_after_a_silence_or_its_time(scripts: Scripts) -> None:
    sim = simulator()
    obey(sim, scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    run = await scripts.next()
    assert await run.ask("RECORD FILE /spool/a wav # 50 s=9") == "200 result=0 (timeout) endpos=0"
    run.tell("RECORD FILE /spool/b wav # 60000 s=1")
    await until(lambda: sim.state()["calls"][0]["line"]["phase"] == "recording")
    sim.say(key, tone(0.2))
    assert await run.hears() == "200 result=0 (timeout) endpos=1600"


async def test_a_caller_who_answers_by_themselves(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.simulator.recordings.THINKS_SECONDS", 0.01)
    sim = simulator()
    obey(sim, scripts)
    sim.call("+4915112345", "Anna", "9500", keys=("2", "47#"))
    run = await scripts.next()
    assert await run.ask("WAIT FOR DIGIT 9000") == "200 result=50"
    assert await run.ask('GET DATA "" 9000 9') == "200 result=47"
    assert await run.ask("WAIT FOR DIGIT 600") == "200 result=0"


@pytest.mark.parametrize("keys", ["", "a", "12x", "1" * 33])
async def test_what_is_no_key_is_refused(keys: str, scripts: Scripts) -> None:
    sim = simulator()
    obey(sim, scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    await scripts.next()
    with pytest.raises(Invalid):
        sim.press(key, keys)
