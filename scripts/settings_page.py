"""docs/reference/settings.md, from dialer/config.py."""

from collections.abc import Iterator
from enum import Enum
from typing import get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dialer.config import Settings

SIGNS = {Ge: ("ge", "at least"), Gt: ("gt", "over"), Le: ("le", "at most"), Lt: ("lt", "under")}


def settings_page(generated: str) -> str:
    parts = [
        "# Settings\n",
        generated,
        "`dialer run --config dialer.toml`. A variable of the environment wins over the file: `DIALER_` and the name, with two",
        "underscores after a table (`DIALER_ASTERISK__SECRET`). A list of tables (`[[campaigns]]`) is given there as JSON.",
        "A key that does not exist is refused, and the nearest that does is named. To begin with, take `examples/dialer.toml`.\n",
        "## At the top of the file, before all tables\n",
        *_table((name, field) for name, field in _fields(Settings) if _model(field) is None),
    ]
    for name, field in _fields(Settings):
        model = _model(field)
        if model is None:
            continue
        several = field.annotation is not model
        parts.append(f"## `[[{name}]]`: any number\n" if several else f"## `[{name}]`\n")
        own = model.__dict__.get("__doc__")
        parts += [f"{own}\n"] if own else []
        parts += _table(_fields(model))
        parts += _inner_tables(name, model)
    return "\n".join(parts)


def _inner_tables(name: str, model: type[BaseModel]) -> Iterator[str]:
    for inner, field in _fields(model):
        kind = _model(field)
        if kind is not None:
            yield f"### `[[{name}.{inner}]]`: any number\n"
            yield f"{kind.__doc__}\n"
            yield from _table(_fields(kind))


def settings_of(model: type[BaseModel], table: str = "") -> list[tuple[str, FieldInfo]]:
    """Every setting that is a value, by its full name."""
    found: list[tuple[str, FieldInfo]] = []
    for name, field in _fields(model):
        inner = _model(field)
        full = f"{table}{name}"
        found += [(full, field)] if inner is None else settings_of(inner, f"{full}.")
    return found


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    yield from model.model_fields.items()


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """The table that the setting is; None: a value."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _table(fields: Iterator[tuple[str, FieldInfo]]) -> list[str]:
    rows = [_row(name, field) for name, field in fields]
    return ["| setting | default | is | why this default |", "|---|---|---|---|", *rows, ""]


def _row(name: str, field: FieldInfo) -> str:
    what = "; ".join([field.description or "", *_limits(field)])
    if field.is_required():
        return f"| `{name}` | none, must be given | {what} | |"
    return f"| `{name}` | {_default(field)} | {what} | {why(field)} |"


def why(field: FieldInfo) -> str:
    """The reason of the default; empty: none is given."""
    extra = field.json_schema_extra
    return str(extra.get("why", "")) if isinstance(extra, dict) else ""


def _limits(field: FieldInfo) -> Iterator[str]:
    for each in field.metadata:
        for kind, (attribute, words) in SIGNS.items():
            if isinstance(each, kind):
                yield f"{words} {getattr(each, attribute):,}"


def _default(field: FieldInfo) -> str:
    value = field.default
    assert value is not PydanticUndefined
    if isinstance(value, SecretStr) or value in (None, "", []):
        return "none"
    if isinstance(value, Enum):
        value = value.value
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
