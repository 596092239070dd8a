"""Tickets through the API: by a call, by hand, wrapped up, called back, listed, and each role's rights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hotline.calls.story import CallEnded, RingEnded
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows.people import users
from tests.integration.web.conftest import Api
from tests.integration.web.test_calls import Story, take

CALLER = "+8613912340412"
WANG = {"name": "王小明", "contact_points": [{"kind": "phone", "value": CALLER}]}


@pytest.fixture
async def agent(api: Api) -> str:
    """The user called ``agent`` has the phone PJSIP/agent1."""
    await api.token("agent")
    user = await api.patch("/users/agent", {"interfaces": ["PJSIP/agent1"]})
    return str(user["id"])


async def of_call(api: Api, story: Story) -> dict[str, Any]:
    """The ticket of a call, whole."""
    call = await api.get(f"/calls/{story.id}")
    ticket: dict[str, Any] = await api.get(f"/tickets/{call['ticket_id']}")
    return ticket


async def test_a_call_is_a_ticket_from_the_ring_to_the_wrap_up(api: Api, agent: str) -> None:
    wang = await api.post("/customers", WANG)
    story = Story(api)
    async with api.events() as blocks:
        assert (await take(blocks, "snapshot"))["tickets"] == {"mine": 0, "overdue": 0, "callbacks": 0}
        await story.rings()
        pop = await take(blocks, "call.offered")
        made = await take(blocks, "ticket.created")
        assert made["ticket"]["id"] == pop["ticket_id"]
        assert (made["ticket"]["customer"]["name"], made["ticket"]["caller"]["number"]) == ("王小明", CALLER)
        await story.is_answered()
        changed = await take(blocks, "ticket.updated")
        assert (changed["ticket"]["state"], changed["ticket"]["assignee"]) == ("open", "agent")
        kept = await api.post(f"/calls/{story.id}/wrap-up", {"disposition": "follow_up"}, role="agent", status=200)
        assert (kept["started_at"], kept["done_at"], kept["disposition"]) == (None, None, "follow_up")
        await story.ends()
        started = await take(blocks, "wrap_up.started")
        assert (started["call_id"], started["disposition"]) == (str(story.id), "follow_up")
        # Said during the call and late on its way: kept, and the wrap-up goes on.
        late = {"disposition": "other", "finish": False}
        kept = await api.post(f"/calls/{story.id}/wrap-up", late, role="agent", status=200)
        assert kept["started_at"] is not None
        assert (kept["done_at"], kept["disposition"]) == (None, "other")
        async with api.events() as again:
            snapshot = await take(again, "snapshot")
            assert [each["call_id"] for each in snapshot["wrap_ups"]] == [str(story.id)]
            assert snapshot["tickets"]["mine"] == 1
        note_id = str(new_id())
        body = {
            "disposition": "solved", "note": "他要退款", "note_id": note_id,
            "ticket": {"subject": "退款", "kind": "complaint", "priority": "high"},
        }  # fmt: skip
        done = await api.post(f"/calls/{story.id}/wrap-up", body, role="agent", status=200)
        assert done["done_at"] is not None
        assert (await take(blocks, "wrap_up.ended"))["call_id"] == str(story.id)
        again_done = await api.post(f"/calls/{story.id}/wrap-up", body, role="agent", status=200)
        assert again_done == done
    ticket = await of_call(api, story)
    assert (ticket["state"], ticket["kind"], ticket["kind_by"], ticket["subject"], ticket["priority"]) == (
        "resolved", "complaint", "hand", "退款", "high",
    )  # fmt: skip
    assert (ticket["disposition"], ticket["customer_id"], ticket["provisional"]) == ("solved", wang["id"], False)
    assert ticket["reference"] == f"T{ticket['number']}"
    assert ticket["call_ids"] == [str(story.id)]
    history = (await api.get(f"/tickets/{ticket['id']}/history", role="agent"))["items"]
    assert history[-1]["kind"] == "created"
    assert [line["text"] for line in history if line["kind"] == "call_note"] == ["他要退款"]
    assert any(line["data"].get("subject") == ["", "退款"] for line in history)
    by = {
        (name, *pair): line["user"]
        for line in history
        if line["kind"] == "changed"
        for name, pair in line["data"].items()
    }
    assert by[("state", "new", "open")] is None
    assert by[("state", "open", "resolved")] == "agent"
    assert by[("kind", "consultation", "complaint")] == "agent"
    timeline = (await api.get(f"/customers/{wang['id']}/timeline"))["items"]
    assert sorted(item["kind"] for item in timeline) == ["call", "note", "ticket"]


async def test_a_wrong_number_leaves_no_ticket(api: Api, agent: str) -> None:
    story = Story(api)
    await story.rings()
    await story.is_answered()
    await story.ends()
    await api.post(f"/calls/{story.id}/wrap-up", {"disposition": "wrong_number"}, role="agent", status=200)
    ticket = await of_call(api, story)
    assert (ticket["state"], ticket["discarded_as"]) == ("discarded", "wrong_number")
    assert (await api.get("/tickets"))["items"] == []
    found = await api.get("/tickets?state=discarded")
    assert [each["id"] for each in found["items"]] == [ticket["id"]]


async def abandoned(api: Api) -> Story:
    story = Story(api)
    await story.rings()
    await story.tell(
        lambda now: [
            RingEnded(story.id, now, story.ring, "cancelled"),
            CallEnded(story.id, now, disposition="abandoned", cause=16),
        ]
    )
    return story


async def test_a_missed_caller_is_called_back(api: Api, agent: str) -> None:
    story = await abandoned(api)
    (waiting,) = (await api.get("/callbacks", role="agent"))["items"]
    assert (waiting["state"], waiting["provisional"], waiting["assignee"]) == ("new", False, None)
    assert waiting["caller"]["number"] == CALLER
    assert waiting["callback_due"] > waiting["created_at"]
    assert waiting["call_ids"] == [str(story.id)]
    path = f"/tickets/{waiting['id']}/callback"
    later = await api.post(path, {"due": "2031-01-02T03:04:05Z"}, role="agent", status=200)
    assert later["callback_due"] == "2031-01-02T03:04:05Z"
    await api.post(path, {"due": "2031-01-02T03:04:05Z", "done": True}, role="agent", status=422)
    done = await api.post(path, {"done": True}, role="agent", status=200)
    assert done["callback_done_at"] is not None
    assert done["first_response_at"] is not None
    assert (await api.get("/callbacks", role="agent"))["items"] == []


async def test_a_ticket_by_hand_changes_only_as_the_table_says(api: Api) -> None:
    wang = await api.post("/customers", WANG)
    ticket = await api.post(
        "/tickets", {"kind": "service_request", "subject": "Move the line", "customer_id": wang["id"]}, role="agent"
    )
    path = f"/tickets/{ticket['id']}"
    assert (ticket["state"], ticket["source"], ticket["customer"]["name"]) == ("open", "hand", "王小明")
    await api.patch(path, {"priority": "urgent"}, role="agent", headers={"If-Match": '"v99"'}, status=412)
    changed = await api.patch(path, {"state": "waiting"}, role="agent", headers={"If-Match": f'"v{ticket["version"]}"'})
    assert changed["waiting_since"] is not None
    assert changed["version"] > ticket["version"]
    await api.patch(path, {"priority": "low", "version": ticket["version"]}, role="agent", status=409)
    await api.patch(path, {"state": "closed"}, role="agent", status=409)
    await api.patch(path, {"state": "resolved"}, role="agent")
    await api.patch(path, {"state": "closed"}, role="agent")
    await api.patch(path, {"state": "open"}, role="agent", status=403)
    again = await api.patch(path, {"state": "open"}, role="supervisor")
    assert (again["state"], again["closed_at"], again["resolved_at"]) == ("open", None, None)
    await api.patch(path, {"category": "no/such"}, role="agent", status=422)
    await api.patch(path, {"assignee": "nobody"}, role="supervisor", status=422)
    moved = await api.patch(path, {"customer_id": None}, role="agent")
    assert (moved["customer"], moved["subject"]) == (None, "Move the line")
    back = await api.patch(path, {"customer_id": wang["id"], "description": "第二行\n第三行"}, role="agent")
    assert (back["subject"], back["description"]) == ("Move the line", "第二行\n第三行")


async def test_a_note_is_its_writers(api: Api) -> None:
    ticket = await api.post("/tickets", {"kind": "consultation"}, role="agent")
    path, note_id = f"/tickets/{ticket['id']}/notes", str(new_id())
    await api.post(path, {"id": note_id, "text": "first"}, role="agent", status=204)
    await api.post(path, {"id": note_id, "text": "second"}, role="agent", status=204)
    await api.post(path, {"id": note_id, "text": "mine"}, role="supervisor", status=409)
    lines = (await api.get(f"/tickets/{ticket['id']}/history", role="agent"))["items"]
    assert [line["text"] for line in lines if line["kind"] == "note"] == ["second"]


async def other_agent(api: Api, login: str) -> str:
    user = await users.create_user(api.house, SYSTEM, {"login": login, "name": login.title(), "role": "agent"})
    _, api.tokens[login] = await users.create_token(api.house, SYSTEM, user.id, "test", ["all"])
    return login


async def test_who_sees_and_gives_tickets(api: Api, agent: str) -> None:
    bob = await other_agent(api, "bob")
    theirs = await api.post("/tickets", {"kind": "complaint", "assignee": "agent", "subject": "s"}, role="agent")
    free = await api.post("/tickets", {"kind": "complaint", "subject": "f"}, role="agent")
    assert [each["id"] for each in (await api.get("/tickets", role=bob))["items"]] == [free["id"]]
    for path in ("", "/history"):
        await api.get(f"/tickets/{theirs['id']}{path}", role=bob, status=404)
    await api.patch(f"/tickets/{theirs['id']}", {"priority": "low"}, role=bob, status=404)
    await api.post(f"/tickets/{theirs['id']}/notes", {"id": str(new_id()), "text": "x"}, role=bob, status=404)
    await api.post(f"/tickets/{theirs['id']}/callback", {"done": True}, role=bob, status=404)
    await api.patch(f"/tickets/{free['id']}", {"assignee": "agent"}, role=bob, status=403)
    taken = await api.patch(f"/tickets/{free['id']}", {"assignee": "bob"}, role=bob)
    assert taken["assignee"] == "bob"
    await api.patch(f"/tickets/{theirs['id']}", {"assignee": "bob"}, role="agent", status=403)
    given = await api.patch(f"/tickets/{theirs['id']}", {"assignee": "bob"}, role="supervisor")
    assert given["assignee"] == "bob"
    assert len((await api.get("/tickets", role="supervisor"))["items"]) == 2
    for role in ("marketer", "reviewer"):
        await api.get("/tickets", role=role, status=403)
        await api.get("/callbacks", role=role, status=403)
        await api.get("/ticket-views", role=role, status=403)
        await api.get("/categories", role=role, status=403)
    hers = Story(api)
    await hers.rings()
    ticket = await of_call(api, hers)
    await hers.is_answered()
    await api.get(f"/tickets/{ticket['id']}", role=bob, status=404)
    await api.post(f"/calls/{hers.id}/wrap-up", {"disposition": "solved"}, role=bob, status=404)
    await api.post(f"/calls/{hers.id}/ticket", {"new": True}, role=bob, status=404)


async def test_masked_viewers_see_the_last_digits_only(api: Api, agent: str) -> None:
    await abandoned(api)
    await api.token("supervisor")
    await api.house.db.execute(
        "UPDATE role SET permissions = array_remove(permissions, 'customers.read_numbers') WHERE name = 'supervisor'"
    )
    (ticket,) = (await api.get("/tickets", role="supervisor"))["items"]
    assert ticket["caller"]["number"] != CALLER
    assert CALLER[-4:-2] not in ticket["caller"]["display"].replace(" ", "")[:-4]


async def test_joining_by_rule_is_seen_and_undone(api: Api, agent: str) -> None:
    await api.post("/customers", WANG)
    first = await abandoned(api)
    before = await of_call(api, first)
    second = Story(api)
    await second.rings()
    call = await api.get(f"/calls/{second.id}", role="agent")
    assert call["ticket_id"] == before["id"]
    assert (call["ticket"]["attached"]["by"], call["ticket"]["attached"]["rule"]) == ("rule", "same_customer_and_kind")
    await second.is_answered()
    joined = await of_call(api, second)
    assert (joined["state"], joined["assignee"]) == ("open", "agent")
    assert joined["callback_done_at"] is not None
    undone = await api.post(f"/calls/{second.id}/ticket", {"new": True}, role="agent", status=200)
    assert undone["ticket_id"] != before["id"]
    assert (undone["ticket"]["state"], undone["ticket"]["assignee"], undone["ticket"]["attached"]["by"]) == (
        "open", "agent", "hand",
    )  # fmt: skip
    after = await of_call(api, first)
    names = ("state", "assignee", "callback_due", "callback_done_at", "first_response_at", "call_ids", "customer_id")
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    back = await api.post(f"/calls/{second.id}/ticket", {"ticket_id": before["id"]}, role="agent", status=200)
    assert (back["ticket_id"], back["ticket"]["attached"]["by"]) == (before["id"], "hand")
    gone = await api.get(f"/tickets/{undone['ticket_id']}")
    assert (gone["state"], gone["discarded_as"]) == ("discarded", "joined")
    once_more = await api.post(f"/calls/{second.id}/ticket", {"new": True}, role="agent", status=200)
    assert once_more["ticket_id"] == undone["ticket_id"], "the ticket that it had is taken up again"


async def test_lists_are_paged_by_deadline_and_saved(api: Api) -> None:
    made = [await api.post("/tickets", {"kind": "complaint", "subject": str(n)}, role="agent") for n in range(5)]
    now = api.house.clock()
    for at, ticket in enumerate(made[:3]):
        await api.house.db.execute(
            "UPDATE ticket SET due_at = $2 WHERE id = $1", *(ticket["id"], now + timedelta(hours=2 * at - 1))
        )
    await api.house.db.execute("UPDATE ticket SET due_at = NULL WHERE id = $1 OR id = $2", made[3]["id"], made[4]["id"])
    seen, cursor = [], ""
    for _ in range(5):
        page = await api.get(f"/tickets?sort=deadline&limit=1&cursor={cursor}", role="supervisor")
        seen += [ticket["subject"] for ticket in page["items"]]
        cursor = page["next"] or ""
    assert (seen, cursor) == (["0", "1", "2", "3", "4"], "")
    overdue = await api.get("/tickets?view=overdue", role="supervisor")
    assert [ticket["subject"] for ticket in overdue["items"]] == ["0"]
    newest = await api.get("/tickets?limit=2", role="supervisor")
    assert [ticket["subject"] for ticket in newest["items"]] == ["4", "3"]
    found = await api.get(f"/tickets?q={made[2]['reference']}", role="supervisor")
    assert [ticket["id"] for ticket in found["items"]] == [made[2]["id"]]
    for wrong in ("cursor=nonsense", "view=none-such", "state=odd", "sort=odd"):
        await api.get(f"/tickets?{wrong}", role="supervisor", status=422)
    views = (await api.get("/ticket-views", role="supervisor"))["items"]
    counts = {view["id"]: view["count"] for view in views}
    assert counts == {
        "mine": 0, "unassigned": 5, "overdue": 1, "callbacks": 0, "waiting": 0, "open": 5, "recently_closed": 0,
    }  # fmt: skip
    mine = await api.post("/ticket-views", {"name": "Complaints", "filters": {"kinds": ["complaint"]}}, role="agent")
    assert mine["count"] == 5
    await api.post("/ticket-views", {"name": "All", "shared": True}, role="agent", status=403)
    shared = await api.post("/ticket-views", {"name": "All", "shared": True}, role="supervisor")
    assert {view["name"] for view in (await api.get("/ticket-views", role="agent"))["items"][7:]} == {
        "Complaints",
        "All",
    }
    assert [view["name"] for view in (await api.get("/ticket-views", role="supervisor"))["items"][7:]] == ["All"]
    renamed = await api.patch(f"/ticket-views/{mine['id']}", {"name": "Angry", "sort": "newest"}, role="agent")
    assert (renamed["name"], renamed["sort"], renamed["filters"]) == ("Angry", "newest", {"kinds": ["complaint"]})
    await api.patch(f"/ticket-views/{mine['id']}", {"name": "x"}, role="supervisor", status=404)
    await api.patch(f"/ticket-views/{shared['id']}", {"name": "x"}, role="agent", status=403)
    answer = await api.ask("DELETE", f"/ticket-views/{mine['id']}", role="agent")
    assert answer.status == 204
    by_view = await api.get(f"/tickets?view={shared['id']}&limit=1", role="agent")
    assert by_view["next"]


async def test_categories_are_a_tree_that_loses_nothing(api: Api) -> None:
    tree = {
        "items": [
            {"slug": "billing", "names": {"en": "Billing", "zh": "账单"}},
            {"slug": "billing/refund", "names": {"en": "Refund"}, "kind": "complaint"},
        ]
    }
    put = await api.ask("PUT", "/categories", tree)
    assert put.status == 200, await put.text()
    ticket = await api.post("/tickets", {"kind": "complaint", "category": "billing/refund"}, role="agent")
    found = await api.get("/tickets?category=billing", role="agent")
    assert [each["id"] for each in found["items"]] == [ticket["id"]]
    assert (await api.ask("PUT", "/categories", {"items": tree["items"][:1]})).status == 200
    listed = (await api.get("/categories", role="agent"))["items"]
    # What is left out is archived, the shipped ones too: tickets name them.
    assert [each["slug"] for each in listed if not each["archived"]] == ["billing"]
    assert "billing/refund" in {each["slug"] for each in listed}
    await api.patch(f"/tickets/{ticket['id']}", {"priority": "low", "category": "billing/refund"}, role="agent")
    await api.post("/tickets", {"kind": "complaint", "category": "billing/refund"}, role="agent", status=422)
    for wrong in (
        {"slug": "Bad Slug", "names": {"en": "x"}},
        {"slug": "a/b", "names": {"en": "x"}},
        {"slug": "a", "names": {}},
    ):
        assert (await api.ask("PUT", "/categories", {"items": [wrong]})).status == 422
    assert (await api.ask("PUT", "/categories", tree, role="agent")).status == 403
