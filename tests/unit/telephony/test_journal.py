"""The journal: what was appended and not acknowledged is there again, whatever happened to the process or the file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from hotline.calls.story import Alias, CallArrived, CallEnded, Line, RingStarted
from hotline.crm.keys import Keyring
from hotline.ids import new_id
from hotline.telephony.journal import Journal, JournalFull, left_over
from hotline.telephony.lines import dump_line, load_line

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
KEYRING = Keyring(["a secret of the tests that is long enough"], b"x" * 32)


def arrived(number: str = "+4930123456", name: str | None = "张伟 <script>\ufffd") -> CallArrived:
    return CallArrived(new_id(), AT, "PJSIP/trunk", number, name, False, "4000", (Alias("uniqueid", "1.1"),), age=0.25)


def lines_of(folder: Path, keyring: Keyring = KEYRING) -> list[Line]:
    found: list[Line] = []
    for _, descriptor, lines in left_over(folder, keyring):
        found += lines
        os.close(descriptor)
    return found


@pytest.mark.parametrize(
    "line",
    [
        arrived(),
        CallArrived(UUID(int=1), AT, "x", None, None, True, None),
        RingStarted(UUID(int=1), AT, UUID(int=2), ("PJSIP/1001", "Anna"), "1.2", "support", "transfer"),
        CallEnded(UUID(int=1), AT, "abandoned", 16, False, age=None),
    ],
)
def test_a_line_comes_back_as_it_was(line: Line) -> None:
    assert load_line(dump_line(line)) == line


def test_a_line_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="another version"):
        load_line(b"NoSuchLine {}")


def test_what_was_not_acknowledged_is_left(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, KEYRING)
    lines = [arrived(), arrived("+4930999999"), arrived("+4930888888")]
    first, second, third = journal.append(lines)
    journal.acknowledge([second])
    os.close(journal._fd)  # kill -9
    assert lines_of(tmp_path) == [lines[0], lines[2]]
    assert first < second < third


def test_numbers_and_names_lie_sealed(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, KEYRING)
    journal.append([arrived(name="Anna")])
    data = journal.path.read_bytes()
    assert b"4930123456" not in data
    assert b"Anna" not in data
    assert journal.path.stat().st_mode & 0o077 == 0
    assert tmp_path.stat().st_mode & 0o077 == 0
    journal.close()


@pytest.mark.parametrize("torn", range(1, 60, 7))
def test_a_torn_last_line_costs_only_itself(tmp_path: Path, torn: int) -> None:
    journal = Journal.create(tmp_path, KEYRING)
    kept = arrived()
    journal.append([kept])
    size = journal.size
    journal.append([arrived("+4930999999")])
    os.close(journal._fd)
    os.truncate(journal.path, size + torn)
    assert lines_of(tmp_path) == [kept]


def test_garbage_after_the_last_line_costs_nothing(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, KEYRING)
    kept = arrived()
    journal.append([kept])
    os.write(journal._fd, os.urandom(100))
    os.close(journal._fd)
    assert lines_of(tmp_path) == [kept]


def test_a_journal_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, KEYRING)
    journal.append([arrived()])
    assert lines_of(tmp_path) == []
    journal.close()
    assert len(lines_of(tmp_path)) == 1


def test_a_journal_under_another_master_key_is_set_aside(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, KEYRING)
    journal.append([arrived()])
    os.close(journal._fd)
    assert lines_of(tmp_path, Keyring(["another secret that is long enough"], b"x" * 32)) == []
    assert [path.suffix for path in tmp_path.iterdir()] == [".unreadable"]


def test_an_empty_journal_leaves_no_file(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, KEYRING)
    journal.acknowledge(journal.append([arrived()]))
    journal.close()
    assert list(tmp_path.iterdir()) == []
    assert lines_of(tmp_path / "never made") == []


def test_an_idle_journal_is_emptied_and_a_busy_one_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.telephony.journal._EMPTY_AT", 5_000)
    journal = Journal.create(tmp_path, KEYRING)
    journal._rewrite_at = 20_000
    kept = arrived("+49301")
    journal.append([kept])
    largest = 0
    for _ in range(500):
        journal.acknowledge(journal.append([arrived()]))
        largest = max(largest, journal.size)
    assert largest < 21_000
    other = Journal.create(tmp_path, KEYRING)
    for _ in range(100):
        other.acknowledge(other.append([arrived()]))
    assert other.size < 6_000
    os.close(journal._fd)
    assert lines_of(tmp_path) == [kept]
    other.close()


def test_a_full_journal_says_so_and_takes_lines_again_later(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, KEYRING, largest=2_000)
    serials: list[int] = []
    while journal._live_bytes <= 2_000:
        serials += journal.append([arrived()])
    with pytest.raises(JournalFull):
        journal.append([arrived()])
    journal.acknowledge(serials)
    assert journal.append([arrived()])
    journal.close()
