"""The tiny language: what is a placeholder, what only looks like one, and that nothing in it is code."""

from __future__ import annotations

import pytest

from hotline.campaigns.fields import known_name
from hotline.campaigns.placeholders import Placeholder, names, parse, source
from hotline.errors import Invalid


def test_a_text_is_its_parts() -> None:
    text = 'Dear {{ name | default("customer") | upper }}, {{reference}}!'
    parts = parse(text, "body")
    assert parts == ("Dear ", Placeholder("name", "customer", (("upper", 0),)), ", ", Placeholder("reference"), "!")
    assert names(parts) == ("name", "reference")
    assert parse(source(parts), "body") == parts


@pytest.mark.parametrize(
    "text",
    [
        "{{ 7*7 }}",
        "{{ name() }}",
        "{{ ''.__class__ }}",
        "{{ name|attr('x') }}",
        "{{ name | eval }}",
        "{{ }}",
        "{{ name",
        "name }}",
        "{% for a in b %}",
        "{{ name | default }}",
        '{{ name | default("a") junk }}',
        "{{ name | truncate }}",
        "{{ name | truncate(0) }}",
        "{{{{ name }}}}",
        "{# comment #}",
        "{{ a.b.c }}",
        "{{ name | upper | upper | upper | upper | upper | upper }}",
        "{{ 1 }}",
    ],
)
def test_whatever_else_is_written_so_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"^body: "):
        parse(text, "body")


def test_style_sheets_may_close_their_braces_in_markup_alone() -> None:
    sheet = "<style>@media print{p{color:red}}#a{b:c}</style>"
    assert parse(sheet, "html", markup=True) == (sheet,)
    with pytest.raises(Invalid):
        parse("a }} b", "body")


def test_a_template_of_whatsapp_has_numbers() -> None:
    assert parse("{{1}}", "body", numbered=True) == (Placeholder("1"),)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("name", "customer.name"),
        ("customer.name", "customer.name"),
        ("city", "custom.city"),
        ("custom.city", "custom.city"),
        ("unsubscribe_url", "unsubscribe_url"),
        ("tier", "customer.tier"),
    ],
)
def test_names_are_held_against_the_schema(name: str, known: str) -> None:
    assert known_name(name, ("city",), "body") == known


@pytest.mark.parametrize("name", ["nam", "custom.town", "customer.password", "config", "self", "customer.__dict__"])
def test_a_name_that_stands_for_nothing_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match=r"^locales\.en\.body: there is no value called"):
        known_name(name, ("city",), "locales.en.body")
