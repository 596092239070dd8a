"""Macros: placeholders filled in and checked, and the text in the customer's language."""

from __future__ import annotations

import pytest

from hotline.conversations.macros import Actions, fill, left_unfilled, text_for, unknown_placeholders

VALUES = {"customer.name": "王芳", "ticket.reference": "T10001", "agent.name": "Anna"}


@pytest.mark.parametrize(
    ("text", "filled", "missing"),
    [
        ("Hello {customer.name}!", "Hello 王芳!", ()),
        ("{ customer.name }, {ticket.reference}", "王芳, T10001", ()),
        ("{customer.name} {customer.name}", "王芳 王芳", ()),
        ("No braces", "No braces", ()),
        ("{ticket.subject}: {ticket.subject}", "{ticket.subject}: {ticket.subject}", ("ticket.subject",)),
        ("{company.name} and {today}", "{company.name} and {today}", ("company.name", "today")),
        # What is no placeholder is text.
        ("{1} {} {a b} {customer}", "{1} {} {a b} {customer}", ()),
        ("{{customer.name}}", "{王芳}", ()),
    ],
)
def test_placeholders_are_filled_in(text: str, filled: str, missing: tuple[str, ...]) -> None:
    found = fill(text, VALUES)
    assert (found.text, found.missing) == (filled, missing)


def test_a_value_is_never_filled_in_again() -> None:
    assert fill("{customer.name}", {"customer.name": "{agent.name}"}).text == "{agent.name}"


def test_what_looks_like_a_placeholder_and_is_none_is_named_once() -> None:
    assert unknown_placeholders("{customer.nam} {customer.nam} {customer.name} {costumer.name} {1}") == (
        "customer.nam", "costumer.name",
    )  # fmt: skip


def test_what_still_stands_in_a_text_is_named() -> None:
    assert left_unfilled("{today} {customer.name} {today} {other}") == ("today", "customer.name")


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (["zh-CN", "en"], ("zh", "您好")),
        ([None, "en_GB"], ("en", "Hello")),
        (["fr"], ("en", "Hello")),
        ([], ("en", "Hello")),
    ],
)
def test_the_first_language_that_there_is(languages: list[str | None], expected: tuple[str, str]) -> None:
    assert text_for({"zh": "您好", "en": "Hello"}, languages) == expected


def test_any_text_is_better_than_none() -> None:
    assert text_for({"zh": "您好"}, ["fr"]) == ("zh", "您好")
    assert text_for({}, ["fr"]) == ("", "")


def test_actions_say_whether_there_are_any() -> None:
    assert not Actions()
    assert Actions(tags=("vip",))
    assert Actions(state="closed")
