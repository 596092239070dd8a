"""What was red has a second try by itself, and only what may deserve it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.second_try import may_try_again

ROOT = Path(__file__).resolve().parents[2]
UNSTEADY = """
from pathlib import Path


def test_it() -> None:
    first = not Path("tried").exists()
    Path("tried").touch()
    assert not first


def test_other() -> None:
    assert {other}
"""


@pytest.mark.parametrize(
    ("folder", "other", "code", "said"),
    [
        ("tests/e2e", True, 0, "green alone. To be mended:\n  tests/e2e/test_it.py::test_it"),
        ("tests/e2e", False, 1, "1 failed"),
        ("tests/unit", True, 1, "1 failed, 1 passed"),
    ],
)
def test_what_was_red_is_tried_again(tmp_path: Path, folder: str, other: bool, code: int, said: str) -> None:
    place = tmp_path / folder
    place.mkdir(parents=True)
    (place / "test_it.py").write_text(UNSTEADY.format(other=other))
    run = subprocess.run(
        [sys.executable, str(ROOT / "tests/house/second_try.py"), "--rootdir", str(tmp_path), "tests"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "CI": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code, run.stdout
    assert said in run.stdout


def test_only_a_few_tests_of_real_servers_are_tried_again() -> None:
    names = [f"tests/integration/test_it.py::test_{n}" for n in range(4)]
    assert may_try_again(names[:3])
    assert not may_try_again(names)
    assert not may_try_again([])
    assert not may_try_again([*names[:1], "tests/house/test_it.py::test_it"])
