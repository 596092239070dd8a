"""What a reviewer is told of a content."""

from __future__ import annotations

from typing import Any

import pytest

from hotline.campaigns.consent import Channel
from hotline.campaigns.content import clean
from hotline.campaigns.content_findings import TYPICAL_LINK, TYPICAL_VALUE, findings_of
from hotline.channels.mail.mjml import html_of, text_of


def codes(channel: Channel, each: dict[str, Any], locale: str = "en", purpose: str = "marketing") -> dict[str, str]:
    content = {"default": locale, "track_links": False, "locales": {locale: each}}
    return {found.code: found.severity for found in findings_of(channel, content, purpose=purpose)}


def sms(body: str, locale: str = "en", purpose: str = "marketing") -> dict[str, str]:
    found = codes("sms", {"body": body}, locale, purpose)
    found.pop("sms_segments")
    return found


def test_rule_13_chinese_sms() -> None:
    assert sms("【兰汀宽带】您的光纤可免费升级。拒收请回复R", "zh-CN") == {}
    assert sms("【兰汀宽带】您的光纤可免费升级，退订回T", "zh") == {}
    assert sms("您的光纤可免费升级。拒收请回复R", "zh") == {"sms_signature_missing": "stop"}
    assert "sms_signature_missing" in sms("您的光纤可免费升级。拒收请回复R【兰汀宽带】", "zh")
    assert sms("【兰汀】【特惠】升级。拒收请回复R", "zh") == {"sms_signature_in_text": "stop"}
    assert sms("【兰汀】退订回T，您的光纤可以免费升级，请尽快办理", "zh") == {"opt_out_not_at_end": "stop"}
    assert sms("【兰汀】您的光纤可以免费升级", "zh") == {"opt_out_missing": "stop"}
    assert sms("【兰汀】您的工单已处理", "zh", "service") == {}
    assert sms("【兰汀】" + "长" * 500 + "退订回T", "zh")["sms_too_long"] == "stop"


def test_a_link_of_ones_own_says_how_to_stop() -> None:
    assert sms("Come and see. No more: {{ unsubscribe_url }}") == {}
    assert sms("【兰汀】您的光纤可免费升级。退订请点 {{ unsubscribe_url }} ", "zh") == {}
    assert sms("【兰汀】退订请点{{ unsubscribe_url }}，您的光纤可以免费升级，请尽快办理", "zh") == {
        "opt_out_not_at_end": "stop"
    }
    assert sms("【兰汀】您的光纤可免费升级 {{ unsubscribe_url }}", "zh") == {"opt_out_not_at_end": "stop"}
    approved = {"content_sid": "HX" + "0" * 32, "variables": {"1": "{{ unsubscribe_url }}"}, "body": "Sale. {{ 1 }}"}
    assert codes("whatsapp", approved) == {}


def test_an_sms_says_how_to_stop() -> None:
    assert sms("Come and see. Reply STOP to end") == {}
    assert sms("Come and see") == {"opt_out_missing": "stop"}
    assert sms("Come and see", purpose="service") == {}


def test_an_sms_says_what_it_takes() -> None:
    content = {"default": "en", "track_links": False, "locales": {"en": {"body": "é" * 150 + "’ STOP"}}}
    found = {each.code: each for each in findings_of("sms", content)}
    assert found["sms_segments"].values == {"segments": 3, "letters": 156}
    assert found["sms_letters"].values == {"letters": "’"}


def test_links_of_recipients_count_with_the_length_they_get() -> None:
    def letters(body: str, *, tracked: bool) -> Any:
        content = {"default": "en", "track_links": tracked, "locales": {"en": {"body": body}}}
        (found,) = [each for each in findings_of("sms", content) if each.code == "sms_segments"]
        return found.values["letters"]

    assert letters("STOP {{ unsubscribe_url }}", tracked=False) == 5 + TYPICAL_LINK
    short = "STOP https://a.example.com/{{ custom.x }}"
    assert (letters(short, tracked=False), letters(short, tracked=True)) == (27 + TYPICAL_VALUE, 5 + TYPICAL_LINK)


