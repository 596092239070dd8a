"""Tokens by which the company's own app shows a customer their messages."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, endpoint
from hotline.workflows.pushes import push_inapp


class TokenBody(Input):
    """How long it is good."""

    hours: int = Field(24, ge=1, le=push_inapp.MOST_HOURS, description="Hours for which the token is good.")


class Token(Output):
    """The token; whoever has it reads this customer's in-app messages at `/inapp/v1`."""

    token: str
    expires_at: datetime


@endpoint(
    "POST",
    "/customers/{id}/inapp-token",
    right="customers.write",
    summary="A token for the app of a customer",
    status=201,
)
async def make_token(ask: Ask, path: ById, body: TokenBody) -> Token:
    """Your app's server asks for it when the customer has signed in there, and hands it to the app. It opens this
    customer's messages and nothing else, and cannot be taken back before its time: let it be short."""
    return Token.model_validate(await push_inapp.make_token(ask.house, ask.viewer, path.id, body.hours))


routes: list[Endpoint] = [make_token]
