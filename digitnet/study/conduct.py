"""Conducts a study: runs its trainings in processes or on a cluster, and saves each result."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from math import isfinite
from multiprocessing import get_context, parent_process
from threading import Thread
from time import perf_counter
from typing import Any

from digitnet.digits.datasets import DataSet
from digitnet.engine.report import Report, Stopped, ignore
from digitnet.engine.run import run
from digitnet.engine.speed import threads
from digitnet.recipes import build
from digitnet.registry.model import Model, Result
from digitnet.registry.schema import MAX_FIGURE
from digitnet.study.plan import Job, Plan


def train(job: Job, data: DataSet, report: Report = ignore) -> Result:
    """Trains a new network as the job specifies, in one thread; the same anywhere, bit for bit.

    Raises Stopped if `report` does.
    """
    begun = perf_counter()
    threads.set_count(1)
    _, (accuracy, cost) = trained(job, data, report)
    cost = min(max(cost, 0.0), MAX_FIGURE) if isfinite(cost) else MAX_FIGURE
    return Result(job.number, accuracy, cost, perf_counter() - begun)


def trained(job: Job, data: DataSet, report: Report) -> tuple[Model, tuple[float, float]]:
    """Returns the trained model, its validation accuracy, and its cost on training cases.

    The cost is without penalties, so that networks with different penalties can be compared.
    """
    model = build(job.recipe, job.seed)
    trainer = model.trainer
    seen = data.as_seen(trainer.settings.cases, trainer.settings.pixels, trainer.seed)
    if not job.amount.value:  # not trained
        trainer.measure_statistics(seen.train)
        on_train, on_validation = map(trainer.measure, (seen.train, seen.validation))
        return model, (on_validation.accuracy, on_train.cost - trainer.penalty())
    outcome = run(trainer, seen.train, seen.validation, job.amount, report)
    if outcome.stopped == "interrupted":
        raise Stopped
    return model, (outcome.validation_accuracy, outcome.cost - trainer.penalty())


@dataclass(frozen=True)
class WorkerPool:
    """A set of workers. size: how many jobs they run at a time. submit: starts a job."""

    size: int
    submit: Callable[[Job], Future[Result]]


PoolFactory = Callable[[], AbstractContextManager[WorkerPool]]
"""Makes a context manager for a pool, which is shut down at the end even if jobs are running."""


class NoWorkers(Exception):
    """There are no workers, or they keep breaking; the message says why. Results are kept."""


_data: DataSet | None = None

_given_up: Any = None


def _begin(data: DataSet, given_up: Any) -> None:
    """Initializes a worker process, which ignores Ctrl-C: the parent handles it."""
    global _data, _given_up
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _data, _given_up = data, given_up
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when its parent has died; the processes of a pool would wait forever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _train_in_process(job: Job) -> Result:
    """Runs a job with the data of this process, until the pool is given up."""

    def report(_: object) -> None:
        if _given_up.is_set():
            raise Stopped

    assert _data is not None
    return train(job, _data, report)


@contextmanager
def processes(data: DataSet, size: int) -> Iterator[WorkerPool]:
    """A pool of `size` processes on this machine."""
    context = get_context("spawn")  # a fork would copy running threads
    given_up = context.Event()
    executor = ProcessPoolExecutor(size, context, _begin, (data, given_up))
    try:
        yield WorkerPool(size, lambda job: executor.submit(_train_in_process, job))
    finally:
        given_up.set()
        executor.shutdown(wait=True, cancel_futures=True)


POLLING_SECONDS = 0.1
"""Interval of reports while no result arrives."""

AHEAD = 4
"""Jobs submitted per worker."""

TRIES = 3
"""Give up after this many pools have broken in a row without a result."""


def conduct(
    plan: Plan,
    results: dict[int, Result],
    new_pool: PoolFactory,
    keep: Callable[[Result], None],
    report: Report = ignore,
) -> None:
    """Runs the jobs that have no result yet; reports each result after `keep` has saved it.

    If a worker dies, its job is run again. Raises NoWorkers if pools keep breaking.
    """
    broken = 0
    while plan.round(results):
        before = len(results)
        try:
            with new_pool() as pool:
                _conduct_with(pool, plan, results, keep, report)
        except (BrokenProcessPool, CancelledError) as error:
            broken = broken + 1 if len(results) == before else 1
            if broken == TRIES:
                raise NoWorkers(str(error) or type(error).__name__) from None


def _conduct_with(
    pool: WorkerPool,
    plan: Plan,
    results: dict[int, Result],
    keep: Callable[[Result], None],
    report: Report,
) -> None:
    while jobs := [job for job in plan.round(results) if job.number not in results]:
        at_work: dict[Future[Result], Job] = {}
        while jobs or at_work:
            while jobs and len(at_work) < AHEAD * pool.size:
                job = jobs.pop(0)
                at_work[pool.submit(job)] = job
            done, _ = wait(at_work, POLLING_SECONDS, FIRST_COMPLETED)
            asked = {future: at_work.pop(future) for future in done}
            failed = {future for future in done if future.cancelled() or future.exception()}
            answers = [(future.result(), asked[future]) for future in done - failed]
            arrived = [result for result, job in answers if _is_result_of(job, result)]
            for result in arrived:  # all of them, before a report may end this
                results[result.number] = result
                keep(result)
            for result in arrived:
                report(result)
            if len(arrived) < len(answers):
                raise NoWorkers("a worker's answer is not a result of the training it was given")
            for future in failed:
                future.result()  # raises what it failed with
            report(None)


def _is_result_of(job: Job, answer: object) -> bool:
    """Whether what came back from a worker is a result that can be saved, and of this job."""
    if not isinstance(answer, Result) or answer.number != job.number:
        return False
    *_, accuracy, cost, seconds = vars(answer).values()
    are_numbers = all(type(number) is float for number in (accuracy, cost, seconds))
    return are_numbers and 0 <= accuracy <= 1 and all(0 <= n <= MAX_FIGURE for n in (cost, seconds))
