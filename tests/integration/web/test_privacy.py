"""A person's rights, over the API: a report of everything, and being erased so that nothing finds them any more.

A number, a name and an address are planted through every door, and looked for wherever something could have kept them.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
import structlog
from pydantic import SecretStr

from hotline import logs
from hotline.calls.story import Alias, CallArrived, CallQueued, RingStarted
from hotline.crm import migrate
from hotline.crm.commands.calls.pbx_commands import create_command
from hotline.crm.commands.ivr.ivr import SessionRecord, save_session
from hotline.crm.embedded import EmbeddedPostgres, binaries
from hotline.crm.queries.customers.customers import lookup
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.settings import AccountToken, load_settings
from hotline.workflows.calls import calls
from hotline.workflows.customers import imports, merging
from hotline.workflows.customers.customers import write_note
from hotline.workflows.customers.erasure import erase_late
from tests.integration.test_imports import _body, done
from tests.integration.test_recordings import VOICE, store
from tests.integration.web.conftest import Api

log = structlog.get_logger(__name__)

#: What is planted: words that nothing else in the house says, and a number that is nobody else's.
NUMBER = "+8613911223344"
SECOND = "+8613911225566"
#: Calls that began long ago are not taken for going on.
NOW = datetime.now(UTC).replace(microsecond=0)
NAME = "Zephyrine Quillfeather"
NAME_ZH = "欧阳翡翠"
ADDRESS = "17 Marmalade Crescent"
EMAIL = "zephyrine@quillfeather.example"
WORDS = ("Zephyrine", "Quillfeather", "quillfeather", "翡翠", "Marmalade", "marmalade", "13911223344", "13911225566")


def found_in(data: bytes | str) -> list[str]:
    """Which of the planted words are in ``data``, also as JSON writes them, and in any case."""
    text = data if isinstance(data, bytes) else data.encode()
    spelt = {word: (word.encode(), json.dumps(word)[1:-1].encode(), word.encode("utf-16-le")) for word in WORDS}
    low = text.lower()
    return [word for word, forms in spelt.items() if any(form.lower() in low for form in forms)]


def dump(server: EmbeddedPostgres, url: str) -> str:
    """The whole database as plain SQL."""
    done = subprocess.run(
        [str(binaries(server.version) / "pg_dump"), "--dbname", url, "--format=plain", "--column-inserts"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert "CREATE TABLE public.customer " in done.stdout
    return done.stdout


def unhexed(sql: str) -> bytes:
    """The bytes that a dump writes in hexadecimal, as they are."""
    return b"\n".join(bytes.fromhex(each) for each in re.findall(r"\\\\?x([0-9a-f]{2,})", sql))


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Every log line, at the most talkative level."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure("debug", json=True, stream=stream)
    yield stream
    root.handlers[:], _ = before
    root.setLevel(before[1])


async def planted(api: Api) -> dict[str, str]:
    """Somebody who comes in by every door; ids by what they are of."""
    house = api.house
    customer = await api.post(
        "/customers",
        {
            "kind": "person",
            "name": NAME,
            "locale": "zh",
            "contact_points": [
                {"kind": "phone", "value": NUMBER, "label": "mobile"},
                {"kind": "email", "value": EMAIL},
            ],
            "addresses": [{"text": f"{ADDRESS}\nOld Town", "country": "GB", "label": "home"}],
            "custom": {"nickname": "Zephyrine", "moved": f"from {ADDRESS}"},
        },
    )
    own = f"/customers/{customer['id']}"
    ids = {"customer": customer["id"], "reference": f"C{customer['number']}"}
    await api.patch(own, {"name": f"{NAME} {NAME_ZH}"})
    # A call, with what was keyed in, said and recorded
    call_id = new_id()
    uniqueid = "1795315390.7"
    await calls.apply(
        house,
        "main",
        [
            CallArrived(call_id, NOW, "PJSIP/trunk", NUMBER, NAME, False, "4000", (Alias("uniqueid", uniqueid),)),
            CallQueued(call_id, NOW, "support"),
            RingStarted(call_id, NOW, new_id(), ("PJSIP/nobody",), f"{uniqueid}1", "support"),
        ],
    )
    ids["call"] = str(call_id)
    ids["recording"] = str(await store(house, uniqueid=uniqueid))
    async with house.unit(SYSTEM) as uow:
        record = SessionRecord(
            "main", uniqueid, "main", "0" * 64, 1, "running", {}, {"kind": "complaint"}, 1, house.clock(),
            {"account": NUMBER, "facts.customer_number": ids["reference"]},
        )  # fmt: skip
        await save_session(uow, record, call_id, UUID(ids["customer"]))
        await create_command(
            uow,
            command_id=new_id(),
            pbx="main",
            action="originate",
            user_id=None,
            call_id=call_id,
            number=NUMBER,
            data={},
            lifetime=timedelta(seconds=5),
        )
    # What people write
    for text in (f"{NAME} lives at {ADDRESS}", f"ask {NAME_ZH}, {NUMBER}"):
        await write_note(house, SYSTEM, new_id(), text, UUID(ids["customer"]), call_id)
    ticket = await api.post(
        "/tickets",
        {"kind": "complaint", "customer_id": ids["customer"], "subject": f"{NAME} again", "description": ADDRESS},
    )
    ids["ticket"] = ticket["id"]
    note = {"id": str(new_id()), "text": f"call {NUMBER}, ask for {NAME_ZH}"}
    await api.post(f"/tickets/{ids['ticket']}/notes", note, status=204)
    await api.patch(f"/tickets/{ids['ticket']}", {"subject": f"{NAME}, {ADDRESS}"})
    # What hangs on a record
    firm = await api.post("/customers", {"kind": "organisation", "name": "Some Firm"})
    ids["firm"] = firm["id"]
    await api.post(
        f"/customers/{firm['id']}/relations", {"kind": "contact", "customer_id": ids["customer"], "note": NAME}
    )
    await api.post(f"{own}/purchases", {"title": f"Fibre for {NAME}", "reference": ADDRESS, "amount": 4200,
                                        "currency": "EUR"})  # fmt: skip
    upload = await api.client.post(
        f"/api/v1{own}/files?name={quote(f'{NAME}, {ADDRESS}.txt')}",
        data=f"{NAME}\n{ADDRESS}\n{NUMBER}\n".encode(),
        headers={"Authorization": f"Bearer {await api.token('administrator')}",
                 "Content-Type": "application/octet-stream"},
    )  # fmt: skip
    assert upload.status == 201, await upload.text()
    # The same person once more, by a file; then the two become one
    data = f"Name,Phone,Address\n{NAME},{SECOND},{ADDRESS}\n{NAME},nonsense {NUMBER}x,\n".encode()
    brought = await done(house, await imports.receive(house, SYSTEM, f"{NAME}.csv", len(data), _body(data)))
    assert brought.job is not None
    (twin,) = await lookup(house.db, house.keyring, SYSTEM, SECOND, region="CN")
    ids["twin"] = str(twin.id)
    await merging.merge_customers(house, SYSTEM, UUID(ids["customer"]), twin.id, {})
    # What people look for
    for text in (NAME, NUMBER, "Quillfeather", ADDRESS, EMAIL):
        await api.get(f"/customers?q={quote(text)}")
    await api.get(f"/customers/lookup?phone={quote(NUMBER)}")
    # What is wrong
    await api.post(f"{own}/relations", {"kind": NAME, "customer_id": NUMBER}, status=422)
    await api.post("/customers", {"kind": "person", "name": NAME, "contact_points": [{"kind": "phone", "value": NAME}]},
                   status=422)  # fmt: skip
    return ids


async def over(api: Api) -> None:
    """The calls and the tickets are done with."""
    await api.house.db.execute("UPDATE call SET ended_at = now(), state = 'ended'")
    await api.house.db.execute("UPDATE ticket SET state = 'closed', closed_at = now()")


def on_disk(folder: Path) -> dict[str, list[str]]:
    """The files that hold a planted word, by what they hold; the names of files count."""
    found = {
        str(path): found_in(path.read_bytes() + path.name.encode()) for path in folder.rglob("*") if path.is_file()
    }
    return {path: words for path, words in found.items() if words}


def in_rows(sql: str) -> list[str]:
    """The lines of a dump that hold a planted word, in text or in bytes."""
    return [line for line in sql.splitlines() if found_in(line) or found_in(unhexed(line))]


async def test_nothing_personal_lies_open_anywhere(
    api: Api, postgres: EmbeddedPostgres, db_url: str, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs, outbox, audit, a plain dump, the data folder, a support bundle: none of them holds the number, the name or
    the address; and the bundle holds no secret."""
    ids = await planted(api)
    assert found_in(logged.getvalue()) == []
    rows = await asyncio.to_thread(dump, postgres, db_url)
    assert ids["customer"] in rows
    assert in_rows(rows) == []
    assert on_disk(api.house.settings.data_dir) == {}

    pbxs = load_settings({"HOTLINE_AMI_URLS": "ami://u:hunter2-of-ami@pbx.example/main"}, env_file=None).ami_urls
    secrets = {
        "database_url": SecretStr("postgresql://hotline:hunter2-of-the-database@db.example:5432/hotline"),
        "redis_url": SecretStr("redis://:hunter2-of-redis@cache.example:6379/0"),
        "secret_key": (SecretStr("hunter2-the-master-key"),),
        "agi_key": SecretStr("hunter2-of-the-dialplan"),
        "smtp_url": SecretStr("smtp://u:hunter2-of-mail@mail.example:587"),
        "twilio_auth_token": (AccountToken("", SecretStr("hunter2-of-twilio")),),
        "ami_urls": pbxs,
    }
    log.error("somebody.was_careless", detail=f"asked for {NUMBER} by {EMAIL}")
    monkeypatch.setattr(api.house, "settings", api.house.settings.model_copy(update=secrets))
    response = await api.ask("GET", "/support/bundle")
    assert response.status == 200
    archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    names = archive.namelist()
    assert {"versions.json", "settings.json", "records.json", "disk.json", "log.txt", "health.txt"} <= set(names)
    for name in names:
        data = archive.read(name)
        assert found_in(data) == [], name
        assert b"hunter2" not in data, name
    told = json.loads(archive.read("settings.json"))
    assert told["HOTLINE_DATABASE_URL"] == "postgresql://db.example:5432/hotline"
    assert (told["HOTLINE_SECRET_KEY"], told["HOTLINE_AGI_KEY"]) == ("1 set", "set")
    assert told["HOTLINE_AMI_URLS"] == [{"name": "main", "host": "pbx.example", "port": 5038, "tls": False}]
    records = json.loads(archive.read("records.json"))
    assert records["migrations"] == migrate.known_steps()
    assert {"customer", "call"} <= {table["name"] for table in records["tables"]}
    assert "somebody.was_careless" in archive.read("log.txt").decode()
    assert (await api.ask("GET", "/support/bundle", role="supervisor")).status == 403


