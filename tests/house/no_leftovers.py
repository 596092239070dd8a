"""A pytest plugin: a test that ends before a process it started does is a failed one.

Python would tell of such a process too, but when the process is gone at last, in whichever test runs then.
"""

from __future__ import annotations

import sys
import traceback
from asyncio.base_subprocess import BaseSubprocessTransport
from collections.abc import Generator
from typing import Any
from weakref import WeakKeyDictionary

import pytest

#: What a process was started by.
_started: WeakKeyDictionary[BaseSubprocessTransport, str] = WeakKeyDictionary()
_init = BaseSubprocessTransport.__init__


def _noted(transport: BaseSubprocessTransport, *args: Any, **options: Any) -> None:
    _started[transport] = "".join(traceback.format_stack()[:-1])
    _init(transport, *args, **options)


def pytest_configure() -> None:
    """Note who starts processes."""
    BaseSubprocessTransport.__init__ = _noted  # type: ignore[method-assign,assignment]


def pytest_unconfigure() -> None:
    """Note it no more."""
    BaseSubprocessTransport.__init__ = _init  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown() -> Generator[None]:
    """Fail a test that left a process, once its fixtures have been closed."""
    yield
    # With a loop that is open it belongs to a fixture of several tests.
    left = {each: where for each, where in _started.items() if not each.is_closing() and each._loop.is_closed()}
    for each in left:
        del _started[each]
    if "tests.commands" in sys.modules and (found := sys.modules["tests.commands"].left_behind()):
        pytest.fail(f"{len(found)} commands of hotline's were left behind", pytrace=False)
    if left:
        first = next(iter(left.values()))
        pytest.fail(f"{len(left)} of its processes were left behind; the first was started at\n{first}", pytrace=False)
