"""Scopes as SQL: who sees all has no condition, everybody else one that names themselves and nobody else."""

from __future__ import annotations

import re

import pytest

from hotline.crm.scopes import Arguments, all_of, calls_seen, conversations_seen, customers_seen, tickets_seen
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.ids import new_id

USER = new_id()
CONDITIONS = {
    "customers": customers_seen,
    "calls": calls_seen,
    "tickets": tickets_seen,
    "conversations": conversations_seen,
}


def viewer(*permissions: str) -> Viewer:
    return viewer_of(USER, frozenset(permissions))


@pytest.mark.parametrize("kind", CONDITIONS)
def test_who_sees_all_has_no_condition(kind: str) -> None:
    bind = Arguments()
    assert CONDITIONS[kind](viewer(f"{kind}.read_all"), bind) is None
    assert CONDITIONS[kind](SYSTEM, bind) is None
    assert bind.values == []


@pytest.mark.parametrize("kind", CONDITIONS)
@pytest.mark.parametrize("rights", [[], ["read"], ["read", "read_team"]])
def test_everybody_else_has_one_that_binds_only_who_they_are(kind: str, rights: list[str]) -> None:
    bind = Arguments("before")
    condition = CONDITIONS[kind](viewer(*(f"{kind}.{right}" for right in rights)), bind, "x")
    assert condition is not None
    assert bind.values == ["before", USER]
    assert set(re.findall(r"\$\d+", condition)) == {"$2"}
    assert "x." in condition
    assert ("team_member" in condition) == ("read_team" in rights)


@pytest.mark.parametrize("kind", CONDITIONS)
def test_the_scope_of_one_kind_says_nothing_about_another(kind: str) -> None:
    others = viewer(*(f"{other}.read_all" for other in CONDITIONS if other != kind))
    assert CONDITIONS[kind](others, Arguments()) is not None


def test_conditions_are_joined() -> None:
    assert all_of() == all_of(None, None) == "true"
    assert all_of("a", None, "b") == "a AND b"
