"""Conducts a study: runs its trainings in processes or on a cluster, and saves each result."""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from logging import CRITICAL, getLogger
from multiprocessing import get_context
from threading import Thread
from time import perf_counter, sleep
from typing import Any, Protocol

from digitnet.digits.datasets import DataSet
from digitnet.engine.run import run
from digitnet.engine.speed import threads
from digitnet.recipes import build
from digitnet.registry.model import Model, Result
from digitnet.study.plan import Job, Plan


class Stopped(Exception):
    """The training was stopped before its end."""


def train(job: Job, data: DataSet, stop: Callable[[], bool] = lambda: False) -> Result:
    """Trains a new network as the job specifies, in one thread; the same anywhere, bit for bit.

    Raises Stopped if `stop()` returns true.
    """
    begun = perf_counter()
    threads.set_count(1)
    _, (accuracy, cost) = trained(job, data, stop)
    return Result(job.number, accuracy, cost, perf_counter() - begun)


def trained(
    job: Job, data: DataSet, stop: Callable[[], bool] = lambda: False
) -> tuple[Model, tuple[float, float]]:
    """Returns the trained model, its validation accuracy, and its cost on training cases.

    The cost is without penalties, so that networks with different penalties can be compared.
    """
    model = build(job.recipe, job.seed)
    settings = model.trainer.settings
    seen = data.as_seen(settings.cases, settings.pixels)
    if not job.amount.value:  # not trained
        model.trainer.measure_statistics(seen.train)
        on_train, on_validation = map(model.trainer.measure, (seen.train, seen.validation))
        return model, (on_validation.accuracy, on_train.cost - model.trainer.penalty())
    reports = run(model.trainer, seen.train, seen.validation, job.amount, stop)
    while True:
        try:
            next(reports)
        except StopIteration as end:
            outcome = end.value
            break
    if outcome.stopped == "interrupted":
        raise Stopped
    return model, (outcome.validation_accuracy, outcome.cost - model.trainer.penalty())


PARENT_SECONDS = 0.5
"""Polling interval for whether the parent process is alive."""

ANSWER_SECONDS = 10
"""Timeout for a cluster's scheduler."""


class WorkerPool(Protocol):
    """A set of workers. size: how many jobs they run at a time."""

    size: int

    def submit(self, job: Job) -> "Future[Result]":
        """Submits a job; returns the future of its result."""


PoolFactory = Callable[[], AbstractContextManager[WorkerPool]]
"""Makes a context manager for a pool, which is shut down at the end even if jobs are running."""


class NoCluster(Exception):
    """The cluster cannot be used; the message says why."""


_data: DataSet | None = None

_given_up: Any = None


def _begin(data: DataSet, given_up: Any) -> None:
    """Initialises a worker process, which ignores Ctrl-C: the parent handles it."""
    global _data, _given_up
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _data, _given_up = data, given_up
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """Ends this process when its parent has died; the processes of a pool would wait forever."""
    while os.getppid() == parent:
        sleep(PARENT_SECONDS)
    os._exit(1)


def _train_in_process(job: Job) -> Result:
    """Runs a job with the data of this process."""
    assert _data is not None
    return train(job, _data, _given_up.is_set)


class _Processes:
    def __init__(self, executor: Executor, size: int) -> None:
        self.executor, self.size = executor, size

    def submit(self, job: Job) -> "Future[Result]":
        return self.executor.submit(_train_in_process, job)


@contextmanager
def processes(data: DataSet, size: int) -> Iterator[WorkerPool]:
    """A pool of `size` processes on this machine."""
    context = get_context("spawn")  # a fork would copy running threads
    given_up = context.Event()
    executor = ProcessPoolExecutor(size, context, _begin, (data, given_up))
    try:
        yield _Processes(executor, size)
    finally:
        given_up.set()
        executor.shutdown(wait=True, cancel_futures=True)


class _Cluster:
    def __init__(self, executor: Executor, data: Any, size: int) -> None:
        self.executor, self.data, self.size = executor, data, size

    def submit(self, job: Job) -> "Future[Result]":
        return self.executor.submit(train, job, self.data)


@contextmanager
def cluster(data: DataSet, address: str) -> Iterator[WorkerPool]:
    """A pool of the workers of a dask scheduler, to each of which the data set is sent first.

    Raises NoCluster if the scheduler does not answer or has no workers, or a package is missing.
    """
    try:
        from distributed import Client
    except ImportError:
        raise NoCluster(
            "--on needs a package that is not installed: pip install distributed"
        ) from None
    for name in ("distributed", "distributed.client", "distributed.core", "distributed.utils"):
        getLogger(name).setLevel(CRITICAL)  # we report errors ourselves
    try:
        client = Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise NoCluster(f"no scheduler answers at {address}: {error}") from None
    try:
        size = sum(client.nthreads().values())
        if not size:
            raise NoCluster(
                f"the scheduler at {address} has no workers: start one with dask worker"
            )
        handed_out = client.scatter(data, broadcast=True)
        # pure=False: a job that is submitted again is run again
        yield _Cluster(client.get_executor(pure=False), handed_out, size)
    finally:
        with suppress(Exception):  # the scheduler may be gone
            client.close(timeout=ANSWER_SECONDS)


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
