"""``hotline doctor`` says of each thing that is wrong which line must change."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from hotline.cli.doctor_places import examine_places
from hotline.crm.personal_keys import master_secrets
from hotline.errors import SettingError
from hotline.pbx.connection import Patience
from hotline.settings import Settings
from hotline.settings.values import Bind
from hotline.telephony.doctor import ACTIONS, KnownAgent, examine_pbx
from hotline.telephony.doctor_recordings import Places, examine_here
from hotline.telephony.findings import Finding
from tests.commands import clean_environment, hotline
from tests.conftest import SECRET
from tests.fakes.ami import FakePbx, Headers

#: With a PBX that answers, and with one that does not.
PATIENT = Patience(connect=20, login=20, probe=20, boot=20)
QUICK = Patience(connect=5, login=5, probe=0.3, boot=0.3)
ANNA = KnownAgent("anna", ("PJSIP/agent1",), ("support",))


def member(interface: str, state_interface: str = "") -> Headers:
    return [
        ("Event", "QueueMember"), ("Queue", "support"), ("Location", interface), ("StateInterface", state_interface),
        ("Name", "Somebody"), ("Paused", "0"),
    ]  # fmt: skip


def healthy(timestamps: bool = True, dialplan: bool = True) -> FakePbx:
    """A PBX with nothing to complain of."""
    pbx = FakePbx()

    def commands(_: Mapping[str, str]) -> list[Headers]:
        names = [*ACTIONS, "ShowDialPlan", "GetConfig"]
        return [[("Response", "Success"), *((name, "does it (Priv: all)") for name in names)]]

    def setvar(headers: Mapping[str, str]) -> list[Headers]:
        stamp = {"Timestamp": f"{time.time():.6f}"} if timestamps else {}
        if dialplan and headers["Value"]:
            pbx.event("VarSet", Channel="none", Variable=headers["Variable"], Value=headers["Value"], **stamp)
        return [[("Response", "Success")]]

    def settings(_: Mapping[str, str]) -> list[Headers]:
        return [[("Response", "Success"), ("AsteriskVersion", "22.10.1")]]

    def config(_: Mapping[str, str]) -> list[Headers]:
        return [[("Response", "Success"), ("Category-000000", "featuremap"), ("Line-000000-000000", "atxfer=*2")]]

    def getvar(headers: Mapping[str, str]) -> list[Headers]:
        return [[("Response", "Success"), ("Variable", headers["Variable"]), ("Value", "1")]]

    pbx.answers.update(Getvar=getvar)
    pbx.answers.update(ListCommands=commands, Setvar=setvar, CoreSettings=settings, GetConfig=config)
    pbx.queues = [member("PJSIP/agent1")]
    return pbx


async def examine(pbx: FakePbx, settings: Settings, *agents: KnownAgent, patience: Patience = PATIENT) -> list[Finding]:
    await pbx.start()
    try:
        return [finding async for finding in examine_pbx(settings, pbx.address(), agents, patience)]
    finally:
        await pbx.stop()


def wrong(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings if finding.verdict in ("wrong", "warning")}


async def test_a_healthy_pbx_has_nothing_wrong(settings: Settings) -> None:
    findings = await examine(healthy(), settings, ANNA)
    assert wrong(findings) == {}
    assert {finding.verdict for finding in findings} == {"ok"}


async def test_a_pbx_without_the_upload_script_is_told_how_to_get_it(settings: Settings) -> None:
    pbx = healthy()

    def getvar(headers: Mapping[str, str]) -> list[Headers]:
        value = "0" if "hotline-upload" in headers["Variable"] else "1"
        return [[("Response", "Success"), ("Variable", headers["Variable"]), ("Value", value)]]

    pbx.answers.update(Getvar=getvar)
    found = wrong(await examine(pbx, settings, ANNA))["recordings"]
    assert found.verdict == "wrong"
    assert "hotline-upload" in found.found
    assert any("install -m 755 hotline-upload /usr/local/bin/hotline-upload" in line for line in found.advice)


async def test_a_pbx_that_does_not_let_us_look_is_not_called_wrong(settings: Settings) -> None:
    pbx = healthy()
    del pbx.answers["Getvar"]
    findings = {finding.name: finding for finding in await examine(pbx, settings, ANNA)}
    assert findings["recordings"].verdict == "unknown"


def test_a_spool_on_this_machine_is_looked_into(tmp_path: Path) -> None:
    places = Places(str(tmp_path / "spool"), str(tmp_path / "hotline-upload"))
    now = time.time()
    assert examine_here(places, now).verdict == "wrong"
    (tmp_path / "spool").mkdir()
    assert "no script" in examine_here(places, now).found
    script = tmp_path / "hotline-upload"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o644)
    assert (examine_here(places, now).verdict, examine_here(places, now).advice) == ("wrong", (f"chmod 755 {script}",))
    script.chmod(0o755)
    assert examine_here(places, now).verdict == "ok"
    (tmp_path / "spool" / "a.wav").write_bytes(b"x")
    assert examine_here(places, now).verdict == "ok", "it has just been recorded"
    assert examine_here(places, now + 7200).verdict == "warning"
    (tmp_path / "spool" / "a.wav").unlink()
    (tmp_path / "spool" / "refused").mkdir()
    (tmp_path / "spool" / "refused" / "b.wav").write_bytes(b"x")
    assert "refused 1" in examine_here(places, now).found


async def test_a_wrong_secret_is_told_with_the_lines_of_manager_conf(settings: Settings) -> None:
    pbx = healthy()
    await pbx.start()
    try:
        address = pbx.address()
        pbx.secret = "another"
        (finding,) = [each async for each in examine_pbx(settings, address, [], PATIENT)]
    finally:
        await pbx.stop()
    assert (finding.name, finding.verdict) == ("login", "wrong")
    assert "[hotline]" in finding.advice
    assert not any("s3cret" in line for line in finding.advice)


async def test_nobody_listening_is_told_with_the_lines_of_manager_conf(settings: Settings) -> None:
    pbx = healthy()
    await pbx.start()
    address = pbx.address()
    await pbx.stop()
    (finding,) = [each async for each in examine_pbx(settings, address, [], PATIENT)]
    assert finding.name == "reach"
    assert f"port = {address.port}" in finding.advice


async def test_events_without_a_timestamp_are_wrong(settings: Settings) -> None:
    found = wrong(await examine(healthy(timestamps=False), settings, ANNA))
    assert found["timestampevents"].advice[-1] == "timestampevents = yes"


async def test_events_that_do_not_come_are_wrong(settings: Settings) -> None:
    found = wrong(await examine(healthy(dialplan=False), settings, ANNA, patience=QUICK))
    assert "dialplan" in found["events"].advice[-1]


async def test_missing_permissions_are_named(settings: Settings) -> None:
    pbx = healthy()

    def few(_: Mapping[str, str]) -> list[Headers]:
        return [[("Response", "Success"), ("Hangup", "x"), ("CoreShowChannels", "x")]]

    pbx.answers["ListCommands"] = few
    found = wrong(await examine(pbx, settings, ANNA))
    assert "Originate" in found["permissions"].found
    assert "Hangup" not in found["permissions"].found
    assert found["permissions"].advice[-1].startswith("write = ")


async def test_filters_that_are_refused_are_a_warning(settings: Settings) -> None:
    pbx = healthy()
    pbx.refused["Filter"] = "Permission denied"
    found = wrong(await examine(pbx, settings, ANNA))
    assert found["filters"].verdict == "warning"
    assert "system" in found["filters"].advice[-1]


@pytest.mark.parametrize(
    ("version", "verdict"), [("13.38.3", "wrong"), ("16.28.0~dfsg", "ok"), ("certified/18.9", "ok")]
)
async def test_the_version_must_be_16_or_later(settings: Settings, version: str, verdict: str) -> None:
    pbx = healthy()

    def old(_: Mapping[str, str]) -> list[Headers]:
        return [[("Response", "Success"), ("AsteriskVersion", version)]]

    pbx.answers["CoreSettings"] = old
    findings = {finding.name: finding.verdict for finding in await examine(pbx, settings, ANNA)}
    assert findings["version"] == verdict


async def test_an_interface_that_is_almost_the_queues_is_named_exactly(settings: Settings) -> None:
    found = wrong(await examine(healthy(), settings, KnownAgent("anna", ("SIP/agent1",), ())))
    assert found["agent"].verdict == "wrong"
    assert found["agent"].advice[-1].endswith("PJSIP/agent1")
    assert "PJSIP/agent1" in found["members"].found


async def test_a_freepbx_member_is_known_by_its_state_interface(settings: Settings) -> None:
    pbx = healthy()
    pbx.queues = [member("Local/1001@from-queue/n", "PJSIP/1001")]
    assert wrong(await examine(pbx, settings, KnownAgent("anna", ("PJSIP/1001",), ()))) == {}


async def test_the_context_of_twilios_callers_is_looked_for_where_they_are_sent_on(settings: Settings) -> None:
    pbx = healthy()
    shown = pbx.answers.get("ShowDialPlan")

    def dialplan(headers: Mapping[str, str]) -> list[Headers]:
        if headers["Context"] == "hotline-twilio":
            return [[("Response", "Error"), ("Message", "Did not find context hotline-twilio")]]
        return list(shown(headers)) if shown is not None else [[("Response", "Success")]]

    pbx.answers["ShowDialPlan"] = dialplan
    assert not [each for each in await examine(pbx, settings, ANNA) if "hotline-twilio" in each.found]
    sent_on = settings.model_copy(update={"twilio_sip_url": "sip:hotline@pbx.example.com"})
    (found,) = [each for each in await examine(pbx, sent_on, ANNA) if "hotline-twilio" in each.found]
    assert found.verdict == "warning"
    assert "pjsip_hotline.conf" in found.advice[-1]


async def test_contexts_and_features_that_are_missing_are_told(settings: Settings) -> None:
    pbx = healthy()
    pbx.refused["ShowDialPlan"] = "Did not find context"
    pbx.answers["GetConfig"] = lambda _: [[("Response", "Success"), ("Line-000000-000000", "blindxfer=#1")]]
    found = wrong(await examine(pbx, settings, ANNA))
    assert "#include extensions_hotline.conf" in found["dialplan"].advice
    assert "atxfer => *2" in found["attended transfer"].advice


async def test_a_server_that_answers_only_the_login_ends_the_examination(settings: Settings) -> None:
    pbx = FakePbx(boots=False)
    pbx.silent = {
        "Ping", "CoreSettings", "ListCommands", "Setvar", "Filter", "CoreShowChannels", "QueueStatus",
        "ShowDialPlan", "GetConfig",
    }  # fmt: skip
    found = wrong(await examine(pbx, settings, ANNA, patience=QUICK))
    assert found["snapshot"].verdict == "wrong"


async def run_doctor(db_url: str, folder: Path, ami_urls: str) -> tuple[int, str]:
    environ = clean_environment(
        HOTLINE_DATABASE_URL=db_url,
        HOTLINE_DATA_DIR=str(folder),
        HOTLINE_SECRET_KEY=SECRET,
        HOTLINE_AMI_URLS=ami_urls,
    )
    code, output, _ = await hotline("doctor", environ=environ, place=folder, together=True)
    return code, output


async def test_the_command_exits_by_what_it_found(db_url: str, tmp_path: Path) -> None:
    pbx = healthy()
    await pbx.start()
    try:
        code, output = await run_doctor(db_url, tmp_path, f"{pbx.url}/main")
        assert code == 0, output
        assert "✓ database" in output
        assert "✓ login" in output
        pbx.refused["CoreShowChannels"] = "Permission denied"
        code, output = await run_doctor(db_url, tmp_path, f"{pbx.url}/main")
        assert code == 1
        assert "✗ snapshot" in output
        assert "write = system" in output
    finally:
        await pbx.stop()


async def test_a_wrong_setting_is_one_line_and_exit_2(tmp_path: Path) -> None:
    code, output = await run_doctor("embedded", tmp_path, "http://nowhere")
    assert code == 2
    assert len(output.strip().splitlines()) == 1
    assert "HOTLINE_AMI_URLS" in output


def test_of_folders_keys_and_addresses_it_says_which_setting_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no key")
    good = Settings(
        flows_dir=tmp_path, recordings_dir=tmp_path / "new", http_bind=Bind("127.0.0.1", 0),
        agi_bind=Bind("203.0.113.1", 1),
    )  # fmt: skip
    assert list(examine_places(good)) == []
    wrong = {
        "HOTLINE_FLOWS_DIR": good.model_copy(update={"flows_dir": tmp_path / "file"}),
        "HOTLINE_AMI_CA_FILE": good.model_copy(update={"ami_ca_file": tmp_path / "none"}),
        "HOTLINE_RECORDINGS_DIR": good.model_copy(update={"recordings_dir": tmp_path / "file" / "inside"}),
        "HOTLINE_DKIM_KEY_FILE": good.model_copy(update={"dkim_key_file": tmp_path / "file"}),
        "HOTLINE_HTTP_BIND": good.model_copy(update={"http_bind": Bind("203.0.113.1", 8080)}),
    }
    for name, settings in wrong.items():
        assert [(each.verdict, each.advice) for each in examine_places(settings)] == [("wrong", (name,))]


def test_a_data_folder_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="HOTLINE_DATA_DIR"):
        master_secrets([], tmp_path / "file")
