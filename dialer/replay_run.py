"""`dialer replay`: reads pacing logs, plays them, and says what came of it."""

import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dialer.adapters.this_build import log_header
from dialer.ids import TeamId
from dialer.pacing_log import Decided, LogHeader
from dialer.pacing_replay import Difference, Replay, replay, values_of
from dialer.texts import Language, text

UNREADABLE = 2


def replay_files(
    files: Sequence[Path],
    language: Language,
    say: Callable[[str], None],
    show: Callable[[str], None] | None = None,
) -> int:
    """Each alone. `say` is told what came of it, `show` every decision as JSON. The exit code: 1 when any decision differs,
    else 2 when any file cannot be read, else 0."""
    codes = {_replay_one(file, language, say, show) for file in files}
    return 1 if 1 in codes else max(codes, default=0)


def _replay_one(
    file: Path,
    language: Language,
    say: Callable[[str], None],
    show: Callable[[str], None] | None,
) -> int:
    try:
        content = file.read_bytes()
    except OSError as error:
        say(text("replay.unreadable", language, file=file, reason=error.strerror))
        return UNREADABLE
    result = replay(content, _pass if show is None else lambda each: show(_as_json(each)))
    for line in told(file, result, language):
        say(line)
    return result.exit_code


def _pass(_: Decided) -> None: ...


def told(file: Path, result: Replay, language: Language) -> list[str]:
    """What came of one file, a line for each thing to know."""
    header = result.header
    if header is None and not result.cut_short:
        return [text("replay.no_log", language, file=file)]
    lines = [text("replay.cut_short", language, file=file)] if result.cut_short else []
    if header is not None:
        lines += _other_rules(file, header, language)
    if result.difference is not None:
        lines.append(_differs(file, result, result.difference, language))
    elif result.damaged_at is not None:
        place, decisions = result.damaged_at, result.decisions
        lines.append(text("replay.damaged", language, file=file, place=place, decisions=decisions))
    elif header is not None:
        until = None if result.until is None else _instant(result.until)
        values: dict[str, object] = {"team": header.team, "decisions": result.decisions}
        lines.append(text("replay.agrees", language, file=file, until=until, **values))
    return lines


def _differs(file: Path, result: Replay, found: Difference, language: Language) -> str:
    return text(
        "replay.differs",
        language,
        file=file,
        record=found.record,
        at=_instant(found.at),
        campaign=found.campaign,
        node=found.node,
        field=found.field,
        logged=repr(found.logged),
        replayed=repr(found.replayed),
        decisions=result.decisions,
    )


def _other_rules(file: Path, header: LogHeader, language: Language) -> list[str]:
    here = log_header(TeamId(header.team), datetime.fromtimestamp(header.started_at, UTC))
    if here == header:
        return []
    return [
        text(
            "replay.other_rules",
            language,
            file=file,
            product=header.product,
            rules=header.rules,
            numpy=header.numpy,
            machine=header.machine,
            here=f"{here.product}, {here.rules}, {here.numpy}, {here.machine}",
        )
    ]


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _as_json(one: Decided) -> str:
    """The question and the decision, flat."""
    asked = one.asked
    shown: dict[str, Any] = {
        "at": _instant(asked.at),
        "campaign": asked.campaign,
        "node": asked.node,
        "mode": asked.policy.mode.value,
        "theta": asked.theta,
        "windows": [
            {"name": w.name, "answered": w.answered, "abandoned": w.abandoned}
            for w in asked.windows
        ],
        "own_in_flight": asked.own_in_flight,
        "elsewhere": asked.elsewhere,
        "doomed": asked.doomed,
        **values_of(one.decision),
    }
    return json.dumps({name: _finite(value) for name, value in shown.items()})


def _finite(value: Any) -> Any:
    """JSON has no infinity: a room without any legal window."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
