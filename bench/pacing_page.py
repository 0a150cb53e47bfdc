"""The page of the wide pacing benchmark, from its results: docs/reference/pacing-benchmark.md."""

import json
from pathlib import Path
from typing import Any

from bench.pacing_own_cases import OWN
from bench.report import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "pacing-benchmark.md"
FIGURES = RESULTS / "pacing.json"
TITLES = {
    "engine": "**engine**",
    "engine-cautious": "engine, cautious",
    "engine-strict": "engine, strict",
    "engine-scores": "engine, told the leads' odds",
    "engine-revokes": "engine, takes back calls that do not ring yet",
    "progressive": "progressive",
    "ratio-2": "ratio 2.0",
    "ratio-tuned": "ratio, tuned in hindsight",
    "vicidial-hard": "VICIdial HARD, defaults",
    "vicidial-average": "VICIdial AVERAGE, defaults",
    "vicidial-tapered": "VICIdial TAPERED 09-13 h, defaults",
    "vicidial-hard-generous": "VICIdial HARD, generous cap",
    "vicidial-tapered-generous": "VICIdial TAPERED, generous cap",
    "vicidial-tuned": "VICIdial, tuned in hindsight",
    "issabel": "Issabel, predictive with overcommit",
    "erlang-b": "Erlang B rate",
    "eis": "EIS window",
    "oracle": "reference at the limit",
    "oracle-equal": "reference at the engine's abandoned share",
}
ABOUT = {
    "S1": "5 agents, 35 % answer, talks of 120 s",
    "S2": "10 agents, 20 % answer, talks of 60 s",
    "S3": "20 agents, 60 % answer, talks of 240 s",
    "S4": "50 agents, 12 % answer, for half the time 32 %, talks of 90 s",
    "S5": "200 agents, 10 % answer, talks of 75 s",
    "S6": "500 agents, 30 % answer, talks of 120 s",
    "S7": "10 to 50 agents who come and go and take breaks, 25 % answer, talks of 90 s",
    "S8": "20 agents, machine detection, 20 % answer and 35 % machines, talks of 100 s",
} | {name: own.about for name, own in OWN.items()}
HEAD = """# Pacing benchmark

Written by `python -m bench.pacing`; do not edit.

A shift of four hours in a lean world (`dialer/simulator/lean.py`): calls, agents, and a policy that says how many calls to
dial. What a dialled call comes to and how long a talk lasts depends on the seed alone, so that all policies meet the same
persons. An answer that finds no agent within two seconds is abandoned; the limit is 3 % of the answers. The world is tested
against Erlang's loss formula, the theory of progressive dialling and the exact optimum of the Markov case
(`tests/simulation/test_lean_world.py`).

- **engine** is the code that dials, with one configuration for all scenarios, from a cold start; it is told the rules and the
  plan of the shift, none of its laws. *Cautious* and *strict* are its settings for those who want more distance to the limit.
- The peers follow public descriptions: they are models of those products, not the products. *Tuned in hindsight* means that
  the constant was chosen for the scenario itself, on other seeds: the best talk share with at most the limit abandoned.
- The **reference** knows all distributions and dials while the risk of one more call is within a constant; at the engine's
  abandoned share, the constant is chosen on the very shifts shown. *Efficiency*: 1 is its wait, 0 that of progressive dialling.
- **wait**: idle seconds of an agent for each call he got. It is comparable only at a like share of abandoned calls: of a row
  over the limit it says nothing. **against engine**: how much longer agents waited, shift by shift on the same seeds. ± is the
  95 % t-interval over the shifts. **worst hour**: the highest abandoned share of any 60 minutes with 50 answers.

A scenario is reported with 20 shifts (12 with up to 50 agents, 10 with more, 12 of the scenarios that have names); a row with
fewer is not finished. The scenarios are in `bench/pacing_cases.py` and `bench/pacing_own_cases.py`, the bars in
`bench/pacing_bars.py`, every shift in `bench/results/pacing-cells.jsonl`, the choices in hindsight in
`bench/results/pacing-tuned.json`.
"""


def page(figures: dict[str, Any]) -> str:
    machine, rows = figures["machine"], figures["rows"]
    at = figures["at"][:16].replace("T", " ")
    shifts = sum(row["shifts"] for row in rows)
    lines = [
        HEAD,
        f"Commit {figures['commit']}, {at} UTC; {machine['cpu']}, {machine['cores']} cores,",
        f"Python {machine['python']}. {shifts} shifts.",
        "",
        "## Bars",
        "",
        *_bars(figures["bars"]),
    ]
    for case in dict.fromkeys(row["case"] for row in rows):
        lines += ["", f"## {case}: {ABOUT[case]}", ""]
        lines += table([row for row in rows if row["case"] == case])
    return "\n".join(lines) + "\n"


def _bars(bars: list[dict[str, Any]]) -> list[str]:
    words = {True: "PASS", False: "**FAIL**", None: "not measured"}
    counts = [sum(bar["holds"] is state for bar in bars) for state in words]
    lines = [
        f"{counts[0]} hold, {counts[1]} do not, {counts[2]} were not measured.",
        "",
        "| | bar | asked | found |",
        "|---|---|---|---|",
    ]
    for bar in bars:
        cells = (words[bar["holds"]], bar["name"], bar["asked"], bar["found"])
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Markdown; the policies in the order of `TITLES`."""
    names = ["policy", "talk share", "occupancy", "wait s", "against engine s", "efficiency"]
    names += ["abandoned %", "worst shift %", "shifts over the limit", "worst hour %"]
    names += ["dials a talk", "most lines", "decision ms (p50, p99)", "shifts"]
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    order = list(TITLES)
    rank = {name: place for place, name in enumerate(order)}
    in_order = sorted(rows, key=lambda row: rank.get(row["peer"], len(order)))
    return lines + ["| " + " | ".join(_columns(row)) + " |" for row in in_order]


def _columns(row: dict[str, Any]) -> list[str]:
    def pair(name: str, factor: float, digits: int) -> str:
        middle, half = row[name]
        return f"{factor * middle:.{digits}f} ± {factor * half:.{digits}f}"

    digits = 2 if row["wait"][0] < 10 else 1
    over = f"{row['over_limit'] * row['shifts']:.0f} of {row['shifts']}"
    efficiency = "" if row["efficiency"] is None else f"{row['efficiency']:.2f}"
    compared = row["slower"] is not None and row["peer"] != "engine"
    return [
        TITLES.get(row["peer"], row["peer"]) + _constant(row),
        pair("talk_share", 1, 3),
        pair("occupancy", 1, 3),
        pair("wait", 1, digits),
        pair("slower", 1, digits) if compared else "",
        efficiency,
        pair("abandoned", 100, 2),
        f"{100 * row['worst_shift']:.2f}",
        over,
        pair("worst_hour", 100, 1),
        f"{row['dials_per_connect']:.1f}",
        f"{row['most_lines']}",
        f"{row['decide_p50_ms']:.3f}, {row['decide_p99_ms']:.3f}",
        f"{row['shifts']}",
    ]


def _constant(row: dict[str, Any]) -> str:
    """What was chosen in hindsight."""
    _, _, value = row["spec"].partition("@")
    return f" ({value.replace(',', ', ')})" if value else ""


def write(figures: dict[str, Any]) -> Path:
    PAGE.write_text(page(figures), encoding="utf-8")
    return PAGE


def main() -> None:
    print(write(json.loads(FIGURES.read_text())))


if __name__ == "__main__":
    main()
