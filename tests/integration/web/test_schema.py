"""Requests made up by schemathesis out of the OpenAPI document: no 500, and answers as the document says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from aiohttp import ClientSession
from hypothesis import HealthCheck, Phase, given, settings
from requests import Session
from schemathesis import APIOperation, Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House
from hotline.workflows.people import users
from tests.conftest import SECRET
from tests.integration.served import serve

#: Made-up requests per operation, good ones and bad ones each; SCHEMA_EXAMPLES=50 looks longer.
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "2"))
#: A stream has no end.
ENDLESS = "/api/v1/events"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
async def service(db_url: str, tmp_path: Path, house: House) -> AsyncIterator[tuple[str, str]]:
    """The address of a running service, and an administrator's token."""
    user = await users.create_user(house, SYSTEM, {"login": "root", "name": "Root", "role": "administrator"})
    _, secret = await users.create_token(house, SYSTEM, user.id, "schema", ["all"])
    given = {"HOTLINE_DATABASE_URL": db_url, "HOTLINE_DATA_DIR": str(tmp_path), "HOTLINE_SECRET_KEY": SECRET}
    async with serve(given) as one:
        yield one.address, secret


@pytest.mark.timeout(600)
async def test_made_up_requests_are_answered_as_documented(service: tuple[str, str]) -> None:
    address, secret = service
    async with ClientSession(address) as client, client.get("/api/v1/openapi.json") as response:
        document = await response.json()
    # Disabling or renaming the one who asks would end the test, not find anything.
    document["paths"]["/api/v1/users/{user}"].pop("patch")
    del document["paths"][ENDLESS]
    await asyncio.to_thread(_walk, document, address, secret)


def _walk(document: dict[str, Any], address: str, secret: str) -> None:
    results = list(schemathesis.openapi.from_dict(document).get_all_operations())
    operations = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(operations) == len(results) > 25
    failures: list[str] = []
    with Session() as session:
        session.headers["Authorization"] = f"Bearer {secret}"
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
                    continue
                try:
                    _ask(operation, mode, address, session)
                except (Exception, FailureGroup) as failure:
                    failures.append(f"{operation.label} {mode.value}: {failure}")
    assert not failures, "\n\n".join(failures)


def _refused(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """What breaks the schema is refused; 413, for what is larger than any body may be, is a refusal as well."""
    return None if response.status_code == 413 else negative_data_rejection(context, response, case)


def _ask(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, address: str, session: Session) -> None:
    checks = [*CHECKS, _refused] if mode is GenerationMode.NEGATIVE else CHECKS

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case[Any]) -> None:
        case.call_and_validate(base_url=address, session=session, checks=checks)

    ask()
