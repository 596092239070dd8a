"""What ``hotline flow check`` refuses, where, and in which words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.ivr import names
from hotline.ivr.loader import Source, load
from tests.unit.ivr.material import OWN, SHIPPED, documents, library, source, written

HEAD = """\
flow: test
languages: [en]
start: a
"""


def told(text: str, **others: str) -> list[str]:
    """The findings about a flow as ``line:column sentence``."""
    found = written(text, **others).problems["test.yaml"]
    return [f"{one.line}:{one.column} {one.text}" for one in found]


def in_nodes(nodes: str, head: str = HEAD) -> list[str]:
    return told(f"{head}nodes:\n{nodes}")


def test_our_own_flows_are_fit_for_use() -> None:
    found = library(*SHIPPED, *OWN)
    assert found.problems == {path.name: () for path in (*SHIPPED, *OWN)}
    assert {"main", "everything", "questions"} <= found.sets.keys()


@pytest.mark.parametrize(
    ("nodes", "finding"),
    [
        ("  a: {type: hang_up}\n  b: {type: hang_up}\n", "6:3 No way leads to `b`; lead one there or remove the node."),
        ("  a: {type: say, say: {en: x}}\n", "5:3 Dead end: `next` is missing; name the node that follows."),
        ("  a: {type: say, say: {en: x}, next: bb}\n  b: {type: hang_up}\n",
         "5:32 There is no node `bb` (did you mean `b`?); add it or correct the name."),
        ("  a: {type: menu, say: {en: x}, keys: {1: a}, otherwise: a}\n",
         "5:3 Dead end: no way from `a` leads to a hang_up, a return or an agent; lead one there."),
        ("  a: {type: say, say: hello, next: b}\n  b: {type: hang_up}\n",
         "5:18 There is no prompt `hello`; add it under `prompts`."),
        ("  a: {type: hang_up, say: {de: x}}\n",
         "5:22 No text in en; every prompt needs one in each language."),
        ("  a: {type: hang_up, say: {en: x, de: x}}\n",
         "5:35 `de` is none of the flow's languages (en)."),
        ("  a: {type: hang_up, say: {en: ' '}}\n", "5:28 The text is empty; write what is to be said."),
        ("  a: {type: hang_up, say: {en: 'x ${SHELL(reboot)}'}}\n",
         "5:28 `${SHELL(reboot)}` is no variable: write ${name} or ${name:digits}; nothing is evaluated here."),
        ("  a: {type: hang_up, say: {en: 'x ${'}}\n",
         "5:28 `${` is no variable: write ${name} or ${name:digits}; nothing is evaluated here."),
        ("  a: {type: hang_up, say: {en: '${caller.teir}'}}\n",
         "5:28 Nothing sets `caller.teir` (did you mean `caller.tier`?); add it under `variables`."),
        ("  a: {type: enqueue, queue: 'x${CURL(a)}', unanswered: b}\n  b: {type: hang_up}\n",
         "5:22 `${CURL(a)}` is no variable: write ${name} or ${name:digits}; nothing is evaluated here."),
        ("  a: {type: enqueue, queue: 'a,t', unanswered: b}\n  b: {type: hang_up}\n",
         "5:22 `a,t` cannot be a queue: letters, digits, dot, dash and underscore only."),
        ("  a: {type: transfer, to: '1&PJSIP/x', unanswered: b}\n  b: {type: hang_up}\n",
         "5:23 `1&PJSIP/x` cannot be an extension: letters, digits and _-+*# only."),
        ("  a: {type: gather, say: {en: x}, into: n, next: b, otherwise: b}\n"
         "  b: {type: transfer, to: '${n}', unanswered: c}\n  c: {type: hang_up}\n",
         "6:23 Callers could dial anything with `n`, which they key in; use a menu instead."),
        ("  a: {type: say, say: {en: x}, next: b}\n  b: {type: say, say: {en: x}, next: a}\n",
         "5:3 Callers would go round here for ever without being asked anything: a → b → a. "
         "Lead one of these ways out."),
        ("  a: {type: enqueue, queue: q, unanswered: a}\n",
         "5:3 Callers would go round here for ever without being asked anything: a → a. Lead one of these ways out "
         "(`empty`, `full` and `failed` of a queue come at once; give them a way of their own)."),
        ("  a: {type: flow, flow: tset, next: a}\n",
         "5:19 There is no flow `tset` (did you mean `test`?); add tset.yaml or correct it."),
        ("  a: {type: language, say: {en: x}, keys: {1: fr}, next: b}\n  b: {type: hang_up}\n",
         "5:44 `fr` is none of the flow's languages; add it to `languages` and to every prompt."),
        ("  a: {type: hangup}\n",
         "5:3 `hangup` is no type of node (did you mean `hang_up`?); there are say, play, menu, gather, language, "
         "hours, lookup, set, branch, enqueue, voicemail, transfer, survey, flow, return, hang_up."),
        ("  a: {type: hang_up, sey: x}\n",
         "5:22 `sey` is not known here (did you mean `say`?); remove it or correct it."),
        ("  a: {type: menu, say: {en: x}, keys: {12: a}, otherwise: a}\n",
         "5:40 `12` must be one key of the telephone: 0 to 9, * or # (in quotes)."),
        ("  a: {type: menu, say: {en: x}, keys: {1: a}, tries: 99, otherwise: a}\n",
         "5:47 `tries` must be 10 or less."),
        ("  a: {type: menu, say: {en: x}, keys: {1: a}, tries: many, otherwise: a}\n",
         "5:47 `tries` must be a number."),
        ("  a: {type: branch, cases: [{variable: caller.vip, equals: a, above: 1, next: b}], otherwise: b}\n"
         "  b: {type: hang_up}\n",
         "5:29 A case needs exactly one of equals, differs, one_of, above, below, given."),
        ("  a: {type: gather, say: {en: x}, into: n, least: 5, most: 2, next: a, otherwise: a}\n",
         "5:3 `least` is more than `most`; swap them."),
        ("  a: {type: hang_up, say: {en: Sorry, try again}}\n",
         "5:39 A comma ends a text between { and } here, before `try again`; quote the text."),
    ],
)  # fmt: skip
def test_findings(nodes: str, finding: str) -> None:
    assert finding in in_nodes(nodes)


def test_keys_of_a_survey_may_be_a_list_and_a_wrong_question_is_told_once() -> None:
    survey = "  a: {type: survey, questions: [{name: q, say: {en: x}, keys: %s}], next: b}\n  b: {type: hang_up}\n"
    assert in_nodes(survey % "[1, 2, 3]") == []
    assert in_nodes(survey % "[1, a]") == ["5:57 `1a` must be digits, for example 12345."]


def test_a_prompt_that_is_said_nowhere_is_a_warning() -> None:
    found = written(f"{HEAD}prompts: {{x: {{en: y}}}}\nnodes: {{a: {{type: hang_up}}}}\n")
    (problem,) = found.problems["test.yaml"]
    assert str(problem) == "test.yaml:4:11: warning: The prompt `x` is said nowhere."
    assert "test" in found.sets


def test_flows_that_call_each_other() -> None:
    caller = f"{HEAD}nodes:\n  a: {{type: flow, flow: sub, next: b}}\n  b: {{type: hang_up}}\n"
    back = "flow: sub\nlanguages: [en]\nstart: a\nnodes: {a: {type: flow, flow: test, next: b}, b: {type: return}}\n"
    assert told(caller, sub=back) == ["1:1 `test` calls itself, directly or by other flows; end the circle."]
    mute = "flow: sub\nlanguages: [zh]\nstart: a\nnodes: {a: {type: return}}\n"
    assert told(caller, sub=mute) == [
        "5:19 `sub` does not speak en, which callers of this flow may have chosen; add en to it."
    ]
    assert told(caller, sub="nonsense") == ["5:19 The file of `sub` has errors; mend them first."]
    assert "test" not in written(caller, sub=mute.replace("return", "hangup")).sets


def test_a_circle_through_a_flow_that_asks_nothing() -> None:
    caller = f"{HEAD}nodes:\n  a: {{type: flow, flow: sub, next: a}}\n  b: {{type: hang_up}}\n"
    quick = "flow: sub\nlanguages: [en]\nstart: a\nnodes: {a: {type: return}}\n"
    asks = (
        "flow: sub\nlanguages: [en]\nstart: a\n"
        "nodes: {a: {type: menu, say: {en: x}, keys: {1: b}, otherwise: b}, b: {type: return}}\n"
    )
    assert any("round here for ever" in line for line in told(caller, sub=quick))
    assert not any("round here for ever" in line for line in told(caller, sub=asks))


def test_flows_may_not_be_called_too_deep() -> None:
    def flow(number: int, last: int) -> str:
        name = f"s{number}" if number else "test"
        node = (
            f"{{type: flow, flow: s{number + 1}, next: b}}"
            if number < last
            else "{type: set, kind: complaint, next: b}"
        )
        return f"flow: {name}\nlanguages: [en]\nstart: a\nnodes: {{a: {node}, b: {{type: return}}}}\n"

    fits = {f"s{number}": flow(number, names.MOST_CALLS) for number in range(1, names.MOST_CALLS + 1)}
    assert told(flow(0, names.MOST_CALLS), **fits) == []
    deep = {f"s{number}": flow(number, names.MOST_CALLS + 1) for number in range(1, names.MOST_CALLS + 2)}
    assert told(flow(0, names.MOST_CALLS + 1), **deep) == [
        f"1:1 Flows call flows {names.MOST_CALLS + 1} deep here, {names.MOST_CALLS} is the limit; put some into one."
    ]


def test_calling_flows_many_times_is_no_bomb() -> None:
    """Eight flows, each calling the next forty times: 40^8 nodes for a caller, if nothing counted."""
    sources = []
    for number in range(8):
        calls = {
            f"c{n}": f"{{type: flow, flow: s{number + 1}, next: {f'c{n + 1}' if n < 39 else 'z'}}}" for n in range(40)
        }
        if number == 7:
            calls = {"c0": "{type: set, kind: complaint, next: z}"}
        nodes = "".join(f"  {name}: {node}\n" for name, node in calls.items())
        name = f"s{number}"
        text = f"flow: {name}\nlanguages: [en]\nstart: c0\nnodes:\n{nodes}  z: {{type: return}}\n"
        sources.append(Source(f"{name}.yaml", text.encode()))
    before = time.process_time()
    found = load(sources)
    assert found.errors == ()
    assert time.process_time() - before < 10, "reading took work that grows with the calls, not with the files"


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"", "1:1 The file holds no flow; it begins with `flow: NAME`."),
        (b"- a\n", "1:1 The file holds no flow; it begins with `flow: NAME`."),
        (b"a: &x [1]\nb: *x\n", "1:4 `&x` is a YAML anchor, which flows do not use; put a text in quotes."),
        (b"a: *x\n", "1:4 `*x` is a YAML alias, which flows do not use; put a text in quotes."),
        (b"a: !!python/object/apply:os.system [id]\n",
         "1:4 `!` begins a YAML tag, which flows do not use; put a text in quotes."),
        (b"<<: {a: b}\nflow: x\n", None),
        (b"flow: x\nflow: y\n", "2:1 `flow` stands in line 1 already; remove one of them."),
        (b'flow: "a\\x00b"\n', "1:7 A control character stands in this text; remove it."),
        (b"flow: a\x00b\n", "1:8 A control character stands here; remove it."),
        (b'flow: "a\\r\\nb"\n', "1:7 A control character stands in this text; remove it."),
        (b"flow: \xff\n", "1:7 The file is not UTF-8 text; save it as UTF-8."),
        (b"a: " + b"[" * 5000, "1:16 More than 12 levels; no flow is that deep."),
        (b"a: " + b"{a: " * 5000, None),
        (b"a: [" + b"1," * 30_000 + b"1]", f"1:39999 More than {names.MOST_VALUES} values; make several flows of it."),
        (b"x" * (names.MOST_BYTES + 1), "1:1 The file has more than 256 KiB; make several flows of it."),
        (b"a: 1\n---\nb: 1\n", "2:1 A second document begins here; a file holds one flow."),
        (b"? [a]\n: b\n", "1:3 A name is expected before the colon here, not a list or a mapping."),
        (b"a: 'x\n", None),
        (b"flow: [", None),
    ],
)  # fmt: skip
def test_files_that_are_no_flows(content: bytes, finding: str | None) -> None:
    before = time.process_time()
    found = load([Source("test.yaml", content)])
    assert found.sets == {}
    told = [f"{one.line}:{one.column} {one.text}" for one in found.problems["test.yaml"]]
    assert told
    if finding is not None:
        assert told == [finding]
    assert time.process_time() - before < 5


def test_two_files_of_one_flow_and_a_wrong_name() -> None:
    flow = f"{HEAD}nodes: {{a: {{type: hang_up}}}}\n".encode()
    found = load([Source("a/test.yaml", flow), Source("b/test.yaml", flow)])
    assert [str(one) for one in found.errors] == [
        "b/test.yaml:1:1: error: `test` is the flow of a/test.yaml already; remove one of the two."
    ]
    found = load([Source("other.yaml", flow)])
    assert [one.text for one in found.errors] == ["The flow is called `test`; call its file test.yaml."]


def test_a_flow_of_the_company_stands_for_the_shipped_one() -> None:
    shipped = Source("hotline/test.yaml", f"{HEAD}nodes: {{a: {{type: oops}}}}\n".encode())
    own = Source("test.yaml", f"{HEAD}nodes: {{a: {{type: hang_up, label: ours}}}}\n".encode())
    found = load([own], [shipped])
    assert found.sets["test"].root.nodes["a"].label == "ours"


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_file_breaks_the_reading(content: bytes) -> None:
    found = load([Source("test.yaml", content)])
    assert found.errors


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_every_finding_has_a_place_in_the_file_and_is_one_sentence(data: st.DataObject) -> None:
    made = source(data.draw(documents(calls=("test", "gone"))))
    found = load([made])
    lines = made.content.decode().splitlines()
    for problem in found.problems["test.yaml"]:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert problem.text.endswith((".", "?"))
        assert "\n" not in problem.text
    assert ("test" in found.sets) == (not found.errors)


def test_comments_and_white_space_make_no_new_content() -> None:
    text = f"{HEAD}nodes: {{a: {{type: hang_up}}}}\n"
    one, other = written(text).sets["test"], written(f"# mine\n\n{text}\n").sets["test"]
    assert one.digest == other.digest
    assert one.digest != written(text.replace("[en]", "[zh]")).sets["test"].digest
