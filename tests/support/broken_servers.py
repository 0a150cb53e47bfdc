"""Servers and stores that are wrong on purpose, so that a test which looks for their faults is seen to find them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from dialer.adapters.asterisk import AsteriskTelephony
from dialer.bootstrap import Dialer
from dialer.commands import CallRecord, CloseAttempt, PlaceCall
from dialer.errors import DialerError, TelephonyDownError
from dialer.ports import AttemptStore, OpenResult, Stores


def sends_again(dialer: Dialer) -> None:
    """It takes a call of unknown fate for one that was not sent."""
    for telephony in dialer.exchanges.values():
        telephony.place = _again(telephony)  # type: ignore[method-assign]


def _again(telephony: AsteriskTelephony) -> Callable[[PlaceCall], Awaitable[None]]:
    place = telephony.place

    async def place_again(call: PlaceCall) -> None:
        try:
            await place(call)
        except TelephonyDownError:
            await asyncio.sleep(1)
            await telephony.wait_up()
            await place(call)

    return place_again


def rings_before_it_writes(stores: Stores) -> Stores:
    """Attempts are called committed a little before they are."""
    return replace(stores, attempts=_Hasty(stores.attempts))  # type: ignore[arg-type]


def loses_ends(stores: Stores) -> Stores:
    """Attempts are called closed and are not."""
    return replace(stores, attempts=_Forgetful(stores.attempts))  # type: ignore[arg-type]


class _Attempts:
    def __init__(self, inner: AttemptStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Hasty(_Attempts):
    async def open(self, calls: Sequence[PlaceCall], *, owner: str) -> OpenResult:
        async def write() -> None:
            await asyncio.sleep(0.05)
            await self._inner.open(calls, owner=owner)

        self._writing = asyncio.get_running_loop().create_task(write())
        return OpenResult(written=frozenset(call.call_id for call in calls))


class _Forgetful(_Attempts):
    async def record(self, records: Sequence[CallRecord]) -> dict[int, DialerError]:
        """Says yes to every end and writes none."""
        others = [record for record in records if not isinstance(record, CloseAttempt)]
        await self._inner.record(others)
        return {}
