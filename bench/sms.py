"""Messages of conversations out: taken, tried, sent through Twilio's own client and settled, beside that client alone.

``python -m bench.sms [MESSAGES]``. A simulated Twilio runs as its own process. The service's sending runs in a second
one on the embedded PostgreSQL, with as many messages waiting, each of another conversation; the peer is a loop in a
third one that calls ``messages.create_async`` of the SDK with no records at all. They take turns, twice: one message
after the other, as a plain loop does, and as many at once as the service sends.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from bench.measure import Child, Figure, median, report, tell
from bench.pop import FOLDER
from hotline import logs
from hotline.crm.commands.conversations.conversations import new_conversation, save_conversation
from hotline.crm.commands.conversations.messages import NewMessage, write_message
from hotline.crm.commands.conversations.senders import create_sender
from hotline.crm.viewer import SYSTEM
from hotline.jobs.outgoing import AT_ONCE, Dispatch
from hotline.memory import settle_memory
from hotline.settings import EMBEDDED, AccountToken, Settings, load_settings
from hotline.simulator.twilio import SimulatedTwilio
from hotline.workflows.house import House, open_house
from hotline.workflows.pushes.push_rates import KeptRate, set_rates

RUNS, MESSAGES = 3, 3_000
LEAST_RATIO = 0.7
ACCOUNT: Final = "AC" + "0" * 32
TOKEN: Final = "0123456789abcdef0123456789abcdef"
SENDER: Final = "+15005550006"
BODY: Final = "Your parcel left our house this morning; you can follow it at https://example.com/t/123456."
FASTER_THAN_IT_GOES: Final = 1_000_000
#: Messages of a first run that is not counted.
WARM: Final = 300


def settings_for(address: str, folder: Path) -> Settings:
    """The settings of a process that sends to the simulated Twilio."""
    return load_settings({}, None).model_copy(
        update={
            "data_dir": folder,
            "database_url": SecretStr(EMBEDDED),
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": (AccountToken("", SecretStr(TOKEN)),),
            "twilio_api_url": address,
        }
    )


async def listen() -> None:
    """A process: the simulated Twilio."""
    fake = SimulatedTwilio(account_sid=ACCOUNT, token=TOKEN)
    await fake.start()
    report(fake.url)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def bare(address: str, messages: int, at_once: int) -> None:
    """A process: the SDK's client and nothing else."""

    class Here(AsyncTwilioHttpClient):  # type: ignore[misc]  # the library has no types
        """The SDK's own client, which knows no other address than Twilio's."""

        async def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:
            return await super().request(method, url.replace("https://api.twilio.com", address), *arguments, **options)

    http = Here()
    client = Client(ACCOUNT, TOKEN, http_client=http)

    async def some(count: int) -> float:
        left = iter(range(count))

        async def one() -> None:
            for number in left:
                await client.messages.create_async(to=f"+1415{number:07}", from_=SENDER, body=BODY)

        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(at_once)))
        return count / (time.perf_counter() - began)

    await some(WARM)
    report(await some(messages))
    await http.close()


async def queue(house: House, messages: int) -> None:
    """Messages that wait, each in a conversation of its own."""
    async with house.unit(SYSTEM) as uow:
        found = await uow.fetchval("SELECT id FROM sender WHERE channel = 'sms'")
        sender = found or await create_sender(uow, "sms", SENDER, {"account_sid": ACCOUNT})
    # A number of Twilio's would take hours for these.
    await set_rates(house, SYSTEM, [KeptRate("sender", str(sender), FASTER_THAN_IT_GOES, FASTER_THAN_IT_GOES)])
    for first in range(0, messages, 100):
        async with house.unit(SYSTEM) as uow:
            for number in range(first, min(first + 100, messages)):
                address = f"+1415{number:07}"
                index = house.keyring.contact_index("phone", address)
                record, key = await new_conversation(uow, "sms", address, address_index=index, sender_id=sender)
                await save_conversation(uow, record)
                new = NewMessage(uow.new_id(), "out", "message", uow.now, "queued", body=BODY, send_at=uow.now)
                await write_message(uow, record, key, new)


async def ours(address: str, folder: str, messages: int, at_once: int) -> None:
    """A process: hotline's sending, with its records."""
    house = await open_house(settings_for(address, Path(folder)))
    assert house.twilio is not None
    settle_memory()  # as the service does when it starts
    # What a database that runs for long does by itself: rows of former runs are none of this one.
    await house.db.execute("DELETE FROM message")
    await house.db.execute("VACUUM message, message_attempt")
    for count in (WARM, messages):
        await queue(house, count)
        await house.db.execute("ANALYZE message, conversation")
        began = time.perf_counter()
        await Dispatch(house, at_once=at_once).drain()
        took = time.perf_counter() - began
        waiting = await house.db.fetchval("SELECT count(*) FROM message WHERE provider_id IS NULL")
        if waiting:
            raise RuntimeError(f"{waiting} messages were not sent")
    report(messages / took)
    await house.close()


async def one_run(messages: int, at_once: int) -> dict[str, Any]:
    """One run of the service and its peer."""
    fake = await Child.start("bench.sms", "listen")
    try:
        address = await fake.answer()
        results = {}
        for name, arguments in (("bare", ()), ("ours", (FOLDER / "sms",))):
            child = await Child.start("bench.sms", name, address, *arguments, messages, at_once)
            results[name] = await child.answer()
            await child.process.wait()
    finally:
        await fake.end()
    return results | {"ratio": results["ours"] / results["bare"]}


async def main(messages: int = MESSAGES, runs: int = RUNS) -> None:
    """The runs, and their medians."""
    for at_once, how, some in ((1, "one after the other", messages // 2), (AT_ONCE, f"{AT_ONCE} at once", messages)):
        tell(f"messages out, {how}: {some}; median of {runs}")
        measured = [await one_run(some, at_once) for _ in range(runs)]
        middle = {key: median([run[key] for run in measured]) for key in measured[0]}
        for figure in (
            Figure(f"sent through hotline, with its records, {how}", middle["ours"], "/s"),
            Figure(f"the SDK's client alone, {how}", middle["bare"], "/s"),
            Figure("hotline / SDK alone", middle["ratio"], "x", least=LEAST_RATIO),
        ):
            tell(figure.line())


async def _process(name: str, *arguments: str) -> None:
    logs.configure("error")
    if name == "listen":
        await listen()
    elif name == "bare":
        await bare(arguments[0], int(arguments[1]), int(arguments[2]))
    else:
        await ours(arguments[0], arguments[1], int(arguments[2]), int(arguments[3]))


if __name__ == "__main__":
    import uvloop

    if len(sys.argv) > 2 or sys.argv[1:] == ["listen"]:
        uvloop.run(_process(*sys.argv[1:]))
    else:
        uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES))
