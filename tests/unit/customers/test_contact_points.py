"""Contact points are normalised, validated and masked."""

from __future__ import annotations

import pytest

from hotline.customers import contact_points
from hotline.customers.contact_points import ContactValue, Kind
from hotline.errors import Invalid


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        ("phone", " 139 1234-0412 ", "+8613912340412"),
        ("phone", "+44 (20) 7946 0123", "+442079460123"),
        ("whatsapp", "+1 212 555 0123", "+12125550123"),
        ("email", "Anna.Muller@Example.COM", "anna.muller@example.com"),
        ("email", "anna+tag@sub.example.co.uk", "anna+tag@sub.example.co.uk"),
        ("email", "用户@例子.公司", "用户@例子.公司"),
        ("inapp", " device-77 ", "device-77"),
    ],
)
def test_normalised(kind: Kind, text: str, kept: str) -> None:
    assert contact_points.normalise(kind, text, "CN").value == kept


def test_a_number_knows_its_country_and_its_last_digits() -> None:
    assert contact_points.normalise("phone", "139 1234 0412", "CN") == ContactValue(
        "+8613912340412", "CN", ("0412", "40412", "340412", "2340412")
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "100"),
        ("phone", "anonymous"),
        ("phone", ""),
        ("phone", "1" * 300),
        ("whatsapp", "+1"),
        ("email", "anna"),
        ("email", "anna@"),
        ("email", "@example.com"),
        ("email", "anna@localhost"),
        ("email", "an na@example.com"),
        ("email", "anna@exa mple.com"),
        ("email", "anna@example.com\r\nBcc: all@example.com"),
        ("email", "anna@example.com, eve@example.com"),
        ("email", "<anna@example.com>"),
        ("email", "anna@-example.com"),
        ("email", "a..b@example.com"),
        ("email", "a" * 65 + "@example.com"),
        ("email", "a@" + "b" * 300 + ".com"),
        ("inapp", "\0\0"),
        ("inapp", "x" * 201),
    ],
)
def test_refused_with_the_field_named_and_the_value_not_repeated(kind: Kind, text: str) -> None:
    with pytest.raises(Invalid, match=r"^contact_points\[2\]\.value: ") as refused:
        contact_points.normalise(kind, text, "CN", "contact_points[2].value")
    assert len(text) < 4 or text not in refused.value.detail


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("phone", "+8613912340412", "+86 139 •••• 0412"),
        ("whatsapp", "+442079460123", "+44 20 •••• 0123"),
        ("email", "anna@example.com", "a•••@example.com"),
        ("inapp", "device-77", "••••77"),
        ("inapp", "short", "••••"),
    ],
)
def test_masked(kind: Kind, value: str, masked: str) -> None:
    assert contact_points.mask(kind, value) == masked
