"""Run every test, and what was red once more by itself: ``python -m tests.house.second_try [pytest's options]``.

Five browsers, Asterisks and databases at once on two cores now and then leave one test of the real servers without its
turn. Such a test says nothing about the code, but one that is red by itself, too, does. What was red only among the
others is told by name at the end, to be mended; more than a few such are a fault, and tests without servers have no
second try.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

#: More red ones than that are no accident.
MOST: Final = 3
#: Where tests use real servers, browsers and processes.
WITH_SERVERS: Final = ("tests/e2e/", "tests/integration/")


class Red:
    """A pytest plugin: the names of the tests that failed, in any of their parts."""

    def __init__(self) -> None:
        self.names: list[str] = []
        #: Something else went wrong: a module that cannot be read, a worker that died.
        self.more = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the name of one that failed."""
        if report.failed and report.nodeid not in self.names:
            self.names.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Nothing is tried again when not all tests were there."""
        self.more |= report.failed


def may_try_again(names: list[str], *, most: int = MOST) -> bool:
    """Whether these red tests may have been without their turn only."""
    return 0 < len(names) <= most and all(name.startswith(WITH_SERVERS) for name in names)


def main(options: list[str]) -> int:
    """The exit code of the tests, or of the second try of those that were red."""
    red = Red()
    code = int(pytest.main(options, plugins=[red]))
    if code != pytest.ExitCode.TESTS_FAILED or red.more or not may_try_again(red.names):
        return code
    print(f"\nRed among all the others, now each by itself: {len(red.names)}", flush=True)
    for name in red.names:
        if code := subprocess.run([sys.executable, "-m", "pytest", "-q", name], check=False).returncode:
            return code
    print("UNSTEADY: red among all the others, green alone. To be mended:")
    for name in red.names:
        print(f"  {name}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
