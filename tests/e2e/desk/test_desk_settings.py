"""The settings pages: calendars, deadlines and sections, changed as an administrator does, and looked at."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from hotline.crm.company import Tickets
from hotline.crm.queries.company.calendars import get_calendar
from hotline.crm.queries.tickets.sla import list_policies
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company import calendars, company
from hotline.workflows.tickets import policies
from tests.e2e.desk.conftest import Desk
from tests.e2e.desk.looks import LOOKS, Look, Theme, violations

#: The shipped policy, whose name is the company's to change.
SAME = frozenset({"Complaint"})


async def submit(page: Page) -> None:
    async with page.expect_navigation():
        await page.click("form[data-draft] .form-foot .btn-primary")
    await page.wait_for_selector("html[data-ready]")


async def test_a_calendar_is_set_changed_and_refused(desk: Desk) -> None:
    desk.expected += ["422"]
    await desk.hire("root", "administrator")
    page = await desk.page("root", "/settings/calendars")
    # A fresh installation answers around the clock, and says so.
    async with page.expect_navigation():
        await page.click(".alert-accent a")
    assert page.url.endswith("/settings/calendars/opening_hours")
    await page.goto(desk.url + "/settings/calendars/default")
    await page.fill("[name=timezone]", "Europe/Berlin")
    await page.fill("[name=hours_mon]", "9:00-12:00，13:00 – 18:00")
    await page.fill("[name=hours_sat]", "22:00–06:00")
    async with page.expect_response("**/settings/calendars/parts*"):
        await page.select_option("[name=country]", "DE")
    await page.wait_for_selector("[name=subdivision] option[value=BY]", state="attached")
    await page.select_option("[name=subdivision]", "BY")
    await page.click("[data-add-row=exceptions]")
    await page.fill("[name=exception_date]", "2026-12-24")
    await page.fill("[name=exception_openings]", "09:00-12:00")
    await page.fill("[name=exception_reason]", "Christmas Eve")
    await submit(page)
    await expect(page.locator(".alert-ok")).to_be_visible()
    await page.goto(desk.url + "/settings/calendars/default?year=2026")
    await expect(page.locator(".special-days")).to_contain_text("Epiphany")
    await expect(page.locator(".special-days")).to_contain_text("Christmas Eve")
    spec = (await get_calendar(desk.house.db, SYSTEM, "default")).spec
    assert (spec.timezone, spec.country, spec.subdivision) == ("Europe/Berlin", "DE", "BY")
    assert spec.hours["mon"] == (("09:00", "12:00"), ("13:00", "18:00"))
    assert spec.hours["sat"] == (("22:00", "06:00"),)
    # What cannot be is said at its field, and what was typed stays.
    await page.fill("[name=hours_tue]", "9 to 5")
    await submit(page)
    await expect(page.locator("#hours_tue-error")).to_contain_text("is not a time")
    assert await page.input_value("[name=hours_tue]") == "9 to 5"


async def test_a_policy_is_made_asked_about_and_refused(desk: Desk) -> None:
    desk.expected += ["409"]
    await desk.hire("root", "administrator")
    page = await desk.page("root", "/settings/policies/new")
    await page.fill("[name=name]", "Fibre at night")
    await page.select_option("[name=kind]", "service_request")
    await page.fill("[name=service]", "fibre")
    await page.select_option("[name=calendar]", "always")
    await page.fill("[name=first_response_value]", "1,5")
    await page.fill("[name=resolution_warn]", "90")
    await page.select_option("[name=resolution_warn_unit]", "before")
    await page.click("[data-add-row=rules]")
    await page.fill("[name=rule_at]", "30")
    await page.select_option("[name=rule_unit]", "after")
    await page.select_option("[name=rule_assign]", "supervisor")
    await page.fill("[name=rule_notify]", "administrator, supervisor")
    await submit(page)
    (made,) = [each for each in await list_policies(desk.house.db, SYSTEM) if each.spec.name == "Fibre at night"]
    assert made.spec.first_response is not None
    assert made.spec.first_response.seconds == 5400
    assert made.spec.resolution is not None
    assert made.spec.resolution.warn is not None
    assert made.spec.resolution.warn.before_seconds == 5400
    (rule,) = made.spec.escalations
    assert (rule.at.before_seconds, rule.actions.raise_priority) == (-1800, True)
    assert rule.actions.notify == ("administrator", "supervisor")
    # The page says which policy a ticket has, and why not another.
    await page.select_option(".ask-row [name=kind]", "service_request")
    await page.fill(".ask-row [name=service]", "fibre")
    async with page.expect_navigation():
        await page.click(".ask-row button")
    await expect(page.locator("tr.is-selected")).to_contain_text("Fibre at night")
    await expect(page.locator("tr", has_text="Complaint, gold")).to_contain_text("other tier")
    # Another one for the same tickets is refused at its field.
    await page.goto(desk.url + "/settings/policies/new")
    await page.fill("[name=name]", "Twin")
    await page.select_option("[name=kind]", "complaint")
    await submit(page)
    await expect(page.locator("#kind-error")).to_contain_text("The policy Complaint is for the same tickets")
    await page.goto(desk.url + f"/settings/policies/{made.id}")
    async with page.expect_navigation():
        await page.click("main .btn-outline-danger")
    assert made.id not in {each.id for each in await list_policies(desk.house.db, SYSTEM)}


async def test_a_section_is_changed_and_refused(desk: Desk) -> None:
    desk.expected += ["422", "409"]
    await desk.hire("root", "administrator")
    page = await desk.page("root", "/settings/tickets")
    await page.fill("[name=wrap_up_seconds]", "45")
    await page.uncheck("[name=attach_same_kind]")
    await submit(page)
    await expect(page.locator(".alert-ok")).to_be_visible()
    now = await company.get(desk.house, Tickets)
    assert (now.wrap_up_seconds, now.attach_same_kind) == (45, False)
    await page.fill("[name=wrap_up_seconds]", "5000")
    await page.fill("[name=attach_days]", "a week")
    await submit(page)
    await expect(page.locator("#wrap_up_seconds-error")).to_contain_text("At most 900")
    await expect(page.locator("#attach_days-error")).to_contain_text("Write a whole number")
    # What was refused is still there after a look elsewhere, until it is discarded. Then somebody else was quicker.
    await page.goto(desk.url + "/settings/tickets")
    await expect(page.locator("[name=attach_days]")).to_have_value("a week")
    await page.click("[data-part=restored] button")
    await company.put(desk.house, SYSTEM, Tickets(attach_days=1))
    await page.fill("[name=attach_days]", "3")
    await submit(page)
    await expect(page.locator("main .alert-breach")).to_contain_text("Somebody else changed this meanwhile")


async def test_who_may_only_read_sees_no_buttons(desk: Desk) -> None:
    await desk.hire("boss", "supervisor")
    page = await desk.page("boss", "/settings/tickets")
    assert await page.is_disabled("[name=attach_days]")
    assert await page.query_selector("main .btn-primary") is None
    for path in ("/settings/calendars/default", "/settings/policies"):
        await page.goto(desk.url + path)
        assert await page.query_selector("main .btn-primary") is None
        assert await violations(page) == []


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_every_settings_page(desk: Desk, locale: str, theme: Theme) -> None:
    await desk.hire("root", "administrator", locale=locale)
    spec = (await get_calendar(desk.house.db, SYSTEM, "default")).spec
    china = {"country": "CN", "make_up": True, "timezone": "Asia/Shanghai"}
    await calendars.update_calendar(desk.house, SYSTEM, "default", spec.model_copy(update=china))
    (policy,) = [each for each in await list_policies(desk.house.db, SYSTEM) if each.spec.name == "Complaint"]
    assert await policies.explain(desk.house, SYSTEM, policies.Described("complaint"))
    page = await desk.page("root", color_scheme=theme)
    paths = (
        "/settings",
        "/settings/calendars",
        "/settings/calendars/default?year=2025",
        "/settings/calendars/new",
        "/settings/policies",
        "/settings/policies?kind=complaint&tier=gold",
        f"/settings/policies/{policy.id}",
        "/settings/policies/new",
        "/settings/tickets",
        "/settings/recordings",
        "/settings/privacy",
    )
    look = Look(locale, same=SAME)
    await look.visit(page, desk.url, paths, [theme])
    assert not look.problems, "\n".join(look.problems)
