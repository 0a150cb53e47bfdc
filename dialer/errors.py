"""The tree of errors. A class's docstring is its default message; `retryable` says whether trying again can help."""

from typing import ClassVar


class DialerError(Exception):
    """Something went wrong in the dialer"""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class IllegalTransitionError(DialerError):
    """This event is not allowed in this state; nothing was changed"""

    def __init__(self, thing: str, state: str, event: str) -> None:
        state = str(state)
        super().__init__(f"{thing} in state {state!r} does not take {event}; nothing was changed")
        self.thing, self.state, self.event = thing, state, event


class NotFoundError(DialerError):
    """No such thing"""


class ConflictError(DialerError):
    """The request contradicts what is stored"""


class InvalidInputError(DialerError):
    """A value is not acceptable"""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


class TelephonyError(DialerError):
    """The telephone exchange did not do what was asked"""


class TelephonyDownError(TelephonyError):
    """The link to the telephone exchange is down"""

    retryable = True


class TelephonyRefusedError(TelephonyError):
    """The telephone exchange refused"""


class StoreUnavailableError(DialerError):
    """The database cannot be reached"""

    retryable = True


class PacingLogDownError(DialerError):
    """The pacing log cannot be written"""

    retryable = True


class WireDownError(DialerError):
    """Redis cannot be reached"""

    retryable = True


class NotHereError(DialerError):
    """This server does not run the team"""

    retryable = True


class NotDeliveredError(DialerError):
    """The server that runs the team did not confirm the request in time; ask again"""

    retryable = True
