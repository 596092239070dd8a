"""The plugin that refuses skips with CI=true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.pytest_runs import run_in

SKIPPED = "import pytest\n\ndef test_it() -> None:\n    pytest.skip('no such server')\n"


@pytest.mark.parametrize(("ci", "code", "said"), [("true", 1, "skipped with CI=true: "), ("", 0, "1 skipped")])
def test_a_skip_fails_only_with_ci(tmp_path: Path, ci: str, code: int, said: str) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPED)
    run = run_in(tmp_path, "-m", "pytest", "-p", "tests.house.no_skips", "--rootdir", tmp_path, tmp_path, CI=ci)
    assert run.returncode == code, run.stdout
    assert said in run.stdout
