"""docs/reference/scenario-files.md, from dialer/forecast/scenario_file.py."""

from collections.abc import Iterator
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dialer.config import CampaignSettings
from dialer.forecast.scenario_file import CampaignPart, DurationPart, ScenarioFile

SIGNS = {Ge: ("ge", "at least"), Gt: ("gt", "over"), Le: ("le", "at most"), Lt: ("lt", "under")}


def scenario_page(generated: str) -> str:
    parts = [
        "# Scenario files\n",
        generated,
        "What `dialer simulate FILE.toml` reads: see [Forecast a campaign](../howto/forecast.md). Every key has a default, so an",
        "empty file is a scenario. A key that does not exist is refused, and the nearest that does is named. Durations are",
        "seconds and shares 0 to 1 where the name says nothing else. Examples: `examples/forecasts`.\n",
        "## At the top of the file, before all tables\n",
        *_table(ScenarioFile, lambda field: _tables(field) is None),
    ]
    for name, field in ScenarioFile.model_fields.items():
        model = _tables(field)
        if model is not None:
            parts += _section(name, model, several=field.annotation is not model and _many(field))
    parts += ["## Durations\n", "Everything that takes time is given in this way:", ""]
    parts += ["```toml", "talk = { mean = 90, cv = 1.0 }", "```\n", f"{_doc(DurationPart)}\n"]
    return "\n".join([*parts, *_table(DurationPart)])


def _section(name: str, model: type[BaseModel], *, several: bool) -> list[str]:
    head = f"## `[[{name}]]`: any number\n" if several else f"## `[{name}]`\n"
    own = _own(model)
    parts = [head, f"{_doc(model)}\n"]
    parts += _table(model, lambda field: _tables(field) is None or _tables(field) is DurationPart)
    for key, field in own:
        inner = _tables(field)
        if inner is not None and inner is not DurationPart:
            parts += _section(f"{name}.{key}", inner, several=True)
    return parts


def _own(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The keys of the table; without those of the settings' campaigns, which have a page of their own."""
    fields = model.model_fields.items()
    if model is CampaignPart:
        return [
            (name, field) for name, field in fields if name not in CampaignSettings.model_fields
        ]
    return list(fields)


def _doc(model: type[BaseModel]) -> str:
    lines = (model.__doc__ or "").strip().splitlines()
    return "\n".join(line.strip() for line in lines)


def _many(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is list


def _tables(field: FieldInfo) -> type[BaseModel] | None:
    """The table that the key is; None: a value."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _table(model: type[BaseModel], wanted: Any = lambda _field: True) -> list[str]:
    rows = [_row(name, field) for name, field in _own(model) if wanted(field)]
    return ["| key | default | is |", "|---|---|---|", *rows, ""] if rows else []


def _row(name: str, field: FieldInfo) -> str:
    what = "; ".join([field.description or "", *_limits(field)])
    default = "none, must be given" if field.is_required() else _default(field.default)
    return f"| `{name}` | {default} | {what} |"


def _limits(field: FieldInfo) -> Iterator[str]:
    for each in field.metadata:
        for kind, (attribute, words) in SIGNS.items():
            if isinstance(each, kind):
                yield f"{words} {getattr(each, attribute):,}"


def _default(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, DurationPart):
        given = value.model_dump(exclude_defaults=True)
        pairs = (f"{key} = {_plain(each)}" for key, each in given.items())
        return f"`{{ {', '.join(pairs)} }}`"
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
