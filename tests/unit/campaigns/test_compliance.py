"""What a reviewer is told of a whole campaign: every fault that there is, in each language, and what is fine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hotline.campaigns.compliance import Looked, findings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def told(
    texts: dict[str, str], limits: dict[str, Any] | None = None, excluded: dict[str, int] | None = None, **content: Any
) -> dict[tuple[str, str | None], str]:
    """(code, language) → severity."""
    locales = {name: {"body": body} for name, body in texts.items()}
    version = {"default": next(iter(texts)), "track_links": False, "locales": locales}
    whole = {
        "kind": "once", "channel": "sms", "purpose": "marketing", "variants": [{"variant": "A", "content": version}],
        "schedule": {"mode": "now"}, "limits": limits or {}, **content,
    }  # fmt: skip
    found = findings(whole, excluded or {}, Looked(recipients=2, people=2), now=NOW, zone=ZoneInfo("Asia/Shanghai"))
    return {(each.code, each.locale): each.severity for each in found}


def test_bad_content_in_english_and_chinese_is_told_of_each() -> None:
    bad = told(
        {
            "en": "Great news! Buy now at htps://shop.example.com or http://10.0.0.8/x " + "and save " * 50,
            "zh-CN": "好消息！请看 https：//shop.example.com 或 https://t.cn/x " + "立即抢购" * 70,
        },
        {"quiet_hours": {"apply": False}},
        {"no_consent": 3, "consent_withdrawn": 1},
    )
    for locale in ("en", "zh-CN"):
        assert bad["opt_out_missing", locale] == "stop"
        assert bad["link_misspelt", locale] == "warn"
        assert bad["sms_segments", locale] == "warn", "more than three parts"
    assert bad["link_to_own_network", "en"] == "stop"
    assert bad["link_shortened", "zh-CN"] == "warn"
    assert bad["sms_signature_missing", "zh-CN"] == "stop"
    assert bad["quiet_hours_off", None] == "stop"
    assert bad["no_consent_left_out", None] == bad["consent_withdrawn_left_out", None] == "info"
    assert not {"opt_out_fine", "links_fine", "signature_fine", "quiet_hours_fine"} & {code for code, _ in bad}


def test_good_content_in_english_and_chinese_is_fine() -> None:
    good = told({
        "en": "Your line gets faster: https://shop.example.com/fast. Reply STOP to end",
        "zh-CN": "【兰汀】您的光纤可免费升级：https://shop.example.com/fast 退订回T",
    })  # fmt: skip
    assert {"opt_out_fine", "links_fine", "signature_fine", "quiet_hours_fine", "consent_fine"} <= {
        code for code, _ in good
    }
    assert not [code for code, severity in good.items() if severity in ("stop", "warn")]


def test_rule_07_a_time_at_night_is_told() -> None:
    texts = {"en": "News. STOP"}
    late = told(texts, schedule={"mode": "at", "at": "2026-06-02T14:30:00+00:00"})
    assert late["begins_in_quiet_hours", None] == "warn"
    assert told(texts, schedule={"mode": "at", "at": "2026-05-30T04:00:00+00:00"})["time_is_over", None] == "stop"
