"""The log: what happened first, in one word, then its fields. One line an event on standard error.

    logger = get_logger(__name__)
    logger.warning("place_refused", call=call_id, reason=error)

The event is a constant in snake case and ids are fields (`team`, `campaign`, `call`, `lead`, `agent`, `node`): a log can
be searched by them. A test reads every call of the product for this. What other libraries say passes the same way, as the
event `library` with the field `message`. Everything is masked at the end (dialer.masking), tracebacks included.
"""

import logging
import sys
import threading
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict, Processor

from dialer.masking import masked

LogFormat = Literal["text", "json"]

IDS = frozenset({"team", "campaign", "call", "lead", "agent", "node"})
"""Fields that hold an id of ours. An agent's code may be all digits, so that an id keeps its digits; a number in E.164
has its `+` and is masked here too."""

_FIRST = ("event", "level", "time")
_LAST = ("logger", "exception")
_DECIMALS = 3

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_logger_name,
        ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=BoundLogger,
    cache_logger_on_first_use=True,
)


def get_logger(name: str) -> BoundLogger:
    """The logger of a module."""
    logger: BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def log_to(stream: TextIO, level: str, form: LogFormat) -> None:
    """From now on everything logged in this process goes to `stream`, and so does what ends a thread or the process."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(form))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda thread: _uncaught(
        thread.exc_type, thread.exc_value, thread.exc_traceback
    )
    sys.unraisablehook = lambda fault: _uncaught(
        fault.exc_type, fault.exc_value, fault.exc_traceback
    )


def log_to_stderr(level: str, form: LogFormat = "text") -> None:
    log_to(sys.stderr, level, form)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    """Python itself would write the error's text as it is."""
    if not issubclass(kind, KeyboardInterrupt):
        get_logger(__name__).critical("crashed", exc_info=(kind, error, trace))


# --- from an event to a line ------------------------------------------------------------------------------------------


def _formatter(form: LogFormat) -> ProcessorFormatter:
    render: Processor = _json if form == "json" else _text
    return ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, _foreign],
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            ProcessorFormatter.remove_processors_meta,
            _plain_and_masked,
            render,
        ],
    )


def _foreign(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The words of another library are a field; they are no event of ours."""
    event["message"], event["event"] = event["event"], "library"
    return event


def _plain_and_masked(_logger: object, _method: str, event: EventDict) -> EventDict:
    told = [key for key, value in event.items() if value is not None and value != ""]
    middle = [key for key in told if key not in _FIRST + _LAST]
    last = [key for key in _LAST if key in told]
    ordered = {key: event[key] for key in (*_FIRST, *middle, *last)}
    return {key: value if key == "time" else _plain(key, value) for key, value in ordered.items()}


def _plain(key: str, value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, int):
        return value if masked(str(value)) == str(value) else masked(str(value))
    text = str(value)
    if key in IDS and text.replace("-", "").replace("_", "").isalnum():
        return text
    return masked(text)


_json: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
_fields = structlog.processors.LogfmtRenderer(bool_as_flag=False)


def _text(logger: Any, method: str, event: EventDict) -> str:
    """`time LEVEL event key=value ...`; the lines of a traceback follow, set in."""
    trace = event.pop("exception", "")
    head = f"{event.pop('time')} {event.pop('level').upper():<8} {event.pop('event')}"
    line = " ".join(part for part in (head, _fields(logger, method, event)) if part)
    return "\n    ".join([line, *str(trace).splitlines()])
