"""Manifests: one canonical text for one content, and every difference found."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.campaigns.approval import (
    DecidedAlready,
    OwnWork,
    ReasonMissing,
    check_approver,
    enough,
    needed,
    people_of,
    reason_of,
)
from hotline.campaigns.changes import changes
from hotline.campaigns.manifest import NotCanonical, canonical, differences, digest, present

ANNA, BOB, EVE = UUID(int=1), UUID(int=2), UUID(int=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=12,
)


def content(**changed: Any) -> dict[str, Any]:
    return {
        "name": "News",
        "channel": "sms",
        "variants": [
            {"variant": "A", "content": {"locales": {"en": {"body": "Half the price. See https://a.example/x now"}}}}
        ],
        "fallback_senders": [],
        "limits": {"pause": {"failure_percent": 20}},
        "track_links": False,
        "authors": [str(ANNA)],
        "approvals": 1,
        "recipients": {"count": 3, "sha256": "00"},
        **changed,
    }


def test_keys_are_sorted_by_utf16_and_numbers_written_as_ecmascript_does() -> None:
    """RFC 8785 §3.2.3: the emoji's surrogates sort before U+FB33."""
    assert canonical({"\ufb33": 1, "\U0001f600": 2.0, "a": 0.3, "€": None}) == (
        '{"a":0.3,"€":null,"\U0001f600":2,"\ufb33":1}'.encode()
    )


@given(JSON)
def test_the_text_is_the_same_whatever_way_the_content_went(value: Any) -> None:
    text = canonical(value)
    assert canonical(json.loads(text)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, 1e-9, b"bytes", {1: "a"}, "\ud800"])
def test_what_json_cannot_hold_exactly_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical([value])


def test_any_change_is_another_hash() -> None:
    changed = [
        content(name="Other"),
        content(channel="email"),
        content(track_links=True),
        content(limits={"pause": {"failure_percent": 20.5}}),
        content(authors=[]),
        content(recipients={"count": 4, "sha256": "00"}),
    ]
    assert len({digest(each) for each in (content(), *changed)}) == 1 + len(changed)
    assert digest(content(limits={"pause": {"failure_percent": 20.0}})) == digest(content())


def test_differences_are_named_by_their_place() -> None:
    other = content()
    other["variants"] = [{"variant": "A", "content": {"locales": {"en": {"body": "Free"}, "zh": {"body": "免费"}}}}]
    found = {each.path: (each.before, each.after) for each in differences(content(), other)}
    assert set(found) == {"variants.A.content.locales.en.body", "variants.A.content.locales.zh"}
    assert [each.path for each in differences(content(), content(track_links=0))] == ["track_links"]


def test_what_belongs_to_the_submission_alone_voids_nothing() -> None:
    now = content(authors=[], approvals=2, recipients={"count": 0, "sha256": ""})
    assert present(content(), now) == []
    assert [each.path for each in present(content(), content(name="Other"))] == ["name"]


def test_changes_are_told_word_by_word_and_addresses_whole() -> None:
    other = content(recipients={"count": 4, "sha256": "11"})
    other["variants"] = [
        {"variant": "A", "content": {"locales": {"en": {"body": "No cost at all. See https://b.example/y now"}}}}
    ]
    found, same = changes(content(), other)
    text = next(each for each in found if each.path.endswith("body"))
    assert text.parts == (
        ("gone", "Half the price"), ("new", "No cost at all"), ("same", ". See "), ("gone", "https://a.example/x"),
        ("new", "https://b.example/y"), ("same", " now"),
    )  # fmt: skip
    assert [(each.path, each.before, each.after) for each in found if each is not text] == [("recipients.count", 3, 4)]
    assert same == 5


def test_rule_17_two_different_people_who_wrote_none_of_it() -> None:
    large = content(approvals=2)
    assert check_approver(BOB, large, [ANNA], []) == BOB
    for user_id, editors in ((ANNA, []), (BOB, [BOB]), (None, [])):
        with pytest.raises(OwnWork):
            check_approver(user_id, large, editors, [])
    with pytest.raises(DecidedAlready):
        check_approver(BOB, large, [], [BOB])
    assert not enough([BOB], large)
    assert not enough([BOB, BOB], large)
    assert not enough([BOB, ANNA], large)
    assert enough([BOB, EVE], large)


def test_how_many_approvals_a_size_needs() -> None:
    limits = {"sms": 100, "voice": 0}
    assert [needed("sms", people, limits) for people in (100, 101)] == [1, 2]
    assert (needed("voice", 1, limits), needed("console", 10**6, limits)) == (2, 1)
    assert people_of("triggered", {"daily_cap": 500}, 0) == 500
    assert people_of("recurring", {"most_recipients": 900}, 40) == 900
    assert people_of("once", {}, 40) == 40


def test_rule_18_a_reason_is_more_than_space() -> None:
    assert reason_of(" a \r\nb \n") == "a\nb"
    with pytest.raises(ReasonMissing):
        reason_of(" \n\0", required=True)
