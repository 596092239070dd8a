"""A row made a record: cells as people and spreadsheets write them, or every reason why not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from hotline.customers.custom_fields import Choice, CustomField, FieldSet
from hotline.customers.import_csv import Row
from hotline.customers.import_mapping import Order
from hotline.customers.import_policy import Outcome, joined, laid_over
from hotline.customers.import_record import Plan, Reason, Record, read, unpacked
from hotline.customers.import_values import bare, country_of, iso_date, locale_of
from hotline.customers.table_cells import defused
from hotline.ids import new_id

USER = UUID(int=7)
FIELDS = FieldSet(
    (
        CustomField(new_id(), "customer", "since", {"en": "Since"}, "date"),
        CustomField(new_id(), "customer", "spend", {"en": "Spend"}, "money", currency="EUR"),
        CustomField(
            new_id(), "customer", "line", {"en": "Line"}, "choice", choices=(Choice("fibre", {"en": "Fibre"}),)
        ),
    )
)


def plan(*mapping: str | None, **more: Any) -> Plan:
    order: Order = "dmy"
    return Plan(
        mapping, ("",) * len(mapping), (order,) * len(mapping), "DE", fields=FIELDS,
        tiers={"gold": "gold", "黄金": "gold"}, users={"anna.berg": USER}, **more,
    )  # fmt: skip


def row(*cells: str, fault: str = "", open: bool = False) -> Row:
    return Row(2, 2, list(cells), fault, open)


def record(mapping: tuple[str | None, ...], *cells: str, **more: Any) -> Record:
    found = read(row(*cells), plan(*mapping, **more))
    assert isinstance(found, Record), found
    return found


def codes(mapping: tuple[str | None, ...], *cells: str, **more: Any) -> list[tuple[str, int | None]]:
    found = read(row(*cells), plan(*mapping, **more))
    assert isinstance(found, list), found
    return [(reason.code, reason.column) for reason in found]


def test_a_whole_row() -> None:
    found = record(
        ("first_name", "last_name", "phone", "email", "street", "postcode", "city", "country", "locale", "tier",
         "responsible", "tags", "custom.since", "custom.spend", "custom.line", "custom.note", None),
        "秀英", "王", "138 0000 6620; 010-12345678", "Wang@Example.com", "长安街 1", "100000.0", "北京", "中国",
        "简体中文", "黄金", "Anna.Berg", "vip、光纤；VIP", "31.01.2019", "1.234,50 €", "Fibre", "anything", "left out",
    )  # fmt: skip
    assert found.name == "王秀英"
    assert [(kind, value.value) for kind, value, _ in found.points] == [
        ("phone", "+8613800006620"), ("phone", "+861012345678"), ("email", "wang@example.com"),
    ]  # fmt: skip
    assert found.addresses == (("长安街 1\n100000 北京", "", "CN"),)
    assert (found.locale, found.tier, found.responsible, found.tags) == ("zh", "gold", USER, ("vip", "光纤"))
    assert found.custom == {
        "since": "2019-01-31", "spend": {"amount": 123450, "currency": "EUR"}, "line": "fibre", "note": "anything",
    }  # fmt: skip
    assert unpacked(found.packed()).packed() == found.packed()


def test_organisations_and_people() -> None:
    assert record(("organisation",), "Hartmann GmbH").kind == "organisation"
    person = record(("name", "organisation"), "Anna Berg", "Hartmann GmbH")
    assert (person.name, person.kind, person.custom) == ("Anna Berg", None, {"organisation": "Hartmann GmbH"})
    assert record(("name", "kind"), "海蓝科技", "企业").kind == "organisation"


def test_every_reason_is_told() -> None:
    mapping = ("name", "phone", "email", "tier", "custom.since", "custom.line")
    assert codes(mapping, "=1+1", "12", "nobody", "copper", "31.13.2019", "radio") == [
        ("formula", 0), ("incomplete_phone", 1), ("email", 2), ("tier", 3), ("field", 4), ("field", 5),
    ]  # fmt: skip
    assert codes(("name", "phone"), "", "+49 30 23125042") == [("no_name", None)]
    assert codes(("name", "phone"), "Anna", "4.93012E+11") == [("spoiled", 1)]
    assert codes(("name", "phone"), "Anna", "call me") == [("phone", 1)]
    assert codes(("name",), "x" * 201) == [("too_long", 0)]
    assert codes(("name", "tags"), "Anna", "new", new_tags=False) == [("tag", 1)]
    assert codes(("name", "responsible"), "Anna", "nobody") == [("responsible", 1)]


def test_broken_rows() -> None:
    assert read(row("a", fault="quote"), plan("name", "phone")) == [Reason("quote")]
    assert read(row("a", "b", "c"), plan("name", "phone")) == [Reason("too_many_cells", None, "3/2")]
    assert read(row("a"), plan("name", "phone")) == [Reason("too_few_cells", None, "1/2")]
    assert read(row("a", open=True), plan("name", "phone")) == [Reason("cut", None, "1/2")]
    assert isinstance(read(row("Anna", "", "", ""), plan("name", "phone")), Record)  # empty cells too many


def test_numbers_as_people_write_them() -> None:
    def numbers(cell: str) -> list[str]:
        return [value.value for _, value, _ in record(("name", "phone"), "Anna", cell).points]

    assert numbers("030/23125042") == ["+493023125042"]
    assert numbers("030 / 23125042") == ["+493023125042"]
    assert numbers("0170 1234567 / 030 23125042") == ["+491701234567", "+493023125042"]
    assert numbers("'+493023125042") == numbers('="+493023125042"') == ["+493023125042"]
    assert numbers("493023125042.0") == ["+493023125042"]
    assert numbers("n/a") == []


@pytest.mark.parametrize(
    ("cell", "kept"),
    [('="0138"', "0138"), ("'=1+1", "=1+1"), (" - ", ""), ("NULL", ""), ("无", ""), ("O'Neill", "O'Neill")],
)
def test_what_spreadsheets_put_around_texts(cell: str, kept: str) -> None:
    assert bare(cell) == kept


def test_words_for_languages_countries_and_dates() -> None:
    assert (locale_of("Deutsch"), locale_of("zh_CN"), locale_of("简体中文"), locale_of("???")) == (
        "de",
        "zh-CN",
        "zh",
        None,
    )
    assert (country_of("德国"), country_of("uk"), country_of("CN"), country_of("Narnia"), country_of("QQ")) == (
        "DE", "GB", "CN", None, None,
    )  # fmt: skip
    assert iso_date("31.1.19", "dmy") == "2019-01-31"
    assert iso_date("1/31/2019 9:30", "mdy") == "2019-01-31T09:30"
    assert iso_date("soon", "dmy") == "soon"


@pytest.mark.parametrize("text", ["=1+1", "+cmd|x", "-2+3+cmd", "@SUM(A1)", "\t=1", "＝1", " =1", "-"])
def test_formulas_are_defused_and_read_back(text: str) -> None:
    assert defused(text).startswith("'")
    if text[0] in "=+@＝":
        assert bare(defused(text)) == text


@pytest.mark.parametrize("text", ["+49 30 2312", "-12.50", "Anna", "", "a=b", "+8613800006620", "'quoted"])
def test_numbers_and_texts_stay(text: str) -> None:
    assert defused(text) == text


def test_policies() -> None:
    state = {"name": "Anna", "tags": ["vip"], "contact_points": [{"kind": "email", "value": "a@example.com"}]}
    said = record(("name", "locale", "email", "tags"), "Anna Berg", "en", "a@example.com;b@example.com", "VIP;new")
    updated, merged = Outcome(dict(state)), Outcome(dict(state))
    laid_over(updated, said, "update")
    laid_over(merged, said, "merge")
    assert (updated.state["name"], merged.state["name"]) == ("Anna Berg", "Anna")
    for outcome in (updated, merged):
        assert outcome.state["locale"] == "en"
        assert [value.value for _, value, _ in outcome.points] == ["b@example.com"]
        assert outcome.tags == ["new"]
    first, second = record(("name",), "Anna"), record(("name", "locale", "tags"), "Anna Berg", "de", "vip")
    assert (joined(first, second, "merge").name, joined(first, second, "update").name) == ("Anna", "Anna Berg")
    assert joined(first, second, "merge").locale == "de"
