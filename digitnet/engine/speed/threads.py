"""A thread pool for the arithmetic of a training step.

Work is divided by rows of an array, and each thread always gets the same rows, which it finds in
the cache of its core in the next step. BLAS's own threads divide each product differently, so cores
fetch data from one another, and they spin while idle, so two programs on one machine slow each
other down severely. Here each product runs in one thread, and idle threads sleep. numpy releases
the interpreter lock in products and long sums, so Python threads are sufficient.

The cost of work is counted in multiplications of a large product; the constants were measured.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from os import cpu_count
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

MIN_WORK = 4_000_000
"""Multiplications per thread below which starting another thread costs more than it gains."""

MIN_ROWS = 64
"""Rows per thread below which products are slow."""

NARROW = 40
"""A product with fewer columns takes as long as one with this many."""

ACTIVATION_COST = 50
"""Cost of adding a bias to a number and applying an activation."""

UPDATE_COST = 25
"""Cost of updating a parameter."""

POLLING_SECONDS = 0.1
"""Polling interval while waiting for jobs: Ctrl-C can swallow a notification."""

Task = Callable[[], None]


def count() -> int:
    return _pool().limit


def set_count(number: int) -> None:
    """Sets the maximum number of threads.

    Raises ValueError for less than one and for more than the machine has cores.
    """
    if not 1 <= number <= (cpu_count() or 1):
        raise ValueError(f"this machine has {cpu_count()} cores")
    _pool().limit = number


@contextmanager
def limited_to(number: int) -> Iterator[None]:
    before = count()
    set_count(number)
    try:
        yield
    finally:
        set_count(before)


def limit_blas() -> None:
    """Limits every loaded BLAS to one thread. Call it again after another BLAS is loaded."""
    _pool().limit_blas()


def product_cost(rows: int, columns: int) -> int:
    """Cost of a product, (rows, n) times (n, columns), for each of the n terms of its sums."""
    return rows * max(columns, NARROW)


def worthwhile(multiplications: int) -> int:
    """The number of threads that pays off for this many multiplications."""
    return max(1, min(count(), multiplications // MIN_WORK))


def divide(rows: int, number: int) -> list[slice]:
    return [slice(rows * k // number, rows * (k + 1) // number) for k in range(number)]


def parts(rows: int, cost: int, minimum: int = 0) -> list[slice]:
    """Divides rows that cost `cost` multiplications each among as many threads as pay off.

    minimum: the fewest rows in a part; 0 stands for MIN_ROWS.
    """
    return divide(rows, max(1, min(worthwhile(rows * cost), rows // (minimum or MIN_ROWS))))


def for_rows(rows: int, cost: int, work: Callable[[slice], None], minimum: int = 0) -> None:
    """Runs `work` on the `parts` of the rows in parallel."""
    run([partial(work, part) for part in parts(rows, cost, minimum)])


def run(tasks: Sequence[Task]) -> None:
    """Runs the first task in this thread and the others in the pool, and waits for all of them.

    Exceptions, including KeyboardInterrupt, are raised after all tasks have ended, so no task is
    still writing to the caller's arrays. If the pool is busy, all tasks run in this thread.
    """
    first, *others = tasks
    if not others:
        first()
        return
    batch = _Batch(_pool(), others)
    try:
        try:
            if batch.start():
                first()
            else:
                for task in tasks:
                    task()
        finally:
            batch.end()
    finally:  # again, in case Ctrl-C arrived before the wait began
        batch.end()
    for job in batch.jobs:
        if job.failure is not None:
            raise job.failure


class _Job:
    """A task given to a pool thread, and how it ended."""

    def __init__(self, task: Task, ended: "SimpleQueue[None]") -> None:
        self.task, self.ended = task, ended
        self.finished = False
        self.failure: BaseException | None = None

    def do(self) -> None:
        """Runs the task unless it has run before, and signals its end."""
        if self.finished:
            return
        try:
            self.task()
        except BaseException as failure:  # raised again by `run`
            self.failure = failure
        self.finished = True
        self.ended.put(None)


class _Pool:
    """The threads of this process. active_batch: the batch they are running."""

    def __init__(self) -> None:
        limit = max((int(pool.get_num_threads()) for pool in _blas_pools()), default=1)
        self.limit = min(limit, cpu_count() or 1)
        self.limit_blas()
        self.lock = Lock()
        self.active_batch: _Batch | None = None
        self._queues: list[SimpleQueue[_Job]] = []

    def limit_blas(self) -> None:
        for pool in _blas_pools():
            pool.set_num_threads(1)

    def queue(self, number: int) -> "SimpleQueue[_Job]":
        """The job queue of the thread with this number, which is started when first needed."""
        while len(self._queues) <= number:
            jobs: SimpleQueue[_Job] = SimpleQueue()
            Thread(target=_worker, args=(jobs,), daemon=True).start()
            self._queues.append(jobs)
        return self._queues[number]


@cache
def _pool() -> _Pool:
    return _Pool()


def _blas_pools() -> list[Any]:
    """The thread pools of every BLAS loaded so far."""
    pools: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return pools


def _worker(jobs: "SimpleQueue[_Job]") -> None:
    with np.errstate(all="ignore"):  # non-finite numbers are detected in the results
        while True:
            jobs.get().do()


class _Batch:
    """Tasks that are submitted to the pool together."""

    def __init__(self, pool: _Pool, tasks: Sequence[Task]) -> None:
        self.pool, self.tasks = pool, tasks
        self.jobs: list[_Job] = []
        self.submitted = False
        self.ended: SimpleQueue[None] = SimpleQueue()

    def start(self) -> bool:
        """Submits the tasks if the pool is free; returns whether it was."""
        with self.pool.lock:
            if self.pool.active_batch is None:
                self.pool.active_batch = self
        if self.pool.active_batch is not self:
            return False
        self.jobs = [_Job(task, self.ended) for task in self.tasks]
        self._submit()
        self.submitted = True
        return True

    def _submit(self) -> None:
        for number, job in enumerate(self.jobs):
            self.pool.queue(number).put(job)

    def end(self) -> None:
        """Waits until all jobs have ended and frees the pool; then raises KeyboardInterrupt if
        Ctrl-C was pressed meanwhile.
        """
        interrupt: KeyboardInterrupt | None = None
        while self.pool.active_batch is self:
            try:
                if not self.submitted:  # or only in part; no job runs twice
                    self._submit()
                for job in self.jobs:
                    while not job.finished:
                        with suppress(Empty):
                            self.ended.get(timeout=POLLING_SECONDS)
                self.pool.active_batch = None
            except KeyboardInterrupt as found:
                interrupt = found
        if interrupt is not None:
            raise interrupt
