"""Views as dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hotline.crm.as_told import as_told


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value within a view."""

    id: UUID
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class View(Leaf):
    """A view that inherits."""

    one: Leaf | None = None
    some: tuple[Leaf, ...] = ()
    lists: list[tuple[str, ...]] = field(default_factory=list)
    custom: Mapping[str, Any] = field(default_factory=dict)


def test_a_view_is_told_as_by_the_standard_library() -> None:
    leaf = Leaf(UUID(int=1), datetime(2026, 1, 2, tzinfo=UTC))
    view = View(UUID(int=2), None, leaf, (leaf, leaf), [("a", "b"), ()], {"color": ["red"], "leaf": leaf, "none": None})
    assert as_told(view) == asdict(view)
    assert list(as_told(view)) == list(asdict(view))
    told = as_told(view)
    told["custom"]["color"].append("blue")
    told["lists"].clear()
    assert view.custom["color"] == ["red"], "changing what is told changes no view"
    assert len(view.lists) == 2