def test_a_link_that_nobody_approved_is_not_tracked_and_that_is_said() -> None:
    def loose(channel: Channel, each: dict[str, Any]) -> list[Any]:
        content = {"default": "en", "track_links": True, "locales": {"en": each}}
        return [found.values["names"] for found in findings_of(channel, content) if found.code == "link_not_tracked"]

    assert loose(
        "sms", {"body": "{{ company.website }} {{ unsubscribe_url }} https://a.example.com/{{ custom.x }}"}
    ) == [("company.website",)]
    html = (
        '<a href="{{ custom.page }}">a</a><a href="{{ unsubscribe_url }}">b</a><a href="https://a.example.com/">c</a>'
    )
    assert loose("email", {"subject": "s", "html": html, "text": "t"}) == [("custom.page",)]


@pytest.mark.parametrize("locale", ["en", "zh"])
@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("https://10.1.2.3/{{ customer.reference }}", "link_to_own_network"),
        ("http://shop.example.com/?c={{ customer.reference }}", "link_not_encrypted"),
        ("https://user@shop.example.com/{{ customer.reference }}", "link_disguised"),
        ("https：//shop.example.com", "link_misspelt"),
        ("https://shop..example.com/", "link_misspelt"),
        ("https://shop。example。com", "link_to_own_network"),
        ("https://t.cn/x", "link_shortened"),
        ("https://银行.example.com/", "link_other_script"),
    ],
)
def test_bad_links_are_found_in_every_language(locale: str, written: str, code: str) -> None:
    text = f"See {written} now. STOP" if locale == "en" else f"【兰汀】请看 {written} 退订回T"
    assert code in sms(text, locale)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://shop.example.com/", "link_not_encrypted"),
        ("https://bit.ly/x", "link_shortened"),
        ("https://93.184.216.34/x", "link_to_number"),
        ("https://127.0.0.1/x", "link_to_own_network"),
        ("https://10.0.0.8/", "link_to_own_network"),
        ("https://localhost/x", "link_to_own_network"),
        ("https://[::1]/", "link_to_own_network"),
        ("https://169.254.169.254/latest", "link_to_own_network"),
        ("https://intranet/x", "link_to_own_network"),
        ("https://shop.example.com:8443/", "link_port"),
        ("https://xn--pypal-4ve.com/", "link_other_script"),
        ("https://pаypal.com/", "link_other_script"),
        ("htps://shop.example.com", "link_misspelt"),
        ("https:/shop.example.com", "link_misspelt"),
        ("https//shop.example.com", "link_misspelt"),
        ("www.shop.example.com", "link_misspelt"),
        ("https://https://shop.example.com", "link_misspelt"),
    ],
)
def test_links_that_are_not_what_they_should_be(url: str, code: str) -> None:
    assert code in sms(f"See {url} now. STOP")


def test_a_good_link_is_no_finding() -> None:
    assert sms("See https://www.shop.example.com/a?b=c. Or https://shop.example.com/ STOP") == {}


def mail(html: str) -> dict[str, str]:
    return codes("email", clean("email", {"subject": "s", "html": html}, "en", (), "locales.en", html_of, text_of))


def test_a_link_that_shows_another_host_is_told() -> None:
    stop = '<a href="{{ unsubscribe_url }}">Stop</a>'
    assert mail(f'<a href="https://evil.example.net/x">www.bank.example.com</a>{stop}') == {"link_disguised": "stop"}
    assert mail(f'<a href="https://user@evil.example.net/">here</a>{stop}') == {"link_disguised": "stop"}
    assert (
        mail(
            f'<a href="https://shop.bank.example.com/x">bank.example.com</a> <a href="https://a.example.com">go</a>{stop}'
        )
        == {}
    )


def test_a_mail_of_marketing_has_a_way_to_stop_in_it() -> None:
    assert mail("<p>a</p>") == {"mail_without_unsubscribe": "warn"}
    assert "mail_too_large" in mail("<p>" + "a" * 100_001 + "</p>")


def test_rule_12_whatsapp_without_an_approved_template_is_told() -> None:
    assert codes("whatsapp", {"body": "Hello"}) == {"whatsapp_without_template": "warn"}
    approved = {"content_sid": "HX" + "0" * 32, "variables": {"1": "{{ customer.name }}"}, "body": "Hi {{ 1 }}"}
    assert codes("whatsapp", approved) == {"opt_out_missing": "warn", "no_default": "info"}


def test_values_without_a_default_are_named() -> None:
    content = {
        "default": "en", "track_links": False,
        "locales": {"en": {"body": '{{ customer.name }} {{ custom.a | default("b") }} {{ today }} STOP'}},
    }  # fmt: skip
    named = [each.values for each in findings_of("sms", content) if each.code == "no_default"]
    assert named == [{"names": ("customer.name",)}]
