"""One caller's way through a flow: an input in, the next effects out. Pure, total, and bounded.

Any input is taken in any state, since a door may be late or doubled: one that does not fit counts as a time-out or a
failure. Whoever passes too many nodes or is asked too often is handed to the default queue and the flow is over for
them, so every sequence of inputs ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from hotline.calendars import Calendar
from hotline.ivr import names
from hotline.ivr.effects import CallerFacts, Effect, HangUp, HungUp, Input
from hotline.ivr.flow import FlowSet
from hotline.ivr.run import Run
from hotline.ivr.session import Frame, Session, Step
from hotline.ivr.texts import clean

#: Questions do not depend on the time.
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


def start(flows: FlowSet, caller: CallerFacts, calendars: Mapping[str, Calendar], now: datetime) -> Step:
    """The first step of a caller."""
    given = {name: clean(value) for name, value in caller.variables.items() if name in names.GIVEN}
    given |= {
        "caller.known": _flag(caller.known),
        "caller.vip": _flag(caller.vip),
        "caller.withheld": _flag(caller.withheld),
        "caller.priority": str(caller.priority),
    }
    if caller.locale is not None:
        given["caller.locale"] = clean(caller.locale)
    session = Session(
        flow=flows.name,
        version=flows.version,
        digest=flows.digest,
        frames=(Frame(flows.name, flows.root.file.start),),
        language=_language(flows, caller),
        priority=min(max(caller.priority, 0), 1000),
        variables={
            **flows.root.file.variables,
            **{name: value for name, value in given.items() if name in names.PLAIN},
        },
        private={name: value for name, value in given.items() if name not in names.PLAIN},
    )
    run = Run(flows, session, calendars, now)
    return run.walk()


def resume(flows: FlowSet, session: Session, input: Input, calendars: Mapping[str, Calendar], now: datetime) -> Step:
    """The step that follows on ``input``."""
    if session.over:
        return Step(session, () if isinstance(input, HungUp) else (HangUp(),))
    run = Run(flows, session, calendars, now)
    if isinstance(input, HungUp):
        return run.gone()
    run.take(input)
    return run.walk()


def pending(flows: FlowSet, session: Session) -> Effect | None:
    """What a session waits for, for a door that has forgotten: the same question, recording or queue as before. None
    when there is nothing of the kind."""
    return Run(flows, session, {}, _NEVER).pending()


def _language(flows: FlowSet, caller: CallerFacts) -> str | None:
    """The language that is known before anybody chose one."""
    if len(flows.languages) == 1:
        return flows.languages[0]
    return caller.locale if caller.locale in flows.languages else None


def _flag(value: bool) -> str:
    return "yes" if value else "no"
