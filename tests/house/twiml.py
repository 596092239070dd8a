"""A pytest plugin: every TwiML document that any test makes is held against Twilio's grammar; one that Twilio would not
take fails the test that made it. Without the real material nothing is looked at, but with CI=true that is a failure."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from twilio.twiml import TwiML

_problems: list[str] = []
_to_xml = TwiML.to_xml


def _examined(self: TwiML, *arguments: Any, **options: Any) -> str:
    """The document, looked at on its way."""
    document: str = _to_xml(self, *arguments, **options)
    if self.name == "Response":
        # Imported here: the plugin is loaded before the tests' own modules may be.
        from tests.fakes.twilio import document_problems

        _problems.extend(f"{problem}: {document}" for problem in document_problems(document))
    return document


def pytest_configure(config: pytest.Config) -> None:
    """Begin to look."""
    from tests.material import material_of

    if material_of("twilio/twiml_check.py") is not None or os.environ.get("CI") == "true":
        TwiML.to_xml = _examined


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail the test whose document Twilio would refuse."""
    _problems.clear()
    result = yield
    if _problems:
        pytest.fail("\n".join(_problems[:5]), pytrace=False)
    return result
