"""Runs the trainings of a study, in processes on this machine or on a cluster.

Both use a `concurrent.futures.Executor`, and send the data set once to each process.
"""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from logging import CRITICAL, getLogger
from multiprocessing import get_context
from threading import Thread
from time import sleep
from typing import Any, Protocol

from digitnet.digits.datasets import DataSet
from digitnet.registry.study_record import Result
from digitnet.study.plan import Job
from digitnet.study.work import train

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


# this machine

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


def _do(job: Job) -> Result:
    """Runs a job with the data of this process."""
    assert _data is not None
    return train(job, _data, _given_up.is_set)


class _Processes:
    def __init__(self, executor: Executor, size: int) -> None:
        self.executor, self.size = executor, size

    def submit(self, job: Job) -> "Future[Result]":
        return self.executor.submit(_do, job)


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


# a cluster


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
