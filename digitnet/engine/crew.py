"""Threads that share the work of a step.

Weights are divided by rows, and each thread always works on the same ones: what it changed in one
step it finds in the cache of its own core in the next. A BLAS with threads of its own divides every
product anew, so that cores keep fetching from each other, and its threads wait actively, so that
two programs on one machine slow each other many times over; here each product runs in one thread,
and whoever has nothing to do sleeps. numpy lets go of the interpreter's lock in products and in
long sums, so Python's own threads will do.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from os import cpu_count
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

WORTH_SHARING = 4_000_000
"""Multiplications for each thread below which handing them out costs more than it gains."""
SLIM = 40
"""A product with fewer columns takes as long as with these."""
FEWEST_ROWS = 64
"""Rows for each thread below which products are slow."""
PATIENCE = 0.1
"""Seconds after which one who waits for the others looks again: an interrupt can cost a word."""

Task = Callable[[], None]


class _Job:
    """A task given to another thread, and what became of it."""

    def __init__(self, task: Task, ended: "SimpleQueue[None]") -> None:
        self.task, self.ended = task, ended
        self.finished = False
        self.failure: BaseException | None = None

    def do(self) -> None:
        """Runs the task and says so; nothing where that is done already."""
        if self.finished:
            return
        try:
            self.task()
        except BaseException as failure:  # raised again by the thread that gave the task
            self.failure = failure
        self.finished = True
        self.ended.put(None)


class _Crew:
    """The threads of this process."""

    def __init__(self) -> None:
        most = max((int(pool.get_num_threads()) for pool in _blas_pools()), default=1)
        self.most = min(most, cpu_count() or 1)
        self.quiet_blas()
        self.lock = Lock()
        self.taken_by: _Shared | None = None
        self._queues: list[SimpleQueue[_Job]] = []

    def quiet_blas(self) -> None:
        """Gives every BLAS loaded so far a single thread."""
        for pool in _blas_pools():
            pool.set_num_threads(1)

    def queue(self, number: int) -> "SimpleQueue[_Job]":
        """Where the thread of this number finds its jobs; it is started when first needed."""
        while len(self._queues) <= number:
            jobs: SimpleQueue[_Job] = SimpleQueue()
            Thread(target=_work, args=(jobs,), daemon=True).start()
            self._queues.append(jobs)
        return self._queues[number]


def _blas_pools() -> list[Any]:
    """The threads of every BLAS loaded so far."""
    pools: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return pools


def _work(jobs: "SimpleQueue[_Job]") -> None:
    """A thread's life."""
    with np.errstate(all="ignore"):  # what is no number is found where results are looked at
        while True:
            jobs.get().do()


@cache
def _crew() -> _Crew:
    """The threads, made when they are first needed."""
    return _Crew()


def quiet_blas() -> None:
    """Lets every BLAS loaded so far work in one thread; to be called when another was loaded."""
    _crew().quiet_blas()


def set_threads(count: int) -> None:
    """Lets work be shared among up to `count` threads from now on.

    Raises ValueError for more than the machine has cores.
    """
    if not 1 <= count <= (cpu_count() or 1):
        raise ValueError(f"this machine has {cpu_count()} cores")
    _crew().most = count


def threads() -> int:
    """How many threads work may be shared among."""
    return _crew().most


def worth(multiplications: int) -> int:
    """How many threads so many multiplications are worth."""
    return max(1, min(threads(), multiplications // WORTH_SHARING))


def divide(rows: int, count: int) -> list[slice]:
    """Equal shares of the rows."""
    return [slice(rows * k // count, rows * (k + 1) // count) for k in range(count)]


def shares(rows: int, cost: int) -> list[slice]:
    """Equal shares of the rows, of `cost` multiplications each, for the threads they are worth."""
    return divide(rows, max(1, min(worth(rows * cost), rows // FEWEST_ROWS)))


def share(rows: int, cost: int, work: Callable[[slice], None]) -> None:
    """Runs `work` on these shares, side by side."""
    run([partial(work, part) for part in shares(rows, cost)])


def run(tasks: Sequence[Task]) -> None:
    """Runs the first task here and each other in a thread of its own, until all have ended.

    Whatever is raised, by a task or by Ctrl-C, is raised only then: nobody goes on working in
    arrays that are the caller's again. Where the threads are taken, all is done here.
    """
    first, *others = tasks
    shared = _Shared(_crew(), others)
    try:
        try:
            if others and shared.begin():
                first()
            else:
                for task in tasks:
                    task()
        finally:
            shared.end()
    finally:  # once more, where Ctrl-C came in the middle of that
        shared.end()
    for job in shared.jobs:
        if job.failure is not None:
            raise job.failure


class _Shared:
    """Tasks that are handed out to the threads."""

    def __init__(self, crew: _Crew, tasks: Sequence[Task]) -> None:
        self.crew, self.tasks = crew, tasks
        self.jobs: list[_Job] = []
        self.handed_out = False
        self.ended: SimpleQueue[None] = SimpleQueue()

    def begin(self) -> bool:
        """Hands the tasks out, if the threads are free."""
        with self.crew.lock:
            if self.crew.taken_by is None:
                self.crew.taken_by = self
        if self.crew.taken_by is not self:
            return False
        self.jobs = [_Job(task, self.ended) for task in self.tasks]
        self._hand_out()
        self.handed_out = True
        return True

    def _hand_out(self) -> None:
        for number, job in enumerate(self.jobs):
            self.crew.queue(number).put(job)

    def end(self) -> None:
        """Waits until all have ended, and frees the threads; Ctrl-C is raised after that."""
        interrupt: KeyboardInterrupt | None = None
        while self.crew.taken_by is self:
            try:
                if not self.handed_out:  # or only some; nobody does one twice
                    self._hand_out()
                for job in self.jobs:
                    while not job.finished:
                        with suppress(Empty):
                            self.ended.get(timeout=PATIENCE)
                self.crew.taken_by = None
            except KeyboardInterrupt as found:
                interrupt = found
        if interrupt is not None:
            raise interrupt
