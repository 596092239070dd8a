"""Whose value stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.customers.merging import MOST_TAGS, TooMuchTogether, plan, together
from hotline.errors import Invalid

VALUES = st.one_of(st.none(), st.integers(0, 3), st.text("ab", max_size=2))
RECORDS = st.dictionaries(st.sampled_from(["name", "kind", "locale", "custom.a", "preferences.b"]), VALUES)


@given(RECORDS, RECORDS, st.dictionaries(st.sampled_from(["name", "locale"]), st.sampled_from(["kept", "other"])))
def test_every_field_has_one_of_the_two_values(kept: Any, other: Any, choices: Any) -> None:
    for each in plan(kept, other, choices):
        assert each.value in (kept.get(each.field), other.get(each.field))
        if each.field not in choices:
            assert each.value is not None
            assert each.value == kept.get(each.field) or kept.get(each.field) is None
        else:
            assert each.value == (kept if choices[each.field] == "kept" else other).get(each.field)


def test_lists_are_put_together_once() -> None:
    point = {"kind": "phone", "value": "+86139", "label": "", "country": "CN"}
    result = together(
        {"contact_points": [point], "addresses": [{"text": "1 Main St.", "country": None}], "tags": ["North"]},
        {
            "contact_points": [{**point, "label": "work"}, {**point, "kind": "whatsapp"}],
            "addresses": [{"text": "1, MAIN st", "country": None}, {"text": "1 Main St.", "country": "US"}],
            "tags": ["north", "VIP"],
        },
        {},
    )
    assert [each["kind"] for each in result.contact_points] == ["whatsapp"]
    assert [each["country"] for each in result.addresses] == ["US"]
    assert result.tags == ["VIP"]


def test_without_the_right_to_transfer_the_agent_stays() -> None:
    (responsible,) = together({}, {"responsible": "somebody"}, {}, transfer=False).fields
    assert responsible.value is None
    with pytest.raises(Invalid):
        together({}, {"responsible": "somebody"}, {"responsible": "other"}, transfer=False)


def test_together_no_more_than_one_may_have() -> None:
    with pytest.raises(TooMuchTogether):
        together({"tags": [str(each) for each in range(MOST_TAGS)]}, {"tags": ["one more"]}, {})


@pytest.mark.parametrize("choices", [{"shoe": "kept"}, {"name": "both"}])
def test_a_choice_that_is_none(choices: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        plan({"name": "a"}, {"name": "b"}, choices)