async def test_the_report_holds_everything_and_its_archive_the_files(api: Api) -> None:
    ids = await planted(api)
    report = await api.get(f"/customers/{ids['customer']}/report")
    told = {section["name"]: section["lines"] for section in report["sections"]}
    assert sorted(report["customers"]) == sorted([ids["customer"], ids["twin"]])
    whole = json.dumps(report, ensure_ascii=False)
    for planted_text in (NAME, NAME_ZH, ADDRESS, NUMBER, SECOND, EMAIL, "nickname"):
        assert planted_text in whole, planted_text
    subjects = "record contact_point address customer_relation purchase notes calls keyed_in recordings dialled tickets"
    assert {*subjects.split(), "ticket_texts", "customer_file", "customer_change"} <= set(told)
    assert [line["note"] for line in told["notes"]] == [f"{NAME} lives at {ADDRESS}", f"ask {NAME_ZH}, {NUMBER}"]
    assert "administrator" not in whole, "names of staff are others' data"
    asked = await api.ask("GET", f"/customers/{ids['customer']}/report.html")
    readable = await asked.text()
    assert asked.headers["Content-Disposition"].startswith("attachment")
    assert '<html lang="zh-CN">' in readable
    assert NAME_ZH in readable
    archive = zipfile.ZipFile(
        io.BytesIO(await (await api.ask("GET", f"/customers/{ids['customer']}/report.zip")).read())
    )
    assert archive.testzip() is None
    names = archive.namelist()
    (file,) = [name for name in names if name.startswith("files/")]
    (sound,) = [name for name in names if name.startswith("recordings/")]
    assert archive.read(file).decode().splitlines() == [NAME, ADDRESS, NUMBER]
    assert archive.read(sound) == VOICE
    assert {"report.html", "report.json"} <= set(names)
    refused = await api.ask("GET", f"/customers/{ids['customer']}/report", role="supervisor")
    assert refused.status == 403
    entries = await api.get("/audit?action=customer:reported")
    assert [entry["subject_id"] for entry in entries["items"]] == [ids["customer"]] * 3


