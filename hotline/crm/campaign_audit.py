"""What campaigns were approved by, held against the audit trail: manifests, decisions and recipients (DESIGN §3).

Each submission and each decision left a sealed entry with its hash. A row that was changed, added or removed since does
not agree with its entry; a decision that somebody wrote into the database bears no signature of hotline's.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from hotline.campaigns.approval import enough
from hotline.campaigns.manifest import NotCanonical, digest
from hotline.campaigns.states import reference
from hotline.crm.audience_proof import digest as audience_digest
from hotline.crm.audit import Finding, Report
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.campaigns.manifests import is_genuine

#: Submissions that are read at once.
_PIECE: Final = 100
_FROZEN: Final = "manifest:frozen"
_DECIDED: Final = {"manifest:approved": "approved", "manifest:rejected": "rejected", "manifest:withdrawn": "withdrawn"}


async def verify_campaigns(db: Reader, keyring: Keyring, report: Report) -> None:
    """Look at every submission, every decision and every frozen audience; add what is wrong to ``report``."""
    last = UUID(int=0)
    while True:
        rows = await db.fetch(
            """SELECT m.*, c.number AS campaign_number FROM manifest m LEFT JOIN campaign c ON c.id = m.campaign_id
               WHERE m.id > $1 ORDER BY m.id LIMIT $2""",
            *(last, _PIECE),
        )
        if not rows:
            break
        last = rows[-1]["id"]
        ids = [row["id"] for row in rows]
        entries = await _entries(db, ids)
        decided = await db.fetch("SELECT * FROM approval WHERE manifest_id = ANY($1::uuid[]) ORDER BY id", ids)
        for row in rows:
            own = [each for each in decided if each["manifest_id"] == row["id"]]
            problems = [text async for text in _problems(db, keyring, row, entries.get(row["id"], []), own)]
            report.findings += [Finding(kind, 0, f"{_name(row)}: {text}") for kind, text in problems]
            report.manifests += 1
    await _gone(db, report)
    await _audiences(db, report)


async def _problems(
    db: Reader, keyring: Keyring, row: Row, entries: Sequence[Row], decided: Sequence[Row]
) -> AsyncIterator[tuple[str, str]]:
    frozen = next((entry for entry in entries if entry["action"] == _FROZEN), None)
    altered: list[str] = []
    if frozen is None:
        if row["state"] != "preparing" and row["sha256"] is not None:
            yield "forged", "it was never submitted: the trail knows nothing of it."
        if not decided:
            return
    else:
        altered += _content(row, frozen)
        for text in altered:
            yield "changed", text
        count, sha256 = await audience_digest(db, row["id"])
        if (count, sha256.hex()) != (frozen["data"]["recipients"], frozen["data"]["recipients_sha256"]):
            yield "changed", f"its recipients are not those that were submitted ({count} are there)."
    for each in _decisions(keyring, row, entries, decided):
        yield each
    if row["state"] == "approved" and frozen is not None and not altered:
        approvals = [each for each in decided if each["verdict"] == "approved"]
        if not enough([each["user_id"] for each in approvals], row["content"]):
            yield "forged", "it is approved without the approvals that it needs."
        elif row["expires_at"] > max(each["at"] for each in approvals) + timedelta(days=row["content"]["valid_days"]):
            yield "changed", "its approval holds longer than was approved."


def _content(row: Row, frozen: Row) -> Iterator[str]:
    told = frozen["data"]["sha256"]
    try:
        found = digest(row["content"]).hex()
    except NotCanonical:
        found = ""
    if found != told:
        yield "its content is not what was submitted."
    if bytes(row["sha256"] or b"").hex() != told:
        yield "its hash is not the one that was submitted."
    if (row["recipients"], bytes(row["recipients_sha256"] or b"").hex()) != (
        frozen["data"]["recipients"],
        frozen["data"]["recipients_sha256"],
    ):
        yield "its count or hash of recipients is not the one that was submitted."
    if frozen["data"]["campaign_id"] != str(row["campaign_id"]):
        yield "it was submitted for another campaign."
    if found == told and row["needed"] != row["content"]["approvals"]:
        yield "it needs another number of approvals than was submitted."
    if row["submitted_by_id"] not in (None, frozen["actor_id"]):
        yield "somebody else submitted it."


def _decisions(keyring: Keyring, row: Row, entries: Sequence[Row], decided: Sequence[Row]) -> Iterator[tuple[str, str]]:
    told = {entry["data"].get("approval_id"): entry for entry in entries if entry["action"] in _DECIDED}
    sha256 = bytes(row["sha256"] or b"")
    for each in decided:
        entry = told.pop(str(each["id"]), None)
        genuine = is_genuine(keyring, each, sha256)
        if entry is None:
            yield "forged", f"the decision {each['id']} was never made: the trail knows nothing of it."
        elif (
            _DECIDED[entry["action"]] != each["verdict"]
            or entry["actor_id"] != each["user_id"]
            or entry["data"]["sha256"] != sha256.hex()
            or entry["data"]["reason_sha256"] != hashlib.sha256(each["reason"].encode()).hexdigest()
        ):
            yield "changed", f"the decision {each['id']} is not what was decided."
        elif genuine is None:
            yield "unreadable", f"the decision {each['id']} was signed by a key that HOTLINE_SECRET_KEY lacks."
        elif not genuine:
            yield "forged", f"the decision {each['id']} does not bear hotline's signature."
    for approval_id in told:
        yield "missing", f"the decision {approval_id} is gone."


async def _entries(db: Reader, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = {}
    for entry in await db.fetch(
        """SELECT action, actor_id, subject_id, data FROM audit_entry
           WHERE subject_id = ANY($1::uuid[]) AND action = ANY($2::text[]) ORDER BY at, id""",
        *(list(ids), [_FROZEN, *_DECIDED]),
    ):
        found.setdefault(entry["subject_id"], []).append(entry)
    return found


async def _gone(db: Reader, report: Report) -> None:
    """Submissions that the trail knows and the database does not."""
    rows = await db.fetch(
        """SELECT e.subject_id FROM audit_entry e WHERE e.action = $1
           AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.id = e.subject_id) ORDER BY e.at LIMIT $2""",
        *(_FROZEN, _PIECE),
    )
    report.findings += [Finding("missing", 0, f"The submission {row['subject_id']} is gone.") for row in rows]


async def _audiences(db: Reader, report: Report) -> None:
    """Audiences that were frozen later: those of each time of a recurring campaign."""
    last = UUID(int=0)
    while True:
        rows = await db.fetch(
            """SELECT id, subject_id, data FROM audit_entry WHERE action = 'audience:frozen' AND id > $1
               ORDER BY id LIMIT $2""",
            *(last, _PIECE),
        )
        for row in rows:
            last = row["id"]
            count, sha256 = await audience_digest(db, row["subject_id"])
            if (count, sha256.hex()) != (row["data"]["recipients"], row["data"]["recipients_sha256"]):
                text = f"The audience {row['subject_id']} is not the one that was frozen ({count} are there)."
                report.findings.append(Finding("changed", 0, text))
        if len(rows) < _PIECE:
            return


def _name(row: Row) -> str:
    campaign = row["campaign_number"]
    return f"Submission {row['number']} of {'no campaign' if campaign is None else reference(campaign)}"
