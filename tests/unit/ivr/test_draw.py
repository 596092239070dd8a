"""Pictures of flows: well-formed, harmless, complete, and soon enough however large the flow is."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.ivr.draw import draw
from hotline.ivr.draw_words import KINDS, TYPES, WAYS
from hotline.ivr.loader import load
from hotline.ivr.nodes import NODE_TYPES
from tests.unit.ivr.material import documents, flows, one, source

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    """Each line as a person reads it."""
    return [" ".join("".join(each.itertext()).split()) for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", ["main", "everything", "questions"])
def test_every_node_is_drawn_once_with_its_ways(name: str) -> None:
    flow = flows(name).root
    tree = ElementTree.fromstring(draw(flow))
    drawn = [element.get("id") for element in tree.iter(f"{SVG}g") if element.get("id")]
    assert sorted(str(each) for each in drawn) == sorted(f"node-{node}" for node in flow.nodes)
    heads = [element for element in tree.iter(f"{SVG}path") if element.get("class") == "head"]
    pairs = {(name, to) for name, node in flow.nodes.items() for to in node.ways().values() if to is not None}
    assert len(heads) == len(pairs) + 1, "an arrow for each pair of nodes, and one from the start"


def test_nothing_overlaps() -> None:
    tree = ElementTree.fromstring(draw(flows("main").root))
    boxes = [
        tuple(float(element.get(name, "")) for name in ("x", "y", "width", "height"))
        for element in tree.iter(f"{SVG}rect")
    ]
    for number, (x, y, w, h) in enumerate(boxes):
        for other_x, other_y, other_w, other_h in boxes[number + 1 :]:
            apart = x + w <= other_x or other_x + other_w <= x or y + h <= other_y or other_y + other_h <= y
            assert apart, "two boxes lie on each other"


def test_shares_are_those_of_the_callers() -> None:
    flow = flows("main").root
    svg = draw(flow, counts={("menu", "1"): 30, ("menu", "2"): 10, ("wait", "answered"): 39, ("wait", "empty"): 1})
    found = texts(svg)
    assert "1 consultation 75 % (30)" in found
    assert "2 complaint 25 % (10)" in found
    assert "3 service request –" in found
    assert "not answered 2 % (1)" in found


def test_words_of_a_language_and_texts_of_it() -> None:
    words = {"menu": "菜单", "consultation": "咨询"}
    svg = draw(flows("main").root, language="zh", word=lambda word: words.get(word, word), standalone=False)
    assert "菜单" in texts(svg)
    assert "1 咨询" in texts(svg)
    assert "主菜单" in texts(svg), "the label in the picture's language"
    assert "您好，中文服务请按2。" in svg
    assert "<style>" not in svg


def test_text_of_a_flow_is_no_markup() -> None:
    found = one(
        "flow: test\nlanguages: [en]\nstart: a\nnodes:\n"
        "  a: {type: hang_up, label: '<script>alert(1)</script>', say: {en: '\"><svg onload=x>&'}}\n"
    )
    svg = draw(found.root)
    assert "<script" not in svg
    assert "<svg onload" not in svg
    assert "<script>alert(1)</script>" in texts(svg)


def test_a_flow_that_is_called_is_a_link_that_the_keyboard_reaches() -> None:
    svg = draw(flows("everything").root, link=lambda name: f"/flows/{name}?a&b")
    tree = ElementTree.fromstring(svg)
    (link,) = tree.iter(f"{SVG}a")
    assert link.get("href") == "/flows/questions?a&b"
    assert tree.get("role") == "group"
    assert ElementTree.fromstring(draw(flows("everything").root)).get("role") == "img"


def test_every_type_way_and_kind_has_a_word() -> None:
    assert TYPES.keys() == NODE_TYPES.keys()
    for name in ("main", "everything", "questions"):
        for node in flows(name).root.nodes.values():
            for way in node.ways():
                assert way in WAYS or way.isdecimal() or way in "*#"
    assert set(KINDS) == {"consultation", "complaint", "service_request"}


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_flow_that_is_fit_for_use_can_be_drawn(data: st.DataObject) -> None:
    library = load([source(data.draw(documents()))])
    for found in library.sets.values():
        drawn = ElementTree.fromstring(draw(found.root))
        assert float(drawn.get("width", "0")) > 0


def test_the_largest_flow_is_drawn_without_the_layout_that_would_take_minutes() -> None:
    nodes = "".join(
        f"  n{n}: {{type: menu, say: {{en: x}}, keys: {{1: n{(n * 7) % 299}, 2: n{(n * 31) % 299}}}, "
        f"otherwise: {f'n{n + 1}' if n < 298 else 'e'}}}\n"
        for n in range(299)
    )
    found = one(f"flow: test\nlanguages: [en]\nstart: n0\nnodes:\n{nodes}  e: {{type: hang_up}}\n")
    before = time.process_time()
    svg = draw(found.root)
    assert time.process_time() - before < 20
    assert svg.count("<g id=") == 300
