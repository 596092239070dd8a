"""Encrypted files: any part opens alone, nothing that was touched opens, a full disk is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotline.media.errors import Damaged, NoRoom
from hotline.media.sealed import PIECE, SealedReader, SealedWriter

SECRET = bytes(range(32))
OWNER = UUID("0197f0c0-0000-7000-8000-000000000001")


def write(path: Path, data: bytes, *, owner: UUID = OWNER, step: int = 50_001) -> None:
    writer = SealedWriter(path, SECRET, owner)
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
    writer.finish(lambda head, _size: head)


def read(path: Path, start: int, stop: int, *, secret: bytes = SECRET, owner: UUID = OWNER) -> bytes:
    reader = SealedReader(path, secret, owner)
    try:
        return b"".join(reader.read(start, stop))
    finally:
        reader.close()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 17])
def test_what_was_written_is_read(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    write(tmp_path / "a", data)
    reader = SealedReader(tmp_path / "a", SECRET, OWNER)
    assert reader.size == size
    assert b"".join(reader.read(0, size)) == data
    reader.close()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    if size > 64:
        assert data[:64] not in (tmp_path / "a").read_bytes()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50, deadline=None
)
@given(st.integers(0, 3 * PIECE), st.integers(0, 4 * PIECE), st.integers(0, 4 * PIECE))
def test_any_part_is_read_alone(tmp_path: Path, size: int, start: int, stop: int) -> None:
    data = os.urandom(size)
    path = tmp_path / str(uuid4())
    write(path, data)
    assert read(path, start, stop) == data[start:stop]


def test_only_the_pieces_of_a_part_are_opened(tmp_path: Path) -> None:
    data = os.urandom(5 * PIECE)
    write(tmp_path / "a", data)
    sealed = bytearray((tmp_path / "a").read_bytes())
    sealed[100] ^= 1  # in the first piece, which no longer opens
    (tmp_path / "a").write_bytes(sealed)
    assert read(tmp_path / "a", 2 * PIECE + 5, 3 * PIECE + 5) == data[2 * PIECE + 5 : 3 * PIECE + 5]
    with pytest.raises(Damaged):
        read(tmp_path / "a", 0, 10)


def test_the_head_is_mended_when_the_size_is_known(tmp_path: Path) -> None:
    writer = SealedWriter(tmp_path / "a", SECRET, OWNER)
    writer.write(b"h" * (PIECE + 500))
    writer.finish(lambda head, size: b"%08d" % size + head[8:])
    assert read(tmp_path / "a", 0, 10) == b"%08dhh" % (PIECE + 500)


@pytest.mark.parametrize("cut", [1, 16, 17, PIECE, PIECE + 16, PIECE + 17, 2 * PIECE])
def test_a_file_that_was_cut_does_not_pass_for_a_shorter_one(tmp_path: Path, cut: int) -> None:
    write(tmp_path / "a", os.urandom(3 * PIECE))
    sealed = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(sealed[:-cut])
    with pytest.raises(Damaged):
        SealedReader(tmp_path / "a", SECRET, OWNER)


def test_pieces_that_changed_places_do_not_open(tmp_path: Path) -> None:
    write(tmp_path / "a", os.urandom(3 * PIECE))
    sealed = (tmp_path / "a").read_bytes()
    head, step = len(sealed) - 3 * (PIECE + 16), PIECE + 16
    swapped = sealed[:head] + sealed[head + step : head + 2 * step] + sealed[head : head + step] + sealed[-step:]
    (tmp_path / "a").write_bytes(swapped)
    with pytest.raises(Damaged):
        read(tmp_path / "a", 0, PIECE)


def test_another_key_or_another_recording_s_file_does_not_open(tmp_path: Path) -> None:
    write(tmp_path / "a", b"a voice" * 100)
    with pytest.raises(Damaged):
        read(tmp_path / "a", 0, 10, secret=bytes(32))
    with pytest.raises(Damaged):
        read(tmp_path / "a", 0, 10, owner=uuid4())


def test_the_same_sound_is_never_sealed_the_same_way(tmp_path: Path) -> None:
    write(tmp_path / "a", b"a voice" * 100)
    write(tmp_path / "b", b"a voice" * 100)
    assert (tmp_path / "a").read_bytes()[-500:] != (tmp_path / "b").read_bytes()[-500:]


@pytest.mark.parametrize("data", [b"", b"HLREC", b"HLREC\x02" + bytes(100), bytes(1000)])
def test_what_is_no_such_file_is_damaged(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(Damaged):
        read(tmp_path / "a", 0, 10)
    with pytest.raises(Damaged):
        read(tmp_path / "gone", 0, 10)


def test_a_full_disk_is_told_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SealedWriter(tmp_path / "a", SECRET, OWNER)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(NoRoom):
        writer.write(bytes(3 * PIECE))
    writer.abandon()
    with pytest.raises(NoRoom):
        SealedWriter(tmp_path / "b", SECRET, OWNER)
    assert list(tmp_path.iterdir()) == []


def test_another_s_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"someone's")
    with pytest.raises(FileExistsError):
        SealedWriter(tmp_path / "a", SECRET, OWNER)
