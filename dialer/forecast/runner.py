"""Works every replication of a plan, in this process or in two."""

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from dialer.forecast.figures import Forecast, forecast_of
from dialer.forecast.plan import Plan, PolicyPlan
from dialer.forecast.replication import Replication, replicate

MOST_JOBS = 2

Progress = Callable[[float, str], None]
"""Called with how many replications are done, as a number with a fraction, and the policy at work."""


def run(plan: Plan, *, jobs: int = 1, progress: Progress = lambda _done, _name: None) -> Forecast:
    """The forecast. The same plan gives the same forecast, whatever the number of `jobs` (1 or 2)."""
    work = [(policy, seed) for policy in plan.policies for seed in plan.seeds]
    results = _alone(plan, work, progress) if jobs == 1 else _shared(plan, work, jobs, progress)
    return forecast_of(plan, results)


def _alone(plan: Plan, work: list[tuple[PolicyPlan, int]], progress: Progress) -> list[Replication]:
    results: list[Replication] = []
    for done, (policy, seed) in enumerate(work):
        told = _teller(progress, done, policy.name)
        results.append(replicate(plan, policy, seed, told))
        progress(done + 1, policy.name)
    return results


def _teller(progress: Progress, done: int, name: str) -> Callable[[float], None]:
    return lambda share: progress(done + share, name)


def _shared(
    plan: Plan, work: list[tuple[PolicyPlan, int]], jobs: int, progress: Progress
) -> list[Replication]:
    results: list[Replication] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures: list[Future[Replication]] = [
            pool.submit(replicate, plan, policy, seed, _silent) for policy, seed in work
        ]
        for done, future in enumerate(as_completed(futures)):
            results.append(future.result())
            progress(done + 1, results[-1].policy)
    return results


def _silent(_share: float) -> None:
    """In another process nobody looks."""
