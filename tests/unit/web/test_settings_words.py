"""The settings pages have a word for everything that can be set, and for everything that is refused."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

import pytest

from hotline.calendars import WEEKDAYS
from hotline.crm.company import SECTIONS
from hotline.tickets.policies import CLOCKS
from hotline.tickets.states import PRIORITIES, Kind
from hotline.web.desktop.company import settings_words as words


@pytest.mark.parametrize("name", SECTIONS)
def test_every_setting_has_a_label(name: str) -> None:
    assert name in words.SECTIONS
    for each, info in SECTIONS[name].model_fields.items():
        label = words.label_of(name, each)
        assert info.description, each
        if get_origin(info.annotation) is Literal:
            assert set(label.choices or {}) == set(get_args(info.annotation))
        elif info.annotation is int:
            assert label.unit, each
            assert set(words.constraints(info.metadata)) == {"ge", "le"}, each


def test_no_label_is_of_nothing() -> None:
    known = {f"{name}.{each}" for name, section in SECTIONS.items() for each in section.model_fields}
    assert set(words.LABELS) == known


def test_every_choice_has_a_word() -> None:
    assert set(words.KINDS) == set(get_args(Kind))
    assert tuple(words.PRIORITIES) == PRIORITIES
    assert tuple(words.CLOCKS) == CLOCKS
    assert tuple(words.WEEKDAYS) == WEEKDAYS
