"""Writing in a conversation: what is typed outlives a reload and a lost line, and no second answer leaves unseen."""

from __future__ import annotations

import re
from uuid import UUID

from playwright.async_api import Page, expect

from hotline.crm.queries.conversations.senders import list_senders
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company import senders
from hotline.workflows.conversations import macros, messages, replies
from hotline.workflows.conversations.messages import Inbound
from hotline.workflows.conversations.replies import NewReply
from tests.e2e.desk.conftest import Desk


async def written(desk: Desk, text: str, address: str) -> str:
    """Somebody writes an SMS; the conversation's id."""
    house = desk.house
    found = await list_senders(house.db, SYSTEM)
    sender = found[0] if found else await senders.create_sender(
        house, SYSTEM, {"channel": "sms", "address": "+14155550100", "name": "Service"}
    )  # fmt: skip
    inbound = Inbound(
        channel="sms", address=address, body=text, at=house.clock(), provider_id=f"SM{address}",
        provider_account="AC1", sender_id=sender.id,
    )  # fmt: skip
    async with house.unit(SYSTEM) as uow:
        return str((await messages.receive(house, uow, inbound)).conversation_id)


async def opened(desk: Desk, talk: str) -> Page:
    page = await desk.page("root")
    await page.goto(f"{desk.url}/conversations")
    await page.click(f"[data-conversation='{talk}']")
    await page.wait_for_selector(f"[data-conversation-open='{talk}']")
    return page


async def test_a_reply_from_the_first_letter_to_the_undo(desk: Desk) -> None:
    desk.expected += ["409"]
    root = await desk.hire("root", "administrator")
    bert = await desk.hire("bert", "supervisor")
    talk = await written(desk, "Where is my parcel?", "+33612345678")
    texts = {"en": "Hello {customer.name}, one moment."}
    await macros.create_macro(desk.house, root, {"name": "One moment", "audience": "all", "texts": texts})
    page = await opened(desk, talk)
    field = page.locator("#reply-field")

    # A macro by keys: its text, with what there is nothing to fill in for.
    await page.keyboard.press("Alt+q")
    await page.keyboard.type("moment")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value(re.compile("one moment"))
    await expect(page.locator(".composer [data-part=problem]")).to_contain_text("customer.name")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".composer [data-part=problem]")).to_contain_text("not filled in")

    # What is typed is there after a reload; the counter names what makes it cost more.
    await field.fill("Bonjour — 你好")
    await expect(page.locator(".composer [data-part=count]")).to_contain_text("70 per SMS")
    await page.reload()
    await expect(field).to_have_value("Bonjour — 你好")

    # A colleague answers: both are shown, and one chooses.
    await replies.send(desk.house, bert, UUID(talk), NewReply(body="Bonjour, il arrive demain."))
    card = page.locator("[data-part=conflict] .alert")
    await expect(card).to_contain_text("il arrive demain")
    await card.get_by_role("button", name="Send mine, too").click()
    await expect(field).to_have_value("")
    await expect(page.locator(".msg.is-out:not(.is-auto) .msg-text")).to_have_text(
        ["Bonjour, il arrive demain.", "Bonjour — 你好"]
    )

    # A note looks unlike a reply, and closing is undone.
    await page.keyboard.press("Alt+n")
    await page.keyboard.type("Calls back at 4.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".msg.is-note")).to_contain_text("Calls back at 4.")
    await page.keyboard.press("Alt+r")
    await page.wait_for_selector("#conv-thread[data-state=closed]")
    await page.keyboard.press("Alt+z")
    await page.wait_for_selector("#conv-thread[data-state=open]")


async def test_what_arrives_is_shown_and_what_is_sent_without_a_line_leaves_later(desk: Desk) -> None:
    desk.expected += ["ERR_", "Failed to fetch", "net::"]
    await desk.hire("root", "administrator")
    talk = await written(desk, "Hello?", "+33612345678")
    page = await opened(desk, talk)
    other = await written(desk, "Is anybody there?", "+442079460158")
    # Rows do not jump under the pointer: what is new waits for a key.
    await expect(page.locator("[data-part=stale-text]")).to_contain_text("1 new")
    await page.keyboard.press("r")
    await expect(page.locator(f"[data-row='{other}']")).to_contain_text("Is anybody there?")
    await page.fill("#reply-field", "One moment, please.")
    await page.context.set_offline(True)
    desk.cut()
    await page.wait_for_selector("#line:not([hidden])")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".composer [data-part=kept]")).to_contain_text("when the line is back")
    await page.context.set_offline(False)
    await expect(page.locator(".msg.is-out:not(.is-auto) .msg-text")).to_have_text(["One moment, please."])
    sent = await desk.house.db.fetchval("SELECT count(*) FROM message WHERE kind = 'message' AND direction = 'out'")
    assert sent == 1
