"""TwiML as tests read it: checked against Twilio's grammar (the real material), and taken apart."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from xml.etree import ElementTree

from tests.material import real_file


@cache
def _checker() -> Any:
    spec = importlib.util.spec_from_file_location("twiml_check", real_file("twilio/twiml_check.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its file to the collector
        spec.loader.exec_module(module)
    return module


def sound(document: str, kind: str = "voice") -> str:
    """The document, which must be TwiML of this kind that Twilio takes."""
    found, errors = _checker().check(document.encode())
    assert errors == [], document
    assert found == kind or document.count("<") <= 3, document  # an empty one is of either kind
    assert len(document.encode()) <= 64_000
    return document


@dataclass
class Verb:
    """One element: its name, its attributes, its text, what is inside of it."""

    name: str
    attributes: dict[str, str]
    text: str
    inside: list[Verb] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


def verbs(document: str) -> list[Verb]:
    """The verbs of a document, in order."""
    return _inside(ElementTree.fromstring(sound(document)))


def _inside(element: ElementTree.Element) -> list[Verb]:
    return [Verb(each.tag, dict(each.attrib), each.text or "", _inside(each)) for each in element]


def said(document: str) -> list[str]:
    """What is heard, in order: texts, and the addresses of sounds."""
    found: list[str] = []
    for verb in verbs(document):
        found += [each.text for each in (verb, *verb.inside) if each.name in ("Say", "Play")]
    return found
