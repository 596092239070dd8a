"""A stage: one Asterisk and everybody who telephones through it."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Literal

from tests.rig import scenarios
from tests.rig.asterisk import Asterisk
from tests.rig.ports import free_port
from tests.rig.scenarios import Behaviour, Digits
from tests.rig.sipp import Sipp
from tests.rig.telephone import CalledTelephone, Telephone


class Stage:
    """Phones and callers around an Asterisk; leaving it ends them all."""

    def __init__(self, asterisk: Asterisk) -> None:
        self.asterisk = asterisk
        self._running: list[Sipp] = []

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Everybody leaves."""
        while self._running:
            self._running.pop().stop()

    def phone(
        self,
        agent: str,
        behaviour: Behaviour = "answer",
        *,
        answer_after: float = 1.0,
        hangup_after: float | None = None,
        digits: tuple[Digits, ...] = (),
        forward_to: str = "",
    ) -> Sipp:
        """An agent's phone that is switched on and does this with every call."""
        text = scenarios.phone(
            behaviour,
            answer_after=answer_after,
            hangup_after=hangup_after,
            digits=digits,
            forward_to=forward_to,
        )
        return self._start(agent, text, port=self.asterisk.ports.phones[agent])

    def trunk(self, behaviour: Behaviour = "answer", *, answer_after: float = 1.0) -> Sipp:
        """The outside world that agents' calls reach."""
        return self._start(
            "trunk", scenarios.phone(behaviour, answer_after=answer_after), port=self.asterisk.ports.trunk
        )

    def caller(
        self,
        to: str,
        number: str = "+8613800138000",
        *,
        name: str = "",
        withheld: Literal["", "anonymous", "privacy"] = "",
        hangup_after: float | None = None,
        digits: tuple[Digits, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Sipp:
        """Somebody outside who dials ``to`` once. An agent dials when ``number`` is the agent's endpoint."""
        text = scenarios.caller(
            to, number, name=name, withheld=withheld, hangup_after=hangup_after, digits=digits, headers=headers
        )
        return self._start(f"caller {number}", text, port=free_port(), calls=1)

    def telephone(
        self, to: str, number: str = "+8613800138000", *, name: str = "", withheld: bool = False
    ) -> Telephone:
        """Somebody outside who dials ``to`` and then does what the test says: ``async with stage.telephone(…)``."""
        return Telephone(self.asterisk.ports.sip, to, number, name=name, withheld=withheld)

    def customer(self) -> CalledTelephone:
        """Somebody outside whom calls over the trunk reach: ``async with stage.customer() as called``."""
        return CalledTelephone(self.asterisk.ports.trunk)

    def _start(self, name: str, text: str, *, port: int, calls: int | None = None) -> Sipp:
        process = Sipp(name, text, self.asterisk.ports.sip, port=port, calls=calls)
        self._running.append(process)
        return process
