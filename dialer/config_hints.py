"""What to say of a key of the settings that does not exist."""

from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel


def unknown_key(settings: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """What to say of a key that does not exist: the nearest that does."""
    *path, key = place
    names = _names_at(settings, [part for part in path if isinstance(part, str)])
    near = get_close_matches(str(key), names, n=1, cutoff=0.5)
    if near:
        return f"no such setting; did you mean {near[0]!r}?"
    return f"no such setting; there are: {', '.join(names)}"


def _names_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """The settings of the table that lies there."""
    for part in path:
        kind = model.model_fields[part].annotation
        inner = [one for one in (kind, *get_args(kind)) if isinstance(one, type)]
        model = next(one for one in inner if issubclass(one, BaseModel))
    return sorted(model.model_fields)
