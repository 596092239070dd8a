"""``hotline user``: who may sign in."""

from __future__ import annotations

import sys

import typer

from hotline.cli.house import in_house
from hotline.crm.queries.people.users import UserView, find_user_by_login, list_users
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid
from hotline.workflows.house import House
from hotline.workflows.people import second_factor, users
from hotline.workflows.people.users import NewUser

app = typer.Typer(help="Who may sign in.", no_args_is_help=True)

_LOGIN = typer.Argument(help="The login.", metavar="LOGIN", show_default=False)
_STDIN = typer.Option(False, "--password-stdin", help="Read the password from standard input, one line.")
_INTERFACES = typer.Option([], help="How the PBX names their phone, for example PJSIP/agent1; repeatable.")
_QUEUES = typer.Option([], help="A queue of theirs; repeatable.")
_PAGE = 200


@app.command()
def add(
    login: str = _LOGIN,
    name: str = typer.Option("", help="The name that others see; the login when empty."),
    role: str = typer.Option("agent", help="agent, supervisor, marketer, reviewer, administrator or one of yours."),
    locale: str = typer.Option("", help="en or zh; HOTLINE_LOCALE when empty."),
    extension: str = typer.Option("", help="The extension that others dial."),
    interface: list[str] = _INTERFACES,
    queue: list[str] = _QUEUES,
    password_stdin: bool = _STDIN,
) -> None:
    """Add a user."""
    data: NewUser = {
        "login": login,
        "name": name or login,
        "role": role,
        "extension": extension or None,
        "interfaces": interface,
        "queues": queue,
        "password": _password(password_stdin),
    }
    if locale:
        data["locale"] = locale
    user = in_house(lambda house: users.create_user(house, SYSTEM, data))
    typer.echo(f"Added {user.login} as {user.role}.")


@app.command("list")
def list_all() -> None:
    """List the users."""

    async def read(house: House) -> list[UserView]:
        found: list[UserView] = []
        after = None
        while page := await list_users(house.db, SYSTEM, limit=_PAGE, after=after):
            found += page
            after = page[-1].id
        return found

    for user in sorted(in_house(read), key=lambda user: user.login):
        state = "disabled" if user.disabled_at else "enabled"
        typer.echo(f"{user.login:<30} {user.role:<14} {state:<9} {', '.join(user.interfaces)}".rstrip())


@app.command()
def disable(login: str = _LOGIN) -> None:
    """Keep a user from signing in; their sessions and API tokens end at once."""

    async def work(house: House) -> UserView:
        return await users.disable_user(house, SYSTEM, (await find_user_by_login(house.db, SYSTEM, login)).id)

    typer.echo(f"Disabled {in_house(work).login}.")


@app.command()
def enable(login: str = _LOGIN) -> None:
    """Let a disabled user sign in again."""

    async def work(house: House) -> UserView:
        return await users.enable_user(house, SYSTEM, (await find_user_by_login(house.db, SYSTEM, login)).id)

    typer.echo(f"Enabled {in_house(work).login}.")


@app.command()
def password(login: str = _LOGIN, password_stdin: bool = _STDIN) -> None:
    """Give a user a new password; their lock and their sessions end."""
    new = _password(password_stdin)

    async def work(house: House) -> str:
        user = await find_user_by_login(house.db, SYSTEM, login)
        await users.set_password(house, SYSTEM, user.id, new)
        return user.login

    typer.echo(f"Changed the password of {in_house(work)}.")


@app.command("second-factor-off")
def second_factor_off(login: str = _LOGIN) -> None:
    """Turn off two-step sign-in of who lost app and recovery codes; their sessions end."""

    async def work(house: House) -> str:
        user = await find_user_by_login(house.db, SYSTEM, login)
        await second_factor.reset(house, SYSTEM, user.id)
        return user.login

    typer.echo(f"Two-step sign-in of {in_house(work)} is off.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Invalid("Give the password on standard input with --password-stdin.")
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
