"""EventBus on a line: a request is published to one server's channel, and its answer to the asker's.

At most once: the asker repeats the same message until the answer is there or the time is over, and the server asked keeps
what it answered by the request's id; what comes again is answered again and done no more.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from dialer.adapters.wire_format import ANSWER, ASK, NOTICE, Envelope, error_of, pack, refusal
from dialer.adapters.wire_line import Line, Spawn
from dialer.errors import DialerError, NotDeliveredError, NotHereError, WireDownError
from dialer.live_ports import Done, Notice, Request
from dialer.logs import get_logger

logger = get_logger(__name__)

REPEAT_SECONDS = 0.5
"""A request that is not answered by then is sent again: the answer may have been lost with a connection."""

NOBODY_SECONDS = 0.1
"""A request that nobody heard is sent again after this."""

REMEMBERED = 1000
"""Requests that are not done again; far more than can be under way within one deadline."""


class WireBus:
    def __init__(
        self,
        line: Line,
        *,
        server: str,
        channel_of: Callable[[str], str],
        everybody: str,
        new_id: Callable[[], str],
        spawn: Spawn,
    ) -> None:
        self._line = line
        self._server = server
        self._channel_of = channel_of
        self._everybody = everybody
        self._new_id = new_id
        self._spawn = spawn
        self._waiting: dict[str, asyncio.Future[object]] = {}
        self._answers: OrderedDict[str, bytes | None] = OrderedDict()  # None: being done
        self._on_request: Callable[[Request], Awaitable[Done]] = _nobody
        self._on_notice: Callable[[Notice], None] = lambda notice: None

    def listen(
        self, on_request: Callable[[Request], Awaitable[Done]], on_notice: Callable[[Notice], None]
    ) -> None:
        self._on_request, self._on_notice = on_request, on_notice

    def tell(self, notice: Notice) -> None:
        if self._line.shared:
            self._line.send(self._everybody, pack(NOTICE, notice, sender=self._server))

    # --- asking -------------------------------------------------------------------------------------------------------

    async def ask(self, server: str, request: Request, *, seconds: float) -> Done:
        request_id = self._new_id()
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        message = pack(ASK, request, sender=self._server, id=request_id)
        try:
            async with asyncio.timeout(seconds):
                found = await self._repeat(self._channel_of(server), message, answer)
        except TimeoutError:
            raise NotDeliveredError from None
        finally:
            del self._waiting[request_id]
        if isinstance(found, Done):
            return found
        raise error_of(found)  # type: ignore[arg-type]

    async def _repeat(self, channel: str, message: bytes, answer: asyncio.Future[object]) -> object:
        while True:
            try:
                heard = await self._line.publish(channel, message) > 0
            except WireDownError:
                heard = False
            if not heard and not self._line.shared:
                raise NotDeliveredError("requests reach other servers only through Redis")
            wait = REPEAT_SECONDS if heard else NOBODY_SECONDS
            await asyncio.wait({answer}, timeout=wait)
            if answer.done():
                return answer.result()

    # --- being asked --------------------------------------------------------------------------------------------------

    def receive(self, envelope: Envelope) -> None:
        """A message of kind ask, answer or notice."""
        if envelope.kind == ASK:
            self._asked(envelope)
        elif envelope.kind == ANSWER:
            answer = self._waiting.get(envelope.id)
            if answer is not None and not answer.done():
                answer.set_result(envelope.thing)
        elif envelope.sender != self._server:
            self._on_notice(envelope.thing)

    def _asked(self, envelope: Envelope) -> None:
        if envelope.id in self._answers:
            known = self._answers[envelope.id]
            if known is not None:
                self._line.send(self._channel_of(envelope.sender), known)
            return
        self._answers[envelope.id] = None
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        self._spawn(self._answer(envelope), "answer")

    async def _answer(self, envelope: Envelope) -> None:
        thing: object
        try:
            thing = await self._on_request(envelope.thing)
        except DialerError as error:
            thing = refusal(error)
        except Exception:
            logger.exception("request_failed", request=type(envelope.thing).__name__)
            thing = refusal(DialerError())
        message = pack(ANSWER, thing, sender=self._server, id=envelope.id)
        self._answers[envelope.id] = message
        self._line.send(self._channel_of(envelope.sender), message)


async def _nobody(request: Request) -> Done:
    raise NotHereError
