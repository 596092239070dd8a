"""Files that nobody has are removed, however many there are."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from hotline.workflows import sealed_files


async def test_every_file_is_looked_up_however_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_files, "ASKED_AT_ONCE", 3)
    names = [f"{place}/{number}.hls" for place in ("a", "b") for number in range(10)]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"sealed")
    gone, asked = {"a/4.hls", "b/9.hls"}, []

    async def kept(paths: Collection[str]) -> set[str]:
        asked.append(len(paths))
        return set(paths) - gone

    assert await sealed_files.sweep(tmp_path, kept, orphaned=-60) == 2
    assert {name for name in names if (tmp_path / name).exists()} == set(names) - gone
    assert (sum(asked), max(asked)) == (20, 3)
    assert await sealed_files.sweep(tmp_path / "nowhere", kept) == 0
