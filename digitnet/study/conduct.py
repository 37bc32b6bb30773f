"""Conducts a study: submits its jobs, and saves each result as it arrives."""

from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool

from digitnet.registry.study_record import Result
from digitnet.study.executors import PoolFactory, WorkerPool
from digitnet.study.plan import Job, Plan
from digitnet.study.work import Stopped

POLLING_SECONDS = 0.1
"""Polling interval for `stop` while no result arrives."""
AHEAD = 4
"""Jobs submitted per worker."""
TRIES = 3
"""Give up after this many pools have broken in a row without a result."""


class Broken(Exception):
    """The worker pools keep breaking; the message says why. Results that arrived are kept."""


def conduct(
    plan: Plan,
    results: dict[int, Result],
    new_pool: PoolFactory,
    keep: Callable[[Result], None],
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Result, None, bool]:
    """Runs the jobs that have no result yet; yields each result after `keep` has saved it.

    Returns True if all jobs are done, False if `stop()` returned true. If a worker dies, its job is
    run again. Raises Broken if pools keep breaking.
    """
    broken = 0
    while plan.round(results):
        before = len(results)
        try:
            with new_pool() as pool:
                if not (yield from _do(plan, results, pool, keep, stop)):
                    return False
        except (BrokenProcessPool, CancelledError) as error:
            broken = broken + 1 if len(results) == before else 1
            if broken == TRIES:
                raise Broken(str(error) or type(error).__name__) from None
    return True


def _do(
    plan: Plan,
    results: dict[int, Result],
    pool: WorkerPool,
    keep: Callable[[Result], None],
    stop: Callable[[], bool],
) -> Generator[Result, None, bool]:
    """Like `conduct`, with one pool."""
    while jobs := [job for job in plan.round(results) if job.number not in results]:
        at_work: dict[Future[Result], Job] = {}
        while jobs or at_work:
            while jobs and len(at_work) < AHEAD * pool.size:
                job = jobs.pop(0)
                at_work[pool.submit(job)] = job
            done, _ = wait(at_work, POLLING_SECONDS, FIRST_COMPLETED)
            if stop():
                return False
            # finished jobs first, so that a pool that breaks loses no results
            for future in sorted(done, key=lambda f: f.cancelled() or f.exception() is not None):
                del at_work[future]
                try:
                    result = future.result()
                except Stopped:
                    return False
                if result.number not in results:  # a job may have run twice
                    results[result.number] = result
                    keep(result)
                    yield result
    return True
