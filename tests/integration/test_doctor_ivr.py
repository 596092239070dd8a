"""The doctor on the IVR: the key, the server, and the address in the dialplan."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from pydantic import SecretStr

from hotline.calls.facts import AmiEvent
from hotline.settings import Bind, Settings
from hotline.telephony.doctor_ivr import examine_dialplan, examine_server
from hotline.workflows.house import House
from tests.fakes.ami import FakePbx
from tests.integration.agi import KEY, exchange


@pytest.fixture
def keyed(settings: Settings) -> Settings:
    address = FakePbx(port=5038).address()
    return settings.model_copy(update={"agi_key": SecretStr(KEY), "ami_urls": (address,)})


async def said(settings: Settings, url: str | None) -> tuple[str, str]:
    """What the doctor says of a dialplan whose HOTLINE_AGI is this."""
    rows = [AmiEvent("ListDialplan", {"Application": "Set", "AppData": f"HOTLINE_AGI={url}"})]
    shown = Mock(success=url is not None, events=rows)
    findings = [each async for each in examine_dialplan(settings, settings.ami_urls[0], shown)]
    assert KEY not in repr(findings)
    return findings[0].verdict, findings[0].found


async def test_the_server_answers_with_the_right_key(house: House, settings: Settings) -> None:
    async with exchange(house, settings) as lines:
        right = lines.house.settings.model_copy(update={"agi_bind": Bind("127.0.0.1", lines.port)})
        assert (await examine_server(right)).verdict == "ok"
        wrong = right.model_copy(update={"agi_key": SecretStr("another")})
        assert (await examine_server(wrong)).verdict == "wrong"


async def test_without_a_key_or_a_service_it_says_so(settings: Settings, keyed: Settings) -> None:
    assert (await examine_server(settings)).verdict == "warning"
    nobody = keyed.model_copy(update={"agi_bind": Bind("127.0.0.1", 9)})
    assert (await examine_server(nobody)).verdict == "warning"


@pytest.mark.parametrize(("url", "verdict"), [
    (f"agi://10.0.0.1:4573/main/{KEY}/flow/main", "ok"),
    (f"agi://10.0.0.1:4573/main/{KEY}/flow/${{HOTLINE_FLOW}}", "ok"),
    ("agi://10.0.0.1:4573/main/other/flow/main", "wrong"),
    (f"agi://10.0.0.1:4573/branch/{KEY}/flow/main", "wrong"),
    (f"agi://10.0.0.1:4573/main/{KEY}", "wrong"),
    ("", "warning"),
    (None, "unknown"),
])  # fmt: skip
async def test_the_address_in_the_dialplan(keyed: Settings, url: str | None, verdict: str) -> None:
    assert (await said(keyed, url))[0] == verdict
