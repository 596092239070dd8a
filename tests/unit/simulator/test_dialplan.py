"""The demo's dialplan does what the shipped one does, whatever becomes of the script."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hotline.cli.demo.dialplan import SPOOL, HotlineDialplan
from hotline.simulator.handsets import Simulator
from tests.unit.simulator.ami import Client, simulator
from tests.unit.simulator.scripted import Run, Scripts
from tests.unit.simulator.test_scripts import SOON, Sounds, tone
from tests.waiting import until


@pytest.fixture
async def scripts() -> AsyncIterator[Scripts]:
    async with Scripts() as server:
        yield server


@pytest.fixture
async def sounds() -> AsyncIterator[Sounds]:
    made = Sounds()
    await made.server.start_server()
    yield made
    await made.server.close()


def demo(scripts: Scripts, **changes: float) -> Simulator:
    """A PBX whose default queue is ``sales``, in which nobody is."""
    sim = simulator(members=1)
    address = f"agi://127.0.0.1:{scripts.port}/main/key"
    sim.obey(HotlineDialplan(address, {"9501": "mailbox"}, "sales", **changes))
    return sim


async def tell(run: Run, **variables: str) -> None:
    for name, value in variables.items():
        assert await run.ask(f'SET VARIABLE {name} "{value}"') == "200 result=1"
    run.end()


def queue_of(sim: Simulator) -> str:
    return next((call.queue for call in sim.world.calls if call.waiting), "")


async def test_each_number_has_its_flow(scripts: Scripts) -> None:
    sim = demo(scripts)
    for dialled, flow in (("9500", "main"), ("9501", "mailbox")):
        sim.call("+4915112345", "Anna", dialled)
        assert (await scripts.next()).environment["agi_network_script"] == f"main/key/flow/{flow}"


async def test_the_queue_that_the_flow_chose_and_back_again(scripts: Scripts) -> None:
    sim = demo(scripts)
    sim.call("+4915112345", "Anna", "9500")
    await tell(
        await scripts.next(),
        HOTLINE_QUEUE="support", HOTLINE_QUEUE_SECONDS=str(SOON), QUEUE_PRIO="20", HOTLINE_NEXT="queue",
    )  # fmt: skip
    await until(lambda: queue_of(sim) == "support")
    assert sim.world.queues["support"].waiting[0].priority == 20
    run = await scripts.next()
    assert run.environment["agi_network_script"] == "main/key/left/main?status=TIMEOUT"
    await tell(run, HOTLINE_NEXT="hangup")
    await until(lambda: not sim.world.calls)


async def test_an_extension(scripts: Scripts) -> None:
    sim = demo(scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    await tell(await scripts.next(), HOTLINE_EXTEN="1002", HOTLINE_NEXT="extension")
    await until(lambda: sim.world.channels.of("PJSIP/1002"))
    sim.phone("1002", key, "declines")
    run = await scripts.next()
    assert run.environment["agi_network_script"] == "main/key/left/main?status=BUSY"


@pytest.mark.parametrize("how", ["refused", "silent", "killed", "wordless", "nonsense"])
async def test_nobody_is_stranded(how: str, scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the script does or does not do, the caller waits in the default queue."""
    monkeypatch.setattr("hotline.cli.demo.dialplan.ASK_SECONDS", SOON if how in ("silent", "killed") else 30.0)
    sim = demo(scripts)
    if how == "refused":
        scripts._server.close()
    sim.call("+4915112345", "Anna", "9500")
    if how != "refused":
        run = await scripts.next()
        match how:
            case "killed":
                run.tell("WAIT FOR DIGIT 60000")
                run.writer.transport.abort()
            case "wordless":
                run.end()
            case "nonsense":
                await tell(run, HOTLINE_NEXT="somewhere")
    await until(lambda: queue_of(sim) == "sales")


async def test_who_has_talked_is_not_queued_again(scripts: Scripts) -> None:
    sim = demo(scripts)
    key = sim.call("+4915112345", "Anna", "9500")
    await tell(await scripts.next(), HOTLINE_QUEUE="support", HOTLINE_CONTINUE="c", HOTLINE_NEXT="queue")
    await until(lambda: sim.world.calls[0].ringing and sim.world.calls[0].at_rest)
    sim.phone("1001", key, "answers")
    await until(lambda: sim.world.calls[0].at_rest)
    sim.phone("1001", key, "hangs up")
    run = await scripts.next()
    assert run.environment["agi_network_script"] == "main/key/left/main?status=CONTINUE"
    run.end()
    await until(lambda: not sim.world.calls)


