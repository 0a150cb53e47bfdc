"""Processes on the virtual loop: code that can be stopped between any two of its steps, for a while or for ever.

Every callback of the loop belongs to the process in whose context it was scheduled, and a callback is what runs from one await
to the next. A stopped process runs none of its callbacks, as after SIGSTOP; what comes meanwhile waits for `resume`. One that is
never resumed is dead, as after SIGKILL: no `finally` of it runs.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from tests.support.virtual_loop import VirtualLoop

_CURRENT: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)


def current() -> "Process | None":
    """The process that runs now; None: the world outside of all."""
    return _CURRENT.get()


class Process:
    """`on_step(process)`, where it is given, is called before each step, and may stop the process there."""

    def __init__(self, name: str, on_step: Callable[["Process"], None] | None = None) -> None:
        self.name = name
        self.stopped = False
        self._on_step = on_step
        self._held: list[_Step] = []
        self._context = contextvars.copy_context()
        self._context.run(_CURRENT.set, self)

    def __repr__(self) -> str:
        return f"<Process {self.name}>"

    def run(self, coroutine: Coroutine[Any, Any, Any], name: str = "main") -> "asyncio.Task[Any]":
        loop = asyncio.get_running_loop()
        return loop.create_task(coroutine, name=name, context=self._context.copy())

    def stop(self) -> None:
        self.stopped = True

    def resume(self) -> None:
        """What was due meanwhile runs now, in its order."""
        self.stopped = False
        held, self._held = self._held, []
        for step in held:
            step.again()

    def passes(self, step: "_Step") -> bool:
        """The step may run now; else it is kept."""
        if not self.stopped and self._on_step is not None:
            self._on_step(self)
        if self.stopped:
            self._held.append(step)
        return not self.stopped


class _Step:
    """One callback of a process."""

    __slots__ = ("args", "callback", "context", "handle", "loop", "process")

    def __init__(
        self,
        loop: "ProcessLoop",
        process: Process,
        callback: Callable[..., object],
        context: contextvars.Context,
    ) -> None:
        self.loop, self.process, self.callback, self.context = loop, process, callback, context
        self.handle: asyncio.Handle | None = None
        self.args: tuple[Any, ...] = ()

    def __call__(self, *args: Any) -> None:
        self.args = args
        cancelled = self.handle is not None and self.handle.cancelled()
        if not cancelled and self.process.passes(self):
            self.callback(*args)

    def again(self) -> None:
        self.loop.call_soon(_Again(self), context=self.context)


class _Again:
    """A step that was held. It passes its process's gate as any other does."""

    def __init__(self, step: _Step) -> None:
        self._step = step

    def __call__(self) -> None:
        step = self._step
        if step.handle is None or not step.handle.cancelled():
            step.callback(*step.args)


class ProcessLoop(VirtualLoop):
    """A virtual loop that knows processes."""

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        context = contextvars.copy_context() if context is None else context
        process = context.get(_CURRENT)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        step = _Step(self, process, callback, context)
        step.handle = super().call_soon(step, *args, context=context)
        return step.handle

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        context = contextvars.copy_context() if context is None else context
        process = context.get(_CURRENT)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        step = _Step(self, process, callback, context)
        handle = super().call_at(when, step, *args, context=context)
        step.handle = handle
        return handle
