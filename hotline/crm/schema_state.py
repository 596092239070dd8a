"""Tortoise's executor of migrations, without what it does for nobody: it draws the whole schema anew, twice, at every
operation, which made a fresh database of seventy tables take ten seconds of a processor.

What it draws are model classes of the schema before and after the operation. Those of before are looked at by
operations that remove, rename or alter; those of after need no queries, since no step of ours runs Python on rows.
"""

from __future__ import annotations

from functools import cached_property

from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps


class StepExecutor(MigrationExecutor):
    """Applies steps as its parent does, and answers the same schema."""

    async def _project_state(self, applied: set[MigrationKey], *, upto: MigrationKey | None = None) -> State:
        connections = {
            label: config.get("default_connection", "default") for label, config in self.loader.apps_config.items()
        }
        state = _State(models={}, apps=_Apps(default_connections=connections))
        for key in self._full_plan():
            if key == upto:
                break
            if key in applied and (migration := self.loader.graph.nodes[key]) is not None:
                await migration.apply(state, dry_run=True, schema_editor=None)
        return state


class _Apps(StateApps):
    def _build_initial_querysets(self) -> None:
        """No queries: nobody asks them."""


class _State(State):
    def clone(self) -> State:
        return _Before({key: model.clone() for key, model in self.models.items()}, self.apps)


class _Before(_State):
    """The schema before an operation; its classes are drawn for the operation that looks at them."""

    def __init__(self, models: dict[tuple[str, str], ModelState], after: StateApps) -> None:
        self.models = models
        self._after = after

    @cached_property
    def apps(self) -> StateApps:  # type: ignore[override]
        return self._after.clone(model_states=self.models)