async def test_a_message_is_sent_though_the_caller_hangs_up_in_it(scripts: Scripts, sounds: Sounds) -> None:
    sim = demo(scripts)
    told: list[dict[str, str]] = []
    sim.world.listen(lambda event: told.append(dict(event)))
    key = sim.call("+4915112345", "Anna", "9501")
    run = await scripts.next()
    await run.ask("SET VARIABLE HOTLINE_VOICEMAIL 42")
    await run.ask(f"SET VARIABLE HOTLINE_VOICEMAIL_URL {sounds.server.make_url('/recordings/token')}")
    assert await run.ask('GET FULL VARIABLE "${HOTLINE_SPOOL}"') == f"200 result=1 ({SPOOL})"
    run.tell(f"RECORD FILE {SPOOL}/42 wav # 60000 BEEP")
    await until(lambda: sim.state()["calls"][0]["line"]["phase"] == "recording")
    sim.say(key, tone(2.0))
    sim.handset(key, "hangs up")
    assert await run.hears() == "200 result=-1 (hangup) endpos=16000"
    await until(lambda: sounds.uploaded and not sim.world.calls)
    assert sounds.uploaded == [tone(2.0)]
    names = [event.get("Variable") or event["Event"] for event in told]
    assert names.index("VMSTATUS") < len(names) - 1 - names[::-1].index("Hangup")


async def test_a_campaign_calls_somebody_who_hears_the_script(scripts: Scripts) -> None:
    sim = demo(scripts)
    command, delivery = "0197d0c0-0000-7000-8000-0000000000aa", "0197d0c0-0000-7000-8000-0000000000bb"
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)

        async def originate(**headers: str) -> dict[str, str]:
            call = {"Channel": "Local/+4915112345@hotline-out/n", "Context": "hotline-push", "Exten": "s",
                    "Priority": "1", "Async": "true", "ChannelId": command,
                    "Variable": f"HOTLINE_PUSH={delivery}"} | headers  # fmt: skip
            return await client.ask("Originate", **call)

        assert (await originate())["Response"] == "Success"
        ringing = await client.hears(lambda event: event.get("ChannelStateDesc") == "Ringing")
        assert (ringing["Uniqueid"], ringing["Context"]) == (command, "hotline-push")
        (call,) = sim.state()["calls"]
        assert (call["state"], call["number"]) == ("incoming", "+4915112345")
        sim.handset(call["id"], "answers")
        assert (await client.hears("OriginateResponse"))["Response"] == "Success"
        run = await scripts.next()
        assert run.environment["agi_network_script"].startswith(f"main/key/push/{delivery}?")
        assert run.environment["agi_uniqueid"] == command
        assert sim.state()["calls"][0]["state"] == "script", "the handset takes keys"
        sim.press(call["id"], "9")
        assert await run.ask("WAIT FOR DIGIT 20000") == f"200 result={ord('9')}"
        run.end()
        assert (await client.hears("Hangup"))["Uniqueid"] == command
        # Who hangs up while it is said; who does not want it; who does not pick up; and what is no call.
        for verb, heard in (("answers", "HANGUP"), ("declines", "Failure"), ("", "Failure")):
            seen = len(client.heard)
            await originate(Timeout="30000" if verb else "1")
            await client.hears(lambda event: event.get("ChannelStateDesc") == "Ringing", seen)
            if verb:
                sim.handset(sim.state()["calls"][0]["id"], verb)
            if heard == "HANGUP":
                run = await scripts.next()
                run.tell("WAIT FOR DIGIT 20000")
                sim.handset(sim.state()["calls"][0]["id"], "hangs up")
                assert await run.hears() == "200 result=-1"
            else:
                assert (await client.hears("OriginateResponse", seen))["Response"] == heard
            await client.hears("Hangup", seen)
        seen = len(client.heard)
        await originate(Variable="")
        assert (await client.hears("OriginateResponse", seen))["Response"] == "Failure"
        await until(lambda: not sim.state()["calls"])
