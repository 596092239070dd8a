"""Rows that a unit of work has loaded and locked, changes in memory, and saves as a whole."""

from __future__ import annotations

from typing import Any, ClassVar


class Record:
    """A row in memory; its columns are attributes."""

    __slots__ = ()

    def set(self, **columns: Any) -> bool:
        """Change columns; says whether any was different."""
        different = {name: value for name, value in columns.items() if getattr(self, name) != value}
        for name, value in different.items():
            setattr(self, name, value)
        return bool(different)


class MarkedRecord(Record):
    """A row that only says that it was changed."""

    __slots__ = ("changed",)
    changed: bool

    def set(self, **columns: Any) -> bool:
        """Change columns; says whether any was different."""
        different = Record.set(self, **columns)
        self.changed |= different
        return different


class ComparedRecord(Record):
    """A row that knows what the database has: ``saved``, empty while it has none."""

    __slots__ = ("saved",)
    #: The columns that may change.
    CHANGING: ClassVar[tuple[str, ...]]
    saved: dict[str, Any]

    @property
    def exists(self) -> bool:
        """Whether the database has it."""
        return bool(self.saved)

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """What is to be saved: (before, now) by column."""
        return {
            name: (self.saved.get(name), getattr(self, name))
            for name in self.CHANGING
            if self.saved.get(name) != getattr(self, name)
        }

    def note_saved(self) -> None:
        """The database has it as it is now. Lists are copied: they are changed in place."""
        values = {name: getattr(self, name) for name in self.CHANGING}
        self.saved = {name: list(value) if isinstance(value, list) else value for name, value in values.items()}
