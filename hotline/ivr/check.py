"""What makes a flow unfit for callers although its file reads well: each finding with its place and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from hotline.ivr import names
from hotline.ivr.flow import Flow, speeches
from hotline.ivr.graph import instant_cycle, leads_out, reached
from hotline.ivr.nodes import Branch, Call, ChooseLanguage, Enqueue, Gather, Lookup, Menu, Survey, Transfer
from hotline.ivr.nodes import Set as SetNode
from hotline.ivr.problems import Problem
from hotline.ivr.reading import Path
from hotline.ivr.texts import Place, fill, places


def check_flow(flow: Flow, flows: Mapping[str, Flow]) -> Iterator[Problem]:
    """What is wrong with a flow by itself; ``flows`` are those that it may call, which set variables too."""
    yield from _targets(flow)
    yield from _graph(flow)
    yield from _prompts(flow)
    yield from _languages(flow)
    yield from _variables(flow, flows)
    yield from _pbx(flow)


def check_calls(
    flow: Flow, flows: Mapping[str, Flow], through: frozenset[str], unread: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    """What is wrong between a flow and those that it calls. ``through``: see ``graph.passing``; ``unread`` are flows
    whose files could not be read."""
    for name, node in flow.nodes.items():
        if not isinstance(node, Call):
            continue
        at: Path = ("nodes", name, "flow")
        called = flows.get(node.flow)
        if called is None:
            text = f"There is no flow `{node.flow}`{_meant(node.flow, flows)}; add {node.flow}.yaml or correct it."
            if node.flow in unread:
                text = f"The file of `{node.flow}` has errors; mend them first."
            yield flow.document.problem(at, text)
            continue
        missing = [language for language in flow.languages if language not in called.languages]
        if missing:
            text = f"`{node.flow}` does not speak {', '.join(missing)}, which callers of this flow may have chosen;"
            yield flow.document.problem(at, f"{text} add {missing[0]} to it.")
    depth = _depth(flow, flows)
    if depth is None:
        yield flow.document.problem(
            ("flow",), f"`{flow.name}` calls itself, directly or by other flows; end the circle."
        )
    elif depth > names.MOST_CALLS:
        text = f"Flows call flows {depth} deep here, {names.MOST_CALLS} is the limit; put some into one."
        yield flow.document.problem(("flow",), text)
    elif (circle := instant_cycle(flow, flows, through)) is not None:
        way = " → ".join((*circle, circle[0]))
        text = f"Callers would go round here for ever without being asked anything: {way}. Lead one of these ways out"
        if any(isinstance(flow.nodes[name], (Enqueue, Transfer)) for name in circle):
            text += " (`empty`, `full` and `failed` of a queue come at once; give them a way of their own)"
        yield flow.document.problem(("nodes", circle[0]), f"{text}.")


def _depth(flow: Flow, flows: Mapping[str, Flow]) -> int | None:
    """How deep flows are called from this one, 0 when it calls none; None when it comes back to itself."""
    deepest: dict[str, int] = {}
    state: dict[str, int] = {flow.name: 1}
    stack = [(flow.name, iter([name for name in flow.calls if name in flows]))]
    while stack:
        name, rest = stack[-1]
        to = next(rest, None)
        if to is None:
            deepest[name] = max((deepest[each] + 1 for each in flows[name].calls if each in deepest), default=0)
            state[name] = 2
            stack.pop()
        elif state.get(to) == 1:
            return None
        elif to not in state:
            state[to] = 1
            stack.append((to, iter([each for each in flows[to].calls if each in flows])))
    return deepest[flow.name]


def _targets(flow: Flow) -> Iterator[Problem]:
    for path, name in _named_nodes(flow):
        if name not in flow.nodes:
            text = f"There is no node `{name}`{_meant(name, flow.nodes)}; add it or correct the name."
            yield flow.document.problem(path, text)


def _named_nodes(flow: Flow) -> Iterator[tuple[Path, str]]:
    yield ("start",), flow.file.start
    for name, node in flow.nodes.items():
        for way, to in node.ways().items():
            if to is None:
                continue
            if isinstance(node, Menu) and way in node.keys:
                yield ("nodes", name, "keys", way, "next"), to
            elif isinstance(node, Branch) and way != "otherwise":
                yield ("nodes", name, "cases", int(way) - 1, "next"), to
            elif way in type(node).model_fields and getattr(node, way) is not None:
                yield ("nodes", name, way), to
            elif isinstance(node, (Enqueue, Transfer)) and way == "failed":
                yield ("nodes", name, "unanswered"), to
            # All others stand for a way that was told.


def _graph(flow: Flow) -> Iterator[Problem]:
    alive = reached(flow)
    if flow.file.start in flow.nodes:
        for name in flow.nodes:
            if name not in alive:
                text = f"No way leads to `{name}`; lead one there or remove the node."
                yield flow.document.problem(("nodes", name), text)
    out = leads_out(flow)
    for name in flow.nodes:
        whole = all(to is None or to in flow.nodes for to in flow.nodes[name].ways().values())
        if name in alive and name not in out and whole:
            text = f"Dead end: no way from `{name}` leads to a hang_up, a return or an agent; lead one there."
            yield flow.document.problem(("nodes", name), text)


def _prompts(flow: Flow) -> Iterator[Problem]:
    used: set[str] = set()
    for path, item in _items(flow):
        if not isinstance(item, str):
            yield from _texts(flow, path, item)
        elif item in flow.file.prompts:
            used.add(item)
        else:
            text = f"There is no prompt `{item}`{_meant(item, flow.file.prompts)}; add it under `prompts`."
            yield flow.document.problem(path, text)
    for name, texts in flow.file.prompts.items():
        yield from _texts(flow, ("prompts", name), texts)
        if name not in used:
            yield flow.document.problem(("prompts", name), f"The prompt `{name}` is said nowhere.", warning=True)


def _items(flow: Flow) -> Iterator[tuple[Path, str | dict[str, str]]]:
    """Everything that is said, and where it stands."""
    owners: list[tuple[Path, str, Iterable[str | dict[str, str]]]] = []
    for name, node in flow.nodes.items():
        for place, items in speeches(node).items():
            if isinstance(node, Survey) and place not in ("", "wrong", "silent"):
                n = [question.name for question in node.questions].index(place)
                owners.append((("nodes", name, "questions", n), "say", items))
            else:
                owners.append((("nodes", name), place or "say", items))
    for place in ("wrong", "silent"):
        owners.append((("defaults",), place, getattr(flow.file.defaults, place) or ()))
    for path, field, said in owners:
        for n, item in enumerate(said):
            listed = (*path, field, n)
            yield (listed if listed in flow.document.marks else (*path, field)), item


def _texts(flow: Flow, path: Path, texts: Mapping[str, str]) -> Iterator[Problem]:
    if missing := [language for language in flow.languages if language not in texts]:
        yield flow.document.problem(path, f"No text in {', '.join(missing)}; every prompt needs one in each language.")
    for language, text in texts.items():
        if language not in flow.languages:
            known = ", ".join(flow.languages)
            yield flow.document.problem((*path, language), f"`{language}` is none of the flow's languages ({known}).")
        if not text.strip():
            yield flow.document.problem((*path, language), "The text is empty; write what is to be said.")


def _languages(flow: Flow) -> Iterator[Problem]:
    if len(set(flow.languages)) < len(flow.languages):
        yield flow.document.problem(("languages",), "A language stands here twice; remove one of them.")
    for name, node in flow.nodes.items():
        if isinstance(node, ChooseLanguage):
            used = {("keys", key): language for key, language in node.keys.items()}
            if node.use not in (None, "caller"):
                used[("use", "")] = str(node.use)
            for (field, key), language in used.items():
                if language not in flow.languages:
                    text = f"`{language}` is none of the flow's languages; add it to `languages` and to every prompt."
                    yield flow.document.problem(("nodes", name, field, key), text)


def _variables(flow: Flow, flows: Mapping[str, Flow]) -> Iterator[Problem]:
    known = readable(flow, flows)
    for path, text in _filled(flow):
        for place in places(text):
            if place.name is None or place.name not in known:
                yield flow.document.problem(path, _no_variable(place, known))
    for name, node in flow.nodes.items():
        if isinstance(node, Branch):
            for n, case in enumerate(node.cases):
                if case.variable not in known:
                    text = f"Nothing sets `{case.variable}`{_meant(case.variable, known)}; add it under `variables`."
                    yield flow.document.problem(("nodes", name, "cases", n, "variable"), text)
        if isinstance(node, Survey):
            asked = [question.name for question in node.questions]
            for n, question in enumerate(node.questions):
                if question.name in asked[:n]:
                    text = f"A question of this survey is called `{question.name}` already; give it another name."
                    yield flow.document.problem(("nodes", name, "questions", n, "name"), text)


def readable(flow: Flow, flows: Mapping[str, Flow]) -> frozenset[str]:
    """The variables that a flow may read: given ones, its own, and those of the flows that it calls."""
    found: set[str] = set(names.GIVEN)
    seen: set[str] = set()
    waiting = [flow]
    while waiting:
        each = waiting.pop()
        if each.name not in seen:
            seen.add(each.name)
            found |= each.variables
            waiting.extend(flows[name] for name in each.calls if name in flows)
    return frozenset(found)


def _filled(flow: Flow) -> Iterator[tuple[Path, str]]:
    """Every text in which variables are filled in, and those in which none may stand."""
    for path, item in _items(flow):
        if not isinstance(item, str):
            yield from (((*path, language), text) for language, text in item.items())
    for name, texts in flow.file.prompts.items():
        yield from ((("prompts", name, language), text) for language, text in texts.items())
    for variable, text in flow.file.variables.items():
        yield ("variables", variable), text
    for name, node in flow.nodes.items():
        at: Path = ("nodes", name)
        match node:
            case SetNode():
                yield from (((*at, "values", variable), text) for variable, text in node.values.items())
            case Menu():
                for key, choice in node.keys.items():
                    yield from (((*at, "keys", key, "set", each), text) for each, text in choice.set.items())
            case Lookup(value=str(text)):
                yield (*at, "value"), text
            case Enqueue():
                yield (*at, "queue"), node.queue
            case Transfer():
                yield (*at, "to"), node.to
            case Branch():
                for n, case in enumerate(node.cases):
                    for value in (case.equals, case.differs, *(case.one_of or ())):
                        if value is not None:
                            yield (*at, "cases", n), value
            case _:
                pass


def _no_variable(place: Place, known: Iterable[str]) -> str:
    if place.name is None:
        text = (
            f"`{_short(place.written)}` is no variable: write ${{name}} or ${{name:digits}}; nothing is evaluated here"
        )
        return f"{text}."
    return f"Nothing sets `{place.name}`{_meant(place.name, known)}; add it under `variables`."


def _pbx(flow: Flow) -> Iterator[Problem]:
    """Names that reach the PBX."""
    keyed = {node.into for node in flow.nodes.values() if isinstance(node, Gather)}
    for name, node in flow.nodes.items():
        if isinstance(node, Enqueue):
            if not _fits(names.QUEUE, node.queue):
                text = f"`{_short(node.queue)}` cannot be a queue: letters, digits, dot, dash and underscore only."
                yield flow.document.problem(("nodes", name, "queue"), text)
        elif isinstance(node, Transfer):
            if not _fits(names.EXTENSION, node.to):
                text = f"`{_short(node.to)}` cannot be an extension: letters, digits and _-+*# only."
                yield flow.document.problem(("nodes", name, "to"), text)
            for place in places(node.to):
                if place.name in keyed:
                    text = f"Callers could dial anything with `{place.name}`, which they key in; use a menu instead."
                    yield flow.document.problem(("nodes", name, "to"), text)


def _fits(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the text may reach the PBX once its variables are filled in; these are looked at again at that time."""
    if any(place.name is None for place in places(text)):
        return True  # told already
    example = fill(text, {place.name: "0" for place in places(text) if place.name is not None})
    return pattern.fullmatch(example) is not None


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
