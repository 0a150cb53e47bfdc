"""The soak's invariants: what may never be seen, in one sample or at the end. Pure: figures in, broken rules out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

MIN_ANSWERED = 200
"""Before so many answers an abandon ratio is no figure (the profile's own smallest sample)."""

WAL_LIMIT_MIB = 64.0
BEHIND_LIMIT = 500
"""Events or writes in line: more would be a server that does not keep up."""

NEVER_RANG = frozenset({"failed", "lost"})
"""Outcomes of an attempt that was written and then not asked of the exchange."""


@dataclass(frozen=True, slots=True)
class Look:
    """Open attempts of the store and calls of the exchange, read one after the other."""

    stored: frozenset[str]
    up: frozenset[str]


@dataclass(frozen=True, slots=True)
class Limits:
    agents: int
    lines: int
    leads: int


def disagreements(first: Look, second: Look) -> tuple[int, int]:
    """(attempts without a call, calls without an attempt): those that two looks, some seconds apart, show alike. What
    changes between the looks is in flight."""
    without_call = (first.stored & second.stored) - (first.up | second.up)
    without_attempt = (first.up & second.up) - (first.stored | second.stored)
    return len(without_call), len(without_attempt)


def broken(sample: Mapping[str, Any], limits: Limits) -> list[str]:
    """The rules that this sample breaks, each with its figure. `sample`: see bench.soak.Watch.take."""
    server, exchange, store = sample["server"], sample["exchange"], sample["store"]
    never = {
        "calls asked for twice": exchange["repeated"],
        "orders to a number with a call up": exchange["same_number"],
        "agents with two calls at the exchange": exchange["agents_with_two"],
        "agents with two calls in the team": server["agents_with_two"],
        "agents with two open attempts": store["agents_with_two"],
        "leads or numbers with two open attempts": store["twice"],
        "open attempts without a call": store["without_call"],
        "calls without an open attempt": store["without_attempt"],
        "orders over the calls-per-second limit": store["over_rate"],
        "illegal transitions": server["quarantined"],
        "stray events": sum(server["stray"].values()),
        "failed writes": server["failed_writes"],
        "errors in the server's log": sample["log_errors"],
        "links lost": server["reconnects"],
        "leads unaccounted for": limits.leads - sum(store["leads"].values()),
    }
    at_most = {
        "lines at the exchange": (exchange["peak_calls"], limits.lines),
        "calls of the team": (server["own_calls"], limits.lines),
        "agents in": (server["agents_in"], limits.agents),
        "WAL MiB": (store["wal_mib"], WAL_LIMIT_MIB),
        "events in line": (server["backlog"], BEHIND_LIMIT),
        "writes in line": (server["writes_waiting"], BEHIND_LIMIT),
    }
    found = [f"{name}: {count}" for name, count in never.items() if count]
    found += [
        f"{name}: {value} > {most}" for name, (value, most) in at_most.items() if value > most
    ]
    if server["answered"] >= MIN_ANSWERED and server["abandon_ratio"] > server["abandon_limit"]:
        ratio, most = server["abandon_ratio"], server["abandon_limit"]
        found.append(f"abandon ratio: {ratio:.4f} > {most}")
    if sample["phase"] == "dialling" and not server["hopper"]:
        found.append("the campaign ran dry")
    return found


def broken_at_the_end(
    history: Mapping[str, Any],
    originated: Collection[str],
    leads: Mapping[str, int],
    *,
    up: int,
    limits: Limits,
    limit_ratio: float,
) -> list[str]:
    """After the drain and the stop. `history`: bench.soak_store.ended; `originated`: every call id the exchange was asked
    for; `up`: calls still up there."""
    attempts: Mapping[str, str | None] = history["attempts"]
    asked = set(originated)
    unrung = {each: attempts[each] for each in attempts.keys() - asked}
    outcomes: Mapping[str, int] = history["outcomes"]
    answered = sum(outcomes.get(each, 0) for each in ("talked", "abandoned", "hung_up"))
    ratio = outcomes.get("abandoned", 0) / answered if answered else 0.0
    never = {
        "attempts still open": outcomes.get("open", 0),
        "calls still up": up,
        "calls that no attempt tells of": len(asked - attempts.keys()),
        "attempts with an outcome, never asked for": sum(
            outcome not in NEVER_RANG for outcome in unrung.values()
        ),
        "calls to a lead after its talk": history["after_a_talk"],
        "attempts of one lead that overlap": history["overlapping"],
        "leads still dialling": leads.get("dialing", 0),
        "leads still reserved": leads.get("reserved", 0),
        "leads unaccounted for": limits.leads - sum(leads.values()),
    }
    found = [f"{name}: {count}" for name, count in never.items() if count]
    if answered >= MIN_ANSWERED and ratio > limit_ratio:
        found.append(f"abandon ratio: {ratio:.4f} > {limit_ratio}")
    return found
