"""What campaigns were approved by, held against the audit trail: whatever somebody altered in the database is found."""

from __future__ import annotations

from hotline.crm.audit import Report
from hotline.crm.campaign_audit import verify_campaigns
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.campaigns import campaign_review as review
from hotline.workflows.house import House
from hotline.workflows.upkeep.audit import seal_audit, verify_audit
from tests.integration.campaigns.conftest import MakeCampaign, People

#: (what somebody does to the database, what is found).
ALTERED = [
    ("UPDATE manifest SET content = jsonb_set(content, '{name}', '\"Other\"') WHERE number = 1", "its content is not"),
    ("UPDATE manifest SET content = '{}'", "its content is not"),
    ("UPDATE manifest SET expires_at = expires_at + interval '1 hour'", "holds longer"),
    ("UPDATE manifest SET needed = 0", "another number of approvals"),
    (
        "UPDATE manifest SET submitted_by_id = (SELECT id FROM users WHERE login <> 'mia' LIMIT 1)",
        "somebody else submitted",
    ),
    ("UPDATE manifest SET sha256 = sha256(sha256) WHERE number = 1", "its hash is not"),
    ("UPDATE manifest SET recipients = recipients + 1 WHERE number = 1", "its count or hash of recipients"),
    ("DELETE FROM recipient WHERE position = 1", "its recipients are not"),
    ("UPDATE recipient SET customer_id = gen_random_uuid() WHERE position = 0", "its recipients are not"),
    ("UPDATE recipient SET position = position + 7", "its recipients are not"),
    (
        "INSERT INTO recipient (manifest_id, position, customer_id) SELECT id, 3, gen_random_uuid() FROM manifest",
        "its recipients are not",
    ),
    ("UPDATE approval SET reason = 'quite fine'", "is not what was decided"),
    ("UPDATE approval SET user_id = (SELECT id FROM users WHERE login = 'mia')", "is not what was decided"),
    ("UPDATE approval SET verdict = 'rejected'", "is not what was decided"),
    ("UPDATE approval SET at = at - interval '1 minute'", "does not bear hotline's signature"),
    ("UPDATE approval SET mac = sha256(mac)", "does not bear hotline's signature"),
    ("DELETE FROM approval", "is gone"),
    (
        "INSERT INTO approval (id, manifest_id, user_id, verdict, reason, at, master, mac) SELECT gen_random_uuid(),"
        " manifest_id, (SELECT id FROM users WHERE login = 'mia'), verdict, reason, at, master, mac FROM approval",
        "was never made",
    ),
    (
        "INSERT INTO manifest (id, campaign_id, number, content, sha256, recipients, submitted_at, expires_at, state,"
        " state_at) SELECT gen_random_uuid(), campaign_id, 2, content, sha256, recipients, now(), now(), 'approved',"
        " now() FROM manifest",
        "it was never submitted",
    ),
    ("DELETE FROM approval; DELETE FROM recipient; DELETE FROM manifest", "is gone"),
]


async def findings(house: House, statement: str) -> list[str]:
    """What is found after ``statement``, which is taken back."""
    report = Report()
    connection = await house.db.connect()
    change = connection.transaction()
    await change.start()
    await connection.execute("ALTER TABLE recipient DISABLE TRIGGER USER")
    await connection.execute(statement)
    await verify_campaigns(connection, house.keyring, report)
    await change.rollback()
    await connection.close()
    return [finding.text for finding in report.findings]


async def test_rule_20_an_altered_row_is_found(house: House, approved: MakeCampaign, people: People) -> None:
    await people(3)
    await approved()
    assert await findings(house, "SELECT 1") == []
    missed = {}
    for statement, text in ALTERED:
        found = await findings(house, statement)
        if not any(text in each for each in found):
            missed[statement] = found
    assert missed == {}


async def test_rule_20_every_decision_is_in_the_sealed_trail(
    house: House, approved: MakeCampaign, reviewer: Viewer, marketer: Viewer, submitted: MakeCampaign
) -> None:
    made = await approved()
    await review.withdraw(house, reviewer, made.id, reason="A typo")
    other = await submitted(name="Other")
    await review.reject(house, reviewer, other.id, reason="No")
    await seal_audit(house)
    report = await verify_audit(house, SYSTEM)
    assert (report.findings, report.unsealed, report.manifests) == ([], 0, 2)
    rows = await house.db.fetch(
        "SELECT action, actor_id FROM audit_entry WHERE action ~ '^(manifest|campaign):' ORDER BY at"
    )
    told = [(row["action"], row["actor_id"] == reviewer.user_id) for row in rows]
    for entry in (
        ("campaign:created", False), ("campaign:submitted", False), ("manifest:frozen", False),
        ("manifest:approved", True), ("campaign:approved", True), ("manifest:withdrawn", True),
        ("campaign:withdrawn", True), ("manifest:rejected", True), ("campaign:rejected", True),
    ):  # fmt: skip
        assert entry in told
    prose = await house.db.fetchval("SELECT count(*) FROM audit_entry WHERE data::text LIKE '%typo%'")
    assert prose == 0
