"""``hotline user`` and ``hotline token``: the first sign-in without a browser."""

from __future__ import annotations

from pathlib import Path

from hotline.clock import utc_now
from hotline.crm.database import Database
from hotline.crm.queries.people.identity import viewer_for_token
from hotline.crm.viewer import PERMISSIONS
from hotline.workflows.house import House
from hotline.workflows.people.sign_in import check_password
from tests.commands import clean_environment, hotline
from tests.conftest import SECRET


async def run(url: str, folder: Path, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    settings = {"HOTLINE_DATABASE_URL": url, "HOTLINE_DATA_DIR": str(folder), "HOTLINE_SECRET_KEY": SECRET}
    return await hotline(*arguments, environ=clean_environment(**settings), place=folder, stdin=stdin)


async def test_an_administrator_and_a_token_out_of_an_empty_database(empty_url: str, tmp_path: Path) -> None:
    code, out, err = await run(
        *(empty_url, tmp_path, "user", "add", "Boss", "--role", "administrator", "--password-stdin"),
        *("--interface", "PJSIP/boss", "--queue", "support"),
        stdin="correct horse battery\r\n",
    )
    assert (code, out) == (0, "Added boss as administrator.\n"), err
    code, out, err = await run(empty_url, tmp_path, "token", "create", "boss", "--scope", "all")
    assert code == 0, err
    assert out.count("\n") == 1
    db = await Database.open(empty_url, data_dir=tmp_path)
    try:
        identity = await viewer_for_token(db, out.strip(), utc_now())
        assert identity is not None
        assert identity.viewer.permissions == set(PERMISSIONS)
    finally:
        await db.close()
    code, out, _ = await run(empty_url, tmp_path, "user", "list")
    assert (code, out.split()) == (0, ["boss", "administrator", "enabled", "PJSIP/boss"])


async def test_what_a_person_can_mend_is_one_line(house: House, db_url: str, tmp_path: Path) -> None:
    added = await run(db_url, tmp_path, "user", "add", "anna", "--password-stdin", stdin="long enough\n")
    assert added[0] == 0, added[2]
    attempts = [
        (("user", "add", "anna", "--password-stdin"), "long enough", "login: another user has this login."),
        (("user", "add", "berta"), "", "--password-stdin"),
        (("user", "password", "anna", "--password-stdin"), "short", "password: at least 8 characters."),
        (("token", "create", "nobody", "--scope", "all"), "", "There is no user 'nobody'."),
        (("token", "create", "anna", "--scope", "everything"), "", "scopes: "),
    ]
    for arguments, stdin, told in attempts:
        code, out, err = await run(db_url, tmp_path, *arguments, stdin=stdin)
        assert (code, out) == (1, ""), arguments
        assert told in err
        assert err.count("\n") == 1, err
    assert await house.db.fetchval("SELECT count(*) FROM users") == 1


async def test_passwords_disabling_and_tokens(house: House, db_url: str, tmp_path: Path) -> None:
    async def done(*arguments: str, stdin: str = "") -> str:
        code, out, err = await run(db_url, tmp_path, *arguments, stdin=stdin)
        assert code == 0, err
        return out

    await done("user", "add", "anna", "--password-stdin", stdin="first password")
    await done("user", "password", "anna", "--password-stdin", stdin="second password")
    assert await check_password(house, "anna", "first password") is None
    assert await check_password(house, "anna", "second password") is not None
    secret = (await done("token", "create", "anna", "--scope", "customers.read", "--days", "1")).strip()
    identity = await viewer_for_token(house.db, secret, house.clock())
    assert identity is not None
    listed = await done("token", "list", "anna")
    assert listed.startswith(f"{identity.id}  command line  customers.read  never used")
    await done("token", "revoke", str(identity.id))
    assert await viewer_for_token(house.db, secret, house.clock()) is None
    await done("user", "disable", "anna")
    assert await check_password(house, "anna", "second password") is None
    assert "disabled" in await done("user", "list")
    await done("user", "enable", "anna")
    assert await check_password(house, "anna", "second password") is not None
