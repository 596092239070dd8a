"""What a request may set is named, field by field: anything else in a body or a query is refused, at every depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from hotline.crm.viewer import PERMISSIONS, SCOPED
from hotline.web.api import ENDPOINTS
from hotline.web.api.users import change_me, change_user, create_user
from hotline.web.desktop.people.permission_words import GROUPS, MASK_NAMES, PERMISSION_WORDS, SCOPE_NAMES
from hotline.web.endpoint import Endpoint, Input

TAKING = [each for each in ENDPOINTS if each.body_model or each.query_model or each.path_model]


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for part in get_args(annotation):
        yield from models(part)


@pytest.mark.parametrize("route", TAKING, ids=lambda route: f"{route.method} {route.path}")
def test_unknown_fields_are_refused(route: Endpoint) -> None:
    for taken in (route.body_model, route.query_model, route.path_model):
        for model in models(taken):
            assert model.model_config.get("extra") == "forbid", model.__name__


def test_nobody_sets_their_own_rights() -> None:
    """What a person may change about themselves holds nothing that says what they may do."""
    own = change_me.body_model
    assert own is not None
    assert issubclass(own, Input)
    telling = {"role", "permissions", "teams", "disabled", "interfaces", "queues", "login", "scopes", "id", "version"}
    assert telling & set(own.model_fields) == set()
    for route in (create_user, change_user):
        assert route.right == "users.write"


def test_every_permission_has_its_words_and_its_place_on_the_role_s_form() -> None:
    assert dict(PERMISSION_WORDS) == dict(PERMISSIONS)
    scopes = {f"{kind}.read" for kind in SCOPED}
    scopes |= {f"{each}_{scope}" for each in scopes for scope in SCOPE_NAMES if scope in ("team", "all")}
    placed = [name for _, names in GROUPS for name in names]
    assert len(placed) == len(set(placed))
    assert {*placed, *MASK_NAMES, *scopes} == set(PERMISSIONS)
