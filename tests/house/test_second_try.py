"""What was red has a second try by itself, and only what may deserve it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.pytest_runs import ROOT, run_in
from tests.house.second_try import may_try_again

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
    run = run_in(tmp_path, ROOT / "tests/house/second_try.py", "--rootdir", tmp_path, "tests", CI="")
    assert run.returncode == code, run.stdout
    assert said in run.stdout


def test_only_a_few_tests_of_real_servers_are_tried_again() -> None:
    names = [f"tests/integration/test_it.py::test_{n}" for n in range(4)]
    assert may_try_again(names[:3])
    assert not may_try_again(names)
    assert not may_try_again([])
    assert not may_try_again([*names[:1], "tests/house/test_it.py::test_it"])
