"""Custom fields type by type; amounts as people write them; changes of two people; names and kinds of files."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.customers import file_types, money
from hotline.customers.custom_fields import (
    CODED,
    TYPES,
    Choice,
    CustomField,
    changed,
    clean,
    from_text,
    split,
    to_text,
)
from hotline.customers.custom_values import Type
from hotline.customers.three_way import merge_items, merge_set, merge_value
from hotline.errors import Invalid

CHOICES = (Choice("s", {"en": "Small", "zh": "小"}), Choice("l", {"en": "Large", "zh": "大"}))


def field(kind: str, **more: Any) -> CustomField:
    return CustomField(UUID(int=1), "customer", "x", {"en": "X"}, cast(Type, kind), choices=CHOICES, **more)


@pytest.mark.parametrize(
    ("kind", "given_value", "kept"),
    [
        ("text", "  two\n lines ", "two lines"),
        ("long_text", "two\r\nlines", "two\nlines"),
        ("number", "1,234", 1234),
        ("number", 7, 7),
        ("decimal", "1.234,50", "1234.50"),
        ("decimal", 0.5, "0.5"),
        ("money", {"amount": 5, "currency": "jpy"}, {"amount": 5, "currency": "JPY"}),
        ("money", "€ 12.50", {"amount": 1250, "currency": "EUR"}),
        ("date", "2026/1/5", "2026-01-05"),
        ("datetime", "2026-01-05 08:00+08:00", "2026-01-05T00:00:00Z"),
        ("boolean", "是", True),
        ("boolean", False, False),
        ("choice", "大", "l"),
        ("multi_choice", ["s", "s", "Large"], ["s", "l"]),
        ("url", "example.com/a?b", "https://example.com/a?b"),
        ("email", "Wang@Example.com", "wang@example.com"),
        ("phone", "139 1234 0412", "+8613912340412"),
        ("text", "   ", None),
        ("multi_choice", [], None),
    ],
)
def test_values_are_kept_in_one_way(kind: str, given_value: Any, kept: Any) -> None:
    assert clean([field(kind)], {"x": given_value}, region="CN") == {"x": kept}


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("number", "1.5"), ("number", True), ("number", "1e400"), ("number", "9" * 16), ("decimal", "1.1234567"),
        ("decimal", "NaN"), ("decimal", "Infinity"), ("money", "12.50"), ("money", "12.505 CNY"), ("money", "1 XXQ"),
        ("money", {"amount": 1.5, "currency": "CNY"}), ("money", {"amount": 1, "currency": "CNY", "x": 1}),
        ("date", "31.02.2026"), ("date", "2026-02-30"), ("date", "02/03/2026"), ("datetime", "tomorrow"),
        ("boolean", "maybe"), ("choice", "xl"), ("multi_choice", "s"), ("multi_choice", [1]), ("text", 5),
        ("text", "x" * 301), ("url", "javascript:alert(1)"), ("url", "data:text/html,x"), ("url", "https://"),
        ("url", "https://a b"), ("email", "nobody"), ("phone", "abc"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(kind: str, wrong: Any) -> None:
    with pytest.raises(Invalid, match=r"^custom\.x: "):
        clean([field(kind)], {"x": wrong}, region="CN")


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_written_reads_back_the_same(kind: str) -> None:
    examples: dict[str, Any] = {
        "number": 42, "decimal": "12.50", "money": {"amount": 125050, "currency": "CNY"}, "date": "2026-01-31",
        "datetime": "2026-01-31T06:30:00Z", "boolean": True, "choice": "s", "multi_choice": ["s", "l"],
        "url": "https://example.com", "email": "a@example.com", "phone": "+8613912340412",
    }  # fmt: skip
    value = examples.get(kind, "text")
    for language in ("en", "zh"):
        assert from_text(field(kind), to_text(field(kind), value, language), region="CN") == value


def test_what_people_write_and_what_is_private_is_sealed() -> None:
    assert set(get_args(Type)) - CODED == {"text", "long_text", "url", "email", "phone"}
    fields = [field("number"), CustomField(UUID(int=2), "customer", "y", {}, "number", private=True)]
    assert split(fields, {"x": 1, "y": 2, "z": 3}) == ({"x": 1}, {"y": 2, "z": 3})
    assert changed({"a": 1, "b": 2}, {"b": None, "c": 3}) == {"a": 1, "c": 3}
    with pytest.raises(Invalid):
        changed({}, {str(at): at for at in range(201)})


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9))
def test_amounts_come_back_as_they_were_written(value: Decimal) -> None:
    amount, currency = money.money_of(f"{value} CNY", None, "x")
    assert (money.major_units(amount, currency), currency) == (value, "CNY")


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        number = money.number_of(text, "x")
    except Invalid:
        return
    assert number.is_finite()


TAGS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@given(TAGS, TAGS, TAGS)
def test_what_either_adds_is_there_and_what_either_removes_is_not(
    base: list[str], mine: list[str], other: list[str]
) -> None:
    merged = set(merge_set(base, mine, other))
    assert merged == {tag for tag in "abcdef" if (tag in mine) + (tag in other) + (tag not in base) >= 2 or (
        tag not in base and (tag in mine or tag in other))}  # fmt: skip


ITEMS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123"), max_size=4)


@given(ITEMS, ITEMS, ITEMS)
def test_lists_lose_nothing_silently(base: dict[str, str], mine: dict[str, str], other: dict[str, str]) -> None:
    def items(known: dict[str, str]) -> list[dict[str, str]]:
        return [{"id": name, "value": value} for name, value in known.items()]

    merged, clash = merge_items(items(base), items(mine), items(other), lambda item: item["id"])
    found = {item["id"]: item["value"] for item in merged}
    for name in "abcd":
        was, my, its = base.get(name), mine.get(name), other.get(name)
        if my in (was, its):
            assert found.get(name) == its
        elif its == was:
            assert found.get(name) == my
        else:
            assert clash or (was is None and found[name] in (my, its))


def test_a_decision_settles_what_both_changed() -> None:
    assert merge_value("a", "b", "c") == ("c", True)
    assert merge_value("a", "b", "c", "yours") == ("b", True)
    gone, changed_item = [{"id": "1", "value": "x"}], [{"id": "1", "value": "y"}]
    assert merge_items(gone, [], changed_item, lambda item: item["id"]) == (changed_item, True)
    assert merge_items(gone, [], changed_item, lambda item: item["id"], "yours") == ([], True)


@given(st.text(max_size=300))
def test_a_name_of_a_file_is_one_harmless_part(text: str) -> None:
    try:
        name = file_types.file_name(text)
    except Invalid:
        return
    assert 0 < len(name) <= file_types.LONGEST_NAME
    assert not set(name) & set('/\\"<>|:;*?\r\n\0')
    assert name not in (".", "..")


@given(st.binary(max_size=200))
def test_any_content_has_a_type_that_a_header_can_carry(head: bytes) -> None:
    kind = file_types.media_type(head, "photo.png")
    assert kind.isascii()
    assert "/" in kind
    assert not set(kind) & set("\r\n;")
