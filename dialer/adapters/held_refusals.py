"""A refused Originate is told a moment later: the call may have been a channel after all.

Theory of operation. Asterisk's `OriginateResponse` is written by the thread that dialled; everything else about a channel
(`Newchannel`, `Newstate`, `Hangup`) goes by way of another one. Under load that one is behind, and a call that was refused
within a millisecond (SIP 486) is told as `Response: Failure, Reason: 0` before anything was heard of it: the same words as for
a call that could not become a channel. Taken for such a one, a person whose telephone was busy would be rung again in minutes.

So a refusal waits for HOLD. Whatever is heard of the call meanwhile shows that it was a channel, and its `Hangup` tells how it
ended. Until then the call is under way for everybody else. A link that is lost takes the refusals with it: what would have shown
the channel may be lost too, and reconciling tells what became of the call.
"""

import asyncio
from collections.abc import Callable

from dialer.events import CallRefused
from dialer.ids import CallId

HOLD_SECONDS = 2.0


class HeldRefusals:
    """Of one Asterisk. `tell` is called in the event loop with each refusal of which nothing more was heard."""

    def __init__(self, tell: Callable[[CallRefused], None]) -> None:
        self._tell = tell
        self._held: dict[str, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, refusal: CallRefused) -> None:
        """To be told in HOLD_SECONDS of the loop's time, unless the call is heard of."""
        self.heard_of(refusal.call_id)
        loop = asyncio.get_running_loop()
        self._held[refusal.call_id] = loop.call_later(HOLD_SECONDS, self._release, refusal)

    def heard_of(self, call_id: CallId | str) -> None:
        """An event of this call has come: if its refusal is held, it is none."""
        if (timer := self._held.pop(call_id, None)) is not None:
            timer.cancel()

    def drop(self) -> None:
        """Tell none of them."""
        for timer in self._held.values():
            timer.cancel()
        self._held.clear()

    def _release(self, refusal: CallRefused) -> None:
        del self._held[refusal.call_id]
        self._tell(refusal)
