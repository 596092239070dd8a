"""An index over some of the rows. Tortoise's own partial index knows only ``column = value``."""

from __future__ import annotations

from typing import Any

from tortoise.indexes import Index


class WhereIndex(Index):
    """An index of the rows for which the SQL condition ``where`` holds."""

    def __init__(self, *, fields: tuple[str, ...] | list[str], name: str, where: str) -> None:
        super().__init__(fields=fields, name=name)
        self.where = where
        self.extra = f" WHERE {where}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """As Tortoise writes it into a migration."""
        path, arguments, options = super().deconstruct()
        return path, arguments, options | {"where": self.where}
