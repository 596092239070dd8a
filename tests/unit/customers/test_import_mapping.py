"""Columns are recognised by their headings in English and Chinese, and by what stands in them."""

from __future__ import annotations

import pytest

from hotline.customers.import_mapping import (
    checked,
    date_order,
    guess,
    has_headings,
    labels,
    lacks_name,
    remembered,
)
from hotline.customers.import_targets import target_of
from hotline.errors import Invalid


@pytest.mark.parametrize(
    ("heading", "target"),
    [
        ("Full Name", "name"), ("客户姓名", "name"), ("Vorname", "first_name"), ("姓", "last_name"),
        ("E-Mail", "email"), ("电子邮箱", "email"), ("Work Email", "email"), ("邮箱（公司）", "email"),
        ("Phone", "phone"), ("手机号码", "phone"), ("Mobile Phone", "phone"), ("Telefon:", "phone"),
        ("联系电话", "phone"), ("Home phone", "phone"), ("Company", "organisation"), ("单位名称", "organisation"),
        ("ZIP Code", "postcode"), ("邮编", "postcode"), ("Ort", "city"), ("国家", "country"), ("标签", "tags"),
        ("会员等级", "tier"), ("语言", "locale"), ("负责人", "responsible"), ("Adresse", "address"),
        ("Favourite colour", None), ("", None), ("状态备注", None),
    ],
)  # fmt: skip
def test_headings(heading: str, target: str | None) -> None:
    assert target_of(heading) == target


def test_guesses_by_heading_field_and_content() -> None:
    headings = ("Name", "Contract", "X", "Y", "Phone", "Customer no.")
    samples = [
        ["Anna Berg", "Tom Hale"],
        ["A-1", "A-2"],
        ["a@example.com", "b@example.com"],
        ["+49 30 2312504", "030 2312505"],
        ["12", "13"],
        ["4711", "4712"],
    ]
    found = guess(headings, samples, {"contract": "contract_no"})
    assert [(each.target, each.by) for each in found] == [
        ("name", "heading"), ("custom.contract_no", "field"), ("email", "content"), ("phone", "content"),
        ("phone", "heading"), (None, "none"),
    ]  # fmt: skip
    # Only numbers as hotline writes them say which customer is meant.
    assert guess(["Customer no."], [["C10001", "C10002"]], {})[0].target == "number"
    # "Contact" with addresses of email in it is no name.
    assert guess(["Telefon"], [["a@example.com", "b@example.com"]], {})[0].target == "email"


def test_a_table_without_headings_is_recognised() -> None:
    rows = [["王秀英", "13800006620"], ["李国强", "13900000412"]]
    assert not has_headings(["陈静", "13900000555"], rows)
    assert has_headings(["姓名", "电话"], rows)
    assert has_headings(["Wer", "Womit"], [["Anna", "030 1234567"], ["Tom", "030 1234568"]])
    assert [each.target for each in guess(("", ""), [["王秀英", "李国强"], ["13800006620", "13900000412"]], {})] == [
        "name",
        "phone",
    ]


def test_a_mapping_is_checked() -> None:
    assert checked(["name", None, "phone", "phone"], 4, lambda key: True) == ("name", None, "phone", "phone")
    with pytest.raises(Invalid, match="4 columns"):
        checked(["name"], 4, lambda key: True)
    with pytest.raises(Invalid, match=r"mapping\[1\]: column 1 is this field"):
        checked(["name", "name"], 2, lambda key: True)
    with pytest.raises(Invalid, match=r"mapping\[0\]: there is no field"):
        checked(["custom.gone"], 1, lambda key: False)
    with pytest.raises(Invalid, match="there is no field 'key_id'"):
        checked(["key_id"], 1, lambda key: True)
    assert lacks_name(["phone", None])
    assert not lacks_name(["phone", "organisation"])


def test_what_was_saved_is_laid_over_by_heading() -> None:
    found = remembered(["Telefon", "Neu"], {"telefon": "whatsapp"})
    assert [(each.target, each.by) for each in found] == [("whatsapp", "saved"), (None, "none")]
    assert labels(["Mobile", "Büro", "Home phone"], ["phone", "email", "phone"]) == ("mobile", "", "home")


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["2024-01-31"], "ymd"),
        (["31.01.2024", "1.2.2024"], "dmy"),
        (["01/31/2024", "02/01/2024"], "mdy"),
        (["2024年1月31日"], "ymd"),
        (["x"], "dmy"),
    ],
)
def test_the_order_of_dates(cells: list[str], order: str) -> None:
    assert date_order(cells) == order
