"""Bounces that real mail servers wrote, as answers to a campaign's mails."""

from __future__ import annotations

import json
from typing import Any

from bench import blast
from hotline.channels.mail.bounces import read_report
from hotline.workflows.house import House
from hotline.workflows.pushes.push_receipts import note_report
from tests.material import real_file

#: Given up after days of a code of class 4: counted, and the address is tried another time.
FOR_NOW = {"dsn_02.txt"}


async def test_rule_04_who_bounced_for_good_gets_nothing_more_and_nobody_else(house: House) -> None:
    cases: list[dict[str, Any]] = [
        json.loads(line) for line in real_file("mail/flufl_expected.jsonl").read_text("utf-8").splitlines()
    ]
    await blast.people(house, len(cases))
    campaign_id = await blast.campaign(house, "email", blast.mail_content(300))
    await house.db.execute("UPDATE delivery SET state = 'sent', attempts = 1, sent_at = now()")
    rows = await house.db.fetch(
        """SELECT d.id, p.value_index FROM delivery d JOIN contact_point p ON p.id = d.contact_point_id
           WHERE d.campaign_id = $1 ORDER BY d.id""",
        campaign_id,
    )
    for case, row in zip(cases, rows, strict=True):
        report = read_report(real_file(f"mail/flufl/{case['file']}").read_bytes())
        if report is not None:
            # The token in its address says which mail it answers, whatever address its text speaks of.
            assert await note_report(house, row["id"], report, case["file"])
    told = await house.db.fetch(
        """SELECT d.id, d.state, d.reason, EXISTS (
               SELECT 1 FROM suppression s WHERE s.address_index = p.value_index AND s.lifted_at IS NULL) AS held
           FROM delivery d JOIN contact_point p ON p.id = d.contact_point_id ORDER BY d.id"""
    )
    became = {case["file"]: (row["state"], row["reason"], row["held"]) for case, row in zip(cases, told, strict=True)}
    wanted = {
        case["file"]: ("permanent_failure", "bounce", True) if case["permanent"] else ("sent", None, False)
        for case in cases
    } | dict.fromkeys(FOR_NOW, ("permanent_failure", "soft_bounce", False))
    assert {file: (became[file], wanted[file]) for file in wanted if became[file] != wanted[file]} == {}
