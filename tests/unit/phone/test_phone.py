"""Telephone numbers: reading, masking, dialling, withheld spellings, emergency numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline import phone
from hotline.phone import NotANumber, PhoneNumber
from tests.material import real_file

REAL = Path(os.environ.get("HOTLINE_REAL_MATERIAL", Path(__file__).parents[4] / "shared" / "real"))


def test_every_number_of_the_world_comes_out_as_e164() -> None:
    source = REAL / "numbers" / "e164.jsonl"
    if not source.exists():
        message = f"real material is missing: {source} (set HOTLINE_REAL_MATERIAL)"
        assert os.environ.get("CI") != "true", message
        pytest.skip(message)
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    assert len(rows) > 2000
    wrong = [
        (row["input"], row["region"], got.value, row["expected"])
        for row in rows
        if (got := phone.parse(row["input"], row["region"])).value != row["expected"] or got.kind != "e164"
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "region", "value", "kind", "country"),
    [
        ("139 1234 0412", "CN", "+8613912340412", "e164", "CN"),
        ("0044 20 7946 0123", "CN", "+442079460123", "e164", "GB"),
        ("tel:+44-20-7946-0123", "CN", "+442079460123", "e164", "GB"),
        ("+86139 12340412", "US", "+8613912340412", "e164", "CN"),
        # full width, as a Chinese keyboard writes it
        ("+86 139 1234 0412", "US", "+8613912340412", "e164", "CN"),
        # the trunk dropped the plus
        ("8613912340412", "CN", "+8613912340412", "e164", "CN"),
        ("442079460123", "CN", "+442079460123", "e164", "GB"),
        ("12125550123", "CN", "+12125550123", "e164", "US"),
        # extensions first: libphonenumber makes +1100 of 100
        ("100", "US", "100", "short", None),
        ("8008", "CN", "8008", "short", None),
        ("0412", "CN", "0412", "short", None),
        ("95588", "CN", "95588", "short", None),
        ("1", "US", "1", "short", None),
        # a complete number of a small country is a number, not an extension
        ("62889", "AC", "+24762889", "e164", "AC"),
        # no area code: it cannot be called from elsewhere
        ("5550123", "US", "5550123", "local", None),
        ("99999999999999999999", "US", "99999999999999999999", "local", None),
        # free-phone of the world belongs to no country
        ("+800 1234 5678", "CN", "+80012345678", "e164", None),
        ("1-800-356-9377", "US", "+18003569377", "e164", "US"),
    ],
)
def test_reading(text: str, region: str, value: str, kind: str, country: str | None) -> None:
    assert phone.parse(text, region) == PhoneNumber(value, kind, country)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["", " ", "anonymous", "<unknown>", "C10001", "Anna", "+", "tel:", "call 13912340412", "1" * 300, "\0"],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        phone.parse(text, "CN")


def _by_the_library(text: str, region: str) -> PhoneNumber | None:
    """A number that libphonenumber finds valid, by its own steps."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    country = phonenumbers.region_code_for_number(number)
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return PhoneNumber(value, "e164", country if country and country.isalpha() else None)


_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@st.composite
def _written(draw: st.DrawFn) -> str:
    """Digits near a real number, with what people put in front of and between them."""
    region = draw(st.sampled_from(_REGIONS))
    kind = draw(st.sampled_from(range(11)))
    example = phonenumbers.example_number_for_type(region, kind) or phonenumbers.example_number(region)
    assert example is not None
    digits = list(phonenumbers.national_significant_number(example))
    for _ in range(draw(st.integers(0, 3))):
        digits[draw(st.integers(0, len(digits) - 1))] = draw(st.sampled_from("0123456789"))
    if draw(st.booleans()):
        digits = digits[: draw(st.integers(1, len(digits)))] + draw(st.lists(st.sampled_from("0123456789"), max_size=3))
    head = draw(st.sampled_from(("", "+", f"+{example.country_code}", f"{example.country_code}", "0", "00", "1", "8")))
    between = draw(st.sampled_from(("", "", " ", "-", "/", ".", ") ", " (0) ")))
    at = draw(st.integers(0, len(digits)))
    return f"{head}{''.join(digits[:at])}{between}{''.join(digits[at:])}"


@settings(max_examples=1_500, deadline=None)
@given(_written(), st.sampled_from([*_REGIONS, "XX", "001"]))
def test_the_quick_way_answers_what_libphonenumber_answers(text: str, region: str) -> None:
    quick = phone._plain(text, region)
    assert quick is None or quick == _by_the_library(text, region), text


def test_the_quick_way_reads_most_numbers_of_the_world_alike() -> None:
    rows = [json.loads(line) for line in real_file("numbers/e164.jsonl").read_text(encoding="utf-8").splitlines()]
    quick = [(row, phone._plain(row["input"], row["region"])) for row in rows]
    assert [row for row, found in quick if found not in (None, _by_the_library(row["input"], row["region"]))] == []
    assert sum(found is not None for _, found in quick) > len(rows) * 0.5


