"""A campaign by telephone through a real Asterisk: busy at first, then somebody picks up and presses the key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bench import blast
from hotline.bus.memory import MemoryBus
from hotline.crm.database import Database
from hotline.crm.personal_keys import open_keyring
from hotline.settings import load_settings
from hotline.workflows.house import House
from tests.conftest import SECRET
from tests.e2e.conftest import PBX, Office, service_settings
from tests.e2e.person import soon
from tests.e2e.test_ivr import KEY, Ports, newest, spoken_to
from tests.integration.campaigns.test_voice_pbx import AT_ANY_HOUR, CONTENT
from tests.rig import sound
from tests.rig.asterisk import Asterisk
from tests.rig.ports import free_port
from tests.rig.stage import Stage


@pytest.fixture
def ports() -> Ports:
    """Known before anything starts, since the dialplan names them."""
    return Ports(free_port(), free_port())


@pytest.fixture
def asterisk(request: pytest.FixtureRequest, ports: Ports) -> Iterator[Asterisk]:
    """An Asterisk whose dialplan asks hotline."""
    with Asterisk(request.param) as running:
        running.set(HOTLINE_AGI=f"agi://127.0.0.1:{ports.agi}/{PBX}/{KEY}/flow/main")
        yield running
        print(running.log()[-15_000:])


@pytest.fixture
def settings_of(company_url: str, tmp_path: Path, asterisk: Asterisk, ports: Ports) -> dict[str, str]:
    """The settings of a node that dispatches in a process of its own."""
    return {
        **service_settings(company_url, tmp_path, asterisk.ami_url),
        "HOTLINE_AGI_BIND": f"127.0.0.1:{ports.agi}",
        "HOTLINE_AGI_KEY": KEY,
        "HOTLINE_HTTP_BIND": f"127.0.0.1:{ports.http}",
    }


@pytest.fixture
async def records(company_url: str, settings_of: dict[str, str], tmp_path: Path) -> AsyncIterator[House]:
    """The office's records, to write a campaign into them and to read what became of it."""
    database = await Database.open(company_url, data_dir=tmp_path)
    made = House(
        db=database,
        bus=MemoryBus(),
        keyring=await open_keyring(database, [SECRET]),
        settings=load_settings(settings_of, env_file=None),
    )
    yield made
    await made.close()
    await database.close()


@newest
async def test_a_customer_presses_the_key_and_is_called_no_more(office: Office, records: House, stage: Stage) -> None:
    async with stage.customer() as customer:
        await blast.people(records, 1)
        campaign_id = await blast.campaign(records, "voice", CONTENT, limits=AT_ANY_HOUR)
        await customer.rings()
        customer.decline()

        async def later() -> bool:
            return bool(await records.db.fetchval("SELECT state = 'queued' AND due_at > now() FROM delivery"))

        await soon(later, "who was busy is called again later")
        await records.db.execute("UPDATE delivery SET due_at = now()")
        assert f"sip:{blast.NUMBER}@" in await customer.rings()
        await customer.pick_up(sound.tone(300, 0.6))  # a short word and a pause, as people do
        await spoken_to(customer)
        await customer.press("9", by="info")
        await customer.over()

    async def delivered() -> bool:
        return await blast.states(records, campaign_id) == {"delivered": 1}

    await soon(delivered, "the call counts as delivered")
    row = await records.db.fetchrow("SELECT channel, reason, source FROM suppression")
    assert row is not None
    assert tuple(row) == ("voice", "opt_out", "call")
    assert [(call["direction"], call["ticket"]) for call in await office.admin.calls()] == []
