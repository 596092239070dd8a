"""Every page and the desk's states in both themes and both languages, as ``looks`` looks at them."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.async_api import Page

from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.calls import wrap_ups
from hotline.workflows.company import senders
from hotline.workflows.conversations import macros, message_files, messages, replies
from hotline.workflows.conversations.messages import Inbound
from hotline.workflows.conversations.replies import NewReply
from hotline.workflows.tickets import tickets
from hotline.workflows.tickets.tickets import NewTicket
from tests.e2e.desk.conftest import Desk
from tests.e2e.desk.looks import LOOKS, Look, Theme, violations

PAGES = (
    "/",
    "/tickets?view=open",
    "/tickets?view=overdue",
    "/tickets/new?customer={customer}",
    "/tickets/{ticket}",
    "/callbacks",
    "/conversations",
    "/conversations/{conversation}",
    "/conversations/new?customer={customer}",
    "/macros/new",
    "/settings/senders",
    "/customers",
    "/customers/new",
    "/customers/{customer}",
    "/customers/{customer}/edit",
    "/customers/{customer}/history",
    "/duplicates",
    "/imports",
    "/jobs",
    "/users",
    "/users/new",
    "/users/{user}",
    "/users/{user}/edit",
    "/users/{user}/rights",
    "/teams",
    "/teams/new",
    "/roles",
    "/roles/new",
    "/performance",
    "/profile",
    "/profile/settings",
    "/profile/security",
    "/tokens",
    "/flows",
    "/flows/main",
    "/setup",
    "/system",
    "/components",
    "/nowhere",
)

#: So many tests share the pages, that none takes long.
PARTS = 3


async def furnish(desk: Desk, locale: str) -> dict[str, str]:
    """Records for the pages to show; their ids."""
    root = await desk.hire(
        "root", "administrator", locale=locale, interfaces=["PJSIP/agent1"], queues=["support"], extension="1001"
    )
    bert = await desk.hire("bert", interfaces=["PJSIP/agent9"], queues=["support", "sales"], extension="1009")
    customer = await desk.customer("王秀英 Wang Xiuying", "+8613800006620", tier="gold", tags=["works from home"])
    await desk.customer("李国强 Li Guoqiang", "+8613800006620")
    await desk.customer("Emma Clarke", "+442079460158", tier="platinum")
    await desk.house.db.execute(
        """INSERT INTO pbx_state (pbx, connected, version, lag_ms, error, node)
           VALUES ('main', true, '22.10.0', 3, '', 'n')"""
    )
    ring = await desk.telephone.ring("+442079460158", "PJSIP/agent1", ivr={"language": "zh", "kind": "complaint"})
    await ring.answer()
    await ring.end()
    await wrap_ups.wrap_up_call(desk.house, root, ring.call_id, disposition="follow_up", note="答应周二回电。")
    missed = await desk.telephone.ring("+442079460777", "PJSIP/agent1")
    await missed.give_up()
    fields: NewTicket = {"kind": "service_request", "subject": "Static IP", "customer_id": customer.id}
    await tickets.create_ticket(desk.house, root, {**fields, "assignee": "root", "priority": "urgent"})
    ticket_id = await desk.house.db.fetchval("SELECT ticket_id FROM call WHERE id = $1", ring.call_id)
    await tickets.change_ticket(
        desk.house, root, ticket_id, {"subject": "Router restarts every evening", "state": "waiting"}
    )
    conversation = await talk(desk, root)
    ids = {
        "customer": customer.id, "user": bert.user_id, "root": root.user_id, "ticket": ticket_id,
        "conversation": conversation,
    }  # fmt: skip
    return {name: str(each) for name, each in ids.items()}


async def talk(desk: Desk, root: Viewer) -> UUID:
    """A conversation with everything in it that a page shows: what they wrote, hotline's own answer, a reply that did
    not arrive, a note, a file; and a macro."""
    house = desk.house
    sender = await senders.create_sender(house, root, {"channel": "sms", "address": "+14155550100", "name": "Service"})
    picture = await message_files.keep(house, "lights.txt", b"red, three times")
    inbound = Inbound(
        channel="sms", address="+442079460158", body="Hello? The router is off again.", at=house.clock(),
        provider_id="SM1", provider_account="AC1", sender_id=sender.id, files=(picture,),
    )  # fmt: skip
    async with house.unit(SYSTEM) as uow:
        received = await messages.receive(house, uow, inbound)
    reply = await replies.send(house, root, received.conversation_id, NewReply(body="We look into it."))
    await house.db.execute(
        "UPDATE message SET state = 'permanent_failure', error_code = '30005' WHERE id = $1", reply.id
    )
    await replies.send(house, root, received.conversation_id, NewReply(body="Third time this week.", note=True))
    texts = {"en": "Hello {customer.name}", "zh": "{customer.name}您好"}
    actions = {"kind": "complaint", "tags": ["router"], "state": "waiting"}
    await macros.create_macro(house, root, {"name": "Greeting", "audience": "all", "texts": texts, "actions": actions})
    return received.conversation_id


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_every_page(desk: Desk, locale: str, theme: Theme, part: int) -> None:
    desk.expected += ["404"]
    ids = await furnish(desk, locale)
    page = await desk.page("root", color_scheme=theme)
    look = Look(locale)
    await look.visit(page, desk.url, [path.format(**ids) for path in PAGES[part::PARTS]], [theme])
    if part == 0 and locale == "en":
        await page.goto(desk.url + "/api/v1/docs")
        look.problems += [f"/api/v1/docs: {found}" for found in await violations(page)]
    assert not look.problems, "\n".join(look.problems)


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_the_desk_in_its_states(desk: Desk, locale: str) -> None:
    desk.expected += ["ERR_", "Failed to fetch", "net::"]
    await furnish(desk, locale)
    themes = [theme for language, theme in LOOKS if language == locale]
    seen = Look(locale)

    async def look(page: Page, name: str) -> None:
        await seen.at(page, f"desk-{name}", themes, full=False)
        await page.set_viewport_size({"width": 1440, "height": 900})

    page = await desk.page("root")
    shared = await desk.telephone.ring("+8613800006620", "PJSIP/agent1")
    await page.wait_for_selector(".ring-card")
    await look(page, "ringing")
    unknown = await desk.telephone.ring("+442079460999", "PJSIP/agent1")
    await page.wait_for_selector(".ring-card[data-compact]")
    await look(page, "two-rings")
    await shared.give_up()
    await page.wait_for_selector(".ring-card[data-compact]", state="detached")
    await unknown.answer()
    await page.wait_for_selector(".call-card")
    await page.click("[data-part=transfer]")
    await page.wait_for_selector(".targets li")
    await look(page, "in-call")
    await page.click("#presence summary")
    await look(page, "presence")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("wang")
    await page.wait_for_selector("[data-found]")
    await look(page, "palette")
    await page.keyboard.press("Escape")
    await page.keyboard.press("F6")
    await page.keyboard.press("?")
    await page.wait_for_selector("#keys[open]")
    await look(page, "keys")
    await page.keyboard.press("Escape")
    await page.context.set_offline(True)
    desk.cut()
    await page.wait_for_selector("#line:not([hidden])")
    await look(page, "offline")
    await page.context.set_offline(False)
    await page.wait_for_selector("#line", state="hidden")
    await unknown.end()
    await page.wait_for_selector(".call-card[data-state=wrap]")
    await look(page, "wrap-up")
    assert not seen.problems, "\n".join(seen.problems)
