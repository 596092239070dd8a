"""Filling in: what is missing fails its recipient, what a value holds stays a value wherever it stands."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.campaigns import links
from hotline.campaigns.consent import Channel
from hotline.campaigns.render import Rendered, compile_version, render, urls_of
from hotline.campaigns.render_errors import MissingValue, TooLong, UnusableValue
from hotline.errors import Invalid

PAGE = "<!doctype html><html><body>{}</body></html>"


def version(channel: Channel, each: dict[str, Any], *, track: bool = False) -> dict[str, Any]:
    return {"default": "en", "track_links": track, "locales": {"en": each}}


def sms(body: str, values: dict[str, str], numbers: dict[str, int] | None = None) -> Rendered:
    made = compile_version("sms", version("sms", {"body": body}, track=True), numbers)
    return render(made.for_locale("en"), values)


def mail(html: str, values: dict[str, str], subject: str = "S", text: str = "T") -> Rendered:
    content = version("email", {"subject": subject, "html": PAGE.format(html), "text": text})
    return render(compile_version("email", content).for_locale("en"), values)


def test_rule_06_a_missing_value_fails_its_recipient() -> None:
    assert sms('Dear {{ customer.name | default("customer") }},', {}).body == "Dear customer,"
    for empty in ({}, {"customer.name": ""}, {"customer.name": "  "}):
        with pytest.raises(MissingValue) as caught:
            sms("Dear {{ customer.name }},", empty)
        assert caught.value.reason == "missing_value:customer.name"


EVIL = [
    "Eve\r\nBcc: everybody@example.com",
    "Eve\nX: y",
    "Eve\x0b\x0cX",
    "Eve\x85X",
    "Eve\u2028X",
    "Eve\x00X",
    "{{ custom.secret }}",
    "{% raw %}",
    "{{ customer.name }}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=1>',
    "' onmouseover='1",
    "&lt;b&gt;",
    "=cmd|' /C calc'!A0",
    "\u202egnp.exe",
    "${7*7}",
    "%0d%0aBcc: x",
]


@pytest.mark.parametrize("value", EVIL)
def test_rule_06_a_value_is_neither_header_nor_markup_nor_template(value: str) -> None:
    values = {"customer.name": value, "custom.secret": "hunter2", "custom.x": value}
    made = mail(
        '<p title="{{ custom.x }}">{{ customer.name }}</p><a href="https://a.example/?n={{ custom.x }}">a</a>',
        values, subject="Hi {{ customer.name }}", text="Hi {{ customer.name }}",
    )  # fmt: skip
    assert not set(made.subject) & set("\r\n\x0b\x0c\x85\u2028\u2029\x00\u202e")
    assert made.html is not None
    assert made.html.count("<") == PAGE.count("<") + 4
    inside = made.html.removeprefix(PAGE[: PAGE.index("{")])
    assert inside.count('"') == 4
    assert "'" not in inside
    assert "hunter2" not in made.subject + made.html + made.body
    assert "\u202e" not in made.html


@given(st.text(max_size=60))
def test_whatever_a_value_is_a_mail_stays_what_it_is(value: str) -> None:
    try:
        made = mail(
            '<p class="a {{ custom.x }}">{{ custom.x }}</p><a href="https://a.example/{{ custom.x }}">a</a>',
            {"custom.x": value}, subject="{{ custom.x }}",
        )  # fmt: skip
    except MissingValue:
        assert not value.strip()
        return
    assert made.html is not None
    assert made.html.count("<") == PAGE.count("<") + 4
    assert len(made.subject.splitlines()) <= 1


def test_values_in_an_address_never_choose_where_it_leads() -> None:
    values = {"custom.x": "../@evil.example/?a=b&c#d e"}
    made = sms("https://a.example/p?x={{ custom.x }} and {{ custom.x }}", values)
    assert made.body.startswith("https://a.example/p?x=..%2F%40evil.example%2F%3Fa%3Db%26c%23d%20e and ../@evil")
    for html in ('<a href="{{ custom.x }}">a</a>', '<a href="{{ custom.x }}/p">a</a>'):
        with pytest.raises(UnusableValue):
            mail(html, values)
        assert 'href="https://b.example/' in (mail(html, {"custom.x": "https://b.example/"}).html or "")
    for url in (
        "javascript:alert(1)",
        "data:text/html,x",
        "//b.example",
        'https://b.example/" onclick="',
        "https://a@b",
    ):
        with pytest.raises(UnusableValue):
            mail('<a href="{{ custom.x }}">a</a>', {"custom.x": url})


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://{{ custom.x }}/">a</a>',
        '<a href="https://{{ custom.x }}">a</a>',
        '<a href="https://a.example{{ custom.x }}/">a</a>',
        '<a href="{{ customer.name }}">a</a>',
        '<a href="https://a.example@{{ custom.x }}">a</a>',
        '<p style="color:{{ custom.x }}">a</p>',
        "<style>p{color:{{ custom.x }}}</style>",
        "<!-- {{ custom.x }} -->",
        "<p {{ custom.x }}>a</p>",
        "<p title={{ custom.x }}>a</p>",
        "<{{ custom.x }}>",
        "<script>1</script>",
        "<SCRIPT src=x>",
        "<p onclick='a'>b</p>",
        "<p ONLOAD=a>b</p>",
        '<a href="java\nscript:1">a</a>',
        '<a href="&#106;avascript:1">a</a>',
        "<a href=javascript:1>a</a>",
        '<img src="data:text/html,x">',
        "<iframe src='https://a.example'></iframe>",
        "<form action='https://a.example'>",
        "<base href='https://a.example'>",
        '<img srcset="{{ custom.x }}">',
    ],
)
def test_what_runs_or_could_lead_elsewhere_is_refused_when_it_is_saved(html: str) -> None:
    with pytest.raises(Invalid):
        mail(html, {"custom.x": "x", "customer.name": "x"})


def test_nobodys_name_is_an_advertisement() -> None:
    for lure in ("win at https://evil.example", "WWW.evil.example"):
        with pytest.raises(UnusableValue) as caught:
            sms("Hello {{ customer.name }}", {"customer.name": lure})
        assert caught.value.reason == "unusable_value:customer.name"


def test_rule_13_no_value_brings_a_second_signature() -> None:
    assert sms("【兰汀】{{ customer.name }}您好", {"customer.name": "【假】王"}).body == "【兰汀】[假]王您好"
    with pytest.raises(TooLong):
        sms("【兰汀】{{ custom.x }}", {"custom.x": "长" * 500})
    assert len(sms("{{ custom.x }}", {"custom.x": "a" * 1_600}).body) == 1_600
    with pytest.raises(TooLong):
        sms("{{ custom.x }}", {"custom.x": "a" * 1_601})


def test_filters_change_values_in_their_order() -> None:
    body = "{{ custom.x | capitalize }} {{ custom.x | upper | truncate(4) }} {{ custom.x | lower }}"
    assert sms(body, {"custom.x": "aBcDeF"}).body == "ABcDeF ABC… abcdef"


def test_a_text_counts_its_parts() -> None:
    assert sms("{{ custom.x }}", {"custom.x": "a" * 161}).segments == 2
    assert sms("{{ custom.x }}", {"custom.x": "长" * 71}).segments == 2


def test_recipients_get_their_language_or_the_default() -> None:
    content = {
        "default": "en",
        "track_links": False,
        "locales": {each: {"body": each} for each in ("en", "zh-CN", "pt")},
    }
    made = compile_version("sms", content)
    wanted = {None: "en", "": "en", "zh": "zh-CN", "zh-CN": "zh-CN", "ZH_cn": "zh-CN", "pt-BR": "pt", "fr": "en"}
    assert {each: made.locale_for(each) for each in wanted} == wanted


def test_tracked_links_are_filled_in_for_each_recipient() -> None:
    body = "See https://a.example/x?y=1. Or https://b.example/{{ custom.x }} (https://c.example/)."
    content = version("sms", {"body": body}, track=True)
    filled = "https://b.example/{{ custom.x }}"
    assert urls_of("sms", content) == ("https://a.example/x?y=1", filled, "https://c.example/")
    # As campaigns were approved before such links could be tracked.
    before = {"https://a.example/x?y=1": 1, "https://c.example/": 2}
    made = compile_version("sms", content, before).for_locale("en")
    assert made.links == {1, 2}
    values = {"custom.x": "p", **links.link_values(made.links, "https://h.example/", lambda n: f"token{n}")}
    said = "See https://h.example/c/token1. Or https://b.example/p (https://h.example/c/token2)."
    assert render(made, values).body == said
    with pytest.raises(MissingValue):
        render(made, {"custom.x": "p"})
    untracked = compile_version("sms", {**content, "track_links": False}, {"https://a.example/x?y=1": 1})
    assert "https://a.example/x?y=1." in render(untracked.for_locale("en"), {"custom.x": "p"}).body


def test_links_with_values_are_tracked_and_lead_where_their_template_says() -> None:
    body = 'A https://b.example/o/{{ custom.x }}?c={{ custom.y | default("none") }}. B {{ custom.x }}'
    content = version("sms", {"body": body}, track=True)
    (written,) = urls_of("sms", content)
    assert written == 'https://b.example/o/{{ custom.x }}?c={{ custom.y | default("none") }}'
    made = compile_version("sms", content, {written: 7}).for_locale("en")
    own = {"link:7": "https://h.example/c/t"}
    assert render(made, {**own, "custom.x": "1/2"}).body == "A https://h.example/c/t. B 1/2"
    with pytest.raises(MissingValue):
        render(made, own)
    assert links.fields_of(written) == {"custom.x", "custom.y"}
    assert links.filled(written, {"custom.x": "a b/../?#@", "custom.y": "说&x=1"}) == (
        "https://b.example/o/a%20b%2F..%2F%3F%23%40?c=%E8%AF%B4%26x%3D1"
    )
    with pytest.raises(MissingValue):
        links.filled(written, {"custom.y": "1"})


@given(st.text(min_size=1, max_size=40))
def test_no_value_chooses_the_host_of_a_link(value: str) -> None:
    try:
        made = links.filled("https://b.example/{{ custom.x }}", {"custom.x": value})
    except MissingValue:
        assert not value.strip()
    else:
        assert re.fullmatch(r"https://b\.example/[A-Za-z0-9%._~-]+", made)


def test_links_with_values_in_mails_are_tracked_in_both_parts() -> None:
    html = '<a href=" https://a.example/?x={{ custom.x }}&amp;y=2 ">a</a><a href="{{ company.website }}">b</a>'
    text = "a: https://a.example/?x={{ custom.x }}&y=2"
    content = version("email", {"subject": "S", "html": html, "text": text}, track=True)
    (written,) = urls_of("email", content)
    made = compile_version("email", content, {written: 4}).for_locale("en")
    values = {"link:4": "https://h.example/c/t", "custom.x": '"><b>', "company.website": "https://w.example"}
    done = render(made, values)
    assert done.html == '<a href="https://h.example/c/t">a</a><a href="https://w.example">b</a>'
    assert done.body == "a: https://h.example/c/t"
    plain = render(compile_version("email", {**content, "track_links": False}).for_locale("en"), values)
    assert 'href=" https://a.example/?x=%22%3E%3Cb%3E&amp;y=2 "' in (plain.html or "")


def test_links_of_mails_are_tracked_in_both_parts() -> None:
    html = (
        '<a href="https://a.example/?x=1&amp;y=2">a</a><a href="mailto:a@b.example">b</a>'
        '<a href="{{ unsubscribe_url }}">c</a>'
    )
    content = version("email", {"subject": "S", "html": html, "text": "a: https://a.example/?x=1&y=2"}, track=True)
    assert urls_of("email", content) == ("https://a.example/?x=1&y=2",)
    made = compile_version("email", content, {"https://a.example/?x=1&y=2": 4}).for_locale("en")
    done = render(made, {"link:4": "https://h.example/c/t", "unsubscribe_url": "https://h.example/u/t"})
    assert done.html == html.replace("https://a.example/?x=1&amp;y=2", "https://h.example/c/t").replace(
        "{{ unsubscribe_url }}", "https://h.example/u/t"
    )
    assert done.body == "a: https://h.example/c/t"


def test_whatsapp_sends_variables_and_shows_what_they_make() -> None:
    each = {
        "content_sid": "HX" + "0" * 32,
        "variables": {"1": "{{ customer.name }}", "2": "fixed"},
        "body": "Hi {{ 1 }}, {{ 2 }}",
    }
    assert urls_of("whatsapp", version("whatsapp", each, track=True)) == ()
    done = render(compile_version("whatsapp", version("whatsapp", each)).for_locale("en"), {"customer.name": "A\nB"})
    assert done.variables == {"1": "A B", "2": "fixed"}
    assert (done.body, done.content_sid) == ("Hi A B, fixed", "HX" + "0" * 32)
