"""A campaign by telephone through a real Asterisk, from its review on: busy at first, then heard and ended by a key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

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

#: The company's number, and the customer's.
OWN: Final = "+15005550006"
THEIRS: Final = "+12122000000"


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


async def approved(office: Office) -> str:
    """A campaign that somebody else approved, to one customer; its id."""
    admin = office.admin
    reviewer = await office.hire("rob", interfaces=[], role="reviewer")
    await admin.post("/senders", {"channel": "voice", "address": OWN, "name": "Company"}, status=201)
    customer = await office.customer("Anna", THEIRS, locale="en")
    agreed = {"customer_id": customer["id"], "channel": "voice", "source": "form", "wording": "Call me with news."}
    await admin.post("/consents", agreed)
    everybody = {"name": "All", "rules": {"field": "kind", "op": "in", "value": ["person"]}}
    segment = await admin.post("/segments", everybody, status=201)
    content = {"locale": "en", **CONTENT["locales"]["en"]}  # type: ignore[index]
    body = {"name": "Opening", "channel": "voice", "sender": OWN, "segment_id": segment["id"], "variants": [content]}
    made = await admin.post("/campaigns", {**body, "schedule": {}, "limits": AT_ANY_HOUR}, status=201)
    campaign: str = made["id"]
    await admin.post(f"/campaigns/{campaign}/submit", {})

    async def in_review() -> bool:
        return bool((await admin.get(f"/campaigns/{campaign}"))["state"] == "in_review")

    await soon(in_review, "the campaign is in review")
    await reviewer.post(f"/campaigns/{campaign}/approve", {})
    return campaign


@newest
async def test_a_customer_presses_the_key_and_is_called_no_more(office: Office, records: House, stage: Stage) -> None:
    campaign = await approved(office)
    async with stage.customer() as customer:
        await office.admin.post(f"/campaigns/{campaign}/start", {})
        await customer.rings(90)
        customer.decline()

        async def later() -> bool:
            return bool(await records.db.fetchval("SELECT state = 'queued' AND due_at > now() FROM delivery"))

        await soon(later, "who was busy is called again later")
        await records.db.execute("UPDATE delivery SET due_at = now()")
        assert f"sip:{OWN}@" in await customer.rings(90)
        await customer.pick_up(sound.tone(300, 0.6))  # a short word and a pause, as people do
        await spoken_to(customer)
        await customer.press("9", by="info")
        await customer.over()

    async def delivered() -> bool:
        return bool(await records.db.fetchval("SELECT state = 'delivered' FROM delivery"))

    await soon(delivered, "the call counts as delivered")
    row = await records.db.fetchrow("SELECT channel, reason, source FROM suppression")
    assert row is not None
    assert tuple(row) == ("voice", "opt_out", "call")
    assert await office.admin.calls() == []
