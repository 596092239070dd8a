"""A flow as a picture: SVG, layered from the start downwards, with the ways and how many callers took each.

Colours are classes: a page gives them its own tokens, a file of its own carries ``STYLE`` with both themes. All text of
a flow is escaped; nothing in it can become markup.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Any, Final

from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout

from hotline.ivr import nodes
from hotline.ivr.draw_words import KINDS, TYPES, WAYS, Counts
from hotline.ivr.flow import Flow
from hotline.ivr.graph import reached
from hotline.ivr.parts import worded
from hotline.ivr.texts import places

Words = Callable[[str], str]

STYLE: Final = """
.flow { background: #fff; font: 13px ui-sans-serif, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
.flow text { fill: #141922; } .flow .small { font-size: 12px; fill: #434c5b; } .flow .name { font-weight: 600; }
.flow .node { fill: #fff; stroke: #878f9d; } .flow .phone { stroke: #0b6a44; stroke-width: 2; }
.flow .end { fill: #f0f2f5; } .flow .start, .flow .stop, .flow .head { fill: #434c5b; stroke: none; }
.flow .way { fill: none; stroke: #878f9d; } .flow .plate { fill: #fff; stroke: none; }
@media (prefers-color-scheme: dark) {
.flow { background: #15191f; } .flow text { fill: #e9ecf1; } .flow .small { fill: #b5bdc9; }
.flow .node { fill: #1c2129; stroke: #6a7484; } .flow .phone { stroke: #63d29d; } .flow .end { fill: #0f1318; }
.flow .start, .flow .stop, .flow .head { fill: #b5bdc9; } .flow .way { stroke: #6a7484; }
.flow .plate { fill: #15191f; } }
"""

_LINE: Final = 18
_PAD: Final = 10
_WIDEST: Final = 34  # columns of a line of text; a Chinese character has two
_MARGIN: Final = 16
_GAP: Final = 26
#: Lines of larger flows are drawn straight: the layered layout would take seconds, then minutes.
_MOST_CROSSED: Final = 400


@dataclass
class _Box:
    """A thing with a place: a node, the words on a way, the start, an end. ``xy`` is its middle, set by the layout."""

    w: float
    h: float
    kind: str
    lines: list[tuple[str, str, str]] = field(default_factory=list)  # class, words, names as the file has them
    css: str = ""
    name: str = ""
    link: str = ""
    xy: tuple[float, float] = (0.0, 0.0)


@dataclass
class _Line:
    """A way's line; ``points`` are set by the layout."""

    width: float
    head: bool
    points: list[tuple[float, float]] = field(default_factory=list)

    def setpath(self, points: list[tuple[float, float]]) -> None:
        self.points = list(points)


def draw(
    flow: Flow,
    *,
    counts: Counts | None = None,
    language: str | None = None,
    word: Words = str,
    link: Callable[[str], str] | None = None,
    standalone: bool = True,
) -> str:
    """The picture. ``counts`` adds shares to the ways; ``language`` is that of the prompts shown; ``word`` translates
    hotline's own words; ``link`` gives the address of a flow that is called; ``standalone`` puts the style in."""
    picture = _Picture(flow, counts, language if language in flow.languages else flow.languages[0], word, link)
    return picture.svg(standalone)


class _Picture:
    def __init__(
        self, flow: Flow, counts: Counts | None, language: str, word: Words, link: Callable[[str], str] | None
    ) -> None:
        self._flow = flow
        self._counts = counts
        self._language = language
        self._word = word
        self._link = link
        self._boxes: list[_Box] = []
        self._lines: list[_Line] = []
        self._edges: list[Any] = []
        self._vertices: list[Any] = []
        self._totals: dict[str, int] = {}
        for (node, _), times in (counts or {}).items():
            self._totals[node] = self._totals.get(node, 0) + times
        self._most = max((counts or {}).values(), default=0)
        self._lay_out()

    def _lay_out(self) -> None:
        alive = reached(self._flow)
        at = {name: self._vertex(self._node(name, node)) for name, node in self._flow.nodes.items() if name in alive}
        start = self._vertex(_Box(10, 10, "start"))
        self._edge(start, at[self._flow.file.start], 1, head=True)
        for name in at:
            for target, ways in self._ways(name).items():
                to = at[target] if target is not None else self._vertex(_Box(10, 10, "stop"))
                lines = [line for way in ways for line in self._way(name, way)]
                width = 1 + 3 * sum(self._times(name, way) for way in ways) / self._most if self._most else 1.25
                if not lines:
                    self._edge(at[name], to, width, head=True)
                    continue
                wide = max(_wide(" ".join(line)) for line in lines) + 8
                plate = _Box(wide, 16 * len(lines) + 2, "plate", [("small", *line) for line in lines])
                between = self._vertex(plate)
                self._edge(at[name], between, width, head=False)
                self._edge(between, to, width, head=target is not None)
        if self._place_by_rank() > _MOST_CROSSED:
            return
        graph = Graph(self._vertices, self._edges)
        layout = SugiyamaLayout(graph.C[0])
        layout.xspace, layout.yspace = 26, 20
        layout.init_all(roots=[start])
        layout.draw(6)

    def _place_by_rank(self) -> int:
        """Give every box a place in the row of its distance from the start, every line its two ends; answers how many
        rows all lines cross together, which is what the layered layout's time grows with."""
        following: dict[Any, list[Any]] = {vertex: [] for vertex in self._vertices}
        for edge in self._edges:
            following[edge.v[0]].append(edge.v[1])
        start = next(vertex for vertex in self._vertices if vertex.view.kind == "start")
        ranks, row = {start: 0}, [start]
        rows = [row]
        while row:
            row = list(dict.fromkeys(to for vertex in row for to in following[vertex] if to not in ranks))
            ranks.update(dict.fromkeys(row, len(rows)))
            rows.append(row)
        y = 0.0
        for row in rows:
            height = max((vertex.view.h for vertex in row), default=0)
            x = -sum(vertex.view.w + _GAP for vertex in row) / 2
            for vertex in row:
                vertex.view.xy = (x + (vertex.view.w + _GAP) / 2, y + height / 2)
                x += vertex.view.w + _GAP
            y += height + 2 * _GAP
        for edge in self._edges:
            edge.view.setpath([edge.v[0].view.xy, edge.v[1].view.xy])
        return sum(abs(ranks[edge.v[0]] - ranks[edge.v[1]]) for edge in self._edges)

    def _vertex(self, box: _Box) -> Any:
        vertex = Vertex(len(self._vertices))
        vertex.view = box
        self._boxes.append(box)
        self._vertices.append(vertex)
        return vertex

    def _edge(self, start: Any, end: Any, width: float, *, head: bool) -> None:
        edge = Edge(start, end)
        edge.view = _Line(width, head)
        self._lines.append(edge.view)
        self._edges.append(edge)

    # ---- words ----------------------------------------------------------------------------------------------------

    def _node(self, name: str, node: nodes.AnyNode) -> _Box:
        label = worded(node.label, self._language)
        lines = [("name", _cut(label), "") if label else ("name", "", _cut(name.replace("_", " ")))]
        lines.append(("small", self._word(TYPES[node.type]), _cut(self._about(node))))
        if said := self._said(node):
            lines.append(("small", f"“{_cut(said, _WIDEST - 2)}”", ""))
        width = max(_wide(f"{text} {names}".strip(), strong=css == "name") for css, text, names in lines) + 2 * _PAD
        css = "node"
        if isinstance(node, (nodes.Enqueue, nodes.Transfer)):
            css = "node phone"
        elif isinstance(node, (nodes.HangUp, nodes.Return)):
            css = "node end"
        link = self._link(node.flow) if isinstance(node, nodes.Call) and self._link is not None else ""
        return _Box(max(width, 90), _LINE * len(lines) + _PAD, "node", lines, css, name, link)

    def _about(self, node: nodes.AnyNode) -> str:
        match node:
            case nodes.Enqueue():
                return _plain(node.queue)
            case nodes.Transfer():
                return _plain(node.to)
            case nodes.Hours():
                return node.calendar.replace("_", " ")
            case nodes.Lookup():
                return node.what.replace("_", " ")
            case nodes.Gather():
                return node.into
            case nodes.Call():
                return node.flow
            case nodes.ChooseLanguage(use=str(use)):
                return use
            case nodes.Set():
                kind = [self._word(KINDS[node.kind])] if node.kind is not None else []
                return ", ".join([*kind, *node.values])
            case nodes.Survey():
                return ", ".join(question.name for question in node.questions)
            case nodes.Branch():
                return ", ".join(dict.fromkeys(case.variable for case in node.cases))
            case _:
                return ""

    def _said(self, node: nodes.AnyNode) -> str:
        speech = node.questions[0].say if isinstance(node, nodes.Survey) else node.speech()
        for item in speech:
            texts = self._flow.file.prompts.get(item, {}) if isinstance(item, str) else item
            if self._language in texts:
                return _plain(texts[self._language])
        return ""

    def _ways(self, name: str) -> Mapping[str | None, list[str]]:
        """The ways of a node by where they lead; of each target the ways in their order."""
        found: dict[str | None, list[str]] = {}
        node = self._flow.nodes[name]
        for way, to in node.ways().items():
            if to is None or to in self._flow.nodes:
                found.setdefault(to, []).append(way)
        return found

    def _way(self, name: str, way: str) -> Iterator[tuple[str, str]]:
        node = self._flow.nodes[name]
        if isinstance(node, nodes.HandOver) and way in ("timeout", "empty", "full", "failed"):
            # Told as one when they lead to one place, as they mostly do.
            same = [one for one in ("timeout", "empty", "full", "failed") if node.ways()[one] == node.ways()[way]]
            if len(same) > 1:
                if way == same[0]:
                    yield self._word(WAYS["unanswered"]), self._share(name, same)
                return
        words, names = self._way_text(node, way)
        share = self._share(name, [way])
        if words or names or share:
            yield words, f"{names}  {share}".strip()

    def _share(self, name: str, ways: list[str]) -> str:
        if self._counts is None:
            return ""
        times, total = sum(self._times(name, way) for way in ways), self._totals.get(name, 0)
        if len(self._flow.nodes[name].ways()) == 1:
            return f"{times:,}"
        return f"{round(100 * times / total)} % ({times:,})" if times else "–"

    def _way_text(self, node: nodes.AnyNode, way: str) -> tuple[str, str]:
        """A way in words, and in names as the file has them."""
        match node:
            case nodes.Menu() if way in node.keys:
                choice = node.keys[way]
                kind = self._word(KINDS[choice.kind]) if choice.kind is not None else ""
                return _cut(f"{way} {worded(choice.label, self._language) or kind}".strip()), ""
            case nodes.ChooseLanguage() if way in node.keys:
                return way, node.keys[way]
            case nodes.Branch() if way != "otherwise":
                return "", _cut(_condition(node.cases[int(way) - 1]))
            case nodes.Voicemail():
                return self._word(WAYS["recorded" if way == "next" else "no message"]), ""
            case nodes.Gather() if way == "next":
                return self._word(WAYS["entered"]), ""
            case _ if way == "next":
                return "", ""
            case _:
                return self._word(WAYS[way]), ""

    def _times(self, name: str, way: str) -> int:
        return (self._counts or {}).get((name, way), 0)

    # ---- drawing --------------------------------------------------------------------------------------------------

    def svg(self, standalone: bool) -> str:
        left = min(box.xy[0] - box.w / 2 for box in self._boxes) - _MARGIN
        top = min(box.xy[1] - box.h / 2 for box in self._boxes) - _MARGIN
        right = max(box.xy[0] + box.w / 2 for box in self._boxes) + _MARGIN
        bottom = max(box.xy[1] + box.h / 2 for box in self._boxes) + _MARGIN
        for line in self._lines:
            left = min([left, *(x - _MARGIN for x, _ in line.points)])
            right = max([right, *(x + _MARGIN for x, _ in line.points)])
        width, height = round(right - left), round(bottom - top)
        title = escape(self._flow.name)
        # What is in an image cannot be reached by the keyboard, and links must be.
        role = "group" if any(box.link for box in self._boxes) else "img"
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="{role}" aria-label="{title}" '
            f'width="{width}" height="{height}" viewBox="{left:.0f} {top:.0f} {width} {height}">',
            f"<title>{title}</title>",
        ]
        if standalone:
            parts.append(f"<style>{STYLE}</style>")
        parts.extend(part for edge in self._edges for part in _path(edge.v[0].view, edge.v[1].view, edge.view))
        parts.extend(part for box in self._boxes for part in _shape(box))
        parts.append("</svg>")
        return "\n".join(parts) + "\n"


def _path(start: _Box, end: _Box, line: _Line) -> Iterator[str]:
    """A smooth line from the lower edge of what is above to the upper edge of what is below."""
    points = list(line.points)
    down = points[1][1] >= points[0][1]
    points[0] = (points[0][0], start.xy[1] + (start.h / 2 if down else -start.h / 2))
    down = points[-1][1] >= points[-2][1]
    gap = 6 if line.head else 0
    points[-1] = (points[-1][0], end.xy[1] + (-end.h / 2 - gap if down else end.h / 2 + gap))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        path += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    yield f'<path class="way" d="{path}" stroke-width="{line.width:.2f}"/>'
    if line.head:
        x, y = points[-1]
        tip = y + gap if down else y - gap
        yield f'<path class="head" d="M{x - 4:.1f} {y:.1f}L{x + 4:.1f} {y:.1f}L{x:.1f} {tip:.1f}Z"/>'


def _shape(box: _Box) -> Iterator[str]:
    x, y = box.xy[0] - box.w / 2, box.xy[1] - box.h / 2
    if box.kind in ("start", "stop"):
        yield f'<circle class="{box.kind}" cx="{box.xy[0]:.1f}" cy="{box.xy[1]:.1f}" r="5"/>'
        return
    place = f'x="{x:.1f}" y="{y:.1f}" width="{box.w:.1f}" height="{box.h:.1f}"'
    if box.kind == "plate":
        yield f'<rect class="plate" {place}/>'
        first, step = y + 13, 16
    else:
        if box.link:
            yield f'<a href="{escape(box.link)}">'
        yield f'<g id="node-{escape(box.name)}"><rect class="{box.css}" {place} rx="6"/>'
        first, step = y + _PAD / 2 + 13, _LINE
    for n, (css, words, names) in enumerate(box.lines):
        middle = f'x="{box.xy[0]:.1f}" y="{first + n * step:.1f}" text-anchor="middle"'
        named = f'<tspan class="mono">{escape(names)}</tspan>' if names else ""
        yield f'<text class="{css}" {middle}>{escape(words)}{" " if words and names else ""}{named}</text>'
    if box.kind == "node":
        yield "</g></a>" if box.link else "</g>"


def _condition(case: nodes.Case) -> str:
    match case:
        case nodes.Case(equals=str(value)):
            return f"{case.variable} = {value}"
        case nodes.Case(differs=str(value)):
            return f"{case.variable} ≠ {value}"
        case nodes.Case(one_of=tuple(values)):
            return f"{case.variable}: {', '.join(values)}"
        case nodes.Case(above=float(limit)):
            return f"{case.variable} > {limit:g}"
        case nodes.Case(below=float(limit)):
            return f"{case.variable} < {limit:g}"
        case _:
            return f"{case.variable} {'≠' if case.given else '='} ∅"


def _plain(text: str) -> str:
    """Variables as people read them: ``${queue}`` is ‹queue›."""
    for place in places(text):
        if place.name is not None:
            text = text.replace(place.written, f"‹{place.name}›")
    return text


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _cut(text: str, most: int = _WIDEST) -> str:
    if _columns(text) <= most:
        return text
    while _columns(text) >= most:
        text = text[:-1]
    return text.rstrip() + "…"


def _wide(text: str, *, strong: bool = False) -> float:
    return _columns(text) * (7.4 if strong else 6.8)
