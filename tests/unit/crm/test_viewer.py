"""Viewers: what a role allows, what a token narrows, which events reach whom."""

from __future__ import annotations

import pytest

from hotline.crm.viewer import MASKS, PERMISSIONS, SCOPED, SHIPPED_ROLES, SYSTEM, Scoped, viewer_of
from hotline.errors import Forbidden
from hotline.events import EVERYONE, permission_mark, user_mark
from hotline.ids import new_id

USER = new_id()


def test_require_and_may_agree() -> None:
    viewer = viewer_of(USER, frozenset({"calls.read"}))
    viewer.require("calls.read")
    assert viewer.may("calls.read")
    assert not viewer.may("calls.write")
    with pytest.raises(Forbidden):
        viewer.require("calls.write")


@pytest.mark.parametrize(
    ("scopes", "left"),
    [
        (None, {"calls.read", "customers.read"}),
        ({"all"}, {"calls.read", "customers.read"}),
        ({"calls.read"}, {"calls.read"}),
        ({"users.write"}, set()),
        (set(), set()),
    ],
)
def test_a_token_narrows_and_never_widens(scopes: set[str] | None, left: set[str]) -> None:
    held = frozenset({"calls.read", "customers.read"})
    viewer = viewer_of(USER, held, kind="token", scopes=None if scopes is None else frozenset(scopes))
    assert viewer.permissions == left


def test_what_is_personal_is_masked_without_the_right_to_read_it() -> None:
    assert viewer_of(USER, frozenset()).masks == {"phone", "email", "address", "private"}
    assert viewer_of(USER, frozenset({"customers.read_numbers"})).masks == {"email", "address", "private"}
    assert viewer_of(USER, frozenset(MASKS)).masks == frozenset()


@pytest.mark.parametrize("kind", SCOPED)
def test_the_scope_of_each_kind_follows_its_own_rights(kind: Scoped) -> None:
    others = {f"{other}.read_all" for other in SCOPED if other != kind}
    assert viewer_of(USER, frozenset({f"{kind}.read", *others})).scope_of(kind) == "own"
    assert viewer_of(USER, frozenset({f"{kind}.read", f"{kind}.read_team"})).scope_of(kind) == "team"
    assert viewer_of(USER, frozenset({f"{kind}.read_all", f"{kind}.read_team"})).scope_of(kind) == "all"
    assert SYSTEM.scope_of(kind) == "all"


def test_a_token_narrows_the_scope_too() -> None:
    held = frozenset({"customers.read", "customers.read_all"})
    assert viewer_of(USER, held, kind="token", scopes=frozenset({"all"})).scope_of("customers") == "all"
    assert viewer_of(USER, held, kind="token", scopes=frozenset({"customers.read"})).scope_of("customers") == "own"


def test_marks() -> None:
    viewer = viewer_of(USER, frozenset({"calls.read_all"}))
    assert set(viewer.marks) == {EVERYONE, user_mark(USER), permission_mark("calls.read_all")}
    assert all(not mark.startswith("user:") for mark in SYSTEM.marks)


def test_shipped_roles_hold_known_permissions_only() -> None:
    for role, permissions in SHIPPED_ROLES.items():
        assert set(permissions) <= set(PERMISSIONS), role
        assert len(set(permissions)) == len(permissions), role
    assert set(SHIPPED_ROLES["administrator"]) == set(PERMISSIONS) == SYSTEM.permissions


def test_only_the_administrator_of_the_shipped_roles_manages_users() -> None:
    assert [role for role, permissions in SHIPPED_ROLES.items() if "users.write" in permissions] == ["administrator"]
