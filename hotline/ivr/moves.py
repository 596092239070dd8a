"""What a step changes in a session: where the caller is, what is kept of them, what is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from hotline.ivr import effects as fx
from hotline.ivr import names, nodes
from hotline.ivr.effects import Effect
from hotline.ivr.flow import Flow, FlowSet
from hotline.ivr.session import Frame, Session, Trace, Waits
from hotline.ivr.texts import clean, fill

#: Seconds in the default queue for a caller whose session was given up.
GIVEN_UP_SECONDS: Final = 600


class Moves:
    """One session during one step, as it was ``before`` and is now; ``said`` are the effects so far."""

    def __init__(self, flows: FlowSet, session: Session) -> None:
        self._flows = flows
        self._before = session
        self._session = session
        self._said: list[Effect] = []

    # ---- moving ---------------------------------------------------------------------------------------------------

    def _leave(self, way: str) -> None:
        """Take a way out of the present node."""
        frame = self._session.frames[-1]
        node = self._flows.flows[frame.flow].nodes[frame.node]
        self._trace(way)
        to = node.ways().get(way)
        if to is None:
            self._end()
        else:
            self._change(frames=(*self._session.frames[:-1], Frame(frame.flow, to)))

    def _call(self, node: nodes.Call) -> None:
        called = self._flows.flows.get(node.flow)
        if called is None or len(self._session.frames) > names.MOST_CALLS:
            self._give_up()
            return
        absent = {n: v for n, v in called.file.variables.items() if n not in self._values}
        self._keep(absent, private=False)
        self._change(frames=(*self._session.frames, Frame(called.name, called.file.start)))

    def _return(self) -> None:
        self._change(frames=self._session.frames[:-1])
        if self._session.frames:
            self._leave("next")
        else:
            self._end()

    def _end(self) -> None:
        self._change(over=True, frames=(), waits="", outcome=self._session.outcome or "hung_up")

    def _give_up(self) -> None:
        """Hand the caller to the default queue; what follows is the end."""
        self._change(frames=(), outcome="queued")
        self._wait("queue", fx.Enqueue("", self._session.priority, GIVEN_UP_SECONDS))

    # ---- keeping --------------------------------------------------------------------------------------------------

    @property
    def _values(self) -> Mapping[str, str]:
        return {**self._session.variables, **self._session.private}

    def _assign(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            # What is made of secrets is one.
            secret = fill(text, self._session.variables) != fill(text, self._values)
            self._keep({name: clean(fill(text, self._values))}, private=secret)

    def _keep(self, values: Mapping[str, str], *, private: bool) -> None:
        open_, hidden = dict(self._session.variables), dict(self._session.private)
        for name, value in values.items():
            open_.pop(name, None)
            hidden.pop(name, None)
            (hidden if private else open_)[name] = value
        self._change(variables=open_, private=hidden)

    def _chose(self, key: str) -> None:
        frame = self._session.frames[-1]
        name = frame.node if frame.flow == self._session.flow else f"{frame.flow}.{frame.node}"
        self._change(path=(*self._session.path, f"{name}:{key}")[: names.MOST_WAITS])

    def _trace(self, way: str) -> None:
        if len(self._session.trail) < 2 * names.MOST_WAITS:
            frame = self._session.frames[-1]
            self._change(trail=(*self._session.trail, Trace(frame.flow, frame.node, way)))

    def _place(self) -> tuple[Flow, nodes.AnyNode] | None:
        """The present node; None when the set has none like it."""
        if not self._session.frames:
            return None
        frame = self._session.frames[-1]
        flow = self._flows.flows.get(frame.flow)
        node = flow.nodes.get(frame.node) if flow is not None else None
        return (flow, node) if flow is not None and node is not None else None

    def _wait(self, what: Waits, effect: Effect) -> None:
        self._change(waits=what)
        self._said.append(effect)

    def _change(self, **changes: object) -> None:
        self._session = replace(self._session, **changes)  # type: ignore[arg-type]
