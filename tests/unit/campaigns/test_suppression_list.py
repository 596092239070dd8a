"""Lists of who wants nothing, as other systems write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hotline.campaigns.suppression_list import Line, ListRules, columns_of, read_line, usual_scope

MAIL = ListRules("email", "opt_out", "", "US")
SMS = ListRules("sms", "opt_out", "", "CN")


@pytest.mark.parametrize(
    ("headings", "found"),
    [
        (["Email Address", "Status", "Date"], {"address": 0, "reason": 1, "at": 2}),
        (["created", "reason", "email"], {"address": 2, "reason": 1, "at": 0}),
        (["手机号码", "退订时间"], {"address": 0, "at": 1}),
        (["anna@example.com"], None),
        (["name", "city"], None),
    ],
)
def test_headings_are_known_in_the_words_of_others(headings: list[str], found: dict[str, int] | None) -> None:
    assert columns_of(headings) == found


def test_a_row_says_more_than_the_list() -> None:
    columns = columns_of(["email", "reason", "date"])
    line = read_line(["'Anna@Example.COM", "spam", "2025-03-31"], columns, MAIL)
    assert line == Line("email", "email", "anna@example.com", "complaint", "all", datetime(2025, 3, 31, tzinfo=UTC))
    stamp = read_line(["a@example.com", "", "1700000000"], columns, MAIL)
    assert isinstance(stamp, Line)
    assert (stamp.at, stamp.reason, stamp.purpose) == (
        datetime.fromtimestamp(1_700_000_000, UTC), "opt_out", "marketing",
    )  # fmt: skip


def test_without_headings_the_first_address_counts() -> None:
    line = read_line(["x", "138 0013 8000"], None, SMS)
    assert isinstance(line, Line)
    assert (line.value, line.purpose) == ("+8613800138000", "all")


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (["nobody", "", "", ""], "not_an_address"),
        (["", "sms", "", ""], "no_address"),
        (["a@example.com", "pigeon", "", ""], "channel"),
        (["a@example.com", "", "because", ""], "reason"),
        (["a@example.com", "", "", "soon"], "at"),
        (["", "", " ", ""], None),
    ],
)
def test_what_cannot_be_read_is_named(cells: list[str], fault: str | None) -> None:
    assert read_line(cells, {"address": 0, "channel": 1, "reason": 2, "at": 3}, MAIL) == fault


def test_an_unsubscribed_address_still_gets_its_replies() -> None:
    assert usual_scope("email", "opt_out") == "marketing"
    assert {usual_scope("email", "complaint"), usual_scope("sms", "opt_out"), usual_scope("voice", "opt_out")} == {
        "all"
    }
