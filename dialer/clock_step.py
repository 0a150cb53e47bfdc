"""The wall clock was put forward or back: what is remembered of the past moves with it, so that every age stays what it was.

Ages, waits and rests are measured between instants of the wall clock. When that clock steps (a time server corrects it, somebody
sets it), an instant of before and one of after are an hour apart for no reason. So the remembered instants are moved by the step,
once, and all the rules go on as if the clock had always been right. What has a meaning on the calendar is not moved: calling
hours, the windows of the law, a callback.
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")


def moved(thing: T, by: timedelta) -> T:
    """A copy of a dataclass, each of its instants later by `by`. What lies deeper in it stays as it is."""
    changes: dict[str, Any] = {
        each.name: value + by
        for each in fields(thing)  # type: ignore[arg-type]
        if isinstance(value := getattr(thing, each.name), datetime)
    }
    return replace(thing, **changes)  # type: ignore[type-var]


def move(thing: object, names: Iterable[str], by: timedelta) -> None:
    """Move these instants of a mutable thing, where they are known."""
    for name in names:
        value = getattr(thing, name)
        if value is not None:
            setattr(thing, name, value + by)
