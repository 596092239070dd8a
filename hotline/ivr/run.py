"""The engine's inside: one step of one session, from an input to the next effect that waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from hotline.calendars import Calendar
from hotline.ivr import effects as fx
from hotline.ivr import names, nodes
from hotline.ivr.effects import Effect, Found, Input, Left, Pressed, Prompt, Recorded
from hotline.ivr.flow import Flow, FlowSet, numbered
from hotline.ivr.moves import Moves
from hotline.ivr.parts import Choice, Item, worded
from hotline.ivr.session import Session, Step, Waits
from hotline.ivr.spoken import AGENT_WORDS, KIND_WORDS, LANGUAGE_WORDS
from hotline.ivr.texts import clean, fill

Words = tuple[str, ...]


class Run(Moves):
    """``take`` an input, then ``walk`` to the next effect that waits; or ``gone``."""

    def __init__(self, flows: FlowSet, session: Session, calendars: Mapping[str, Calendar], now: datetime) -> None:
        super().__init__(flows, session)
        self._calendars = calendars
        self._now = now
        self._visits = 0

    # ---- from an input to a way out of the present node ---------------------------------------------------------

    def take(self, input: Input) -> None:
        """What the caller or the records answered, at the node that waits."""
        session = self._session
        self._change(waited=session.waited + 1)
        found = self._place()
        talked = isinstance(input, Left) and input.how == "answered" and session.waits not in ("queue", "transfer")
        if not session.frames or talked:
            self._end()  # given up, and back from the default queue; or a talk that this session knows nothing of
        elif found is None or session.waited >= names.MOST_WAITS:
            self._give_up()
        else:
            self._answer(*found, session.waits, input)

    def _answer(self, flow: Flow, node: nodes.AnyNode, waits: Waits, input: Input) -> None:
        self._change(waits="")
        match node, waits:
            case nodes.Menu(), "collect":
                self._menu(flow, node, input)
            case nodes.Gather(), "collect":
                self._gather(flow, node, input)
            case nodes.ChooseLanguage(), "collect":
                self._language(flow, node, input)
            case nodes.Survey(), "collect":
                self._survey(flow, node, input)
            case nodes.Lookup(), "lookup":
                self._looked_up(node, input)
            case nodes.Voicemail(), "record":
                recorded = isinstance(input, Recorded) and input.seconds >= node.least
                if recorded:
                    self._change(outcome="voicemail")
                self._leave("next" if recorded else "failed")
            case ((nodes.Enqueue() | nodes.Transfer()), ("queue" | "transfer")):
                self._leave(input.how if isinstance(input, Left) else "failed")
            case _:
                # A session that waits for nothing at this node: kept by another version, or not at all.
                self._give_up()

    def _menu(self, flow: Flow, node: nodes.Menu, input: Input) -> None:
        choice = node.keys.get(input.keys) if isinstance(input, Pressed) else None
        if choice is None or not isinstance(input, Pressed):
            self._again(flow, node, input)
            return
        if choice.kind is not None:
            self._change(kind=choice.kind)
        self._assign(choice.set)
        self._chose(input.keys)
        self._leave(input.keys)

    def _language(self, flow: Flow, node: nodes.ChooseLanguage, input: Input) -> None:
        language = node.keys.get(input.keys) if isinstance(input, Pressed) else None
        if language is None or not isinstance(input, Pressed):
            self._again(flow, node, input)
            return
        self._change(language=language)
        self._chose(input.keys)
        self._leave(input.keys)

    def _gather(self, flow: Flow, node: nodes.Gather, input: Input) -> None:
        keys = input.keys if isinstance(input, Pressed) else ""
        if isinstance(input, Pressed) and not keys and node.skip is not None:
            self._leave("skip")
            return
        if not (keys.isascii() and keys.isdecimal() and node.least <= len(keys) <= node.most):
            self._again(flow, node, input)
            return
        self._keep({node.into: keys}, private=True)
        self._leave("next")

    def _survey(self, flow: Flow, node: nodes.Survey, input: Input) -> None:
        question = node.questions[min(self._session.question, len(node.questions) - 1)]
        if isinstance(input, Pressed) and len(input.keys) == 1 and input.keys in question.keys:
            self._keep({f"survey.{question.name}": input.keys}, private=False)
        elif self._session.tries + 1 < self._tries(flow, node):
            self._change(tries=self._session.tries + 1)
            self._ask_survey(flow, node, self._repeated(flow, node, input))
            return
        self._change(question=self._session.question + 1, tries=0)
        if self._session.question >= len(node.questions):
            self._leave("next")
        else:
            self._ask_survey(flow, node, ())

    def _looked_up(self, node: nodes.Lookup, input: Input) -> None:
        if not isinstance(input, Found):
            self._leave("failed")
            return
        values = {name: clean(text) for name, text in input.values.items() if name in names.GIVEN}
        self._keep({n: v for n, v in values.items() if n in names.PLAIN}, private=False)
        self._keep({n: v for n, v in values.items() if n not in names.PLAIN}, private=True)
        priority = values.get("caller.priority", "")
        if priority.isascii() and priority.isdecimal():
            self._change(priority=min(int(priority), 1000))
        missing = not values or values.get("ticket.open") == "no"
        self._leave("missing" if missing else "found")

    def _again(self, flow: Flow, node: nodes.Menu | nodes.Gather | nodes.ChooseLanguage, input: Input) -> None:
        """Ask once more, or take the way of those who do not answer."""
        if self._session.tries + 1 >= self._tries(flow, node):
            self._leave("otherwise")
            return
        self._change(tries=self._session.tries + 1)
        self._ask(flow, node, self._repeated(flow, node, input))

    def _repeated(self, flow: Flow, node: nodes.Asking, input: Input) -> tuple[Prompt, ...]:
        place = "wrong" if isinstance(input, Pressed) else "silent"
        if (own := getattr(node, place)) is not None:
            return self._prompts(flow, self._session.frames[-1].node, place, own)
        return self._prompts(flow, "defaults", place, getattr(flow.file.defaults, place) or ())

    # ---- from a node to the next one that waits ------------------------------------------------------------------

    def walk(self) -> Step:
        """Pass nodes until one waits, or the flow is over."""
        while not self._waiting and not self._session.over:
            self._visits += 1
            found = self._place()
            if found is None or self._visits > names.MOST_VISITS:
                self._give_up()
            else:
                self._enter(*found)
        return self._step()

    def gone(self) -> Step:
        """The caller hung up."""
        self._change(over=True, waits="", outcome=self._session.outcome or "left")
        return Step(self._session, ())

    def pending(self) -> Effect | None:
        """What the session waits for, as it was wanted and without what was said before; None when it waits for nothing
        that can be wanted once more."""
        waits = self._session.waits
        if not self._session.frames:
            if waits != "queue":
                return None
            self._give_up()
            return self._said[-1]
        found = self._place()
        if found is None:
            return None
        flow, node = found
        match node, waits:
            case ((nodes.Menu() | nodes.Gather()), "collect"):
                self._ask(flow, node, ())
            case nodes.ChooseLanguage(), "collect" if node.keys:
                self._ask(flow, node, ())
            case nodes.Survey(), "collect" if self._session.question < len(node.questions):
                self._ask_survey(flow, node, ())
            case ((nodes.Enqueue() | nodes.Transfer() | nodes.Voicemail()), ("queue" | "transfer" | "record")):
                self._hand_over(node)
            case _:
                return None
        return self._said[-1] if self._said else None

    @property
    def _waiting(self) -> bool:
        return bool(self._session.waits)

    def _enter(self, flow: Flow, node: nodes.AnyNode) -> None:
        name = self._session.frames[-1].node
        self._change(tries=0, question=0)
        match node:
            case nodes.Say() | nodes.Play():
                self._say(flow, name, node.say, keep_keys=isinstance(node, nodes.Say))
                self._leave("next")
            case nodes.Menu() | nodes.Gather():
                self._ask(flow, node, ())
            case nodes.ChooseLanguage():
                self._enter_language(flow, node)
            case nodes.Hours():
                self._leave(self._hours(node))
            case nodes.Lookup():
                self._enter_lookup(node)
            case nodes.Set():
                self._assign(node.values)
                if node.kind is not None:
                    self._change(kind=node.kind)
                self._leave("next")
            case nodes.Branch():
                way = next((str(n) for n, case in enumerate(node.cases, 1) if self._holds(case)), "otherwise")
                self._leave(way)
            case nodes.Survey():
                self._ask_survey(flow, node, ())
            case nodes.Call():
                self._call(node)
            case nodes.Return():
                self._return()
            case nodes.HangUp():
                self._say(flow, name, node.say, keep_keys=False)
                self._end()
            case nodes.Enqueue() | nodes.Transfer() | nodes.Voicemail():
                self._say(flow, name, node.say)
                self._hand_over(node)

    def _hand_over(self, node: nodes.Enqueue | nodes.Transfer | nodes.Voicemail) -> None:
        if isinstance(node, nodes.Voicemail):
            self._wait("record", fx.RecordMessage(node.seconds, node.silence, node.finish))
            return
        pattern = names.QUEUE if isinstance(node, nodes.Enqueue) else names.EXTENSION
        # Only what the flow itself says reaches the PBX: nothing that was keyed in or found.
        target = fill(node.queue if isinstance(node, nodes.Enqueue) else node.to, self._session.variables)
        if pattern.fullmatch(target) is None:
            self._leave("failed")
        elif isinstance(node, nodes.Enqueue):
            priority = self._session.priority if node.priority == "tier" else node.priority
            self._change(queue=target, outcome="queued")
            self._wait("queue", fx.Enqueue(target, priority, node.seconds, node.announce_position))
        else:
            self._change(outcome="transferred")
            self._wait("transfer", fx.Transfer(target, node.seconds))

    def _enter_language(self, flow: Flow, node: nodes.ChooseLanguage) -> None:
        if node.keys:
            self._ask(flow, node, ())
            return
        own = self._values.get("caller.locale")
        language = own if node.use == "caller" else node.use
        if language in flow.languages:
            self._change(language=language)
        self._leave("next")

    def _enter_lookup(self, node: nodes.Lookup) -> None:
        value = clean(fill(node.value or "", self._values))
        if node.what == "customer_number":
            if not value:
                self._leave("missing")
                return
            self._change(customer_number=value)
        self._wait("lookup", fx.LookUp(node.what, value, node.seconds))

    def _hours(self, node: nodes.Hours) -> str:
        calendar = self._calendars.get(node.calendar)
        if calendar is None or calendar.is_open(self._now):
            return "open"  # a calendar that is gone must not keep callers out
        day = calendar.day(self._now.astimezone(calendar.zone).date())
        return "holiday" if day.why in ("holiday", "exception") and not day.openings else "closed"

    def _holds(self, case: nodes.Case) -> bool:
        value = self._values.get(case.variable, "")
        if case.equals is not None:
            return value == case.equals
        if case.differs is not None:
            return value != case.differs
        if case.one_of is not None:
            return value in case.one_of
        if case.given is not None:
            return bool(value) == case.given
        number = _number(value)
        if number is None:
            return False
        return number > case.above if case.above is not None else case.below is not None and number < case.below

    # ---- asking ---------------------------------------------------------------------------------------------------

    def _ask(
        self, flow: Flow, node: nodes.Menu | nodes.Gather | nodes.ChooseLanguage, first: tuple[Prompt, ...]
    ) -> None:
        name = self._session.frames[-1].node
        if isinstance(node, nodes.ChooseLanguage):
            offered = sorted(dict.fromkeys(node.keys.values()), key=lambda one: one != self._speaking(flow))
            prompts = tuple(p for one in offered for p in self._prompts(flow, name, "", node.say or (), one))
        else:
            prompts = self._prompts(flow, name, "", node.say)
        least, most, finish = (node.least, node.most, node.finish) if isinstance(node, nodes.Gather) else (1, 1, "")
        self._collect(flow, node, first + prompts, least, most, finish, self._words(flow, node))

    def _ask_survey(self, flow: Flow, node: nodes.Survey, first: tuple[Prompt, ...]) -> None:
        question = node.questions[self._session.question]
        name = self._session.frames[-1].node
        prompts = first + self._prompts(flow, name, question.name, question.say)
        self._collect(flow, node, prompts, 1, 1, "", dict.fromkeys(question.keys, ()))

    def _words(self, flow: Flow, node: nodes.Menu | nodes.Gather | nodes.ChooseLanguage) -> Mapping[str, Words]:
        """What may be said for each key of a question; nothing where a number is asked for."""
        match node:
            case nodes.Menu():
                speaking = self._speaking(flow)
                return {key: choice_words(choice, speaking) for key, choice in node.keys.items()}
            case nodes.ChooseLanguage():
                return {key: LANGUAGE_WORDS.get(one.partition("-")[0], ()) for key, one in node.keys.items()}
            case _:
                return {}

    def _collect(
        self,
        flow: Flow,
        node: nodes.Asking,
        prompts: tuple[Prompt, ...],
        least: int,
        most: int,
        finish: str,
        words: Mapping[str, Words],
    ) -> None:
        defaults = flow.file.defaults
        seconds = node.seconds if node.seconds is not None else defaults.seconds
        own = node.next_seconds if isinstance(node, nodes.Gather) else None
        between = own if own is not None else defaults.next_seconds
        self._wait("collect", fx.Collect(prompts, least, most, finish, seconds, between, words))

    def _tries(self, flow: Flow, node: nodes.Asking) -> int:
        return node.tries if node.tries is not None else flow.file.defaults.tries

    def _say(self, flow: Flow, name: str, speech: tuple[Item, ...] | None, *, keep_keys: bool = True) -> None:
        if speech:
            self._said.append(fx.Say(self._prompts(flow, name, "", speech), keep_keys))

    def _prompts(
        self, flow: Flow, node: str, place: str, speech: Iterable[Item], language: str | None = None
    ) -> tuple[Prompt, ...]:
        values = self._values
        found = []
        for n, item in enumerate(speech):
            prompt = flow.prompt(node, numbered(place, n), item, language or self._speaking(flow))
            if not prompt.fixed:
                prompt = replace(prompt, texts={one: fill(text, values) for one, text in prompt.texts.items()})
            found.append(prompt)
        return tuple(found)

    def _speaking(self, flow: Flow) -> str:
        chosen = self._session.language
        return chosen if chosen is not None and chosen in flow.languages else flow.languages[0]

    def _step(self) -> Step:
        if self._session.over:
            self._said.append(fx.HangUp())
        if self._news():
            self._said.insert(0, fx.Tell())
        return Step(self._session, tuple(self._said))

    def _news(self) -> bool:
        """Whether something is known now that a ticket or the desk shows."""
        before, after = self._before.facts, self._session.facts
        return (before.language, before.kind, before.customer_number, before.variables) != (
            after.language, after.kind, after.customer_number, after.variables
        )  # fmt: skip


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def choice_words(choice: Choice, language: str) -> Words:
    """What may be said instead of a key: the flow's own words, else those of the kind and the label."""
    if choice.words:
        return choice.words.get(language, ())
    base = language.partition("-")[0]
    label = worded(choice.label, language)
    known = KIND_WORDS.get(choice.kind, {}).get(base, ()) if choice.kind is not None else ()
    agent = AGENT_WORDS.get(base, ()) if label is not None and label.casefold() in AGENT_WORDS.get(base, ()) else ()
    return tuple(dict.fromkeys((*known, *((label,) if label is not None else ()), *agent)))
