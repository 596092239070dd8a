"""Templates in the records: versions that stay, values for many by one statement, previews, tests, clicks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.campaigns import tokens
from hotline.campaigns.links import link_values
from hotline.campaigns.manifest import digest
from hotline.campaigns.render import compile_version, render
from hotline.crm.commands.campaigns.templates import freeze_links
from hotline.crm.company import Company, Prices
from hotline.crm.queries.campaigns.campaigns import get_campaign
from hotline.crm.queries.campaigns.templates import get_template_version, list_template_versions, read_versions
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, Invalid, TooMany
from hotline.ids import new_id
from hotline.workflows.campaigns import campaigns, links
from hotline.workflows.campaigns.template_content import version_of_variants
from hotline.workflows.campaigns.template_previews import preview
from hotline.workflows.campaigns.template_tests import send_test
from hotline.workflows.campaigns.templates import archive_template, change_template, create_template
from hotline.workflows.company.company import put
from hotline.workflows.company.fields import create_field
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.customers.erasure import erase
from hotline.workflows.customers.purchases import add_purchase
from hotline.workflows.house import House
from hotline.workflows.pushes import push_values
from hotline.workflows.tickets.tickets import create_ticket
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.running import look
from tests.integration.campaigns.test_dispatch import dispatching, states_are
from tests.integration.mail import mail_house
from tests.integration.people import add_user, viewer_as
from tests.integration.web.conftest import Api

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def field(house: House, key: str, kind: str, **more: Any) -> None:
    data: Any = {"record": "customer", "key": key, "names": {"en": key}, "type": kind, **more}
    await create_field(house, SYSTEM, data)


async def customer(house: House, name: str, **more: Any) -> UUID:
    data: Any = {"name": name, "kind": "person", **more}
    return (await create_customer(house, SYSTEM, data)).id


def sms(body: str, name: str = "Autumn") -> Any:
    return {"name": name, "channel": "sms", "locales": {"en": {"body": body}}}


async def test_what_a_template_said_stays_as_it_was(house: House) -> None:
    marketer = await add_user(house, "mia", "marketer")
    made = await create_template(house, marketer, sms("Hi {{ name }}"))
    assert made.content["locales"]["en"] == {"body": "Hi {{ customer.name }}"}
    assert made.sha256 == digest(made.content)
    other = await add_user(house, "max", "marketer")
    changed = await change_template(house, other, made.id, {"locales": {"en": {"body": "Bye"}}}, made.version)
    assert (changed.number, changed.by) == (2, "Max")
    assert await change_template(house, other, made.id, {"locales": {"en": {"body": "Bye"}}}) == changed
    renamed = await change_template(house, other, made.id, {"name": "Winter"})
    assert (renamed.number, renamed.name) == (2, "Winter")
    first = await get_template_version(house.db, marketer, made.id, 1)
    assert (first.content, first.sha256, first.user_id) == (made.content, made.sha256, marketer.user_id)
    assert [each.number for each in await list_template_versions(house.db, marketer, made.id)] == [2, 1]
    with pytest.raises(Conflict):
        await change_template(house, other, made.id, {"name": "Spring"}, made.version)
    with pytest.raises(Forbidden):
        await change_template(house, viewer_as("reviewer"), made.id, {"name": "Spring"})


async def test_a_name_is_given_once(house: House) -> None:
    marketer = await add_user(house, "mia", "marketer")
    made = await create_template(house, marketer, sms("Hi"))
    with pytest.raises(Conflict, match="name: "):
        await create_template(house, marketer, sms("Ho", "AUTUMN"))
    await archive_template(house, marketer, made.id)
    second = await create_template(house, marketer, sms("Ho"))
    with pytest.raises(Conflict, match="name: "):
        await archive_template(house, marketer, made.id, archived=False)
    await archive_template(house, marketer, second.id)
    assert (await archive_template(house, marketer, made.id, archived=False)).archived_at is None


async def test_placeholders_are_held_against_the_companys_fields(house: House) -> None:
    with pytest.raises(Invalid, match=r"locales\.en\.body: there is no value called custom\.city"):
        await create_template(house, SYSTEM, sms("Hi {{ custom.city }}"))
    await field(house, "city", "text")
    made = await create_template(house, SYSTEM, sms("Hi {{ city }}"))
    assert made.content["locales"]["en"]["body"] == "Hi {{ custom.city }}"


async def test_content_of_one_campaign_is_kept_without_a_template(house: House) -> None:
    marketer = await add_user(house, "mia", "marketer")
    variants = [{"locale": "zh", "body": "{{ name }}您好"}, {"locale": "en", "body": "Hi {{ name }}"}]
    async with house.unit(marketer) as uow:
        first = await version_of_variants(uow, "sms", variants)
        assert await version_of_variants(uow, "sms", variants) == first
        with pytest.raises(Invalid, match=r"variants\.1\.body: there is no value called nam"):
            await version_of_variants(uow, "sms", [{"body": "a"}, {"locale": "zh", "body": "{{ nam }}"}])
        with pytest.raises(Invalid, match=r"variants\.1\.locale: this language is there already"):
            await version_of_variants(uow, "sms", [{"body": "a"}, {"locale": "EN", "body": "b"}])
    async with house.unit(viewer_as("marketer", (await add_user(house, "max", "marketer")).user_id)) as uow:
        # Who wrote what is sent cannot approve it: everybody's words are their own.
        assert await version_of_variants(uow, "sms", variants) != first
    kept = (await read_versions(house.db, SYSTEM, [first]))[first]
    assert (kept.template_id, kept.content["default"], sorted(kept.content["locales"])) == (None, "zh", ["en", "zh"])


async def test_values_of_many_are_read_by_one_statement(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, kind in (("city", "text"), ("due", "date"), ("points", "number"), ("owed", "money"), ("ok", "boolean")):
        await field(house, key, kind, **({"currency": "EUR"} if kind == "money" else {}))
    custom = {"city": "Ulm", "due": "2026-12-01", "points": 7, "owed": {"amount": 1250, "currency": "EUR"}, "ok": True}
    ann = await customer(house, "Ann Lee", custom=custom, locale="en")
    wang = await customer(house, "王秀英", custom=custom, locale="zh")
    nobody = await customer(house, "Gone", locale="en")
    number = (await get_customer(house.db, house.keyring, SYSTEM, nobody)).reference
    await erase(house, SYSTEM, nobody, reason="request", confirm=number)
    names = {
        "customer.name", "customer.first_name", "customer.reference", "today", "company.name",
        "custom.city", "custom.due", "custom.points", "custom.owed", "custom.ok",
    }  # fmt: skip
    await put(house, SYSTEM, Company(name="Lanting"))
    monkeypatch.setattr(house, "clock", lambda: NOON)
    await push_values.schema_of(house)
    statements: list[str] = []
    plain = house.db.fetch

    async def fetch(sql: str, *arguments: Any) -> Any:
        statements.append(sql)
        return await plain(sql, *arguments)

    monkeypatch.setattr(house.db, "fetch", fetch)
    found = await push_values.values_for(house, {ann: "en", wang: "zh", nobody: "en"}, names)
    assert len(statements) == 1
    assert found.keys() == {ann, wang}
    told = {name: found[ann].get(name) for name in names}
    assert told == {
        "customer.name": "Ann Lee", "customer.first_name": "Ann", "customer.reference": told["customer.reference"],
        "today": "22 November 2026", "company.name": "Lanting", "custom.city": "Ulm", "custom.due": "1 December 2026",
        "custom.points": "7", "custom.owed": "12.50 EUR", "custom.ok": "yes",
    }  # fmt: skip
    assert found[wang]["custom.due"] == "2026年12月1日"
    assert (found[wang]["customer.first_name"], found[wang]["custom.ok"]) == ("王秀英", "是")


async def test_a_preview_names_what_is_missing(house: House) -> None:
    await field(house, "city", "text")
    await field(house, "pin", "text", private=True)
    ann = await customer(house, "Ann", custom={"pin": "1234"})
    made = await create_template(house, SYSTEM, sms("{{ name }}, {{ city }} {{ pin }} {{ tier | default('you') }}"))
    shown = await preview(house, SYSTEM, "sms", made.content, customer_id=ann)
    assert (shown.rendered.body, shown.missing) == ("Ann, [city] 1234 you", ("custom.city",))
    assert shown.segments is not None
    assert shown.segments.count == 1
    marketer = viewer_as("marketer")
    await put(house, SYSTEM, Prices(sms="+1 0.0079\n+86 0.045"))
    priced = await preview(house, SYSTEM, "sms", made.content)
    assert priced.costs == (("+86", "0.045 EUR"), ("+1", "0.0079 EUR"))
    masked = await preview(house, marketer, "sms", made.content, customer_id=ann)
    assert masked.rendered.body == "Ann, [city] ••• you"
    example = await preview(house, marketer, "sms", made.content)
    assert (example.missing, example.rendered.body) == ((), "Alex Morgan, [city] [pin] Gold")


BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"


async def clicked(api: Api, path: str, method: str = "GET", **headers: str) -> tuple[int, str | None]:
    named = {"User-Agent": BROWSER, **headers}
    async with api.client.request(method, path, allow_redirects=False, headers=named) as answer:
        return answer.status, answer.headers.get("Location")


async def test_a_tracked_link_leads_on_and_notes_the_click(house: House, api: Api) -> None:
    url = "https://shop.example/x?a=1&b=2"
    manifest, delivery, ann = new_id(), new_id(), await customer(house, "Ann")
    async with house.unit(SYSTEM) as uow:
        version = await version_of_variants(uow, "sms", [{"body": f"See {url} STOP"}], track_links=True)
        numbers = await freeze_links(uow, manifest, [version])
        assert await freeze_links(uow, manifest, [version]) == numbers == {url: 1}
    await house.db.execute(
        """INSERT INTO delivery (id, campaign_id, manifest_id, customer_id, channel, state, due_at, sent_at)
           VALUES ($1, $1, $2, $3, 'sms', 'sent', $4, $4)""",
        *(delivery, manifest, ann, house.clock() - timedelta(minutes=5)),
    )
    content = (await read_versions(house.db, SYSTEM, [version]))[version].content
    compiled = compile_version("sms", content, numbers).for_locale("en")
    secrets = links.secrets(house)
    values = link_values(compiled.links, "https://h.example", lambda n: tokens.click(secrets, delivery, n))
    path = render(compiled, values).body.split()[1].removeprefix("https://h.example")

    async def noted() -> tuple[Any, int, int]:
        row = await house.db.fetchrow(
            """SELECT clicked_at, (SELECT count(*) FROM link_click) AS clicks,
                   (SELECT count(*) FROM suppression) + (SELECT count(*) FROM consent) AS said FROM delivery"""
        )
        assert row is not None
        return row["clicked_at"], row["clicks"], row["said"]

    # Scanners fetch every link: HEAD, who says that they only look ahead, who names itself. They are counted apart.
    assert await clicked(api, path, "HEAD") == (302, url)
    assert await clicked(api, path, **{"Sec-Purpose": "prefetch;prerender"}) == (302, url)
    assert await clicked(api, path, **{"User-Agent": "Mozilla/5.0 (compatible; bingbot/2.0)"}) == (302, url)
    assert await noted() == (None, 1, 0)
    assert await house.db.fetchval("SELECT scanned_at FROM delivery") is not None
    assert await clicked(api, path) == (302, url)
    at, clicks, said = await noted()
    assert at is not None
    assert (clicks, said) == (1, 0)
    assert await clicked(api, path) == (302, url)
    assert await noted() == (at, 1, 0)
    # Nobody makes a link of their own of it: not another number, not another purpose, nothing behind it.
    others = [
        tokens.click(secrets, delivery, 2), tokens.unsubscribe(secrets, delivery), tokens.click(secrets, new_id(), 1),
        tokens.click((b"another secret",), delivery, 1), path[3:-1] + ("A" if path[-1] != "A" else "B"), "x", "a" * 500,
        "https:%2F%2Fevil.example", path[3:] + "%0d%0aLocation:%20https:%2F%2Fevil.example",
    ]  # fmt: skip
    for token in others:
        assert (await clicked(api, f"/c/{token}"))[0] == 404, token
    assert await clicked(api, f"{path}?url=https://evil.example&to=//evil.example") == (302, url)
    assert await noted() == (at, 1, 0)


async def test_links_with_values_and_who_follows_many_at_once(house: House, api: Api) -> None:
    await field(house, "coupon", "text", private=True)
    manifest, delivery = new_id(), new_id()
    ann = await customer(house, "Ann", custom={"coupon": "A/1?x#"})
    urls = [f"https://shop.example/{place}" for place in "abc"]
    body = " ".join([*urls, "https://shop.example/o/{{ coupon }}?n={{ first_name }} STOP"])
    async with house.unit(SYSTEM) as uow:
        version = await version_of_variants(uow, "sms", [{"body": body}], track_links=True)
        numbers = await freeze_links(uow, manifest, [version])
    assert list(numbers) == [*urls, "https://shop.example/o/{{ custom.coupon }}?n={{ customer.first_name }}"]
    await house.db.execute(
        """INSERT INTO delivery (id, campaign_id, manifest_id, customer_id, channel, state, due_at, sent_at)
           VALUES ($1, $1, $2, $3, 'sms', 'sent', $4, $4)""",
        *(delivery, manifest, ann, house.clock() - timedelta(minutes=5)),
    )
    paths = [f"/c/{tokens.click(links.secrets(house), delivery, n)}" for n in range(1, 5)]

    async def marks() -> tuple[bool, bool]:
        row = await house.db.fetchrow("SELECT clicked_at, scanned_at FROM delivery")
        assert row is not None
        return row["clicked_at"] is not None, row["scanned_at"] is not None

    assert await clicked(api, paths[3]) == (302, "https://shop.example/o/A%2F1%3Fx%23?n=Ann")
    assert await clicked(api, paths[0]) == (302, urls[0])
    assert await marks() == (True, False)
    # The third within moments: a browser's name or not, no person does that.
    assert await clicked(api, paths[1]) == (302, urls[1])
    assert await marks() == (False, True)
    await house.db.execute("UPDATE link_click SET at = at - interval '1 minute'")
    assert await clicked(api, paths[0]) == (302, urls[0])
    assert await marks() == (True, True)
    # What is not known any more leads nowhere, rather than to a page for nobody.
    await house.db.execute("UPDATE customer SET erased_at = now() WHERE id = $1", ann)
    assert (await clicked(api, paths[3]))[0] == 404
    assert await clicked(api, paths[2]) == (302, urls[2])


async def test_templates_by_the_api(house: House, api: Api) -> None:
    body = {
        "name": "News", "channel": "email", "track_links": True,
        "locales": {"en": {"subject": "Hi {{ name }}", "body": "Dear {{ name }},\n\nsee https://shop.example/x"}},
    }  # fmt: skip
    made = await api.post("/templates", body, role="marketer")
    assert made["content"]["locales"]["en"]["text"].startswith("Dear {{ customer.name }}")
    assert {each["code"] for each in made["findings"]} == {"mail_without_unsubscribe", "no_default"}
    shown = await api.post(f"/templates/{made['id']}/preview", {"locale": "en"}, role="reviewer", status=200)
    assert shown["subject"] == "Hi Alex Morgan"
    unsaved = {"channel": "sms", "content": {"body": "Hi {{ first_name }}"}}
    assert (await api.post("/templates/preview", unsaved, role="marketer", status=200))["body"] == "Hi Alex"
    wrong = {**body, "name": "Other", "locales": {"en": {"subject": "a", "body": "{{ nam }}"}}}
    assert "locales.en.body" in str(await api.post("/templates", wrong, role="marketer", status=422))
    change = {"track_links": False, "version": made["version"]}
    changed = await api.patch(f"/templates/{made['id']}", change, role="marketer")
    assert (changed["number"], changed["content"]["locales"]) == (2, made["content"]["locales"])
    await api.patch(f"/templates/{made['id']}", {"name": "x", "version": made["version"]}, role="marketer", status=409)
    versions = await api.get(f"/templates/{made['id']}/versions", role="reviewer")
    assert [each["number"] for each in versions["items"]] == [2, 1]
    one = await api.get(f"/templates/{made['id']}/versions/1", role="reviewer")
    assert one["sha256"] == made["sha256"]
    assert "customer.name" in (await api.get("/templates/placeholders", role="reviewer"))["items"]
    listed = await api.get("/templates?channel=email", role="marketer")
    assert [each["id"] for each in listed["items"]] == [made["id"]]
    await api.get("/templates", role="agent", status=403)
    await api.patch(f"/templates/{made['id']}", {"name": "x"}, role="reviewer", status=403)
    archived = await api.post(f"/templates/{made['id']}/archive", None, role="marketer", status=200)
    assert archived["archived_at"] is not None
    assert (await api.get("/templates", role="marketer"))["items"] == []


async def test_what_set_a_message_off_is_read_by_one_statement(house: House) -> None:
    ann = await customer(house, "Ann")
    ticket = await create_ticket(house, SYSTEM, {"kind": "complaint", "subject": "No heat", "customer_id": ann})
    bought: Any = {"kind": "product", "title": "A lamp", "at": NOON, "amount": 1999, "currency": "EUR", "ends_at": NOON}
    purchase = await add_purchase(house, SYSTEM, ann, bought)
    first, second, third = new_id(), new_id(), new_id()
    facts = {first: {"ticket_id": str(ticket.id)}, second: {"purchase_id": str(purchase.id)}, third: None}
    found = await push_values.trigger_values_for(house, facts, dict.fromkeys(facts, "zh"), {"ticket.subject"})
    assert found == {
        first: {"ticket.reference": ticket.reference, "ticket.subject": "No heat"},
        second: {
            "purchase.title": "A lamp",
            "purchase.amount": "19.99 EUR",
            "fee.amount": "19.99 EUR",
            "fee.due": "2026年11月22日",
        },
    }
    assert await push_values.trigger_values_for(house, facts, dict.fromkeys(facts, "zh"), {"customer.name"}) == {}


async def test_a_test_goes_to_who_asks_and_to_nobody_else(house: House) -> None:
    marketer = await add_user(house, "mia", "marketer", email="mia@company.example")
    ann = await customer(house, "Ann", contact_points=[{"kind": "email", "value": "ann@example.com"}])
    data: Any = {
        "name": "News", "channel": "email",
        "locales": {"zh": {"subject": "{{ name }}您好", "body": "您好 {{ name }}，请看 https://shop.example.com/"}},
    }  # fmt: skip
    made = await create_template(house, marketer, data)
    async with mail_house(house) as sink:
        sent = await send_test(house, marketer, "email", made.content, template_id=made.id)
        arrived = sink.mails[0]
        assert arrived.recipients == ["mia@company.example"]
        assert arrived.mail["Subject"] == "[测试] 王小明您好"
        assert "请看 https://shop.example.com/" in arrived.text
        assert "mia@company.example" not in sent.to
        await house.db.execute(
            "INSERT INTO outbound_stop (id, stopped_at, reason, epoch) VALUES (1, now(), '', 1)"
            " ON CONFLICT (id) DO UPDATE SET stopped_at = now()"
        )
        with pytest.raises(Conflict, match="stopped"):
            await send_test(house, marketer, "email", made.content)
        await house.db.execute("UPDATE outbound_stop SET stopped_at = NULL")
        await house.db.execute(
            """INSERT INTO audit_entry (id, at, actor_kind, actor_id, action)
               SELECT gen_random_uuid(), now(), 'user', $1, 'template:tested' FROM generate_series(1, 19)""",
            marketer.user_id,
        )
        with pytest.raises(TooMany):
            await send_test(house, marketer, "email", made.content)
        with pytest.raises(Forbidden):
            await send_test(house, viewer_as("reviewer"), "email", made.content)
        nobody = await add_user(house, "max", "marketer")
        with pytest.raises(Invalid, match="you have no email address"):
            await send_test(house, nobody, "email", made.content)
        # Whoever enters a customer's address as their own writes to nobody by it.
        liar = await add_user(house, "lea", "marketer", email="ann@example.com")
        with pytest.raises(Conflict, match="is a customer's, too"):
            await send_test(house, liar, "email", made.content)
        bell: Any = {"default": "en", "track_links": False, "locales": {"en": {"title": "T", "body": "B"}}}
        with pytest.raises(Invalid, match="cannot be tried out"):
            await send_test(house, marketer, "inapp", bell, customer_id=ann)
        assert len(sink.mails) == 1
    row = await house.db.fetchrow("SELECT subject_id, data FROM audit_entry WHERE subject_id = $1 AND action = 'template:tested'", made.id)  # noqa: E501  # fmt: skip
    assert row is not None
    assert row["data"] == {"channel": "email", "locale": "zh"}


async def test_rule_16_a_template_that_says_something_else_voids_at_once(
    house: House, approved: MakeCampaign, marketer: Viewer
) -> None:
    made = await create_template(house, marketer, sms("Hello {{ name }}. Reply STOP to end."))
    running = await approved(variants=[{"template_id": str(made.id)}])
    await campaigns.start(house, marketer, running.id)
    await change_template(house, marketer, made.id, {"name": "Another name"})
    assert (await get_campaign(house.db, marketer, running.id)).state == "running", "what it says is the same"
    await change_template(house, marketer, made.id, {"locales": {"en": {"body": "Hello. Reply STOP to end."}}})
    changed = await get_campaign(house.db, marketer, running.id)
    assert (changed.state, changed.state_reason, changed.manifest_id) == ("draft", "template_changed", None)


async def test_links_of_a_campaign_lead_where_its_manifest_says(
    house: House, approved: MakeCampaign, marketer: Viewer, people: People, api: Api
) -> None:
    await people(2)
    url = "https://shop.example.com/autumn?a=1&b=2"
    written = url.replace("&", "&amp;")
    html = f'<p>Dear {{{{ name }}}}</p><a href="{written}">Look</a> <a href="{{{{ unsubscribe_url }}}}">Stop</a>'
    variants = [{"locale": "en", "subject": "News", "body": html}]
    async with mail_house(house) as sink:
        made = await approved(channel="email", track_links=True, variants=variants)
        await campaigns.start(house, marketer, made.id)
        await look(house)
        async with dispatching(house):
            await states_are(house, made.id, sent=2)
        mails: list[Any] = [
            part for each in sink.mails for part in each.mail.walk() if part.get_content_maintype() == "text"
        ]
    parts = [str(part.get_content()) for part in mails]
    found = [re.search(rf"{re.escape(house.settings.base_url)}(/c/[A-Za-z0-9_-]+)", part) for part in parts]
    paths = [match[1] for match in found if match]
    assert len(paths) == 4
    assert len(set(paths)) == 2, "each recipient has one of their own, the same in both parts"
    assert not any("shop.example.com" in part for part in parts)
    assert await clicked(api, paths[0]) == (302, url)
    assert await house.db.fetchval("SELECT count(*) FROM delivery WHERE clicked_at IS NOT NULL") == 1
    # A row that somebody changed leads nobody anywhere: the approved manifest says something else.
    await house.db.execute("UPDATE tracked_link SET url = 'https://evil.example.com/'")
    assert (await clicked(api, paths[0]))[0] == 404
