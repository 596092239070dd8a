"""Content as authors send it, made into the one form that is kept."""

from __future__ import annotations

from typing import Any

import pytest

from hotline.campaigns.consent import Channel
from hotline.campaigns.content import as_written, clean, clean_locale, whole
from hotline.campaigns.content_findings import findings_of
from hotline.campaigns.render import compile_content, render
from hotline.channels.mail.mjml import html_of, text_of
from hotline.errors import Invalid

MJML = """<mjml><mj-head><mj-title>News</mj-title></mj-head><mj-body><mj-section><mj-column>
<mj-text>Dear {{ name | default("customer") }}, &lt;3</mj-text>
<mj-button href="https://shop.example/{{ city }}?a=1&amp;b=2">Look</mj-button>
<mj-image src="https://shop.example/a.png" alt="{{ city }}"></mj-image>
<mj-text><a href="{{ unsubscribe_url }}">Stop</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""


def cleaned(channel: Channel, given: dict[str, Any], locale: str = "en") -> dict[str, Any]:
    return clean(channel, given, locale, ("city",), "variants.0", html_of, text_of)


def test_a_mail_in_mjml_becomes_html_with_a_text_part() -> None:
    kept = cleaned("email", {"subject": "Hi {{ name }}", "body": MJML})
    assert kept["format"] == "mjml"
    assert 'lang="en"' in kept["html"]
    assert "fonts.googleapis.com" not in kept["html"], "nothing is loaded from somebody else"
    done = render(
        compile_content("email", kept, "en"),
        {"customer.name": "<Ann>", "custom.city": "Ulm & Co", "unsubscribe_url": "https://h.example/u/t"},
    )
    assert done.html is not None
    assert "Dear &lt;Ann&gt;, &lt;3" in done.html
    assert 'href="https://shop.example/Ulm%20%26%20Co?a=1&amp;b=2"' in done.html
    assert 'alt="Ulm &amp; Co"' in done.html
    assert done.body == (
        "Dear <Ann>, <3\nLook: https://shop.example/Ulm%20%26%20Co?a=1&b=2\n\nStop: https://h.example/u/t"
    )


def test_a_mail_as_text_becomes_two_parts() -> None:
    kept = cleaned(
        "email", {"subject": "Hi", "body": "Dear {{ name }},\n\na < b\nhttps://a.example/x.\n{{ unsubscribe_url }}"}
    )
    assert kept["format"] == "text"
    assert '<p>a &lt; b<br>\n<a href="https://a.example/x">https://a.example/x</a>.<br>' in kept["html"]
    assert '<a href="{{ unsubscribe_url }}">{{ unsubscribe_url }}</a>' in kept["html"]
    assert kept["text"].startswith("Dear {{ customer.name }},\n\na < b\n")


def test_what_was_made_is_made_again_of_what_was_written() -> None:
    for given in (
        {"subject": "Hi", "body": MJML, "preheader": "Look {{ name }}"},
        {"subject": "Hi", "html": "<p>a</p>", "text": "own"},
        {"subject": "Hi", "body": "a"},
    ):
        kept = cleaned("email", given)
        assert cleaned("email", as_written("email", kept)) == kept


@pytest.mark.parametrize(
    ("channel", "given", "says"),
    [
        ("sms", {}, "variants.0.body: something must stand here"),
        ("sms", {"body": "a" * 1_601}, "variants.0.body: at most 1600"),
        ("sms", {"body": "a", "html": "b"}, "variants.0.html: a message of sms has no such field"),
        ("sms", {"body": "https://{{ city }}/"}, "variants.0.body: .* cannot choose where a link leads"),
        ("email", {"body": "a"}, "variants.0.subject: something must stand here"),
        ("email", {"subject": "a"}, "variants.0.body: something must stand here"),
        ("email", {"subject": "a", "body": "<mjml><mj-body><mj-foo/></mj-body></mjml>"}, "variants.0.body: .*MJML"),
        (
            "email",
            {"subject": "a", "mjml": '<mjml>\n<mj-body><mj-include path="/etc/passwd"/></mj-body></mjml>'},
            "line 2 is",
        ),
        (
            "email",
            {"subject": "a", "mjml": "<mjml><mj-body><mj-raw><script>1</script></mj-raw></mj-body></mjml>"},
            "<script>",
        ),
        ("email", {"subject": "a", "body": "b", "html": "<p>c</p>"}, "write the mail once"),
        ("email", {"subject": "a", "html": "<p> </p>"}, "nothing to read"),
        ("email", {"subject": "a", "body": "b", "format": "word"}, "variants.0.format: one of"),
        ("whatsapp", {"content_sid": "HX1"}, "variants.0.content_sid: "),
        ("whatsapp", {"body": "a", "variables": {"1": "b"}}, "variants.0.variables: only an approved template"),
        (
            "whatsapp",
            {"content_sid": "HX" + "a" * 32, "variables": {"1": "{{ nam }}"}},
            "variants.0.variables.1: there is no",
        ),
        (
            "whatsapp",
            {"content_sid": "HX" + "a" * 32, "variables": {"1": "a"}, "body": "{{2}}"},
            "there is no variable 2",
        ),
        ("voice", {"body": "a", "opt_out_key": "x"}, "variants.0.opt_out_key: one key"),
        ("voice", {"body": "a", "opt_out": "Press 8"}, "variants.0.opt_out: it must name the key, 9"),
        ("voice", {"body": "a", "recording": "b"}, "either a text or a recording"),
        ("inapp", {"body": "a"}, "variants.0.title: something must stand here"),
        ("inapp", {"title": "a", "body": "b", "link": "//evil.example"}, "variants.0.link: "),
        ("inapp", {"title": "a", "body": "b", "link": "javascript:1"}, "variants.0.link: "),
        ("inapp", {"title": "a", "body": "b", "expires_hours": 0}, "variants.0.expires_hours: whole hours"),
    ],
)
def test_what_is_wrong_is_named(channel: Channel, given: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        cleaned(channel, given)


def test_rule_11_a_call_says_first_which_key_ends_them() -> None:
    kept = cleaned("voice", {"body": "Hello {{ name }}"})
    assert (kept["opt_out"], kept["opt_out_key"]) == ("To stop these calls, press 9.", "9")
    assert (
        cleaned("voice", {"recording": "autumn", "opt_out_key": "0"}, "zh-CN")["opt_out"]
        == "如不想再接到此类电话，请按0。"
    )


def test_an_in_app_message_has_a_title_a_link_and_an_end() -> None:
    kept = cleaned("inapp", {"subject": "Hi", "body": "b", "link": "/offers/{{ city }}"})
    assert (kept["title"], kept["expires_hours"]) == ("Hi", 720)
    assert render(compile_content("inapp", kept), {"custom.city": "/evil.example"}).link == "/offers/%2Fevil.example"


@pytest.mark.parametrize(("written", "kept"), [("EN", "en"), ("zh_cn", "zh-CN"), ("zh-hans-cn", "zh-Hans-CN")])
def test_languages_are_written_one_way(written: str, kept: str) -> None:
    assert clean_locale(written, "locale") == kept


def test_a_version_has_a_default_that_is_there() -> None:
    with pytest.raises(Invalid, match="default: "):
        whole("sms", {"en": {"body": "a"}}, "zh", track_links=False)
    with pytest.raises(Invalid, match="locales: "):
        whole("sms", {}, "en", track_links=False)


@pytest.mark.parametrize("element", ["div", "mj-wrapper", "mj-hero", "p", 'div a="<"', "div><!-- </div> --><div"])
def test_elements_within_each_other_are_bounded(element: str) -> None:
    """Too many would not raise anything: they would end the process."""
    deep = f"<{element}>" * 5_000 + f"</{element.split()[0]}>" * 5_000
    with pytest.raises(Invalid, match=r"^this is not MJML: at most"):
        html_of(f"<mjml><mj-body>{deep}</mj-body></mjml>")


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://a.example/">' * 5_000,
        "<a b='" * 30_000,
        "{{ " * 60_000,
        "<title></title>" * 12_000,
        "<" * 190_000,
    ],
    ids=["links", "quotes", "braces", "titles", "signs"],
)
def test_what_never_ends_is_read_once(text: str) -> None:
    """Each of these would take minutes if it was looked at once from each of its beginnings; the test's limit shows."""
    try:
        kept = cleaned("email", {"subject": "s", "html": f"<p>x</p>{text}"})
    except Invalid:
        return
    findings_of("email", {"default": "en", "locales": {"en": kept}})
