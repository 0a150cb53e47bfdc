"""The log: event first, ids as fields, nothing that could be a number; and every call of the product is written so."""

import ast
import io
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialer.logs import LogFormat, get_logger, log_to

ROOT = Path(__file__).parents[2]
CALL = "0199f3a1-7b2c-7def-8123-456789012345"
PHONE = "+390612345678"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What `log_to` changes in the process is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)


def log_of(form: LogFormat, level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    log_to(stream, level, form)
    return stream


def refuse(phone: str) -> None:
    raise ValueError(f"no route to {phone}")


def test_as_text_it_is_time_level_event_and_fields() -> None:
    stream = log_of("text")
    get_logger("dialer.x").warning("place_refused", call=CALL, reason="no such endpoint")
    line = stream.getvalue()
    assert re.fullmatch(
        rf'\d{{4}}-\d\d-\d\dT[\d:.]+Z WARNING  place_refused call={CALL} reason="no such endpoint" '
        "logger=dialer.x\n",
        line,
    )


def test_as_json_the_event_is_first() -> None:
    stream = log_of("json")
    get_logger("dialer.x").info("team_taken", team="north", fence=3, after=0.12345, reason=None)
    entry = json.loads(stream.getvalue())
    assert list(entry) == ["event", "level", "time", "team", "fence", "after", "logger"]
    assert (entry["event"], entry["team"], entry["fence"], entry["after"]) == (
        "team_taken",
        "north",
        3,
        0.123,
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_number_is_masked_wherever_it_stands(form: LogFormat) -> None:
    stream = log_of(form)
    logger = get_logger("dialer.x")
    logger.error("write_refused", reason=ValueError(PHONE), call=PHONE, count=390612345678)
    try:
        refuse(PHONE)
    except ValueError:
        logger.exception("write_failed", call=CALL)
        logging.getLogger("sqlalchemy.pool").exception("cannot keep %s", PHONE)
    told = stream.getvalue()
    assert "390612345678" not in told
    assert told.count("no route to [number]") == 2
    assert CALL in told


def test_an_id_of_digits_stays_an_id() -> None:
    stream = log_of("json")
    get_logger("dialer.x").info("agent_seen", agent="100200300400", campaign="spring-20260301")
    assert json.loads(stream.getvalue()) | {"agent": "100200300400", "campaign": "spring-20260301"}
    assert "100200300400" in stream.getvalue()
    assert "spring-20260301" in stream.getvalue()


def test_a_traceback_is_set_in_under_its_line() -> None:
    stream = log_of("text")
    try:
        refuse(PHONE)
    except ValueError:
        get_logger("dialer.x").exception("event_failed")
    first, *rest = stream.getvalue().splitlines()
    assert "event_failed" in first
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)


def test_the_words_of_a_library_are_a_field() -> None:
    stream = log_of("json")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request from %s", "127.0.0.1")
    entry = json.loads(stream.getvalue())
    assert (entry["event"], entry["logger"]) == ("library", "uvicorn.error")
    assert entry["message"] == "Invalid HTTP request from 127.0.0.1"


def test_what_is_under_the_level_is_not_told() -> None:
    stream = log_of("text", "WARNING")
    get_logger("dialer.x").info("team_taken", team="north")
    assert stream.getvalue() == ""


def test_what_ends_a_thread_is_told_without_numbers() -> None:
    stream = log_of("json")
    thread = threading.Thread(target=refuse, args=(PHONE,))
    thread.start()
    thread.join()
    entry = json.loads(stream.getvalue())
    assert (entry["event"], entry["level"]) == ("crashed", "critical")
    assert "ValueError: no route to [number]" in entry["exception"]


# --- how the product writes its log -----------------------------------------------------------------------------------

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
NEVER_A_FIELD = {"phone", "number", "caller_id", "name", "dnid", "exten"}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """(place, call) of every call of a logger in the product."""
    for folder in ("dialer", "api", "asterisk_conf"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if _is_log_call(node):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node  # type: ignore[attr-defined,misc]


def _is_log_call(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="logger" | "log"), attr=attr)):
            return attr in LEVELS
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_logger")), attr=attr)
        ):
            return attr in LEVELS
        case _:
            return False


def test_there_are_calls_to_look_at() -> None:
    assert len(list(log_calls())) > 20


@pytest.mark.parametrize(
    ("place", "call"), [pytest.param(*each, id=each[0]) for each in log_calls()]
)
def test_a_call_names_its_event_and_gives_the_rest_as_fields(place: str, call: ast.Call) -> None:
    assert len(call.args) == 1, "one event; all else is a field"
    event = call.args[0]
    assert isinstance(event, ast.Constant), "the event is a constant: it can be searched for"
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", str(event.value)), "the event is in snake case"
    fields = {keyword.arg for keyword in call.keywords}
    assert None not in fields, "the fields are named"
    assert not fields & NEVER_A_FIELD, "a number or a person's name is no field"


def test_every_event_is_explained() -> None:
    events = {
        str(call.args[0].value) for _, call in log_calls() if isinstance(call.args[0], ast.Constant)
    }
    page = (ROOT / "docs" / "operations" / "logs.md").read_text(encoding="utf-8")
    told = set(
        re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)))
    )
    assert events - told == set(), "docs/operations/logs.md has a row for every event"


def test_only_one_module_knows_the_library() -> None:
    users = {
        str(path.relative_to(ROOT))
        for folder in ("dialer", "api", "asterisk_conf")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^\s*(import logging|from logging)\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert users == {"dialer/logs.py"}, "use dialer.logs.get_logger"
