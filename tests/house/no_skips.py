"""A pytest plugin: with CI=true a skipped test is a failed one, so that nothing goes untested unseen."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any, TypeVar

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a test's skip into a failure that gives the reason."""
    report = yield
    return _refuse(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure."""
    report = yield
    return _refuse(report)


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _refuse(report: Report) -> Report:
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped with CI=true: {reason}"
    return report
