"""Plots of a forecast: the frontier of wait against abandoned calls, and the course of the work. PNG or SVG, by the name.

matplotlib is an extra (docs/adr/0014): it is imported here alone, and only when a plot is asked for.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dialer.errors import DialerError, InvalidInputError
from dialer.forecast.figures import Forecast
from dialer.forecast.replication import Bin
from dialer.texts import Language, text

SIZE = (8.0, 5.0)
DOTS = 130
SALT = "dialer"
"""Of the ids in an SVG: with the same one the same figures give the same file."""


class PlotsMissingError(DialerError):
    """Plots need matplotlib, which is not installed: pip install --require-hashes -r requirements/plots.txt"""


def draw(forecast: Forecast, folder: Path, kind: str, language: Language) -> list[Path]:
    """Write every plot into the folder, which is made when missing; returns the files.

    Raises PlotsMissingError, or InvalidInputError for a folder that cannot be written.
    """
    figure = _figure_class()
    plots: dict[str, Callable[[Forecast, Any, Language], None]] = {
        "frontier": _frontier,
        "timeline": _timeline,
    }
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, paint in plots.items():
            drawn = figure(figsize=SIZE, layout="constrained")
            paint(forecast, drawn, language)
            path = folder / f"{name}.{kind}"
            _save(drawn, path)
            paths.append(path)
    except OSError as error:
        raise InvalidInputError(str(folder), error.strerror or "cannot be written") from error
    return paths


def require_plots() -> None:
    """Raises PlotsMissingError: better before the minutes of simulation than after."""
    _figure_class()


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PlotsMissingError from error
    return Figure


def _save(figure: Any, path: Path) -> None:
    from matplotlib import rc_context

    bare = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with rc_context({"svg.hashsalt": SALT, "svg.fonttype": "none"}):
        figure.savefig(path, dpi=DOTS, metadata=bare)


def _frontier(forecast: Forecast, figure: Any, language: Language) -> None:
    """A point a policy, with both intervals; the laws' limits as upright lines."""
    axes = figure.subplots()
    for policy in forecast.policies:
        lost, wait = policy.figures["abandon_ratio"], policy.figures["wait_seconds"]
        axes.errorbar(
            100 * lost.mean,
            wait.mean,
            xerr=100 * (lost.half or 0.0),
            yerr=wait.half or 0.0,
            fmt="o",
            capsize=3,
            label=policy.name,
        )
    laws = {(law.profile, law.limit_ratio) for each in forecast.policies for law in each.laws}
    for profile, limit in sorted(laws):
        axes.axvline(100 * limit, linestyle="--", linewidth=1, color="0.5")
        label = text("forecast.plot.limit", language, profile=profile, limit=f"{100 * limit:g} %")
        axes.annotate(
            label,
            (100 * limit, 1),
            xycoords=("data", "axes fraction"),
            rotation=90,
            va="top",
            ha="right",
            fontsize=8,
        )
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(text("forecast.plot.abandoned", language))
    axes.set_ylabel(text("forecast.plot.wait", language))
    axes.set_title(f"{forecast.name}: {text('forecast.plot.frontier', language)}")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _timeline(forecast: Forecast, figure: Any, language: Language) -> None:
    """Talk share and lines in the course of the working hours, the mean of the replications."""
    above, below = figure.subplots(2, 1, sharex=True)
    for policy in forecast.policies:
        hours = [each.hour for each in policy.timeline]
        above.plot(hours, [_percent(each) for each in policy.timeline], label=policy.name)
        below.step(hours, [each.lines for each in policy.timeline], where="post")
    above.set_ylim(0, 100)
    below.set_ylim(bottom=0)
    above.set_ylabel(text("forecast.plot.talk_share", language))
    below.set_ylabel(text("forecast.plot.lines", language))
    below.set_xlabel(text("forecast.plot.hour", language))
    above.set_title(f"{forecast.name}: {text('forecast.plot.timeline', language)}")
    above.legend(fontsize=8)
    for axes in (above, below):
        axes.grid(alpha=0.3)


def _percent(stretch: Bin) -> float:
    return math.nan if stretch.talk_share is None else 100 * stretch.talk_share
