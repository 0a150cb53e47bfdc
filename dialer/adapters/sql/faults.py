"""What goes wrong in a database, in the dialer's words. Translated here, once."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dialer.errors import InvalidInputError, StoreUnavailableError

TRIES = 5

COLLISIONS = frozenset({"40001", "40P01"})
"""PostgreSQL's serialization failure and deadlock: it rolled this transaction back, so that another could go on."""

NOT_OURS = frozenset({"42P01", "42501", "3F000"})
"""PostgreSQL: the tables are not there, or not for us. SQLite calls that operational, and so do we."""

BAD_VALUE = "22"
"""The class of PostgreSQL's errors for a value that a column cannot hold."""

P = ParamSpec("P")
T = TypeVar("T")


class UndoneError(StoreUnavailableError):
    """The transaction was certainly not committed, and may do better if it is run again"""


@contextmanager
def store_errors() -> Iterator[None]:
    """Turns "the database cannot be reached, is busy or is damaged" into StoreUnavailableError, and a value that it cannot
    hold into InvalidInputError. Any other fault of a statement passes as it is."""
    try:
        yield
    except DBAPIError as error:
        if _is_bad_value(error):
            # The driver's words may quote the value: a telephone number, a name.
            raise InvalidInputError("value", "the database cannot hold it") from None
        if isinstance(error, (IntegrityError, ProgrammingError)) and code_of(error) not in NOT_OURS:
            raise
        raise StoreUnavailableError from error
    except (PoolTimeoutError, OSError) as error:
        raise StoreUnavailableError from error


@contextmanager
def before_commit() -> Iterator[None]:
    """Turns a lost connection, and a collision of two transactions, into UndoneError."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or code_of(error) in COLLISIONS:
            raise UndoneError from error
        raise


def again(
    method: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """For a method that is one transaction: runs it again, a few times at most, when it was undone. At once: the pool
    makes a new connection, and the transaction that won a collision goes on meanwhile."""

    @wraps(method)
    async def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(TRIES - 1):
            with suppress(UndoneError):
                return await method(*args, **kwargs)
        return await method(*args, **kwargs)

    return repeated


def code_of(error: DBAPIError) -> str:
    """PostgreSQL's five letters; empty on SQLite."""
    return getattr(error.orig, "sqlstate", None) or ""


def _is_bad_value(error: DBAPIError) -> bool:
    by_driver = isinstance(getattr(error.orig, "__cause__", None), ValueError)
    return isinstance(error, DataError) or by_driver or code_of(error).startswith(BAD_VALUE)
