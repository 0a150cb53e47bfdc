"""A forecast on the terminal: figures in rows, policies side by side."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dialer.forecast.figures import Forecast, ListForecast, PolicyForecast
from dialer.forecast.intervals import Band, wilson
from dialer.forecast.plan import Plan
from dialer.pacing import Binding
from dialer.texts import Language, text

PERCENT = ("talk_share", "occupancy", "abandon_ratio", "starved_share")
COUNTS = ("dialled", "answered", "talks", "lines_needed")
WORTH_SAYING = 0.01
"""Share of the time from which on a campaign's own lines are named as what holds it back."""


def page(forecast: Forecast, plan: Plan, language: Language) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(text("forecast.policy", language))
    for policy in forecast.policies:
        table.add_column(policy.name, justify="right")
    for row in _rows(forecast.policies, language):
        table.add_row(*row)
    count = forecast.policies[0].replications
    head = text(
        "forecast.title", language, name=forecast.name, count=count, hours=f"{forecast.hours:g}"
    )
    return Group(Text(head, style="bold"), table, *_notes(forecast, plan, language))


def _rows(policies: Sequence[PolicyForecast], language: Language) -> Iterator[list[str]]:
    yield [text("forecast.agents", language), *(str(each.agents) for each in policies)]
    for name in policies[0].figures:
        if name == "starved_share" and not any(each.list for each in policies):
            continue
        cells = [_cell(name)(each.figures[name]) for each in policies]
        yield [text(f"forecast.{name}", language), *cells]
    yield from _law_rows(policies, language)
    yield from _list_rows(policies, language)


def _cell(name: str) -> Callable[[Band], str]:
    if name in PERCENT:
        return lambda band: shown(band, 100, 1 if name != "abandon_ratio" else 2, " %")
    return lambda band: shown(band, 1, 0 if name in COUNTS else 1)


def shown(band: Band, factor: float, digits: int, unit: str = "") -> str:
    """A mean and half its interval, in the unit."""
    mean = f"{factor * band.mean:,.{digits}f}"
    return (
        f"{mean}{unit}" if band.half is None else f"{mean} ± {factor * band.half:,.{digits}f}{unit}"
    )


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _law_rows(policies: Sequence[PolicyForecast], language: Language) -> Iterator[list[str]]:
    """A row for each law that any policy is under, and how often it was broken."""
    keys = dict.fromkeys(
        (law.profile, law.window, law.limit_ratio) for each in policies for law in each.laws
    )
    for key in keys:
        profile, window, limit = key
        word = text(f"forecast.{window}", language)
        named = text(
            "forecast.law", language, profile=profile, window=word, limit=f"{100 * limit:g} %"
        )
        ratios, overs = [named], [text("forecast.over", language)]
        for each in policies:
            laws = [one for one in each.laws if (one.profile, one.window, one.limit_ratio) == key]
            ratios.append(shown(laws[0].ratio, 100, 2, " %") if laws else "-")
            overs.append(_over(laws[0].over, each.replications, language) if laws else "-")
        yield ratios
        yield overs


def _over(over: int, count: int, language: Language) -> str:
    low, high = wilson(over, count)
    return text(
        "forecast.over_of",
        language,
        over=over,
        count=count,
        low=percent(low, 0),
        high=percent(high, 0),
    )


def _list_rows(policies: Sequence[PolicyForecast], language: Language) -> Iterator[list[str]]:
    if not all(each.list for each in policies):
        return

    def row(key: str, of: Callable[[ListForecast, int], str]) -> list[str]:
        cells = [of(each.list, each.replications) for each in policies if each.list]
        return [text(f"forecast.{key}", language), *cells]

    def hours(band: Band | None, count: int, of: int) -> str:
        if band is not None:
            return shown(band, 1, 1)
        return text("forecast.within", language, count=count, all=of)

    yield row("first_pass", lambda one, of: hours(one.hours_first_pass, one.first_pass, of))
    yield row("exhausted", lambda one, of: hours(one.hours_exhausted, one.exhausted, of))
    yield row("left", lambda one, _: shown(one.leads_left, 1, 0))


def _notes(forecast: Forecast, plan: Plan, language: Language) -> list[Text]:
    notes = []
    for each, policy in zip(forecast.policies, plan.policies, strict=True):
        share = each.held_by.get(Binding.LINES.value, 0.0)
        if share >= WORTH_SAYING:
            lines = policy.rules.policy.lines
            said = text(
                "forecast.held_by_lines",
                language,
                policy=each.name,
                lines=lines,
                share=percent(share, 0),
            )
            notes.append(Text(said, style="yellow"))
    return notes
