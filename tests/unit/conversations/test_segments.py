"""SMS segments, held against Twilio's own calculator."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as some

from hotline.conversations.segments import count
from tests.material import real_file


def test_as_twilio_counts() -> None:
    cases = list(map(json.loads, real_file("twilio/sms_segments.jsonl").read_text().splitlines()))
    assert len(cases) >= 10
    for case in cases:
        found = count(case["body"])
        assert found.count == case["segments"], case["testDescription"]
        assert found.encoding == case["encoding"].lower().replace("-", ""), case["testDescription"]


def test_letters_that_count_two_are_not_cut() -> None:
    assert count("€" * 80).count == 1
    assert (count("€" * 81).count, count("a" + "€" * 80).count) == (2, 2)
    assert count("a" * 152 + "€" + "a" * 152).count == 3, "an escape is not parted from its letter"
    assert count("a" * 152 + "a" + "a" * 153).count == 2
    assert count("👍" * 35).count == 1
    assert count("👍" * 36).count == 2
    assert count("ж" * 66 + "👍" + "ж" * 66).count == 3, "neither are the halves of a letter"


def test_what_made_it_long_is_told() -> None:
    found = count("Привет 😀 hello")
    assert found.encoding == "ucs2"
    assert found.letters == "Привет😀"
    assert count("plain [text] {~}").letters == ""


@given(some.text(max_size=700))
def test_never_more_than_they_hold(text: str) -> None:
    found = count(text)
    alone, several = (160, 153) if found.encoding == "gsm7" else (70, 67)
    assert 0 <= found.left <= alone
    if found.count == 1:
        assert found.units <= alone
    else:
        assert (found.count - 1) * (several - 1) < found.units <= found.count * several
