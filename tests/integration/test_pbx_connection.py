"""The AMI connection against a server that misbehaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from hotline.calls.facts import TRACKED_EVENTS, TRACKED_VARIABLES
from hotline.pbx.connection import Connection, Patience, backoff
from hotline.pbx.errors import ConnectionLost, LoginRefused, MessageTooLong, NoAnswer, PbxUnavailable, UnsafeValue
from hotline.pbx.wire import HIGH, LOW, Accept
from tests.fakes.ami import FakePbx, Headers, fake_pbx, message
from tests.waiting import until

ACCEPT = Accept.of(TRACKED_EVENTS | {"OriginateResponse"}, TRACKED_VARIABLES)
#: With a server that answers.
PATIENT = Patience(connect=20, login=20, probe=20, boot=20, ping_every=0.05, dead=20)
#: With one that does not.
QUICK = Patience(connect=5, login=5, probe=0.2, boot=0.2, ping_every=0.05, dead=0.4)


async def drain(connection: Connection) -> None:
    while True:
        await connection.events()


async def opened(pbx: FakePbx, patience: Patience = PATIENT, **address: Any) -> Connection:
    return await Connection.open(pbx.address(**address), ACCEPT, patience)


async def test_it_logs_in_and_knows_that_the_pbx_has_booted() -> None:
    async with fake_pbx() as pbx:
        connection = await opened(pbx)
        assert connection.booted is True
        assert connection.wire.greeting == "11.0.0"
        assert pbx.named("Login")[0]["Secret"] == "s3cret"
        connection.close()


async def test_md5_keeps_the_secret_off_the_wire() -> None:
    async with fake_pbx() as pbx:
        connection = await opened(pbx, auth="md5")
        assert "Secret" not in pbx.named("Login")[0]
        assert pbx.named("Login")[0]["AuthType"] == "MD5"
        connection.close()


async def test_md5_that_is_asked_for_is_never_left_for_plain() -> None:
    async with fake_pbx(refused={"Challenge": "no"}) as pbx:
        with pytest.raises(LoginRefused):
            await opened(pbx, auth="md5")
        assert pbx.named("Login") == []


async def test_a_refused_login_says_so() -> None:
    async with fake_pbx() as pbx:
        with pytest.raises(LoginRefused):
            await Connection.open(replace(pbx.address(), secret=SecretStr("wrong")), ACCEPT, PATIENT)


@pytest.mark.parametrize(
    "behaviour", [{"slams": True}, {"deaf": True}, {"silent": {"Login"}}, {"greeting": "x" * 3000}]
)
async def test_a_server_that_is_no_pbx_is_unavailable(behaviour: dict[str, object]) -> None:
    async with fake_pbx(**behaviour) as pbx:
        with pytest.raises(PbxUnavailable):
            await Connection.open(pbx.address(), ACCEPT, replace(QUICK, login=0.2))


async def test_nobody_listening_is_unavailable() -> None:
    async with fake_pbx() as pbx:
        address = pbx.address()
    with pytest.raises(PbxUnavailable):
        await Connection.open(address, ACCEPT, QUICK)


async def test_a_server_that_answers_only_the_login_is_read() -> None:
    silent = {"Challenge", "Filter", "Ping", "CoreShowChannels", "QueueStatus"}
    async with fake_pbx(silent=silent, boots=False) as pbx:
        connection = await opened(pbx, QUICK)
        assert connection.booted is None
        assert (await connection.set_filters(TRACKED_EVENTS, TRACKED_VARIABLES)).kind == "none"
        with pytest.raises(NoAnswer):
            await connection.request("CoreShowChannels", silence=0.1)
        keeping = asyncio.create_task(connection.keep_alive())
        await pbx.received("Ping", 3)
        pbx.event("Newchannel", Uniqueid="1.1")
        assert [event.get("Uniqueid") for event in await connection.events()] == ["1.1"]
        assert not connection.wire.lost.is_set(), "silence of a server that never answered Ping proves nothing"
        connection.close()
        await keeping


async def test_events_before_the_boot_message_are_not_lost() -> None:
    async with fake_pbx(boots=False, silent={"Ping"}) as pbx:
        opening = asyncio.create_task(Connection.open(pbx.address(), ACCEPT, replace(PATIENT, probe=0.2)))
        await pbx.received("Login")
        await until(lambda: pbx.sessions and pbx.sessions[0].logged_in)
        pbx.event("Newchannel", Uniqueid="1.1")
        connection = await opening
        assert [event.get("Uniqueid") for event in await connection.events()] == ["1.1"]
        connection.close()


async def test_advanced_filters_are_set_on_a_22() -> None:
    async with fake_pbx() as pbx:
        connection = await opened(pbx)
        assert (await connection.set_filters(TRACKED_EVENTS, TRACKED_VARIABLES)).kind == "advanced"
        criteria = [action["MatchCriteria"] for action in pbx.named("Filter")]
        assert "action(include),name(Newchannel),method(none)" in criteria
        connection.close()


async def test_an_older_server_gets_regular_expressions() -> None:
    async with fake_pbx(greeting="Asterisk Call Manager/5.0.2\r\n") as pbx:
        connection = await opened(pbx)
        assert (await connection.set_filters(TRACKED_EVENTS, TRACKED_VARIABLES)).kind == "regex"
        assert all("MatchCriteria" not in action for action in pbx.named("Filter"))
        connection.close()


async def test_a_server_that_refuses_filters_is_read_without() -> None:
    async with fake_pbx(refused={"Filter": "Permission denied"}) as pbx:
        connection = await opened(pbx)
        report = await connection.set_filters(TRACKED_EVENTS, TRACKED_VARIABLES)
        assert (report.kind, report.problem) == ("none", "Permission denied")
        connection.close()


async def test_half_set_filters_end_the_session() -> None:
    taken = []

    def few(headers: object) -> list[Headers]:
        taken.append(headers)
        return [[("Response", "Success" if len(taken) < 3 else "Error"), ("Message", "x")]]

    async with fake_pbx(answers={"Filter": few}) as pbx:
        connection = await opened(pbx)
        with pytest.raises(PbxUnavailable):
            await connection.set_filters(TRACKED_EVENTS, TRACKED_VARIABLES)
        connection.close()


async def test_lists_are_whole_and_live_events_do_not_mix_in() -> None:
    channels: list[Headers] = [[("Uniqueid", f"9.{n}"), ("CallerIDName", "张")] for n in range(300)]
    async with fake_pbx(channels=channels) as pbx:
        connection = await opened(pbx)
        asking = asyncio.create_task(connection.request("CoreShowChannels"))
        await pbx.received("CoreShowChannels")
        pbx.event("Newchannel", Uniqueid="1.1")
        reply = await asking
        assert [event.get("Uniqueid") for event in reply.events] == [f"9.{n}" for n in range(300)]
        live: list[str] = []
        while "1.1" not in live:
            live += [event.get("Uniqueid") for event in await connection.events()]
        assert [uniqueid for uniqueid in live if uniqueid.startswith("9.")] == []
        connection.close()


async def test_a_long_list_may_take_longer_than_the_silence_allowed() -> None:
    async with fake_pbx(silent={"CoreShowChannels"}) as pbx:
        connection = await opened(pbx)
        asking = asyncio.create_task(connection.request("CoreShowChannels", silence=4.0))
        sent = await pbx.received("CoreShowChannels")
        reference = ("ActionID", sent["ActionID"])
        pbx.raw(message([("Response", "Success"), reference, ("EventList", "start")]))
        for number in range(5):
            await asyncio.sleep(0.9)
            pbx.raw(message([("Event", "CoreShowChannel"), reference, ("Uniqueid", str(number))]))
        pbx.raw(message([("Event", "CoreShowChannelsComplete"), reference, ("EventList", "Complete")]))
        assert len((await asking).events) == 5
        connection.close()


async def test_an_action_without_an_answer_times_out_and_a_late_answer_is_nobodys() -> None:
    async with fake_pbx(silent={"Originate"}) as pbx:
        connection = await opened(pbx)
        with pytest.raises(NoAnswer):
            await connection.request("Originate", silence=0.05)
        asked = await pbx.received("Originate")
        pbx.raw(message([("Response", "Success"), ("ActionID", asked["ActionID"])]))
        assert (await connection.request("Ping")).success
        connection.close()


async def test_everything_under_way_fails_when_the_connection_is_cut_and_nothing_is_sent_again() -> None:
    async with fake_pbx(silent={"Originate", "Redirect"}) as pbx:
        connection = await opened(pbx)
        asking = [asyncio.create_task(connection.request(name)) for name in ("Originate", "Redirect")]
        await pbx.received("Redirect")
        pbx.cut()
        for task in asking:
            with pytest.raises(ConnectionLost):
                await task
        with pytest.raises(ConnectionLost):
            await connection.request("Originate")
        with pytest.raises(ConnectionLost):
            await drain(connection)
        again = await opened(pbx)
        assert (await again.request("Ping")).success
        assert len(pbx.named("Originate")) == 1
        assert len(pbx.named("Redirect")) == 1
        again.close()


async def test_a_value_with_a_line_break_never_leaves() -> None:
    async with fake_pbx() as pbx:
        connection = await opened(pbx)
        with pytest.raises(UnsafeValue):
            await connection.request("Originate", ("CallerID", "x\r\nAction: Command\r\nCommand: core stop now"))
        await connection.request("Ping")
        assert pbx.named("Originate") == []
        assert pbx.named("Command") == []
        connection.close()


async def test_a_half_open_connection_is_noticed() -> None:
    async with fake_pbx() as pbx:
        connection = await opened(pbx)
        await connection.ping()
        connection.patience = replace(PATIENT, login=0.2, dead=0.4)
        pbx.silent.add("Ping")
        await connection.keep_alive()
        await connection.wire.lost.wait()
        with pytest.raises(ConnectionLost):
            await drain(connection)


@pytest.mark.parametrize("ahead", [0.0, 3600.0, -86_400.0])
async def test_the_clock_of_the_pbx_is_known_and_corrected(ahead: float) -> None:
    async with fake_pbx(clock_ahead=ahead) as pbx:
        connection = await opened(pbx)
        await connection.ping()
        assert connection.wire.clock_offset == pytest.approx(ahead, abs=20)
        connection.close()


async def test_events_cut_inside_a_letter_arrive_whole() -> None:
    async with fake_pbx() as pbx:
        connection = await opened(pbx)
        data = message([("Event", "Newchannel"), ("CallerIDName", "张伟"), ("Uniqueid", "1.1")])
        for place in range(len(data)):
            pbx.raw(data[place : place + 1])
            await asyncio.sleep(0)
        while (event := (await connection.events())[0]).name == "FullyBooted":
            continue
        assert event.get("CallerIDName") == "张伟"
        connection.close()


async def test_one_broken_message_harms_no_other() -> None:
    async with fake_pbx() as pbx:
        connection = await opened(pbx)
        pbx.raw(b"\xff\xfe\x00 garbage\r\n\r\n\r\n\r\nResponse\r\n\r\nResponse: Success\r\nActionID: nobody\r\n\r\n")
        pbx.raw(b"Privilege: call,all\r\nEvent: Hangup\r\nEvent: Newchannel\r\nUniqueid: 7.7\r\n\r\n")
        pbx.event("Newchannel", Uniqueid="1.1")
        seen: list[tuple[str, str]] = []
        while ("Newchannel", "1.1") not in seen:
            seen += [(event.name, event.get("Uniqueid")) for event in await connection.events()]
        assert ("Hangup", "7.7") in seen
        connection.close()


async def test_a_message_without_an_end_ends_the_connection_with_a_reason() -> None:
    async with fake_pbx() as pbx:
        connection = await Connection.open(pbx.address(), ACCEPT, PATIENT, limit=10_000)
        pbx.raw(b"Event: Newchannel\r\n" + b"A: b\r\n" * 5_000)
        await connection.wire.lost.wait()
        assert isinstance(connection.wire.error, MessageTooLong)


async def test_a_slow_reader_pauses_the_socket_and_loses_nothing() -> None:
    async with fake_pbx() as pbx:
        connection = await opened(pbx)
        total = HIGH * 3
        for number in range(total):
            pbx.event("Newchannel", Uniqueid=number)
        await until(lambda: connection.wire.counters.pauses)
        held = connection.wire.waiting
        assert held < total
        seen: list[str] = []
        while len(seen) < total:
            seen += [e.get("Uniqueid") for e in await connection.events() if e.name == "Newchannel"]
        assert seen == [str(number) for number in range(total)]
        assert LOW < HIGH
        connection.close()


def test_backoff_grows_with_jitter_and_is_bounded() -> None:
    waits = [wait for wait, _ in zip(backoff(0.5, 20.0), range(50), strict=False)]
    assert all(0.25 * min(2**n, 40) <= wait <= 0.5 * min(2**n, 40) for n, wait in enumerate(waits))
    assert len(set(waits)) == len(waits)
