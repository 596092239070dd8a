"""Who may connect to FastAGI, and how many that have not begun."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.settings import Settings, load_settings
from hotline.telephony.agi.gate import Crowd, Sources


def settings(**values: str) -> Settings:
    return load_settings(values, env_file=None)


@pytest.mark.parametrize("source", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_may_ask(source: str) -> None:
    assert Sources(settings()).allow(source)


@pytest.mark.parametrize("source", ["10.0.0.1", "2001:db8::1", "", "not an address", "::ffff:10.0.0.1"])
async def test_others_may_not(source: str) -> None:
    assert not Sources(settings()).allow(source)


async def test_the_hosts_of_the_managers_may_ask() -> None:
    sources = Sources(settings(HOTLINE_AMI_URLS="ami://u:s@10.1.2.3/main"))
    assert not sources.allow("10.1.2.3")  # not looked up yet
    assert await sources.resolve()
    assert sources.allow("10.1.2.3")
    assert not sources.allow("10.1.2.4")


async def test_a_setting_of_its_own_goes_before_them() -> None:
    sources = Sources(settings(HOTLINE_AMI_URLS="ami://u:s@10.1.2.3/main", HOTLINE_AGI_SOURCES="192.0.2.0/24"))
    assert await sources.resolve()
    assert sources.allow("192.0.2.9")
    assert not sources.allow("10.1.2.3")
    assert not sources.allow("127.0.0.1")


async def test_a_host_that_cannot_be_looked_up_keeps_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = Sources(settings(HOTLINE_AMI_URLS="ami://u:s@10.1.2.3/main"))
    assert await sources.resolve()
    monkeypatch.setattr(sources, "_names", ("no-such-host.invalid",))
    assert not await sources.resolve()
    assert sources.allow("10.1.2.3")


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc"), st.booleans()), max_size=120))
def test_a_crowd_is_never_larger_than_its_limits(steps: list[tuple[int, str, bool]]) -> None:
    crowd = Crowd(here=4, all=9)
    inside: dict[tuple[int, int], str] = {}
    for turn, (number, source, enters) in enumerate(steps):
        if enters:
            one = (turn, number)
            inside[one] = source
            goes = crowd.enter(one, source)
            if goes is not None:
                assert goes != one  # the newest stays: a PBX sends at once
                inside.pop(goes)  # type: ignore[call-overload]
        elif inside:
            gone = list(inside)[number % len(inside)]
            crowd.leave(gone)
            inside.pop(gone)
        assert len(crowd) == len(inside) <= 9
        assert all(list(inside.values()).count(each) <= 4 for each in "abc")


def test_leaving_twice_changes_nothing() -> None:
    crowd = Crowd()
    crowd.enter("x", "a")
    crowd.leave("x")
    crowd.leave("x")
    assert len(crowd) == 0


def test_the_oldest_of_the_same_source_goes() -> None:
    crowd = Crowd(here=2, all=10)
    assert crowd.enter("calm", "pbx") is None
    assert crowd.enter("one", "flood") is None
    assert crowd.enter("two", "flood") is None
    assert crowd.enter("three", "flood") == "one"
