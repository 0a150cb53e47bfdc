"""A database that fails where a plan says so: the memory stores behind a delay, as clients in several processes see them.

A request that has reached it is carried out whatever becomes of who asked; the answer may find nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from random import Random
from typing import Any

from dialer.adapters.memory import memory_stores
from dialer.errors import StoreUnavailableError
from dialer.ports import Stores
from tests.support.failing_wire import Network
from tests.support.failures import Failure, What, Where

DELAY = 0.001
"""Seconds to the database, and as many back."""

Request = Callable[[], Awaitable[Any]]


class Database:
    """`inner` is the truth, for who looks from outside; `stores` is what a server gets."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._away_until = 0.0
        self.inner = memory_stores(random=Random(1))
        ports = {
            field.name: FailingPort(getattr(self.inner, field.name), self)
            for field in fields(Stores)
            if field.name != "close"
        }
        self.stores: Stores = replace(self.inner, **ports)

    async def ask(self, what: str, request: Request) -> Any:
        """One transaction."""
        failure = self._network.plan.at(Where.STORED, what) or Failure(What.SLOW)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        delay = DELAY + (failure.value if failure.what is What.SLOW else 0.0)
        self._network.later(delay, lambda: self._work(request, failure, answer))
        return await answer

    def _work(self, request: Request, failure: Failure, answer: "asyncio.Future[Any]") -> None:
        now = self._network.loop.time()
        away = now < self._away_until or failure.what is What.UNDONE
        result, error = (None, StoreUnavailableError("away")) if away else _outcome(request)
        if failure.what is What.UNTOLD and not away:
            error = StoreUnavailableError("the answer was lost")
        if failure.what in (What.UNDONE, What.UNTOLD):
            self._away_until = max(self._away_until, now + failure.value)
        delay = DELAY + (failure.value if failure.what is What.LATE else 0.0)
        self._network.later(delay, lambda: _tell(answer, result, error))


class FailingPort:
    """One port of the stores; its methods ask the database."""

    def __init__(self, inner: object, database: Database) -> None:
        self._inner, self._database = inner, database

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._inner, name)

        async def ask(*args: Any, **kwargs: Any) -> Any:
            return await self._database.ask(name, lambda: method(*args, **kwargs))

        setattr(self, name, ask)
        return ask


def at_once(request: Awaitable[Any]) -> Any:
    """The result of a coroutine that awaits nothing, as those of the memory stores."""
    coroutine: Any = request
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it awaits something")


def _outcome(request: Request) -> tuple[Any, Exception | None]:
    try:
        return at_once(request()), None
    except Exception as error:
        return None, error


def _tell(answer: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
