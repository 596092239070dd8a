"""The ticket at the desk: filled by the caller's choice, changed while talking, wrapped up after; lists and page."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from playwright.async_api import Page, Route, expect

from hotline.crm.viewer import Viewer
from hotline.workflows.tickets import tickets as workflow
from tests.e2e.desk.conftest import Desk
from tests.e2e.desk.looks import violations
from tests.waiting import until

ANNA = "PJSIP/agent1"
NUMBER = "+442079460158"
COMPLAINT = {
    "flow": "main", "version": 1, "language": "zh", "kind": "complaint", "path": ["language:2", "menu:2"],
    "queue": "support", "outcome": "queue",
}  # fmt: skip


async def staff(desk: Desk) -> tuple[Viewer, Viewer]:
    """Two agents, of whom Anna has a phone."""
    anna = await desk.hire("anna", interfaces=[ANNA], queues=["support"])
    return anna, await desk.hire("bert")


async def make(desk: Desk, viewer: Viewer, **fields: Any) -> Any:
    """A ticket opened by hand."""
    data: Any = {"kind": "consultation", "subject": "Static IP", **fields}
    return await workflow.create_ticket(desk.house, viewer, data)


async def column(desk: Desk, ticket_id: UUID, name: str) -> Any:
    """A column of the ticket."""
    return await desk.house.db.fetchval(f"SELECT {name} FROM ticket WHERE id = $1", ticket_id)


async def ticket_of(desk: Desk, call_id: UUID) -> UUID:
    """The ticket of a call."""
    found: UUID = await desk.house.db.fetchval("SELECT ticket_id FROM call WHERE id = $1", call_id)
    return found


async def saved(page: Page) -> None:
    """What is written has reached the server."""
    await expect(page.locator("#note-state")).to_contain_text("Saved")


async def test_from_the_callers_choice_to_the_end_of_the_wrap_up(desk: Desk) -> None:
    await staff(desk)
    await desk.customer("Emma Clarke", NUMBER)
    page = await desk.page("anna")
    ring = await desk.telephone.ring(NUMBER, ANNA, ivr=COMPLAINT)

    # While it rings: the way through the IVR on the card, the ticket open and filled, and nothing has the focus.
    card = page.locator(".ring-card")
    await expect(card).to_contain_text("中文 → Complaint")
    await expect(page.locator("[name=kind]:checked")).to_have_value("complaint")
    await expect(page.locator("#note [data-part=state-badge]")).to_have_text("Not answered yet")
    assert await page.evaluate("document.activeElement === document.body")
    assert await violations(page) == []

    # Saved while talking; the outcome is chosen before the call is over.
    await ring.answer()
    await expect(page.locator(".call-card")).to_contain_text("中文 → Complaint")
    ticket_id = await ticket_of(desk, ring.call_id)
    await page.fill("#ticket-subject", "Router restarts every evening")
    await page.select_option("#ticket-priority", "high")
    await page.fill("#note-field", "Wants an engineer at the cabinet.")
    await page.keyboard.press("Control+Enter")
    await saved(page)
    assert await column(desk, ticket_id, "priority") == "high"
    on_its_way = asyncio.Event()

    async def late(route: Route) -> None:
        await on_its_way.wait()
        await route.continue_()

    await page.route("**/wrap-up", late, times=1)
    await page.keyboard.press("Alt+2")
    await expect(page.locator("[data-outcome=follow_up]")).to_have_attribute("aria-pressed", "true")
    await page.fill("#note-field", "Wants an engineer at the cabinet. Tuesday.")

    # The wrap-up: the pill and the card say so, and finishing it saves what is written and ends it. The outcome of
    # before, which comes to the server only now, does not.
    await ring.end()
    await expect(page.locator(".call-card")).to_have_attribute("data-state", "wrap")
    async with page.expect_response("**/wrap-up"):
        on_its_way.set()
    await expect(page.locator("#presence summary")).to_contain_text("Wrap-up")
    assert await violations(page) == []
    await expect(page.locator(".call-card")).to_have_attribute("data-state", "wrap")
    await page.keyboard.press("Alt+w")
    await expect(page.locator(".call-card")).to_have_count(0)
    await expect(page.locator("#presence summary")).not_to_contain_text("Wrap-up")
    row = await desk.house.db.fetchrow("SELECT disposition, done_at FROM wrap_up WHERE call_id = $1", ring.call_id)
    assert row is not None
    assert row["disposition"] == "follow_up"
    assert row["done_at"] is not None
    mine = page.locator("#mine .work-row")
    await expect(mine).to_contain_text("Router restarts every evening")
    await expect(mine.locator("[data-clock]")).to_be_visible()
    await page.goto(f"{desk.url}/tickets/{ticket_id}")
    await expect(page.locator("h1")).to_have_text("Router restarts every evening")
    await expect(page.locator("#ticket-parts")).to_contain_text("Tuesday.")


async def test_a_joined_call_can_have_a_ticket_of_its_own_and_back(desk: Desk) -> None:
    anna, _ = await staff(desk)
    customer = await desk.customer("Emma Clarke", NUMBER)
    old = await make(desk, anna, kind="complaint", customer_id=customer.id)
    page = await desk.page("anna")
    ring = await desk.telephone.ring(NUMBER, ANNA, ivr=COMPLAINT)
    await ring.answer()
    strip = page.locator("[data-part=joined]")
    await expect(strip).to_contain_text(f"Joined to {old.reference} (complaint, today).")
    await strip.get_by_role("button").click()
    await expect(page.locator("#undo-place")).to_contain_text("a ticket of its own")
    assert await ticket_of(desk, ring.call_id) != old.id
    await page.locator("#undo-place [data-part=undo]").click()
    await expect(page.locator("#note [data-part=number]")).to_have_text(old.reference)

    async def back() -> bool:
        return bool(await ticket_of(desk, ring.call_id) == old.id)

    await until(back)


async def test_a_draft_outlives_a_reload_and_conflicts_are_told_by_field(desk: Desk) -> None:
    desk.expected.append("412")
    anna, bert = await staff(desk)
    ticket = await make(desk, anna, assignee="anna")
    page = await desk.page("anna")
    await page.locator("#mine .work-row").click()
    await page.fill("#ticket-subject", "Static IP for the office")
    await page.select_option("#ticket-priority", "high")
    await page.reload()
    await page.wait_for_selector("html[data-ready]")
    await expect(page.locator("#ticket-subject")).to_have_value("Static IP for the office")
    await expect(page.locator("#ticket-priority")).to_have_value("high")

    # Somebody else changes one of the two fields: the other is saved, this one asks.
    boss = await desk.hire("sue", "supervisor")
    await workflow.change_ticket(desk.house, boss, ticket.id, {"priority": "urgent"})
    await page.focus("#note-field")
    await page.keyboard.press("Control+Enter")
    conflict = page.locator("[data-field=priority] .field-conflict")
    await expect(conflict).to_contain_text("Meanwhile somebody else wrote: Urgent")
    await expect(page.locator("#ticket-subject")).to_have_value("Static IP for the office")
    assert await column(desk, ticket.id, "priority") == "urgent"
    assert await violations(page) == []
    await conflict.get_by_role("button", name="Keep mine").click()
    await page.focus("#note-field")
    await page.keyboard.press("Control+Enter")
    await saved(page)
    assert await column(desk, ticket.id, "priority") == "high"
    assert bert.user_id != anna.user_id


async def test_lists_by_keys_say_what_changed_and_do_not_jump(desk: Desk) -> None:
    anna, _ = await staff(desk)
    first = await make(desk, anna, subject="First")
    second = await make(desk, anna, subject="Second")
    page = await desk.page("anna", "/tickets?view=open")
    rows = page.locator("[data-row-link]")
    await expect(rows).to_have_count(2)
    order = await rows.all_inner_texts()
    await page.keyboard.press("j")
    await expect(rows.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await expect(rows.nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await expect(rows.nth(0)).to_be_focused()
    # A change elsewhere waits for a click.
    await workflow.change_ticket(desk.house, anna, second.id, {"subject": "Second, changed"})
    await expect(page.locator("[data-part=stale]")).to_contain_text("1 changed since you opened the view.")
    assert await rows.all_inner_texts() == order
    await expect(rows.nth(0)).to_be_focused()
    await page.keyboard.press("r")
    await expect(page.locator("table")).to_contain_text("Second, changed")
    # A view of one's own.
    await page.select_option("[name=kind]", "complaint")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.locator(".empty")).to_be_visible()
    await page.locator(".views summary").click()
    await page.fill(".views [name=name]", "Loud ones")
    await page.locator(".views .btn-primary").click()
    await expect(page.locator(".view-link.active")).to_contain_text("Loud ones")
    await page.goto(desk.url + "/tickets?view=open")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(f"/tickets/({first.id}|{second.id})"))


async def test_the_page_of_a_ticket_acts_and_undoes(desk: Desk) -> None:
    anna, _ = await staff(desk)
    ticket = await make(desk, anna)
    page = await desk.page("anna")
    read, asked = asyncio.Event(), []

    async def late(route: Route) -> None:
        asked.append(route.request.method)
        if len(asked) == 1:
            await read.wait()
        await route.continue_()

    await page.route(f"**/api/v1/tickets/{ticket.id}", late)
    await page.goto(f"{desk.url}/tickets/{ticket.id}")
    await page.get_by_role("button", name="Wait for the customer").click()
    await expect(page.locator("#ticket-parts .badge >> nth=0")).to_have_text("Waiting for customer")
    assert await column(desk, ticket.id, "state") == "waiting"
    await page.locator("#undo-place [data-part=undo]").click()  # there though the page has not read the ticket yet
    read.set()
    await expect(page.locator("#ticket-parts .badge >> nth=0")).to_have_text("Open")
    await page.keyboard.press("Alt+t")
    await expect(page.locator("#undo-place")).to_contain_text("The ticket is yours.")
    assert await column(desk, ticket.id, "assignee_id") == anna.user_id
    await page.fill("#note-field", "Told them about the price.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".timeline")).to_contain_text("Told them about the price.")
    assert await violations(page) == []


async def test_a_call_back_is_due_dialled_and_done(desk: Desk) -> None:
    await staff(desk)
    page = await desk.page("anna")
    ring = await desk.telephone.ring(NUMBER, ANNA)
    await ring.give_up()
    ticket_id = await ticket_of(desk, ring.call_id)
    await expect(page.locator("#mine")).to_contain_text("Call backs due")
    await expect(page.locator("#mine")).to_contain_text("7946 0158")
    await page.goto(desk.url + "/callbacks")
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request.post_data_json) if request.method == "POST" else None)
    desk.expected += ["409", "422", "503"]
    await page.locator("[data-dial-ticket]").click()
    await until(lambda: asked)
    assert asked[0]["action"] == "originate"
    assert asked[0]["ticket_id"] == str(ticket_id)
    await page.get_by_role("button", name="Done").click()
    await expect(page.locator("tr.is-done")).to_have_count(1)
    assert await column(desk, ticket_id, "callback_done_at") is not None
    await page.locator("#undo-place [data-part=undo]").click()
    await expect(page.locator("tr.is-done")).to_have_count(0)
    due = await column(desk, ticket_id, "callback_due")
    assert abs(due - datetime.now(UTC)) < timedelta(days=8)