async def test_who_is_erased_is_found_nowhere_any_more(
    api: Api, postgres: EmbeddedPostgres, db_url: str, logged: io.StringIO
) -> None:
    ids = await planted(api)
    own = f"/customers/{ids['customer']}"
    keys_before = await api.house.db.fetchval("SELECT count(*) FROM personal_key WHERE wrapped IS NOT NULL")
    preview = await api.get(f"{own}/erasure")
    assert (preview["possible"], preview["confirm"]) == (False, ids["reference"])
    assert preview["open_calls"] == [ids["call"]]
    assert ids["ticket"] in preview["open_tickets"]
    wanted = {"confirm": ids["reference"], "reason": "request"}
    talking = await api.post(f"{own}/erase", wanted, status=409)
    assert "telephone" in talking["detail"]
    await api.house.db.execute("UPDATE call SET ended_at = now(), state = 'ended'")
    assert (await api.get(f"{own}/erasure"))["possible"]
    await api.post(f"{own}/erase", {"confirm": "C1", "reason": "request"}, status=422)
    await api.post(f"{own}/erase", {"confirm": ids["reference"], "reason": NAME}, status=422)
    await api.post(f"{own}/erase", wanted, status=403, role="supervisor")
    assert (await api.get(own))["name"] != ""

    done = await api.post(f"{own}/erase", wanted, status=200)
    assert sorted(done["customers"]) == sorted([ids["customer"], ids["twin"]])

    gone = await api.get(own)
    assert (gone["erased"], gone["name"], gone["contact_points"], gone["addresses"]) == (True, "", [], [])
    assert gone["custom"] == {}
    for text in (NAME, "Quillfeather", NAME_ZH, NUMBER, NUMBER[-7:], SECOND, EMAIL):
        assert (await api.get(f"/customers?q={quote(text)}"))["items"] == [], text
    assert (await api.get(f"/customers/lookup?phone={quote(NUMBER)}"))["items"] == []
    call = await api.get(f"/calls/{ids['call']}")
    assert call["caller"]["number"] is None
    ticket = await api.get(f"/tickets/{ids['ticket']}")
    assert not ticket["subject"]
    assert (ticket["kind"], ticket["state"]) == ("complaint", "closed"), "the statistics stay"
    for path in (f"{own}/files", f"{own}/history", f"{own}/relations"):
        assert (await api.get(path))["items"] == []
    (bought,) = (await api.get(f"{own}/purchases"))["items"]
    assert (bought["title"], bought["reference"], bought["amount"]) == ("", None, 4200)
    sound = await api.ask("GET", f"/recordings/{ids['recording']}/audio")
    assert sound.status == 404
    await api.patch(own, {"name": "Somebody"}, status=409)
    again = await api.post(f"{own}/erase", wanted, status=409)
    assert "already" in again["detail"]

    # No key of theirs is left: not one sealed value opens, whoever has the master key.
    report = await api.get(f"{own}/report")
    assert found_in(json.dumps(report, ensure_ascii=False)) == []
    indexes = [api.house.keyring.blind_index("phone", number) for number in (NUMBER, SECOND)]
    left = await api.house.db.fetchval(
        """SELECT (SELECT count(*) FROM contact_point WHERE value_index = ANY($1::bytea[]))
                + (SELECT count(*) FROM call WHERE caller_index = ANY($1::bytea[]))""",
        indexes,
    )
    assert left == 0
    tokens = api.house.keyring.name_tokens(NAME)
    assert await api.house.db.fetchval("SELECT count(*) FROM customer WHERE search_tokens && $1::bigint[]", tokens) == 0
    keys_after = await api.house.db.fetchval("SELECT count(*) FROM personal_key WHERE wrapped IS NOT NULL")
    assert keys_after < keys_before
    assert found_in(logged.getvalue()) == []
    assert in_rows(await asyncio.to_thread(dump, postgres, db_url)) == []
    folder = api.house.settings.data_dir
    assert on_disk(folder) == {}
    assert [path for path in (folder / "recordings").rglob("*") if path.is_file()] == []
    assert [path for path in (folder / "files").rglob("*") if path.is_file()] == []

    # The proof names nobody.
    lines = (await api.get(f"/tickets/{ids['ticket']}/history"))["items"]
    assert lines[0]["data"] == {"state": ["open", "closed"]}
    (entry,) = (await api.get("/audit?action=customer:erased"))["items"]
    assert entry["subject_id"] == ids["customer"]
    assert entry["data"]["reason"] == "request"
    # Others keep theirs.
    assert (await api.get(f"/customers/{ids['firm']}"))["name"] == "Some Firm"
    # What the PBX sends late goes, too.
    late = await store(api.house, uniqueid="1795315390.7")
    assert await erase_late(api.house) == 1
    assert (await api.ask("GET", f"/recordings/{late}/audio")).status == 404
    assert await erase_late(api.house) == 0


