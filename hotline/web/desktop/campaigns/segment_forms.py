"""The rules of a segment as a form: each condition has a place such as ``r-0-1``, under which its fields are named.

A form is read into a tree of ``Node`` whatever is in it, so that what somebody typed stays while they go on; ``rules``
makes JSON of it, which ``campaigns.segment_rules`` checks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import Any, Final

from hotline.campaigns.segment_fields import BARE, EVENTS, Field, Op, field_named
from hotline.campaigns.segment_rules import DEEPEST, MOST_CONDITIONS
from hotline.customers import money
from hotline.customers.custom_fields import CustomField
from hotline.errors import Invalid
from hotline.web.desktop.forms import Form, words_of

#: The place of the outermost group.
ROOT: Final = "r"
#: Groups within groups that the form offers; deeper ones that a program made are shown.
OFFERED_DEPTH: Final = 3
_CHILD: Final = re.compile(r"([0-9]{1,3})\.(?:mode|field)")
_PLACE: Final = re.compile(r"\.(\d+)(?=\.|:|$)")


@dataclass(slots=True)
class Node:
    """A group (``mode`` is set) or a condition at a ``place``. ``typed`` are a condition's fields as they were typed,
    ``problem`` what is wrong with it."""

    place: str
    mode: str = ""
    parts: list[Node] = made_by(default_factory=list)
    field: Field | None = None
    op: Op | None = None
    typed: dict[str, list[str]] = made_by(default_factory=dict)
    problem: str = ""
    focus: bool = False

    def text(self, name: str) -> str:
        """The one text of a field."""
        return next(iter(self.typed.get(name, ())), "")

    def texts(self, name: str) -> list[str]:
        """All of them."""
        return self.typed.get(name, [])

    @property
    def depth(self) -> int:
        """How deep it stands; the outermost group at 0."""
        return self.place.count("-")


def read(form: Form, custom: Sequence[CustomField]) -> Node:
    """The tree that a form holds."""
    names: dict[str, list[str]] = {}
    for name, value in form.items():
        if isinstance(value, str) and name.startswith(ROOT) and len(value) <= 10_000:
            names.setdefault(name, []).append(value.replace("\0", ""))
    found = _read(ROOT, names, custom)
    return found if found.mode else Node(ROOT, "all")


def _read(place: str, names: Mapping[str, list[str]], custom: Sequence[CustomField]) -> Node:
    if (mode := names.get(f"{place}.mode")) is not None:
        children = {
            int(found.group(1))
            for name in names
            if name.startswith(f"{place}-") and (found := _CHILD.fullmatch(name[len(place) + 1 :]))
        }
        if place.count("-") >= DEEPEST:
            children = set()
        parts = [_read(f"{place}-{at}", names, custom) for at in sorted(children)[:MOST_CONDITIONS]]
        return Node(place, mode[0] if mode[0] in ("all", "any", "none", "not_all") else "all", parts)
    typed = {name[len(place) + 1 :]: values for name, values in names.items() if name.startswith(f"{place}.")}
    asked = field_named((typed.get("field") or [""])[0], custom)
    op = (typed.get("op") or [""])[0]
    known = None if asked is None else next((each for each in asked.questions if each == op), asked.questions[0])
    if asked is not None and typed.get("was", [asked.name]) != [asked.name]:
        # Another field: what was typed for the one before means nothing to it.
        typed = {}
    return Node(place, field=asked, op=known, typed=typed)


def change(tree: Node, wish: str) -> Node:
    """The tree after a button: ``add:r-0``, ``group:r`` or ``remove:r-0-1``. Places are given anew; the new part, or
    what stands beside a removed one, takes the focus."""
    what, _, place = wish.partition(":")
    for node in _walk(tree):
        node.focus = False
    target = next((node for node in _walk(tree) if node.place == place), None)
    if target is not None and what in ("add", "group") and target.mode and len(list(_walk(tree))) <= MOST_CONDITIONS:
        new = Node(f"{place}-x", "any" if target.mode == "all" else "all") if what == "group" else Node(f"{place}-x")
        if new.mode:
            new.parts.append(Node(f"{place}-x-0", focus=True))
        else:
            new.focus = True
        target.parts.append(new)
    elif target is not None and what == "remove" and target is not tree:
        for node in _walk(tree):
            if target in node.parts:
                at = node.parts.index(target)
                node.parts.remove(target)
                beside = node.parts[min(at, len(node.parts) - 1)] if node.parts else node
                beside.focus = True
    return _placed(tree, ROOT)


def _placed(node: Node, place: str) -> Node:
    node.place = place
    for at, part in enumerate(node.parts):
        _placed(part, f"{place}-{at}")
    return node


def _walk(node: Node) -> list[Node]:
    return [node, *(each for part in node.parts for each in _walk(part))]


def rules(node: Node) -> dict[str, Any]:
    """The tree as JSON. Raises Invalid, whose text begins with the place of a condition."""
    if node.mode:
        parts = [rules(part) for part in node.parts]
        match node.mode:
            case "any" if parts:
                return {"any": parts}
            case "none" if parts:
                return {"not": {"any": parts}}
            case "not_all" if parts:
                return {"not": {"all": parts}}
        return {"all": parts}
    if node.field is None or node.op is None:
        raise Invalid(f"{node.place}: choose what is asked.")
    found: dict[str, Any] = {"field": node.field.name, "op": node.op}
    if node.op not in BARE:
        found["value"] = _value(node, node.field, node.op)
    return found


def _value(node: Node, asked: Field, op: Op) -> Any:
    match asked.type:
        case "choice" | "set":
            return _several(node, "value")
        case "answer":
            return _several(node, "value") if op in ("in", "not_in") else _whole(node, "value")
        case "number":
            return [_plain(node, "low"), _plain(node, "high")] if op == "between" else _plain(node, "value")
        case "money":
            return _money(node, "amount", "currency")
        case "flag":
            return node.text("value") != "no"
        case "time":
            return _time(node, op)
    return _event(node, asked)


def _time(node: Node, op: Op) -> Any:
    if op in ("within", "not_within", "in_next"):
        return {"hours" if node.text("unit") == "hours" else "days": _whole(node, "value")}
    if op == "anniversary":
        first = _whole(node, "in_days") if node.text("in_days").strip() else 0
        return (
            {"in_days": first, "to_days": _whole(node, "to_days")}
            if node.text("to_days").strip()
            else {"in_days": first}
        )
    return node.text("value").strip()


def _event(node: Node, asked: Field) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in EVENTS[asked.name].items():
        if not any(text.strip() for text in node.texts(name)):
            continue
        match kind:
            case "words":
                found[name] = _several(node, name)
            case "number":
                found[name] = _whole(node, name)
            case "money":
                found[name] = _money(node, name, f"{name}.currency")
            case _:
                found[name] = node.text(name).strip()
    return found


def _several(node: Node, name: str) -> list[str]:
    return [word for text in node.texts(name) for word in words_of(text)]


def _whole(node: Node, name: str) -> int:
    text = node.text(name).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Invalid(f"{node.place}: expected a whole number.")
    return int(text)


def _plain(node: Node, name: str) -> int | str:
    text = node.text(name).strip().replace(",", ".")
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else text


def _money(node: Node, name: str, currency: str) -> dict[str, Any]:
    try:
        amount, code = money.money_of(node.text(name), node.text(currency).strip().upper() or None, name)
    except Invalid:
        raise Invalid(f"{node.place}: expected an amount and a currency.") from None
    return {"amount": amount, "currency": code}


def mark(tree: Node, error: Invalid, words: str) -> bool:
    """Note what is wrong beside its condition; False where no condition is meant. ``rules.all.0.any.1.value`` stands at
    ``r-0-1``, and the form's own refusals begin with the place."""
    where = error.detail.partition(":")[0]
    if where.startswith("rules"):
        # Names of values may be numbers, too: no further than there are conditions.
        where = "-".join((ROOT, *_PLACE.findall(where)))
    while where:
        if (node := next((each for each in _walk(tree) if each.place == where), None)) is not None and not node.mode:
            node.problem = words
            return True
        where = where.rpartition("-")[0]
    return False


