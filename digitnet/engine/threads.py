"""Threads that share the work of a step.

Work is divided by rows of an array, and each thread always works on the same ones: what it changed
in one step it finds in the cache of its own core in the next. A BLAS with threads of its own
divides every product anew, so that cores keep fetching from each other, and its threads wait
actively, so that two programs on one machine slow each other many times over; here each product
runs in one thread, and idle threads sleep. numpy releases the interpreter's lock in products and
long sums, so Python's own threads will do.

What work costs is counted in multiplications of a large product; the figures were measured.
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

from digitnet.engine.types import Array

WORTH_SHARING = 4_000_000
"""Multiplications for each thread below which handing them out costs more than it gains."""
FEWEST_ROWS = 64
"""Rows for each thread below which products are slow."""
NARROW = 40
"""A product with fewer columns takes as long as with these."""
FINISH = 50
"""What it costs to add a bias to a number and apply an activation."""
UPDATE = 25
"""What it costs an optimiser to change a number."""
POLLING_SECONDS = 0.1
"""Polling interval while waiting for the others: Ctrl-C can swallow a notification."""

Task = Callable[[], None]


def count() -> int:
    """How many threads work may be shared among."""
    return _pool().most


def set_count(number: int) -> None:
    """Lets work be shared among up to `number` threads from now on.

    Raises ValueError for more than the machine has cores.
    """
    if not 1 <= number <= (cpu_count() or 1):
        raise ValueError(f"this machine has {cpu_count()} cores")
    _pool().most = number


@contextmanager
def limited_to(number: int) -> Iterator[None]:
    """While this lasts, work is shared among up to `number` threads."""
    before = count()
    set_count(number)
    try:
        yield
    finally:
        set_count(before)


def limit_blas() -> None:
    """Gives every BLAS loaded so far a single thread; to be called when another was loaded."""
    _pool().limit_blas()


# how work is divided


def product(rows: int, columns: int) -> int:
    """What a product costs for each of the numbers that it sums over."""
    return rows * max(columns, NARROW)


def inputs_of(weights: Array, cases: int) -> tuple[int, int]:
    """The rows of weights (inputs, outputs), and what δ Wᵀ costs for each of them."""
    return len(weights), product(cases, weights.shape[1])


def worth(multiplications: int) -> int:
    """How many threads so many multiplications are worth."""
    return max(1, min(count(), multiplications // WORTH_SHARING))


def divide(rows: int, number: int) -> list[slice]:
    """The rows in so many equal parts."""
    return [slice(rows * k // number, rows * (k + 1) // number) for k in range(number)]


def parts(rows: int, cost: int, fewest: int = 0) -> list[slice]:
    """The rows, of `cost` multiplications each, in equal parts for as many threads as are worth it.

    fewest: rows in a part, at least; FEWEST_ROWS where it is 0.
    """
    return divide(rows, max(1, min(worth(rows * cost), rows // (fewest or FEWEST_ROWS))))


def over(rows: int, cost: int, work: Callable[[slice], None]) -> None:
    """Runs `work` on these parts of the rows, side by side."""
    run([partial(work, part) for part in parts(rows, cost)])


# how it is done


def run(tasks: Sequence[Task]) -> None:
    """Runs the first task here and each other in a thread of its own, until all have ended.

    Whatever is raised, by a task or by Ctrl-C, is raised only then, so that no task still works in
    arrays that are the caller's again. Where the threads are busy, everything is done here.
    """
    first, *others = tasks
    if not others:
        first()
        return
    batch = _Batch(_pool(), others)
    try:
        try:
            if batch.begin():
                first()
            else:
                for task in tasks:
                    task()
        finally:
            batch.end()
    finally:  # once more, where Ctrl-C came in the middle of that
        batch.end()
    for job in batch.jobs:
        if job.failure is not None:
            raise job.failure


class _Job:
    """A task given to another thread, and what became of it."""

    def __init__(self, task: Task, ended: "SimpleQueue[None]") -> None:
        self.task, self.ended = task, ended
        self.finished = False
        self.failure: BaseException | None = None

    def do(self) -> None:
        """Runs the task, once, and says so."""
        if self.finished:
            return
        try:
            self.task()
        except BaseException as failure:  # raised again by the thread that gave the task
            self.failure = failure
        self.finished = True
        self.ended.put(None)


class _Pool:
    """The threads of this process. busy_with: the batch they work on."""

    def __init__(self) -> None:
        most = max((int(pool.get_num_threads()) for pool in _blas_pools()), default=1)
        self.most = min(most, cpu_count() or 1)
        self.limit_blas()
        self.lock = Lock()
        self.busy_with: _Batch | None = None
        self._queues: list[SimpleQueue[_Job]] = []

    def limit_blas(self) -> None:
        for pool in _blas_pools():
            pool.set_num_threads(1)

    def queue(self, number: int) -> "SimpleQueue[_Job]":
        """Where the thread of this number finds its jobs; it is started when first needed."""
        while len(self._queues) <= number:
            jobs: SimpleQueue[_Job] = SimpleQueue()
            Thread(target=_work, args=(jobs,), daemon=True).start()
            self._queues.append(jobs)
        return self._queues[number]


@cache
def _pool() -> _Pool:
    """The threads, made when they are first needed."""
    return _Pool()


def _blas_pools() -> list[Any]:
    """The threads of every BLAS loaded so far."""
    pools: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return pools


def _work(jobs: "SimpleQueue[_Job]") -> None:
    """What a thread does, for ever."""
    with np.errstate(all="ignore"):  # what is not finite is found where results are looked at
        while True:
            jobs.get().do()


class _Batch:
    """Tasks that are handed out to the threads together."""

    def __init__(self, pool: _Pool, tasks: Sequence[Task]) -> None:
        self.pool, self.tasks = pool, tasks
        self.jobs: list[_Job] = []
        self.handed_out = False
        self.ended: SimpleQueue[None] = SimpleQueue()

    def begin(self) -> bool:
        """Hands the tasks out, if the threads are free."""
        with self.pool.lock:
            if self.pool.busy_with is None:
                self.pool.busy_with = self
        if self.pool.busy_with is not self:
            return False
        self.jobs = [_Job(task, self.ended) for task in self.tasks]
        self._hand_out()
        self.handed_out = True
        return True

    def _hand_out(self) -> None:
        for number, job in enumerate(self.jobs):
            self.pool.queue(number).put(job)

    def end(self) -> None:
        """Waits until all have ended, and frees the threads; Ctrl-C is raised after that."""
        interrupt: KeyboardInterrupt | None = None
        while self.pool.busy_with is self:
            try:
                if not self.handed_out:  # or only some; no job is done twice
                    self._hand_out()
                for job in self.jobs:
                    while not job.finished:
                        with suppress(Empty):
                            self.ended.get(timeout=POLLING_SECONDS)
                self.pool.busy_with = None
            except KeyboardInterrupt as found:
                interrupt = found
        if interrupt is not None:
            raise interrupt