@given(st.text(max_size=40), st.sampled_from(["CN", "US", "GB", "XX"]))
def test_any_text_is_read_or_refused(text: str, region: str) -> None:
    try:
        number = phone.parse(text, region)
    except NotANumber:
        return
    assert number.value.removeprefix("+").isdigit()
    assert number.value.isascii()
    assert number.value.startswith("+") == (number.kind == "e164")
    if number.kind == "e164":
        assert phone.parse(number.value, region).value == number.value


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (None, None),
        ("", ""),
        ("<unknown>", "<unknown>"),
        ("anonymous", None),
        ("Anonymous", "Anonymous"),
        ("anonymous@anonymous.invalid", None),
        ("Restricted", None),
        ("RESTRICTED", "x"),
        ("Unavailable", ""),
        ("unknown", ""),
        ("Private Number", ""),
        ("+266696687", "Joe"),
        ("266696687", None),
        ("0000000000", None),
        ("P", None),
        ("+442079460123", "Anonymous"),
        ("+442079460123", '"Withheld"'),
    ],
)
def test_withheld_spellings(number: str | None, name: str | None) -> None:
    assert phone.is_withheld(number, name)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("+442079460123", None),
        ("+442079460123", "Unavailable"),
        ("+442079460123", "Unknown"),
        ("100", "Restricted Area Ltd"),
        ("100", ""),
        ("alice", "Alice"),
        ("+2666966871", "x"),
        ("13912340412", "<script>anonymous</script>"),
    ],
)
def test_not_withheld(number: str | None, name: str | None) -> None:
    assert not phone.is_withheld(number, name)


@pytest.mark.parametrize(
    ("text", "region", "prefix", "emergency"),
    [
        ("110", "CN", "", True),
        ("119", "CN", "", True),
        ("120", "CN", "", True),
        ("1100", "CN", "", False),
        ("110", "US", "", False),
        ("911", "US", "", True),
        ("9-1-1", "US", "", True),
        ("+1911", "US", "", True),
        ("999", "GB", "", True),
        ("112", "GB", "", True),
        ("112", "US", "", True),
        ("911", "CN", "", True),
        ("9112", "CN", "9", True),
        ("99110", "CN", "9", False),
        ("9110", "CN", "9", True),
        ("112", "CN", "", True),
        ("1911", "US", "", False),
        ("100", "CN", "", False),
        ("", "CN", "", False),
        ("+8613912340412", "CN", "", False),
    ],
)
def test_emergency_numbers(text: str, region: str, prefix: str, emergency: bool) -> None:
    assert phone.is_emergency(text, region, prefix=prefix) is emergency


@pytest.mark.parametrize(
    ("value", "shown", "masked"),
    [
        ("+8613912340412", "+86 139 1234 0412", "+86 139 •••• 0412"),
        ("+442079460123", "+44 20 7946 0123", "+44 20 •••• 0123"),
        ("+12125550123", "+1 212-555-0123", "+1 21•-•••-0123"),
        ("+24762889", "+247 62889", "+247 •••89"),
        ("100", "100", "100"),
        ("5550123", "5550123", "5••••23"),
    ],
)
def test_showing_and_masking(value: str, shown: str, masked: str) -> None:
    assert phone.display(value) == shown
    assert phone.mask(value) == masked


@given(st.integers(min_value=10**7, max_value=10**14))
def test_a_mask_always_hides_at_least_three_digits(digits: int) -> None:
    masked = phone.mask(f"+{digits}")
    assert masked.count(phone.MASK) >= 3 or sum(letter.isdigit() for letter in masked) <= 4


@pytest.mark.parametrize(
    ("value", "form", "dialled"),
    [
        ("+442079460123", "e164", "+442079460123"),
        ("+442079460123", "digits", "442079460123"),
        ("+442079460123", "national", "02079460123"),
        ("+8613912340412", "national", "13912340412"),
        ("+861065529988", "national", "01065529988"),
        ("1001", "e164", "1001"),
        ("1001", "digits", "1001"),
        ("95588", "national", "95588"),
    ],
)
def test_dialling_out(value: str, form: phone.DialForm, dialled: str) -> None:
    assert phone.dialled(value, form) == dialled


def test_suffixes_are_the_last_four_to_seven_digits() -> None:
    assert phone.suffixes("+8613912340412") == ("0412", "40412", "340412", "2340412")
    assert phone.suffixes("100") == ()


def test_line_types() -> None:
    assert phone.line_type("+8613912340412") == "mobile"
    assert phone.line_type("+18003569377") == "toll_free"
    assert phone.line_type("100") is None


def test_the_geocoder_is_never_loaded() -> None:
    """It costs 120 MB of memory in every process."""
    code = (
        "import sys; from hotline import phone; n = phone.parse('13912340412', 'CN').value;"
        "phone.display(n), phone.mask(n), phone.line_type(n), phone.is_emergency(n, 'CN');"
        "heavy = ('phonenumbers.geo', 'phonenumbers.carrier', 'phonenumbers.tz');"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
