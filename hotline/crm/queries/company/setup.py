"""How far the first set-up is: what is there already, and what was skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from hotline.crm.database import Reader
from hotline.crm.queries.calls.presence import STALE
from hotline.crm.viewer import Viewer

Step = Literal["pbx", "agent", "queue", "import"]
StepState = Literal["open", "done", "skipped"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
#: Where what was skipped is kept, beside the company's settings.
KEPT: Final = "first_set_up"


@dataclass(frozen=True, slots=True)
class SetupView:
    """Each step's state, in their order."""

    steps: Mapping[Step, StepState]

    @property
    def left(self) -> int:
        """How many steps are neither done nor skipped."""
        return sum(state == "open" for state in self.steps.values())

    @property
    def next(self) -> Step | None:
        """The first step that is left."""
        return next((step for step, state in self.steps.items() if state == "open"), None)

    @property
    def untouched(self) -> bool:
        """Whether nothing at all was done or skipped."""
        return set(self.steps.values()) == {"open"}


async def read_setup(db: Reader, viewer: Viewer) -> SetupView:
    """One statement; each part looks for one row."""
    viewer.require("settings.read")
    row = await db.fetchrow(
        """SELECT EXISTS (SELECT 1 FROM pbx_state WHERE connected AND updated_at > now() - $1::interval) AS pbx,
                  EXISTS (SELECT 1 FROM users WHERE disabled_at IS NULL AND cardinality(interfaces) > 0) AS agent,
                  EXISTS (SELECT 1 FROM users WHERE disabled_at IS NULL AND cardinality(interfaces) > 0
                                                AND cardinality(queues) > 0) AS queue,
                  EXISTS (SELECT 1 FROM customer) AS "import",
                  (SELECT value FROM company_setting WHERE name = $2) AS kept""",
        *(STALE, KEPT),
    )
    assert row is not None  # it has no FROM
    skipped = set((row["kept"] or {}).get("skipped", ()))
    return SetupView({step: "done" if row[step] else "skipped" if step in skipped else "open" for step in STEPS})
