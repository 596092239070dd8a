"""API tokens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.people import users as queries
from hotline.crm.queries.people.users import TokenView
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Moment, Output, endpoint
from hotline.workflows.people import users as workflow


class Token(Output):
    """An API token; never its secret."""

    id: UUID
    user_id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


class NewToken(Token):
    """A token that was just made."""

    token: str = Field(description="The secret. It is told this once.")


class TokenCreate(Input):
    """A token to be made."""

    name: str = Field(min_length=1, max_length=100, description="What it is for.")
    scopes: list[str] = Field(
        default_factory=lambda: ["all"], min_length=1, max_length=50, description="`all`, or some permissions."
    )
    expires_at: Moment | None = None
    user: str | None = Field(None, max_length=150, description="Id or login; oneself when absent.")


class TokensQuery(Input):
    """Whose tokens."""

    user: str | None = Field(None, max_length=150, description="Id or login; oneself when absent.")


class TokenList(Output):
    """A user's tokens."""

    items: list[Token]
    next: str | None = None


def _render(view: TokenView) -> Token:
    return Token.model_validate(view)


async def _user_id(ask: Ask, named: str | None) -> UUID:
    if named is None and ask.viewer.user_id is not None:
        return ask.viewer.user_id
    return (await find_user(ask, named or "")).id


@endpoint("GET", "/tokens", right="tokens.write", summary="A user's API tokens")
async def list_tokens(ask: Ask, query: TokensQuery) -> TokenList:
    found = await queries.list_tokens(ask.house.db, ask.viewer, await _user_id(ask, query.user))
    return TokenList(items=[_render(view) for view in found])


@endpoint("POST", "/tokens", right="tokens.write", summary="Make an API token", status=201, fresh=True)
async def create_token(ask: Ask, body: TokenCreate) -> NewToken:
    """It never allows more than its user's role, nor more than the token that makes it."""
    view, secret = await workflow.create_token(
        ask.house, ask.viewer, await _user_id(ask, body.user), body.name, body.scopes, body.expires_at
    )
    return NewToken(**_render(view).model_dump(), token=secret)


@endpoint("DELETE", "/tokens/{id}", right="tokens.write", summary="Revoke an API token", status=204)
async def revoke_token(ask: Ask, path: ById) -> None:
    """Streams that it opened end within seconds."""
    await workflow.revoke_token(ask.house, ask.viewer, path.id)


routes: list[Endpoint] = [list_tokens, create_token, revoke_token]
