"""One webhook of Twilio, and how what it says is carried on when it is asked for once more."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from hotline.web.webhooks.hook import Webhook

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def carried(form: dict[str, str]) -> tuple[dict[str, list[str]], int]:
    """The query of the address at which Twilio asks again, and the length of that."""
    address = Webhook("AC", "/webhooks/twilio/voice/resume", form, {"n": "3"}, "", AT).again()
    return parse_qs(urlsplit(address).query, keep_blank_values=True), len(address)


def test_what_twilio_repeats_by_itself_takes_no_room() -> None:
    """A caller's passport (STIR) and the token of a call are longer than everything else together."""
    query, _ = carried({"CallToken": "x" * 1_500, "Digits": "7", "StirPassportToken": "y" * 1_500, "Body": ""})
    assert query == {"n": ["3"], "again": ["2"], "again.Digits": ["7"], "again.Body": [""]}


def test_an_address_stays_one_that_can_be_asked() -> None:
    query, length = carried({"SpeechResult": "账" * 1_000, "Confidence": "0.9", "Digits": "1#"})
    assert (query["again.Digits"], query["again.Confidence"]) == (["1#"], ["0.9"])
    assert "again.SpeechResult" not in query
    assert length < 2_200
