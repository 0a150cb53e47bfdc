"""The exact optimum of the Markov case: no grace, exponential delay and talk, no wrap-up.

State: b busy agents, r calls in flight. The reward is b less a price for each abandoned answer; at every moment calls may be
added. Relative value iteration finds the best targets for a price; bisection on the price finds the abandoned share asked for,
and the two neighbouring policies are mixed. (Puterman, Markov Decision Processes, 1994, chapters 8 and 11.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dialer.simulator.lean_scenario import Floats

Targets = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkovCase:
    """`delay` and `talk` are mean seconds, `answer` the chance that a call is answered."""

    agents: int
    answer: float
    delay: float = 12.0
    talk: float = 105.0

    @property
    def most_calls(self) -> int:
        """More in flight than is ever worth it."""
        return int(1.2 * self.agents / self.answer) + 10


@dataclass(frozen=True, slots=True)
class Rates:
    """A second's answers and abandoned ones, and the occupancy."""

    answers: float
    abandoned: float
    occupancy: float


def best_targets(case: MarkovCase, price: float, steps: int = 4000) -> Targets:
    """For each count of busy agents, up to how many calls are in flight; `price` in seconds of one agent."""
    n, most = case.agents, case.most_calls
    busy, calls = np.arange(n + 1.0)[:, None], np.arange(most + 1.0)[None, :]
    out, end = busy / case.talk, calls / case.delay
    total = n / case.talk + most / case.delay
    reward = busy - price * end * case.answer * (busy == n)
    value = kept = np.zeros((n + 1, most + 1))
    for step in range(steps):
        fewer = np.concatenate([value[:, :1], value[:, :-1]], axis=1)
        answered = np.concatenate([fewer[1:], fewer[-1:]], axis=0)
        freed = np.concatenate([value[:1], value[:-1]], axis=0)
        flow = out * freed + end * (case.answer * answered + (1 - case.answer) * fewer)
        kept = (reward + flow + (total - out - end) * value) / total
        best = np.maximum.accumulate(kept[:, ::-1], axis=1)[:, ::-1]
        change = best - value
        value = best - best[0, 0]
        if step % 50 == 0 and np.ptp(change) < 1e-9:
            break
    return np.asarray(kept.argmax(axis=1))


def rates(case: MarkovCase, targets: Targets) -> Rates:
    """Of the policy that fills up to the target of the state it is in: from its stationary distribution."""
    n, most = case.agents, int(targets.max())
    size = (n + 1) * (most + 1)
    flow = np.zeros((size, size))

    def place(busy: int, calls: int) -> int:
        return busy * (most + 1) + max(calls, int(targets[busy]))

    for busy in range(n + 1):
        for calls in range(int(targets[busy]), most + 1):
            here = place(busy, calls)
            if busy:
                flow[here, place(busy - 1, calls)] += busy / case.talk
            if calls:
                end = calls / case.delay
                flow[here, place(min(busy + 1, n), calls - 1)] += end * case.answer
                flow[here, place(busy, calls - 1)] += end * (1 - case.answer)
    share = _stationary(flow).reshape(n + 1, most + 1)
    answering = np.arange(most + 1) / case.delay * case.answer
    return Rates(
        float((share @ answering).sum()),
        float(share[n] @ answering),
        float(share.sum(1) @ np.arange(n + 1) / n),
    )


def _stationary(flow: Floats) -> Floats:
    used = np.flatnonzero(flow.sum(1) > 0)
    part = flow[np.ix_(used, used)]
    system = part.T - np.diag(part.sum(1))
    system[-1] = 1.0
    right = np.zeros(len(used))
    right[-1] = 1.0
    share = np.zeros(len(flow))
    share[used] = np.linalg.solve(system, right)
    return share


def best_occupancy(case: MarkovCase, limit: float, steps: int = 12) -> float:
    """The highest occupancy with the share `limit` of the answers abandoned."""
    low, high = 0.0, 40.0 * case.talk
    loose = rates(case, best_targets(case, low + 0.05 * case.talk))
    strict = rates(case, best_targets(case, high))
    for _ in range(steps):
        price = (low + high) / 2
        found = rates(case, best_targets(case, price))
        if found.abandoned > limit * found.answers:
            low, loose = price, found
        else:
            high, strict = price, found
    return mixed(loose, strict, limit)


def mixed(loose: Rates, strict: Rates, limit: float) -> float:
    """Occupancy of the mix of two policies that abandons the share `limit` in all."""
    above = loose.abandoned - limit * loose.answers
    below = limit * strict.answers - strict.abandoned
    weight = below / (above + below)
    return weight * loose.occupancy + (1 - weight) * strict.occupancy
