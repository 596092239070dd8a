"""The audit trail on a real PostgreSQL: whoever changes, removes or cuts off entries is found out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from hotline.crm import audit
from hotline.crm.audit import HEAD_FILE, Report
from hotline.crm.keys import Keyring
from hotline.crm.viewer import SYSTEM, viewer_of
from hotline.errors import Forbidden
from hotline.ids import new_id
from hotline.jobs import sealer
from hotline.workflows.house import House
from hotline.workflows.upkeep.audit import seal_audit, verify_audit
from tests.commands import clean_environment, hotline
from tests.conftest import SECRET
from tests.waiting import until


async def write(house: House, count: int = 1, **data: object) -> None:
    """Units of work with one entry each, sealed in one batch."""
    for _ in range(count):
        async with house.unit(SYSTEM) as uow:
            uow.audit("customer:updated", new_id(), **(data or {"fields": ["name", "tier"]}))
    await seal_audit(house)


async def found(house: House) -> list[tuple[str, int]]:
    report = await verify_audit(house, SYSTEM)
    return [(finding.kind, finding.position) for finding in report.findings]


async def test_an_untouched_trail_is_intact(house: House) -> None:
    await write(house, 3)
    await write(house, 2, text='quotes " and ünïcode 你好', number=1.5, nothing=None, nested={"b": [1, {"a": True}]})
    report = await verify_audit(house, SYSTEM)
    assert report == Report(entries=5, seals=2, unsealed=0, findings=[])
    assert report.intact


async def test_an_empty_trail_is_intact(house: House) -> None:
    assert (await verify_audit(house, SYSTEM)).intact


async def test_entries_say_who_did_it(house: House) -> None:
    user, subject = new_id(), new_id()
    async with house.unit(viewer_of(user, frozenset(), kind="token")) as uow:
        uow.audit("user:disabled", subject, why="left")
    entry = await house.db.fetchrow("SELECT * FROM audit_entry")
    assert entry is not None
    assert (entry["actor_kind"], entry["actor_id"], entry["action"]) == ("token", user, "user:disabled")
    assert (entry["subject_id"], entry["data"], entry["position"]) == (subject, {"why": "left"}, None)


async def test_entries_not_yet_sealed_are_counted_not_blamed(house: House) -> None:
    await write(house, 2)
    async with house.unit(SYSTEM) as uow:
        uow.audit("customer:updated", None)
    report = await verify_audit(house, SYSTEM)
    assert (report.entries, report.unsealed, report.intact) == (2, 1, True)


@pytest.mark.parametrize(
    "tampering",
    [
        "action = 'customer:read'",
        "data = '{}'",
        "at = at + interval '1 second'",
        "actor_kind = 'user'",
        "actor_id = gen_random_uuid()",
        "subject_id = NULL",
        "id = gen_random_uuid()",
    ],
)
async def test_a_changed_entry_is_named(house: House, tampering: str) -> None:
    await write(house, 5)
    await house.db.execute(f"UPDATE audit_entry SET {tampering} WHERE position = 3")
    assert await found(house) == [("changed", 3)]


async def test_a_removed_entry_is_named(house: House) -> None:
    await write(house, 5)
    await house.db.execute("DELETE FROM audit_entry WHERE position IN (2, 3)")
    assert await found(house) == [("missing", 2)]


async def test_the_first_entry_removed_is_named(house: House) -> None:
    await write(house, 3)
    await house.db.execute("DELETE FROM audit_entry WHERE position = 1")
    assert await found(house) == [("missing", 1)]


async def test_the_last_entries_cut_off_are_found(house: House) -> None:
    await write(house, 3)
    await write(house, 3)
    await house.db.execute("DELETE FROM audit_entry WHERE position > 4")
    assert ("truncated", 5) in await found(house)


async def test_entries_cut_off_together_with_their_seals_are_found(house: House) -> None:
    await write(house, 3)
    await write(house, 3)
    await house.db.execute("DELETE FROM audit_entry WHERE position > 3")
    await house.db.execute("DELETE FROM audit_seal WHERE position > 3")
    assert await found(house) == [("truncated", 4)]


async def test_a_trail_emptied_is_found(house: House) -> None:
    await write(house, 3)
    await house.db.execute("TRUNCATE audit_entry, audit_seal")
    assert await found(house) == [("truncated", 1)]


async def rechain(house: House) -> None:
    """What somebody with the database but without the master key can do: write the whole chain anew."""
    head = audit.ORIGIN
    for entry in await house.db.fetch("SELECT * FROM audit_entry ORDER BY position"):
        head = audit.chained(head, entry)
        await house.db.execute("UPDATE audit_entry SET hash = $2 WHERE id = $1", entry["id"], head)
        await house.db.execute("UPDATE audit_seal SET hash = $2 WHERE position = $1", entry["position"], head)


async def test_a_chain_written_anew_lacks_the_seals(house: House) -> None:
    await write(house, 3)
    await write(house, 2)
    await house.db.execute("UPDATE audit_entry SET action = 'customer:read' WHERE position = 2")
    await rechain(house)
    kinds = {kind for kind, _ in await found(house)}
    assert kinds == {"forged"}


async def test_a_removed_seal_at_the_end_is_found(house: House) -> None:
    await write(house, 3)
    await write(house, 2)
    await house.db.execute("DELETE FROM audit_seal WHERE position = 5")
    assert await found(house) == [("forged", 4)]


async def test_a_seal_forged_with_another_key_is_found(house: House) -> None:
    await write(house, 3)
    await house.db.execute("UPDATE audit_seal SET mac = $1", bytes(32))
    assert await found(house) == [("forged", 3)]


async def test_a_changed_tail_that_is_sealed_again_contradicts_the_head_kept_outside(house: House) -> None:
    """The trick: unseal the last entries, change them, and let the service itself seal them again."""
    await write(house, 3)
    await write(house, 2)
    kept = (house.settings.data_dir / HEAD_FILE).read_text()
    await house.db.execute("DELETE FROM audit_seal WHERE position > 3")
    await house.db.execute(
        "UPDATE audit_entry SET position = NULL, hash = NULL, action = 'customer:read' WHERE position > 3"
    )
    await seal_audit(house)
    assert await found(house) == [("forged", 5)]
    assert (house.settings.data_dir / HEAD_FILE).read_text() == kept, "the only witness is never overwritten"


async def test_the_head_kept_outside_follows_the_trail(house: House) -> None:
    await write(house, 3)
    assert json.loads((house.settings.data_dir / HEAD_FILE).read_text())["position"] == 3
    await write(house, 2)
    assert json.loads((house.settings.data_dir / HEAD_FILE).read_text())["position"] == 5


async def test_seals_survive_a_new_master_key_as_long_as_the_old_is_listed(house: House) -> None:
    index = bytes(32)
    house.keyring = Keyring([SECRET], index)
    await write(house, 2)
    house.keyring = Keyring(["the new master secret", SECRET], index)
    await write(house, 2)
    assert await found(house) == []
    house.keyring = Keyring(["the new master secret"], index)
    assert await found(house) == [("unreadable", 2)]


async def test_sealers_of_many_nodes_make_one_chain(house: House) -> None:
    async def one(number: int) -> None:
        async with house.unit(SYSTEM) as uow:
            uow.audit("call:updated", None, n=number)
        await audit.seal(house.db, house.keyring, house.clock(), limit=7)

    await asyncio.gather(*(one(number) for number in range(60)))
    while await audit.seal(house.db, house.keyring, house.clock(), limit=7):
        pass
    report = await verify_audit(house, SYSTEM)
    assert (report.entries, report.unsealed, report.findings) == (60, 0, [])


async def test_verifying_while_the_sealer_works_blames_nobody(house: House) -> None:
    async def keep_writing() -> None:
        for _ in range(30):
            await write(house)

    writing = asyncio.create_task(keep_writing())
    reports = []
    while not writing.done():
        reports.append(await verify_audit(house, SYSTEM))
    await writing
    assert all(report.intact for report in reports), reports
    assert len(reports) > 1


async def test_the_job_seals_by_itself(house: House) -> None:
    task = house.spawn(sealer.run(house), "sealer")
    async with house.unit(SYSTEM) as uow:
        uow.audit("call:updated", None)
    await until(lambda: house.db.fetchval("SELECT max(position) FROM audit_seal"))
    task.cancel()
    assert (await verify_audit(house, SYSTEM)).entries == 1


async def test_only_who_may_read_the_trail_verifies_it(house: House) -> None:
    with pytest.raises(Forbidden):
        await verify_audit(house, viewer_of(new_id(), frozenset({"customers.read"})))


async def run(house: House, *arguments: str) -> tuple[int, str]:
    """Run ``hotline`` as a process on the house's database; exit code and output."""
    environ = clean_environment(
        HOTLINE_DATABASE_URL=house.settings.database_url.get_secret_value(),
        HOTLINE_DATA_DIR=str(house.settings.data_dir),
        HOTLINE_SECRET_KEY=SECRET,
    )
    code, output, _ = await hotline(*arguments, environ=environ, place=house.settings.data_dir, together=True)
    return code, output


async def test_the_command_tells_a_whole_trail_from_a_damaged_one(house: House) -> None:
    await write(house, 3)
    async with house.unit(SYSTEM) as uow:
        uow.audit("call:updated", None)
    code, output = await run(house, "audit", "verify")
    assert (code, "intact: 4 entries" in output) == (0, True), output
    await house.db.execute("DELETE FROM audit_entry WHERE position = 2")
    code, output = await run(house, "audit", "verify")
    assert code == 1
    assert "missing: Entry 2 is missing." in output
    assert "NOT intact" in output


def test_a_machine_that_never_sealed_knows_no_head(tmp_path: Path) -> None:
    assert audit.kept_head(tmp_path) is None
