"""The process that sends is killed in the middle, more than once: nothing is lost, nothing leaves twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from datetime import timedelta
from functools import partial

from hotline.clock import utc_now
from hotline.crm.commands.conversations.conversations import new_conversation, save_conversation
from hotline.crm.commands.conversations.messages import NewMessage, write_message
from hotline.crm.commands.conversations.senders import create_sender
from hotline.crm.viewer import SYSTEM
from hotline.settings import Settings
from hotline.workflows.conversations.outgoing import give_up_lost
from hotline.workflows.house import House
from hotline.workflows.twilio.catch_up import catch_up
from tests.conftest import SECRET
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.integration.twilio.sender import MOST_TAKEN
from tests.waiting import until

MESSAGES, KILLS = 240, 2


async def queue(house: House) -> None:
    async with house.unit(SYSTEM) as uow:
        sender = await create_sender(uow, "sms", NUMBER, {})
        for place in range(MESSAGES):
            address = f"+1415555{place:04}"
            index = house.keyring.contact_index("phone", address)
            record, key = await new_conversation(uow, "sms", address, address_index=index, sender_id=sender)
            await save_conversation(uow, record)
            new = NewMessage(uow.new_id(), "out", "message", uow.now, "queued", body=f"No {place}.", send_at=uow.now)
            await write_message(uow, record, key, new)


async def test_kill_nine(
    house: House, settings: Settings, db_url: str, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await catch_up(house)
    await queue(house)
    twilio.hold("/messages/status")  # what became of them is told later than anybody lives
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")} | {
        **twilio.environment(), "HOTLINE_DATABASE_URL": db_url, "HOTLINE_SECRET_KEY": SECRET,
        "HOTLINE_DATA_DIR": str(settings.data_dir),
    }  # fmt: skip

    def reached(wanted: int) -> bool:
        return len(twilio.messages.all) >= wanted

    async def nothing_waits() -> bool:
        return not await house.db.fetchval("SELECT count(*) FROM message WHERE state = 'queued'")

    for kill in range(KILLS + 1):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.twilio.sender", env=environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
            if kill < KILLS:
                await twilio.wait_for(partial(reached, MESSAGES * (kill + 1) // 4))
            else:
                await until(nothing_waits)
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()
    taken = Counter(each.body for each in twilio.messages.all.values())
    assert set(taken.values()) == {1}, "nothing leaves twice"
    doubtful = await house.db.fetchval(
        "SELECT count(*) FROM message WHERE state IN ('sending', 'unknown') AND provider_id IS NULL"
    )
    assert len(taken) >= MESSAGES - doubtful, "nothing is lost: what did not leave is known to be in doubt"
    assert doubtful <= MOST_TAKEN * (KILLS + 1)
    # What nobody knew is found: by callbacks that come late, and by Twilio's list.
    house.clock = lambda: utc_now() + timedelta(minutes=10)
    while await give_up_lost(house):
        pass
    half = len(twilio.held) // 2
    late, twilio.held = twilio.held[half:], twilio.held[:half]
    await twilio.release(backwards=True)
    await catch_up(house)
    twilio.held = late
    await twilio.release()
    rows = await house.db.fetch("SELECT state, count(*) AS n FROM message GROUP BY state")
    states = {row["state"]: row["n"] for row in rows}
    assert states == Counter(
        delivered=len(taken), **({"unknown": MESSAGES - len(taken)} if len(taken) < MESSAGES else {})
    )
