"""``hotline token``: tokens for programs that use the API."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import typer

from hotline.cli.house import in_house
from hotline.crm.queries.people.users import TokenView, find_user_by_login, list_tokens
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House
from hotline.workflows.people import users

app = typer.Typer(help="Tokens for programs that use the API.", no_args_is_help=True)

_LOGIN = typer.Argument(help="The user for whom the token acts.", metavar="LOGIN", show_default=False)
_SCOPES = typer.Option(..., help="all, or a permission such as customers.read; repeatable.")
_TOKEN = typer.Argument(help="The token's id, as `list` shows it.", show_default=False)


@app.command()
def create(
    login: str = _LOGIN,
    scope: list[str] = _SCOPES,
    name: str = typer.Option("command line", help="What the token is for."),
    days: int = typer.Option(0, min=0, help="Days until it ends; 0: it does not."),
) -> None:
    """Make a token and print it, alone. It is never shown again."""

    async def work(house: House) -> str:
        user = await find_user_by_login(house.db, SYSTEM, login)
        ends = house.clock() + timedelta(days=days) if days else None
        _, secret = await users.create_token(house, SYSTEM, user.id, name, scope, ends)
        return secret

    typer.echo(in_house(work))


@app.command("list")
def list_all(login: str = _LOGIN) -> None:
    """List a user's tokens."""

    async def read(house: House) -> list[TokenView]:
        return await list_tokens(house.db, SYSTEM, (await find_user_by_login(house.db, SYSTEM, login)).id)

    for token in in_house(read):
        used = f"used {token.used_at:%Y-%m-%d}" if token.used_at else "never used"
        typer.echo(f"{token.id}  {token.name}  {', '.join(token.scopes)}  {used}")


@app.command()
def revoke(token: UUID = _TOKEN) -> None:
    """End a token."""
    in_house(lambda house: users.revoke_token(house, SYSTEM, token))
    typer.echo("Revoked.")
