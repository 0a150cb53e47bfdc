"""From samples to figures, bars and a table. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.soak_plan import Plan
from bench.soak_trend import percentile, slope, thirds

SLOPE_BAR = 2.0  # MiB an hour
RATIO_BAR = 1.15
SHARE_OF_RATE = 0.95
"""A soak whose calls a second stay under this share of the plan's was not the soak that was asked for."""


def figures_of(
    plan: Plan,
    samples: Sequence[Mapping[str, Any]],
    outcomes: Mapping[str, int],
    broken: Sequence[str],
) -> dict[str, Any]:
    dialling = [each for each in samples if each["phase"] == "dialling"]
    first, last = steady(plan, dialling)[0], dialling[-1]
    between = last["seconds"] - first["seconds"]
    closed = last["server"]["closed"] - first["server"]["closed"]
    cpu = last["server"]["cpu_seconds"] - first["server"]["cpu_seconds"]
    placed = last["exchange"]["originates"] - first["exchange"]["originates"]
    rate = placed / between
    memory, decisions = memory_of(plan, dialling), decisions_of(plan, dialling)
    complete = last["seconds"] >= plan.seconds
    ok = complete and not broken
    if plan.whole:
        ok = ok and memory["ok"] and decisions["ok"] and rate >= SHARE_OF_RATE * plan.rate
    return {
        "ok": ok,
        "complete": complete,
        "seconds": round(last["seconds"], 1),
        "seconds_wanted": plan.seconds,
        "warm_up_seconds": plan.warm_up,
        "agents": plan.agents,
        "calls_placed": last["exchange"]["originates"],
        "calls_per_second": round(rate, 2),
        "outcomes": dict(outcomes),
        "invariants_broken": len(broken),
        "broken": list(broken)[:50],
        "samples": len(samples),
        "memory": memory,
        "decisions": decisions,
        "cpu_seconds_per_call": round(cpu / closed, 5),
        "cpu_share_of_one_core": round(cpu / between, 3),
        "abandon_ratio": last["server"]["abandon_ratio"],
        "talk_share": last["server"]["talk_share"],
        "wal_mib_most": max(each["store"]["wal_mib"] for each in samples),
        "database_mib": last["store"]["file_mib"],
        "events_in_line_most": max(each["server"]["backlog"] for each in samples),
        "writes_in_line_most": max(each["server"]["writes_waiting"] for each in samples),
        "calls_up_most": last["exchange"]["peak_calls"],
        "orders_in_one_second_most": last["exchange"]["peak_second"],
        "log_warnings": samples[-1]["log_warnings"],
        "load_average": [each["load_average"] for each in dialling],
    }


def steady(plan: Plan, dialling: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The samples after the warm-up (all of them, where that would leave too few)."""
    after = [each for each in dialling if each["seconds"] >= plan.warm_up]
    return after if len(after) >= 2 else list(dialling)


def memory_of(plan: Plan, dialling: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = steady(plan, dialling)
    hours = [each["seconds"] / 3600 for each in found]
    rss = [each["server"]["rss_mib"] for each in found]
    creep = slope(hours, rss)
    return {
        "ok": creep.low <= 0 or creep.high < SLOPE_BAR,
        "bar": f"interval of the slope reaches 0, or lies under {SLOPE_BAR} MiB/h",
        "slope_mib_per_hour": rounded(asdict(creep)),
        "rss_mib": {"start": dialling[0]["server"]["rss_mib"], "warm": rss[0], "end": rss[-1]},
        "every_sample": [
            [round(each["seconds"]), each["server"]["rss_mib"], each["server"]["anonymous_mib"]]
            for each in dialling
        ],
    }


def decisions_of(plan: Plan, dialling: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """p99 by window; the ratio of the last third of the windows to the first is of CPU time."""
    windows: dict[int, dict[str, list[float]]] = {}
    for each in steady(plan, dialling)[1:]:  # the first one's decisions were made in the warm-up
        index = int((each["seconds"] - plan.warm_up - plan.every / 2) // plan.window)
        window = windows.setdefault(index, {"cpu": [], "wall": []})
        window["cpu"] += each["server"]["decisions_cpu_ms"]
        window["wall"] += each["server"]["decisions_wall_ms"]
    rows = [
        {"from_seconds": round(plan.warm_up + index * plan.window)}
        | {
            f"{kind}_{name}_ms": round(percentile(values, share), 3)
            for kind, values in window.items()
            for name, share in (("p50", 0.5), ("p99", 0.99))
        }
        | {"decisions": len(window["cpu"])}
        for index, window in sorted(windows.items())
        if window["cpu"]
    ]
    full = [row for row in rows if row["decisions"] >= 0.5 * plan.window / 0.25]
    if len(full) < 3:
        return {"ok": False, "windows": rows, "bar": "three whole windows"}
    p99 = thirds([row["cpu_p99_ms"] for row in full])
    return {
        "ok": p99.value <= RATIO_BAR,
        "bar": f"p99 of CPU time, last third over first third, at most {RATIO_BAR}",
        "p99_last_over_first": rounded(asdict(p99)),
        "p50_last_over_first": rounded(asdict(thirds([row["cpu_p50_ms"] for row in full]))),
        "wall_p99_last_over_first": rounded(asdict(thirds([row["wall_p99_ms"] for row in full]))),
        "windows": rows,
    }


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def table(figures: Mapping[str, Any]) -> str:
    """For reading."""
    plain = {k: v for k, v in figures.items() if not isinstance(v, dict | list)}
    lines = [f"{name:28} {value}" for name, value in plain.items()]
    memory, decisions = figures["memory"], figures["decisions"]
    creep = memory["slope_mib_per_hour"]
    lines.append(
        f"{'memory slope':28} {creep['value']} MiB/h, 95 % in {creep['low']} to {creep['high']}"
        f" (RSS {memory['rss_mib']['warm']} to {memory['rss_mib']['end']} MiB)"
    )
    if (p99 := decisions.get("p99_last_over_first")) is not None:
        lines.append(
            f"{'p99 last third / first':28} {p99['value']}, 95 % in {p99['low']} to {p99['high']}"
        )
    head = ("from s", "cpu p50", "cpu p99", "wall p50", "wall p99", "decisions")
    lines.append("".join(f"{each:>11}" for each in head) + "   (ms)")
    lines += ["".join(f"{value:>11}" for value in row.values()) for row in decisions["windows"]]
    lines += [f"broken: {each}" for each in figures["broken"]]
    return "\n".join(lines)