def tree_of(kept: Mapping[str, Any], custom: Sequence[CustomField]) -> Node:
    """Rules as they are kept, as the form shows them."""
    node = _tree(kept, ROOT, custom)
    return node if node.mode else _placed(Node(ROOT, "all", [node]), ROOT)


def _tree(part: Mapping[str, Any], place: str, custom: Sequence[CustomField]) -> Node:
    if not part:
        return Node(place, "all")
    for key, mode in (("all", "all"), ("any", "any")):
        if key in part:
            return _group(part[key], mode, place, custom)
    if "not" in part:
        inner = part["not"]
        if "any" in inner:
            return _group(inner["any"], "none", place, custom)
        if inner.get("all"):
            return _group(inner["all"], "not_all", place, custom)
        return _group([inner], "none", place, custom)
    asked = field_named(part["field"], custom)
    op = None if asked is None else next((each for each in asked.questions if each == part["op"]), asked.questions[0])
    typed = {} if asked is None else _typed(asked, part["op"], part.get("value"))
    return Node(place, field=asked, op=op, typed=typed)


def _group(parts: Sequence[Mapping[str, Any]], mode: str, place: str, custom: Sequence[CustomField]) -> Node:
    return Node(place, mode, [_tree(part, f"{place}-{at}", custom) for at, part in enumerate(parts)])


def _typed(asked: Field, op: str, value: Any) -> dict[str, list[str]]:
    if value is None:
        return {}
    match asked.type:
        case "flag":
            return {"value": ["yes" if value else "no"]}
        case "money":
            return _money_typed("amount", "currency", value)
        case "event":
            found: dict[str, list[str]] = {}
            for name, given in value.items():
                if isinstance(given, Mapping):
                    found |= _money_typed(name, f"{name}.currency", given)
                else:
                    found[name] = [str(each) for each in given] if isinstance(given, list) else [str(given)]
            return found
        case "time" if isinstance(value, Mapping):
            if op == "anniversary":
                return {name: [str(days)] for name, days in value.items()}
            ((unit, number),) = value.items()
            return {"value": [str(number)], "unit": [unit]}
        case "number" if op == "between":
            return {"low": [str(value[0])], "high": [str(value[1])]}
    return {"value": [str(each) for each in value] if isinstance(value, list) else [str(value)]}


def _money_typed(name: str, currency: str, value: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: [f"{money.major_units(value['amount'], value['currency'])}"], currency: [value["currency"]]}