async def test_nobody_elses_history_keeps_what_was_theirs(api: Api) -> None:
    """Merged by mistake, into one who went into a third; taken apart again; related to a firm: then erased."""
    person = {"kind": "person", "name": NAME, "contact_points": [{"kind": "phone", "value": NUMBER}],
              "addresses": [{"text": ADDRESS}]}  # fmt: skip
    gone = await api.post("/customers", person)
    names = ("Somebody Else", "A Third", "Some Firm")
    ids = [(await api.post("/customers", {"kind": "person", "name": name}))["id"] for name in names]
    kept, third, firm = (f"/customers/{each}" for each in ids)
    await api.post(f"{firm}/relations", {"kind": "contact", "customer_id": gone["id"], "note": NAME})
    await api.patch(kept, {"locale": "de"})
    merges = [
        (await api.post(f"{kept}/merge", {"other_id": gone["id"], "choices": {"name": "other"}}, status=200)),
        (await api.post(f"{third}/merge", {"other_id": ids[0]}, status=200)),
    ]
    await api.patch(third, {"locale": "fr"})
    for merge in merges:
        await api.post(f"/merges/{merge['merge_id']}/undo", {}, status=200)
    assert found_in(json.dumps((await api.get(f"{kept}/history"))["items"])) != []
    # While nobody is erased, what is told to one who was merged by mistake is theirs alone.
    for own in (kept, third):
        assert found_in(json.dumps(await api.get(f"{own}/report"), ensure_ascii=False)) == [], own
    assert "de" in json.dumps(await api.get(f"{kept}/report"))
    assert found_in(json.dumps(await api.get(f"/customers/{gone['id']}/report"), ensure_ascii=False)) != []
    wanted = {"confirm": f"C{gone['number']}", "reason": "request"}
    await api.post(f"/customers/{gone['id']}/erase", wanted, status=200)
    for own in (kept, third, firm):
        for path in (own, f"{own}/history", f"{own}/report", f"{own}/merges"):
            assert found_in(json.dumps(await api.get(path), ensure_ascii=False)) == [], path
    # What they were told beside that stays.
    assert [line["to"] for line in (await api.get(f"{kept}/history?field=locale"))["items"]] == ["de"]


async def test_a_number_that_two_have_stays_with_the_other(api: Api) -> None:
    shared = {"kind": "person", "contact_points": [{"kind": "phone", "value": NUMBER}]}
    both = [await api.post("/customers", {**shared, "name": name}) for name in ("One Of Two", "Two Of Two")]
    call_id = new_id()
    arrived = CallArrived(call_id, NOW, "PJSIP/trunk", NUMBER, None, False, "4000", (Alias("uniqueid", "1.1"),))
    await calls.apply(api.house, "main", [arrived])
    await over(api)
    wanted = {"confirm": f"C{both[0]['number']}", "reason": "mistake"}
    await api.post(f"/customers/{both[0]['id']}/erase", wanted, status=200)
    found = await api.get(f"/customers/lookup?phone={quote(NUMBER)}")
    assert [each["name"] for each in found["items"]] == ["Two Of Two"]
    call = await api.get(f"/calls/{call_id}")
    assert call["caller"]["number"] == NUMBER
    assert [each["id"] for each in call["customers"]] == [both[1]["id"]]
