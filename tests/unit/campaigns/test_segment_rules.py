"""The rules of segments: what they may ask, what is refused, and that the form gives back what it was given."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from hotline.campaigns.segment_fields import EVENTS, FIELDS, OPS, field_named
from hotline.campaigns.segment_rules import DEEPEST, EVERYBODY, MOST_CONDITIONS, conditions, parse, slow
from hotline.customers.custom_fields import Choice, CustomField
from hotline.errors import Invalid
from hotline.web.desktop.campaigns import segment_forms, segment_words
from hotline.web.desktop.campaigns.segment_words import Names

ID = UUID(int=7)
OWN = (
    CustomField(ID, "customer", "shoe", {"en": "Shoe"}, "number"),
    CustomField(ID, "person", "birthday", {"en": "Birthday"}, "date"),
    CustomField(ID, "customer", "hobby", {"en": "Hobby"}, "choice", choices=(Choice("golf", {}), Choice("chess", {}))),
    CustomField(ID, "customer", "secret", {"en": "Secret"}, "text"),
    CustomField(ID, "customer", "income", {"en": "Income"}, "number", private=True),
    CustomField(ID, "ticket", "machine", {"en": "Machine"}, "number"),
)
GOLD = {"field": "tier", "op": "in", "value": ["gold"]}

RULES: list[dict[str, Any]] = [
    GOLD,
    {"field": "tags", "op": "all_of", "value": ["a", "b"]},
    {"field": "locale", "op": "is_set"},
    {"field": "open_tickets", "op": "between", "value": [1, 3]},
    {"field": "spent", "op": "at_least", "value": {"amount": 12345, "currency": "EUR"}},
    {"field": "last_call_at", "op": "not_within", "value": {"days": 90}},
    {"field": "created_at", "op": "before", "value": "2026-01-31"},
    {"field": "first_purchase_at", "op": "anniversary", "value": {"in_days": 0}},
    {"field": "created_at", "op": "anniversary", "value": {"in_days": 1, "to_days": 7}},
    {"field": "last_message_at", "op": "within", "value": {"hours": 12}},
    {"field": "consent", "op": "any_of", "value": ["email:marketing", "sms:service"]},
    {"field": "survey.mood", "op": "in", "value": ["1", "2"]},
    {"field": "survey.mood", "op": "at_most", "value": 2},
    {"field": "purchase", "op": "has", "value": {"kinds": ["product"], "days": 30, "times": 2,
                                                 "at_least": {"amount": 1000, "currency": "JPY"}}},
    {"field": "ticket", "op": "has_not", "value": {"category": "billing", "states": ["open"]}},
    {"field": "delivery", "op": "has", "value": {"campaign": str(ID), "did": "clicked"}},
    {"field": "custom.shoe", "op": "at_least", "value": 44},
    {"field": "custom.birthday", "op": "anniversary", "value": {"in_days": 0}},
    {"field": "custom.hobby", "op": "not_in", "value": ["golf"]},
]  # fmt: skip


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: f"{rules['field']} {rules['op']}")
def test_what_is_kept_is_what_was_written_and_reads_well(rules: dict[str, Any]) -> None:
    rule = parse(rules, OWN)
    assert rule.content() == rules
    assert parse(rule.content(), OWN) == rule
    line = segment_words.said(lambda text: text, Names({}, {"custom.shoe": "Shoe"}), rules)
    assert line.text
    assert "{" not in line.text


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ([], "rules:"),
        ({"field": "nothing", "op": "in", "value": ["x"]}, "rules.field"),
        ({"all": [GOLD, {"field": "tier", "op": "at_least", "value": 1}]}, "rules.all.1.op"),
        ({"any": []}, "rules.any"),
        ({"not": {"all": [{**GOLD, "value": []}]}}, "rules.not.all.0.value"),
        ({**GOLD, "value": "gold"}, "rules.value"),
        ({**GOLD, "more": 1}, "rules:"),
        ({"field": "kind", "op": "in", "value": ["robot"]}, "rules.value.0"),
        ({"field": "tier", "op": "is_set", "value": ["gold"]}, "rules.value"),
        ({"field": "open_tickets", "op": "at_least", "value": True}, "rules.value"),
        ({"field": "open_tickets", "op": "between", "value": [3, 1]}, "rules.value"),
        ({"field": "open_tickets", "op": "at_least", "value": "1; DROP TABLE"}, "rules.value"),
        ({"field": "spent", "op": "at_least", "value": {"amount": 1, "currency": "euro"}}, "rules.value.currency"),
        ({"field": "last_call_at", "op": "within", "value": {"days": 1, "hours": 1}}, "rules.value"),
        ({"field": "last_call_at", "op": "within", "value": {"days": 0}}, "rules.value.days"),
        ({"field": "last_call_at", "op": "before", "value": "31.1.2026"}, "rules.value"),
        ({"field": "last_call_at", "op": "after", "value": "9999-12-31"}, "rules.value"),
        ({"field": "purchase", "op": "has", "value": {"colour": "red"}}, "rules.value"),
        ({"field": "delivery", "op": "has", "value": {"campaign": "7"}}, "rules.value.campaign"),
        ({"field": "survey.Mood'--", "op": "in", "value": ["1"]}, "rules.field"),
        ({"field": "custom.secret", "op": "is_set"}, "rules.field"),
        ({"field": "custom.income", "op": "at_least", "value": 1}, "rules.field"),
        ({"field": "custom.machine", "op": "at_least", "value": 1}, "rules.field"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(rules: Any, place: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(rules, OWN)
    assert refused.value.detail.startswith(place)


def test_everybody_and_the_bounds() -> None:
    assert parse({}) == parse({"all": []}) == EVERYBODY
    deep: dict[str, Any] = GOLD
    for _ in range(DEEPEST):
        deep = {"not": deep}
    parse(deep)
    with pytest.raises(Invalid, match="too deeply"):
        parse({"not": deep})
    with pytest.raises(Invalid, match="at most"):
        parse({"all": [{"any": [GOLD] * 60}, {"any": [GOLD] * (MOST_CONDITIONS - 59)}]})


def test_only_records_are_slow() -> None:
    assert not slow(parse({"all": [GOLD, {"not": RULES[5]}]}))
    assert slow(parse({"all": [GOLD, {"not": RULES[13]}]}))
    assert slow(parse(RULES[16], OWN))


def test_every_question_of_every_field_has_words() -> None:
    assert set(segment_words.FIELDS) == set(FIELDS)
    assert set(segment_words.OPS) == {op for ops in OPS.values() for op in ops}
    assert {field.group for field in FIELDS.values()} | {"custom"} == set(segment_words.GROUPS)
    for name, parts in EVENTS.items():
        assert {f"{name}.{part}" for part in parts if part != "times"} <= set(segment_words.PARTS)


# The form


def typed(node: segment_forms.Node) -> MultiDict[str]:
    """What a browser sends of the form that shows a tree."""
    found: MultiDict[str] = MultiDict()
    if node.mode:
        found.add(f"{node.place}.mode", node.mode)
        for part in node.parts:
            found.extend(typed(part))
        return found
    found.add(f"{node.place}.field", node.field.name if node.field else "")
    found.add(f"{node.place}.was", node.field.name if node.field else "")
    found.add(f"{node.place}.op", node.op or "")
    for name, values in node.typed.items():
        for value in values:
            found.add(f"{node.place}.{name}", value)
    return found


LEAVES = st.sampled_from(RULES)
TREES = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda found: {"all": found}),
        st.lists(parts, min_size=1, max_size=3).map(lambda found: {"any": found}),
        st.lists(parts, min_size=1, max_size=2).map(lambda found: {"not": {"any": found}}),
        st.lists(parts, min_size=1, max_size=2).map(lambda found: {"not": {"all": found}}),
    ),
    max_leaves=8,
)


@given(TREES)
def test_the_form_gives_back_the_rules_that_it_shows(rules: dict[str, Any]) -> None:
    shown = segment_forms.tree_of(rules, OWN)
    sent = segment_forms.read(typed(shown), OWN)
    again = segment_forms.rules(sent)
    expected = rules if shown.mode and "field" not in rules else {"all": [rules]}
    assert parse(again, OWN) == parse(expected, OWN)
    assert len(list(conditions(parse(again, OWN)))) == len(list(conditions(parse(rules, OWN))))


def test_buttons_of_the_form() -> None:
    tree = segment_forms.tree_of({"all": [GOLD, {"any": [GOLD, GOLD]}]}, OWN)
    segment_forms.change(tree, "add:r-1")
    assert [part.place for part in tree.parts[1].parts] == ["r-1-0", "r-1-1", "r-1-2"]
    assert tree.parts[1].parts[2].focus
    segment_forms.change(tree, "remove:r-0")
    assert [part.place for part in tree.parts] == ["r-0"]
    assert [part.place for part in tree.parts[0].parts] == ["r-0-0", "r-0-1", "r-0-2"]
    segment_forms.change(tree, "group:r")
    assert (tree.parts[1].mode, [part.place for part in tree.parts[1].parts]) == ("any", ["r-1-0"])
    segment_forms.change(tree, "remove:r")
    assert len(tree.parts) == 2, "the outermost group stays"
    with pytest.raises(Invalid) as refused:
        segment_forms.rules(tree)
    assert segment_forms.mark(tree, refused.value, "Choose.")
    assert tree.parts[0].parts[2].problem == "Choose."


def test_another_field_forgets_what_was_typed_for_the_one_before() -> None:
    form = MultiDict({"r.mode": "all", "r-0.field": "open_tickets", "r-0.was": "tier", "r-0.op": "in"})
    form.add("r-0.value", "gold")
    (node,) = segment_forms.read(form, ()).parts
    assert (node.field, node.op, node.typed) == (field_named("open_tickets", ()), "at_least", {})


def test_what_is_wrong_stands_beside_its_condition() -> None:
    tree = segment_forms.tree_of({"all": [GOLD, {"not": {"any": [{**GOLD, "value": ["x"]}]}}]}, OWN)
    assert segment_forms.mark(tree, Invalid("rules.all.1.not.any.0.value.0: no."), "No.")
    assert tree.parts[1].parts[0].problem == "No."
    assert not segment_forms.mark(tree, Invalid("name: another segment has this name."), "Taken.")
