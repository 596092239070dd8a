"""The one place where what goes wrong in the database becomes an exception of the house.

asyncpg's own errors for a lost connection leak through Tortoise untranslated; callers only ever see hotline.errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from tortoise.exceptions import DBConnectionError, IntegrityError

from hotline.errors import Conflict, HotlineError, Invalid, Unavailable

_AWAY = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    # What a statement meets on a connection that the server has just cut: "another operation is in progress".
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,  # a server that became a standby
    asyncpg.ObjectNotInPrerequisiteStateError,  # a database that is closed for maintenance takes no connection
    DBConnectionError,
)
_AGAIN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    # Another node has just migrated; the next try prepares its statements anew.
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)


def translate(error: BaseException) -> HotlineError | None:
    """The house's exception for ``error``, or None when it is not the database's."""
    if isinstance(error, HotlineError):
        return None
    cause = error.__cause__ if isinstance(error, IntegrityError) else error
    if isinstance(cause, asyncpg.UniqueViolationError):
        return Conflict("One like it exists already.")
    if isinstance(cause, asyncpg.ForeignKeyViolationError):
        return Conflict("It refers to a record that is gone, or another record still refers to it.")
    if isinstance(cause, (asyncpg.NotNullViolationError, asyncpg.CheckViolationError)):
        return Invalid()
    if isinstance(error, _AGAIN):
        return Unavailable("Two changes met in the database; try again.")
    if isinstance(error, _AWAY):
        return Unavailable("The database is away at the moment.")
    if isinstance(error, asyncpg.InterfaceError) and ("clos" in str(error) or "released" in str(error)):
        return Unavailable("The database is away at the moment.")
    return None


@contextmanager
def translated() -> Iterator[None]:
    """Raise the house's exceptions instead of the database's."""
    try:
        yield
    except Exception as error:
        ours = translate(error)
        if ours is None:
            raise
        raise ours from error
