"""The door for Twilio's webhooks: who gets in, that it happens once, and that Twilio always gets an answer in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from multidict import MultiDict

from hotline.channels.twilio.signature import RETRIES, Tokens
from hotline.crm.commands.upkeep.claims import claim, forget_claims
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid, Unavailable
from hotline.simulator.twilio.hooks import signature
from hotline.simulator.twilio.records import new_sid
from hotline.web import webhooks
from hotline.web.webhooks import door as doors
from hotline.web.webhooks.door import Reply, twilio_webhook
from hotline.web.webhooks.hook import Webhook
from hotline.workflows.house import House
from hotline.workflows.once import once
from tests.fakes.twilio import PUBLIC, FakeTwilio, TwilioDoor, served
from tests.material import real_file

SAY = "<Response><Say>{}</Say></Response>"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Webhook]:
    """What came through the doors of these tests: a call, a message and a callback."""
    found: list[Webhook] = []

    async def step(house: House, hook: Webhook) -> Reply:
        async def work(uow: UnitOfWork) -> str:
            found.append(hook)
            return SAY.format(f"step {len(found)}")

        key = f"{hook.form['CallSid']}:step:{hook.query.get('n', '0')}"
        return Reply.twiml(await once(house, hook.keys(key), work))

    async def received(house: House, hook: Webhook) -> Reply:
        found.append(hook)
        if "raise" in hook.query:
            raise {"unavailable": Unavailable, "invalid": Invalid, "defect": RuntimeError}[hook.query["raise"]]()
        return Reply.twiml("<Response/>")

    async def told(house: House, hook: Webhook) -> Reply:
        found.append(hook)
        if "raise" in hook.query:
            raise Unavailable()
        return Reply.nothing()

    async def elsewhere(house: House, hook: Webhook) -> str:
        return "<Response><Dial><Sip>sip:queue@pbx.example</Sip></Dial></Response>"

    made = [
        twilio_webhook("/test/step", kind="voice", fallback=elsewhere)(step),
        twilio_webhook("/test/whisper", kind="voice", fallback=elsewhere, holds=0)(step),
        twilio_webhook("/test/received", kind="messaging")(received),
        twilio_webhook("/test/told", kind="callback")(told),
    ]
    monkeypatch.setattr(webhooks, "MODULES", (SimpleNamespace(routes=made),))
    return found


def call(sid: str = "", **more: str) -> dict[str, str]:
    return {"CallSid": sid or new_sid("CA"), "From": "+14155550123", "To": "+15005550006", **more}


# Who gets in


async def test_what_twilio_signed_gets_in(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    response = await twilio_door.post("/test/step?n=1&x=%2B+a", call(Digits="1", Body="", Weird="é 你好 &=+"))
    assert response.status == 200
    assert response.content_type == "text/xml"
    assert "step 1" in await response.text()
    assert heard[0].form["Weird"] == "é 你好 &=+"
    assert heard[0].form["Body"] == ""
    assert heard[0].query["x"] == "+ a"
    assert (await twilio_door.post("/test/told", call())).status == 204
    # Should the retries that setup asks for be signed with the address, they count.
    whole = f"{PUBLIC}/webhooks/twilio/test/told{RETRIES}"
    assert (await twilio_door.post("/test/told", call(), url=whole)).status == 204


FORGED: list[dict[str, Any]] = [
    {"signed": ""},
    {"signed": "x" * 28},
    {"signed": "é" * 28},
    {"signed": "A" * 5_000},
    {"token": "another token"},
    {"url": f"{PUBLIC}/webhooks/twilio/test/step?n=2"},
    {"url": "https://attacker.example/webhooks/twilio/test/step"},
    {"body": b"AccountSid=AC00000000000000000000000000000000&CallSid=x"},
    {"body": b"CallSid=%ff%fe"},
    {"body": b"\xff\xfe\x00"},
    {"body": b"%"},
    {"body": b"&".join(b"a%d=1" % number for number in range(2_000))},
    {"body": b'{"json": true}', "headers": {"Content-Type": "application/json"}},
    {"body": b"[" * 9_000, "headers": {"Content-Type": "application/json"}},
    {"headers": {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}},
    {"headers": {"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}},
    {"headers": {"Content-Type": "multipart/form-data; boundary=x"}},
    {"headers": {"Content-Encoding": "gzip"}},
]


async def test_everything_else_is_forbidden(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    for wrong in FORGED:
        response = await twilio_door.post("/test/step", call(), **wrong)
        assert response.status == 403, wrong
    assert heard == []


async def test_strangers_never_hear_too_many_and_twilio_neither(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    """Forged requests from one address, far more than people may make: the next real one is answered."""
    for _ in range(3):
        answers = await asyncio.gather(*(twilio_door.post("/test/told", call(), signed="x") for _ in range(100)))
        assert {answer.status for answer in answers} == {403}
    assert (await twilio_door.post("/test/told", call())).status == 204
    headers = {"Origin": "https://www.twilio.com", "Sec-Fetch-Site": "cross-site"}
    assert (await twilio_door.post("/test/told", call(), headers=headers)).status == 204


async def test_what_is_too_long_is_not_read(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    assert (await twilio_door.post("/test/step", call(Body="x" * 70_000))).status == 413
    assert (await twilio_door.post("/test/step", call(Body="x" * 60_000))).status == 200
    assert len(heard) == 1


async def test_what_breaks_off_does_nothing(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    params = call()
    host, port = twilio_door.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /webhooks/twilio/test/step HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nCallSid=1")
    await writer.drain()
    writer.write_eof()
    await reader.read()
    writer.close()
    await writer.wait_closed()
    assert (await twilio_door.post("/test/step", params)).status == 200
    assert len(heard) == 1


async def test_nul_is_left_out_after_the_signature_was_checked(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    assert (await twilio_door.post("/test/received", {"Body": "remove\0 null bytes\0"})).status == 200
    assert heard[0].form["Body"] == "remove null bytes"


async def test_a_sub_account_is_believed_by_its_own_token_alone(
    heard: list[Webhook], house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    account = twilio.add_account()
    stranger = call(AccountSid=account)
    assert (await twilio_door.post("/test/told", stranger, token=twilio.tokens[account])).status == 403
    tokens = Tokens(twilio.account_sid, [("", "new"), ("", twilio.token), (account, twilio.tokens[account])])
    form = MultiDict(stranger)
    assert tokens.signed_form("https://x/y", form, signature(twilio.tokens[account], "https://x/y", stranger))
    assert not tokens.signed_form("https://x/y", form, signature(twilio.token, "https://x/y", stranger))
    own = {"AccountSid": twilio.account_sid}
    for token in ("new", twilio.token):  # both, while they are rotated
        assert tokens.signed_form("https://x:8443/y", MultiDict(own), signature(token, "https://x/y", own))


def vectors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(real_file("twilio/signature_vectors.json").read_text())
    return found


def test_signatures_of_twilios_own_libraries() -> None:
    for vector in vectors():
        tokens = Tokens("AC1", [("", vector["token"])])
        if vector["body"] is not None:
            valid = tokens.signed_body(vector["url"], vector["body"].encode(), "", vector["signature"])
        else:
            valid = tokens.signed_form(vector["url"], MultiDict(vector["params"]), vector["signature"])
        assert valid == vector["valid"], vector["id"]


async def test_json_is_believed_by_its_digest(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    body = b'{"event": "x"}'
    query = f"?bodySHA256={sha256(body).hexdigest()}"
    url = f"{PUBLIC}/webhooks/twilio/test/told{query}"
    made = signature(twilio_door.twilio.token, url, {})
    headers = {"Content-Type": "application/json"}
    for sent, status in ((body, 204), (b'{"event": "y"}', 403)):
        response = await twilio_door.post(f"/test/told{query}", {}, signed=made, body=sent, headers=headers)
        assert response.status == status
    assert [hook.body for hook in heard] == [body]


async def test_payloads_of_others_get_in_whole(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    """Their accounts are no accounts of ours: the same with ours gets in, and theirs does not."""
    for line in real_file("twilio/payloads.jsonl").read_text().splitlines():
        params = dict(json.loads(line)["params"])
        assert (await twilio_door.post("/test/received", params)).status == 403
        del params["AccountSid"]
        heard.clear()
        assert (await twilio_door.post("/test/received", params)).status == 200
        assert {name: heard[0].form[name] for name in params} == {k: v.replace("\0", "") for k, v in params.items()}


# Once


async def test_twenty_at_once_have_one_effect_and_one_answer(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    params, token = call(), new_sid("")
    answers = await asyncio.gather(*(twilio_door.post("/test/step", params, idempotency=token) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert {await answer.text() for answer in answers} == {SAY.format("step 1")}
    assert len(heard) == 1


async def test_one_event_told_under_another_token_is_the_same(heard: list[Webhook], twilio_door: TwilioDoor) -> None:
    params = call()
    first, again = [await (await twilio_door.post("/test/step?n=3", params)).text() for _ in range(2)]
    assert first == again
    assert len(heard) == 1
    assert "step 2" in await (await twilio_door.post("/test/step?n=4", params)).text()


async def test_what_failed_was_not_claimed_and_is_done_by_the_next(house: House) -> None:
    async def fail(uow: UnitOfWork) -> str:
        raise Unavailable()

    async def work(uow: UnitOfWork) -> str:
        return "done"

    with pytest.raises(Unavailable):
        await once(house, ["a", "b"], fail)
    assert await once(house, ["b", "a"], work) == "done"
    assert await once(house, ["c", "a"], fail) == "done"
    assert await once(house, ["c"], fail) == "done"  # the new key got the answer, too
    assert await once(house, ["x" * 500], work) == "done"
    assert await once(house, ["x" * 500], fail) == "done"


async def test_what_was_answered_is_sealed_and_forgotten(house: House) -> None:
    async def work(uow: UnitOfWork) -> str:
        return "Your ticket is T10001."

    await once(house, ["k"], work)
    kept = await house.db.fetchval("SELECT reply_cipher FROM webhook_claim WHERE key = 'k'")
    assert b"ticket" not in kept
    async with house.unit(SYSTEM) as uow:
        assert await forget_claims(uow, uow.now - timedelta(hours=1)) == 0
        assert await claim(uow, ["k"]) == "Your ticket is T10001."
        assert await forget_claims(uow, uow.now) == 1
        assert await claim(uow, ["k"], "another") is None


# In time


@pytest.fixture
async def slow(house: House, db_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncpg.Connection]:
    """Somebody holds the table, so that every claim waits; ``rollback`` lets it go on."""
    monkeypatch.setattr(doors, "ANSWER_SECONDS", 0.2)
    connection = await asyncpg.connect(db_url)
    await connection.execute("BEGIN; LOCK TABLE webhook_claim")
    yield connection
    await connection.close()


async def test_a_caller_holds_while_the_database_hangs_and_loses_nothing(
    heard: list[Webhook], twilio_door: TwilioDoor, slow: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = call(Digits="7", SpeechResult="my bill")
    response = await twilio_door.post("/test/step?n=1", params)
    document = await response.text()
    assert response.status == 200
    assert "Please hold" in document
    again = document.split('<Redirect method="POST">')[1].split("</Redirect>")[0].replace("&amp;", "&")
    assert again.startswith(f"{PUBLIC}/webhooks/twilio/test/step?n=1&")
    await slow.execute("ROLLBACK")
    monkeypatch.setattr(doors, "ANSWER_SECONDS", 20.0)
    del params["Digits"], params["SpeechResult"]  # Twilio tells them once
    found = await (await twilio_door.post(again.split("/webhooks/twilio")[1], params)).text()
    assert found == SAY.format("step 1")
    assert len(heard) == 1
    assert (heard[0].form["Digits"], heard[0].form["SpeechResult"]) == ("7", "my bill")


async def test_after_holding_long_enough_a_caller_goes_another_way(
    heard: list[Webhook], twilio_door: TwilioDoor, slow: asyncpg.Connection
) -> None:
    assert "sip:queue@pbx.example" in await (await twilio_door.post("/test/step?n=1&again=3", call())).text()
    # Where holding makes no sense they go there at once.
    assert "sip:queue@pbx.example" in await (await twilio_door.post("/test/whisper?n=1", call())).text()


async def test_the_answer_carries_on_what_the_first_said_when_the_second_is_first(
    heard: list[Webhook], twilio_door: TwilioDoor
) -> None:
    await twilio_door.post("/test/step?n=1&again.Digits=7&again=2", call())
    assert heard[0].form["Digits"] == "7"
    assert heard[0].tries == 2


async def test_what_cannot_be_taken_is_said_so_that_twilio_goes_on(
    heard: list[Webhook], twilio_door: TwilioDoor
) -> None:
    for path, status, body in (
        ("/test/received?raise=unavailable", 503, "unavailable"),  # Twilio asks the fallback address
        ("/test/received?raise=defect", 503, "unavailable"),
        ("/test/received?raise=invalid", 200, "<Response"),  # the fallback address would refuse it, too
        ("/test/told?raise=unavailable", 503, "unavailable"),
    ):
        response = await twilio_door.post(path, {})
        assert (response.status, body in await response.text()) == (status, True), path


async def test_a_database_that_is_away_keeps_the_caller(
    heard: list[Webhook], house: House, twilio_door: TwilioDoor
) -> None:
    await house.db.close()
    response = await twilio_door.post("/test/step", call())
    assert (response.status, "<Redirect" in await response.text()) == (200, True)


async def test_an_answer_that_twilio_would_not_take_is_not_sent(
    house: House, monkeypatch: pytest.MonkeyPatch, twilio: FakeTwilio
) -> None:
    """Longer than 64 kB."""

    async def long(house: House, hook: Webhook) -> Reply:
        return Reply.twiml(SAY.format("x" * 70_000))

    monkeypatch.setattr(
        webhooks, "MODULES", (SimpleNamespace(routes=[twilio_webhook("/test/long", kind="voice")(long)]),)
    )
    async with served(house, twilio) as found:
        answer = await found.post("/test/long", call())
        assert "<Redirect" in await answer.text()


async def test_without_twilio_nobody_gets_in(house: House, heard: list[Webhook]) -> None:
    fake = FakeTwilio()
    house.settings = house.settings.model_copy(update={"public_url": PUBLIC})
    async with served(house, fake) as found:
        assert (await found.post("/test/told", {})).status == 403
