"""What a row of a table says of consent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from hotline.campaigns import consent
from hotline.crm.commands.consent.consents import LONGEST_PROOF, LONGEST_WORDING
from hotline.customers import import_consents as rules
from hotline.customers.import_csv import Row
from hotline.customers.import_mapping import Order, guess
from hotline.customers.import_record import Plan, Reason, Record, read, unpacked
from hotline.customers.import_targets import BY_KEY, CONSENT_CHANNELS, CONSENT_DETAILS, CONSENT_PURPOSES, CONSENT_STATES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAPPING = ("name", "consent.sms.marketing", "consent.wording", "consent.at", "consent.source")


def read_row(*cells: str, mapping: tuple[str | None, ...] = MAPPING) -> Record | list[Reason]:
    orders: tuple[Order, ...] = tuple("dmy" for _ in mapping)
    plan = Plan(mapping, ("",) * len(mapping), orders, "DE", zone="Europe/Berlin", now=NOW)
    return read(Row(2, 2, list(cells)), plan)


def consents(*cells: str, mapping: tuple[str | None, ...] = MAPPING) -> tuple[rules.Consent, ...]:
    found = read_row(*cells, mapping=mapping)
    assert isinstance(found, Record), found
    assert unpacked(found.packed()) == found
    return found.consents


def test_columns_are_of_the_channels_and_purposes_that_there_are() -> None:
    assert set(CONSENT_CHANNELS) == set(consent.ASKED)
    assert set(CONSENT_PURPOSES) == set(get_args(consent.Purpose))
    assert {f"{state}.{detail}" for state in CONSENT_STATES for detail in CONSENT_DETAILS} <= set(BY_KEY)
    assert rules.LONGEST_WORDING <= LONGEST_WORDING
    assert max(rules.LONGEST_PROOF, rules.LONGEST_SOURCE) <= LONGEST_PROOF


def test_rule_10_a_yes_with_its_words_and_its_time() -> None:
    (yes,) = consents("Ann", "Yes", "I agree to offers by SMS.", "2026-05-01T10:00:00Z", "web form")
    assert yes == (
        "sms",
        "marketing",
        "granted",
        "2026-05-01T10:00:00+00:00",
        "I agree to offers by SMS.",
        "web form",
        "",
        "",
    )
    assert (
        consents("王秀英", "同意", "我同意接收短信营销", "2026年5月1日", "营业厅")[0].at == "2026-04-30T22:00:00+00:00"
    )
    assert consents("Ann", "ja", "Ich stimme zu.", "1.5.2026 10:00", "")[0].at == "2026-05-01T08:00:00+00:00"
    assert consents("Ann", "", "words alone say nothing", "", "") == ()


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (("Ann", "perhaps", "w", "2026-05-01", ""), Reason("consent_state", 1)),
        (("Ann", "yes", "", "2026-05-01", ""), Reason("consent_wording", 1)),
        (("Ann", "yes", "w", "", ""), Reason("consent_time", 1)),
        (("Ann", "yes", "w", "last May", ""), Reason("consent_date", 3)),
        (("Ann", "no", "", "1824-05-01", ""), Reason("consent_date", 3)),
        (("Ann", "no", "", "31.02.2026", ""), Reason("consent_date", 3)),
        (("Ann", "yes", "w", "2026-11-23", ""), Reason("consent_future", 3)),
        (("Ann", "yes", "w" * 4_001, "2026-05-01", ""), Reason("too_long", 2, "4000")),
    ],
)
def test_rule_10_what_is_no_consent_is_refused(cells: tuple[str, ...], reason: Reason) -> None:
    assert read_row(*cells) == [reason]


def test_a_no_needs_nothing_and_counts_from_the_last_moment_it_may_be_of() -> None:
    assert consents("Ann", "退订", "", "", "")[0][2:4] == ("withdrawn", "")
    assert consents("Ann", "no", "", "2026-05-01", "")[0].at == "2026-05-01T22:00:00+00:00"
    assert consents("Ann", "no", "", "2026-11-22", "")[0].at == NOW.isoformat()


def test_each_channel_may_have_details_of_its_own() -> None:
    mapping = (
        "name", "consent.sms.marketing", "consent.email.service", "consent.wording", "consent.at",
        "consent.email.service.wording", "consent.email.service.ip",
    )  # fmt: skip
    sms, email = consents("Ann", "yes", "yes", "all", "2026-05-01", "mail", "192.0.2.1", mapping=mapping)
    assert (sms.wording, sms.ip, email.wording, email.ip) == ("all", "", "mail", "192.0.2.1")
    wrong = read_row("Ann", "", "yes", "all", "2026-05-01", "mail", "nowhere", mapping=mapping)
    assert wrong == [Reason("consent_ip", 6)]


def test_headings_are_recognised() -> None:
    headings = ["Name", "SMS opt-in", "Email marketing", "Consent text", "Consent date", "短信营销同意", "同意时间"]
    found = [each.target for each in guess(headings, [[]] * 7, {})]
    assert found == [
        "name", "consent.sms.marketing", "consent.email.marketing", "consent.wording", "consent.at", None, None,
    ]  # fmt: skip
    chinese = [
        each.target for each in guess(["姓名", "短信营销同意", "同意内容", "同意时间", "同意来源"], [[]] * 5, {})
    ]
    assert chinese == ["name", "consent.sms.marketing", "consent.wording", "consent.at", "consent.source"]
