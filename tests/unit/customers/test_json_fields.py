"""Custom fields and preferences keep what JSON can carry, and no more of it than is good."""

from __future__ import annotations

from typing import Any

import pytest

from hotline.customers.json_fields import json_object
from hotline.errors import Invalid


def test_what_json_carries_is_kept() -> None:
    value = {"plan": "gold", "seats": 3, "rate": 1.5, "on": True, "none": None, "list": [1, {"a": "b"}]}
    assert json_object(value, "custom", 1000) == value


def test_text_inside_is_cleaned() -> None:
    assert json_object({"a\0\r\nb": "x\0y\ud800\r\nz"}, "custom", 1000) == {"a b": "xy\ufffd\nz"}


@pytest.mark.parametrize(
    "value",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": 10**400},
        {"a": object()},
        {"a": {"b": {"c": {"d": {"e": 1}}}}},
        {"": 1},
        {"k" * 101: 1},
        {"a": "x" * 2001},
        {f"key{n}": "x" * 100 for n in range(100)},
    ],
)
def test_what_it_cannot_carry_is_refused_by_field(value: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"^custom"):
        json_object(value, "custom", 5000)
