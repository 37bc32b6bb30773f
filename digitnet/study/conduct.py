"""Conducting a study: its jobs are handed out, and each result is kept as it arrives."""

from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool

from digitnet.registry.study_record import Result
from digitnet.study.executors import Crew, Hire
from digitnet.study.plan import Job, Plan
from digitnet.study.work import Stopped

POLLING_SECONDS = 0.1
"""Polling interval for `stop`, while nothing arrives."""
AHEAD = 4
"""Jobs handed out for each that is being done."""
TRIES = 3
"""Crews that may break, one after the other, without a result between."""


class Broken(Exception):
    """The crew can do no more, and why; what arrived before is kept."""


def conduct(
    plan: Plan,
    results: dict[int, Result],
    hire: Hire,
    keep: Callable[[Result], None],
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Result, None, bool]:
    """Does the jobs that have no result yet; yields each result once `keep` has returned.

    Returns whether all is done; `stop()` ends it before. A worker that dies costs the job it was
    at, which is done again. Raises Broken where crews keep breaking.
    """
    broken = 0
    while plan.round(results):
        before = len(results)
        try:
            with hire() as crew:
                if not (yield from _do(plan, results, crew, keep, stop)):
                    return False
        except (BrokenProcessPool, CancelledError) as error:
            broken = broken + 1 if len(results) == before else 1
            if broken == TRIES:
                raise Broken(str(error) or type(error).__name__) from None
    return True


def _do(
    plan: Plan,
    results: dict[int, Result],
    crew: Crew,
    keep: Callable[[Result], None],
    stop: Callable[[], bool],
) -> Generator[Result, None, bool]:
    """The same with one crew."""
    while jobs := [job for job in plan.round(results) if job.number not in results]:
        at_work: dict[Future[Result], Job] = {}
        while jobs or at_work:
            while jobs and len(at_work) < AHEAD * crew.size:
                job = jobs.pop(0)
                at_work[crew.submit(job)] = job
            done, _ = wait(at_work, POLLING_SECONDS, FIRST_COMPLETED)
            if stop():
                return False
            # what is done first, so that a crew that breaks takes none of it along
            for future in sorted(done, key=lambda f: f.cancelled() or f.exception() is not None):
                del at_work[future]
                try:
                    result = future.result()
                except Stopped:
                    return False
                if result.number not in results:  # a job can be done twice, and counts once
                    results[result.number] = result
                    keep(result)
                    yield result
    return True
