"""Keys of backups, and which backups stay."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.crm.backup.backup_keys import (
    BackupKey,
    WrongBackupKey,
    new_recovery_key,
    read_key,
    recovery_text,
    unwrap,
    wrap,
)
from hotline.crm.backup.sealed_stream import PIECE, DamagedBackup, SealedIn, SealedOut
from hotline.errors import HotlineError, Invalid
from hotline.workflows.upkeep.backup_rotation import Keep, expired, file_name, made_at

KEY = BackupKey(recovery=bytes(range(32)))


# Keys


@given(st.binary(min_size=32, max_size=32))
def test_a_recovery_key_is_read_as_it_was_written(secret: bytes) -> None:
    text = recovery_text(secret)
    assert read_key(text).recovery == secret
    assert read_key(f"  {text.lower().replace('-', ' ')}\n").recovery == secret


@given(st.integers(5, 62), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_typing_error_is_told_apart_from_a_wrong_key(place: int, letter: str) -> None:
    text = recovery_text(bytes(range(32)))
    place = min(place, len(text) - 1)
    if text[place] in ("-", letter):
        return
    with pytest.raises(Invalid, match="typing error"):
        read_key(text[:place] + letter + text[place + 1 :])


def test_letters_that_look_alike_are_one() -> None:
    text = new_recovery_key()
    assert read_key(text.replace("0", "O").replace("1", "l")) == read_key(text)


@pytest.mark.parametrize("text", ["", "short", "HLK1", "HLK1-AAAA", "x" * 2000])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_key(text)


def test_a_passphrase_opens_what_it_closed_and_nothing_else_does() -> None:
    key = read_key("correct horse battery staple 电话")
    wrapped = wrap(key, bytes(32))
    assert unwrap(key, wrapped) == bytes(32)
    for other, stored in (
        (read_key("correct horse battery stable 电话"), wrapped),
        (KEY, wrapped),
        (key, wrapped | {"cost": 1 << 14}),
        (key, wrapped | {"cost": 1 << 40}),
        (key, wrapped | {"cost": 3}),
        (key, wrapped | {"salt": "zz"}),
        (key, {}),
    ):
        with pytest.raises(WrongBackupKey):
            unwrap(other, stored)


# The sealed stream


def sealed(data: bytes) -> bytes:
    raw = io.BytesIO()
    out = SealedOut(raw, KEY, {})
    for start in range(0, len(data), 100_000):
        out.write(data[start : start + 100_000])
    out.finish()
    assert out.size == len(raw.getvalue())
    return raw.getvalue()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7])
def test_what_was_written_is_read(size: int) -> None:
    data = os.urandom(size)
    assert SealedIn(io.BytesIO(sealed(data)), KEY).read() == data


WHOLE = sealed(os.urandom(2 * PIECE + 100))


@given(st.integers(0, len(WHOLE) - 1))
def test_no_part_of_the_beginning_is_taken_for_all(length: int) -> None:
    with pytest.raises(HotlineError):
        SealedIn(io.BytesIO(WHOLE[:length]), KEY).read()


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_no_altered_byte_goes_unseen(place: int, change: int) -> None:
    altered = bytearray(WHOLE)
    altered[place] ^= change
    with pytest.raises(HotlineError):
        SealedIn(io.BytesIO(bytes(altered)), KEY).read()


def test_pieces_in_another_order_do_not_open() -> None:
    data = sealed(bytes(3 * PIECE))
    head = len(data) - 3 * (PIECE + 16)
    pieces = [data[head + n * (PIECE + 16) : head + (n + 1) * (PIECE + 16)] for n in range(3)]
    with pytest.raises(DamagedBackup):
        SealedIn(io.BytesIO(data[:head] + pieces[1] + pieces[0] + pieces[2]), KEY).read()
    with pytest.raises(DamagedBackup):
        SealedIn(io.BytesIO(data[:head] + pieces[0] + pieces[1]), KEY).read()


# Rotation

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
NIGHTS = [Path(file_name(NOW - timedelta(days=days))) for days in range(120)]


def kept(keep: Keep, paths: list[Path] | None = None) -> list[str]:
    paths = NIGHTS if paths is None else paths
    gone = set(expired(paths, keep))
    return [f"{made_at(path):%m-%d}" for path in paths if path not in gone]


def test_without_a_rule_all_stay() -> None:
    assert expired(NIGHTS, Keep()) == []


def test_the_newest_of_each_period_stay() -> None:
    assert kept(Keep(last=2)) == ["11-22", "11-21"]
    assert kept(Keep(daily=3)) == ["11-22", "11-21", "11-20"]
    assert kept(Keep(weekly=3)) == ["11-22", "11-15", "11-08"]
    assert kept(Keep(monthly=3)) == ["11-22", "10-31", "09-30"]
    assert kept(Keep(daily=2, weekly=2, monthly=2)) == ["11-22", "11-21", "11-15", "10-31"]


def test_the_last_one_left_stays_whatever_its_age() -> None:
    alone = [Path(file_name(NOW - timedelta(days=4000)))]
    assert expired(alone, Keep(last=1)) == []
    assert expired(alone, Keep(monthly=1)) == []


def test_what_is_not_named_as_a_backup_is_never_removed() -> None:
    others = [
        Path(name) for name in ("family.jpg", "hotline-x.hlbackup", "hotline-20261322T000000Z.hlbackup", "a.hlbackup")
    ]
    assert expired([*others, *NIGHTS[:3]], Keep(last=1)) == [NIGHTS[2], NIGHTS[1]]
