"""Each recorded call beside the ticket that it left: the tapes of the rig, calls of other people's PBXs, and both with
their events out of order and told twice while the caller's choice is written at any moment."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from hotline.calls.facts import AmiEvent
from hotline.calls.tracker import Tracker
from hotline.crm.queries.calls.calls import CallView, get_call
from hotline.crm.viewer import SYSTEM
from hotline.workflows.calls import calls
from hotline.workflows.house import House
from tests.integration.test_calls import TAPES, customer
from tests.integration.test_tickets import all_tickets, choose, crew, kept, ticket_of
from tests.material import real_file
from tests.unit.calls.tapes import START, events_of
from tests.unit.calls.test_any_order import disorder, relevant

TOLD = sorted(TAPES.glob("*.ami"))


async def play(house: House, events: Sequence[AmiEvent], choice_at: int | None = None) -> None:
    """Apply a recording as the reader does, a batch for each event; the caller's choice of a complaint with it."""
    tracker = Tracker("rig")
    for at, event in enumerate(events):
        if lines := tracker.feed(event, event.at or START):
            await calls.apply(house, "rig", lines)
        if at == choice_at:
            await choose_all(house)


async def choose_all(house: House) -> None:
    for row in await house.db.fetch("SELECT id FROM call WHERE direction = 'in' AND merged_into_id IS NULL"):
        await choose(house, row["id"], "complaint")


async def views(house: House) -> list[CallView]:
    rows = await house.db.fetch("SELECT id FROM call WHERE merged_into_id IS NULL ORDER BY offered_at, id")
    return [await get_call(house.db, house.keyring, SYSTEM, row["id"]) for row in rows]


async def compare(house: House) -> int:
    """Hold every ticket beside the story of its call; answers how many there are."""
    found = await views(house)
    for call in found:
        chosen = call.ivr is not None and call.ivr.get("kind") is not None
        if call.direction == "out" or not (call.legs or call.queued_at is not None or chosen):
            assert call.ticket_id is None, "only callers leave tickets"
            continue
        ticket = await ticket_of(house, call)
        assert ticket.call_ids == (call.id,)
        assert (ticket.customer_id, ticket.queue) == (call.customer_id, call.queue)
        assert not ticket.provisional
        assert (ticket.kind, ticket.kind_by) == (("complaint", "choice") if chosen else ("consultation", "default"))
        if call.answered_at is not None:
            assert (ticket.state, ticket.assignee) == ("open", call.agent)
            assert (ticket.first_response_at, ticket.callback_due) == (call.answered_at, None)
        else:
            assert (ticket.state, ticket.assignee, ticket.first_response_at) == ("new", None, None)
            assert ticket.callback_due is not None
            assert ticket.callback_due > (call.ended_at or START)
    tickets = len([call for call in found if call.ticket_id is not None])
    assert len(await kept(house)) == tickets
    made = await all_tickets(house)
    assert len({row["call_id"] for row in made}) == len(made), "a call opens one ticket"
    return tickets


@pytest.mark.parametrize("tape", TOLD, ids=lambda tape: tape.stem)
async def test_the_ticket_tells_what_its_call_tells(house: House, tape: Path) -> None:
    await crew(house)
    await customer(house, "Zhang Wei")
    await play(house, events_of(tape))
    await compare(house)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["ringall", "abandoned", "blind_transfer", "attended_transfer", "two_calls"])
async def test_neither_order_nor_repetition_makes_another_ticket(house: House, name: str, seed: int) -> None:
    await crew(house)
    await customer(house, "Zhang Wei")
    events = disorder(relevant(events_of(TAPES / f"{name}.ami")), seed, window=3, doubles=0.2)
    await play(house, events, random.Random(seed).randrange(len(events)))
    await choose_all(house)
    assert await compare(house) >= 1


async def test_calls_of_other_peoples_exchanges(house: House) -> None:
    rows = [json.loads(line) for line in real_file("ami/expected.jsonl").read_text().splitlines()]
    for row in rows:
        await play(house, events_of(real_file(f"ami/calls/{row['fixture']}")))
    assert len(rows) > 5
    assert await compare(house) >= 1
