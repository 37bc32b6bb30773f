"""Matrix products and other arithmetic, divided among threads.

Work is divided by rows of an array, and each thread always gets the same rows, which it finds in
the cache of its core in the next step. BLAS's own threads divide each product differently, so cores
fetch data from one another, and they spin while idle, so two programs on one machine slow each
other down severely. Here each product runs in one thread, and idle threads sleep. numpy releases
the interpreter lock in products and long sums, so Python threads are sufficient.

The cost of work is counted in multiplications of a large product; the constants were measured.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from os import cpu_count
from queue import Empty, SimpleQueue
from threading import Lock, Thread

import numpy as np
import scipy
from threadpoolctl import threadpool_info, threadpool_limits

from digitnet.engine.arrays import Array
from digitnet.engine.report import Unfit

MIN_WORK = 6_000_000  # multiplications from which another thread gains more than it costs
MIN_ROWS = 64  # rows per thread below which products are slow
MANY_UNITS = 2 * MIN_ROWS  # from which a layer's products are faster unit by unit than by case
FEW_TERMS = 40  # a product whose sums have fewer terms takes as long as one with this many
UPDATE_COST = 25  # cost of updating a parameter
POLLING_SECONDS = 0.1  # polling interval while waiting for tasks: Ctrl-C can swallow a notification


Finish = Callable[[Array, slice], object]  # what a thread does to its products, of these units


def no_finish(products: Array, units: slice) -> None:
    """Leaves them as they are."""


def by_case(x: Array, weights: Array, finish: Finish = no_finish) -> Array:
    """x W, (cases, units), for x (cases, inputs). Each thread computes cases of its own."""
    result = np.empty((len(x), weights.shape[1]), weights.dtype)

    def multiply(cases: slice) -> None:
        np.matmul(x[cases], weights, out=result[cases])
        finish(result[cases], slice(None))

    for_rows(len(x), weights.size, multiply)
    return result


def by_unit(x: Array, weights: Array, finish: Finish = no_finish) -> Array:
    """The same for weights stored unit by unit, in less time: each thread computes units of its
    own, and the outputs of a unit are in a row.
    """
    result = np.empty((weights.shape[1], len(x)), weights.dtype)
    used = used_columns(x, len(result)) or slice(None)

    def multiply(units: slice) -> None:
        np.matmul(weights.T[units, used], x.T[used], out=result[units])
        finish(result[units].T, units)

    for_rows(len(result), product_cost(*x.shape), multiply)
    return result.T


def used_columns(x: Array, rows: int) -> slice | None:
    """From the first to the last column of inputs that is not 0 in every case: pictures have dark
    margins, a tenth of all pixels in mini-batches of MNIST. None if it does not pay to look, as for
    a product of few `rows`.
    """
    if rows < MANY_UNITS or x.size * rows < MIN_WORK or not x.flags.c_contiguous:
        return None
    whole = x.view(np.uint32 if x.itemsize == 4 else np.uint64)
    used = np.flatnonzero(np.bitwise_or.reduce(whole, axis=0))
    return slice(used[0], used[-1] + 1) if used.size else slice(0, 1)


class Outer:
    """aᵀ b for a (cases, rows) and b (cases, columns): rows are multiplied when asked for."""

    def __init__(self, a: Array, b: Array) -> None:
        self.a, self.b, self.used = a, b, used_columns(b, a.shape[1])

    def __getitem__(self, rows: slice) -> Array:
        a, b, used = self.a.T[rows], self.b, self.used
        if used is None:
            return a @ b
        product = np.empty((len(a), b.shape[1]), b.dtype)
        np.matmul(a, b[:, used], out=product[:, used])
        product[:, : used.start] = product[:, used.stop :] = 0
        return product


def times_transposed(delta: Array, weights: Array) -> Array:
    """δ Wᵀ, (cases, inputs). Each thread computes inputs of its own."""
    result = np.empty((len(weights), len(delta)), weights.dtype)

    def multiply(inputs: slice) -> None:
        np.matmul(weights[inputs], delta.T, out=result[inputs])

    for_rows(len(result), product_cost(*delta.shape), multiply)
    return result.T


MANY = 1 << 19  # parameters from which the time to load scipy's BLAS, 0.2 s, is soon gained back
Adder = Callable[[Array, float, Array], None]  # (y, a, x): y ← y + a x, for C-contiguous arrays


def add(y: Array, a: float, x: Array) -> None:
    y += a * x


def adder(numbers: int) -> Adder:
    """What adds most quickly in the training of so many parameters: BLAS takes one pass over the
    arrays instead of two. It depends on nothing else, as the two round differently.
    """
    return add if numbers < MANY else _add_by_blas()


@cache
def _add_by_blas() -> Adder:
    axpy = {
        np.dtype(np.float32): scipy.linalg.blas.saxpy,
        np.dtype(np.float64): scipy.linalg.blas.daxpy,
    }
    limit_blas()

    def add(y: Array, a: float, x: Array) -> None:
        assert y.flags.c_contiguous  # of any other, reshape would make a copy
        axpy[y.dtype](x.reshape(-1), y.reshape(-1), a=a)

    return add


Task = Callable[[], object]


def count() -> int:
    return _pool().limit


def set_count(number: int) -> None:
    """Sets the maximum number of threads. Raises Unfit for more than the machine has cores."""
    if not 1 <= number <= (cpu_count() or 1):
        raise Unfit(f"this machine has {cpu_count()} cores. Example: set threads 1")
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
    threadpool_limits(1, "blas")


def product_cost(cases: int, terms: int) -> int:
    """Cost of a row of a product: a sum of so many terms for each case."""
    return cases * max(terms, FEW_TERMS)


def worthwhile(multiplications: int) -> int:
    return max(1, min(count(), multiplications // MIN_WORK))


def divide(rows: int, number: int) -> list[slice]:
    return [slice(rows * k // number, rows * (k + 1) // number) for k in range(number)]


def parts(rows: int, cost: int, minimum: int = 0) -> list[slice]:
    """Divides rows that cost `cost` multiplications each among as many threads as pay off. minimum:
    the fewest rows in a part; 0 stands for MIN_ROWS.
    """
    return divide(rows, max(1, min(worthwhile(rows * cost), rows // (minimum or MIN_ROWS))))


def for_rows(rows: int, cost: int, work: Callable[[slice], None], minimum: int = 0) -> None:
    if worthwhile(rows * cost) == 1:
        work(slice(0, rows))
        return
    run([partial(work, part) for part in parts(rows, cost, minimum)])


def run(tasks: Sequence[Task]) -> None:
    """Runs the first task in this thread and the others in the pool, or all here if it is busy.

    Exceptions, including KeyboardInterrupt, are raised after all tasks have ended, so no task is
    still writing to the caller's arrays.
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
    if batch.failures:
        raise batch.failures[0]


class _Pool:
    """The threads of this process. active_batch: the batch they are running."""

    def __init__(self) -> None:
        blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
        cores, wanted = cpu_count() or 1, os.environ.get("OMP_NUM_THREADS", "")
        usual = max(1, int(wanted)) if wanted.isdecimal() else cores  # of an unknown BLAS
        self.limit = min(max(blas, default=usual), cores)
        limit_blas()
        self.lock = Lock()
        self.active_batch: _Batch | None = None
        self._queues: list[SimpleQueue[Task]] = []

    def queue(self, number: int) -> "SimpleQueue[Task]":
        """The task queue of the thread with this number, which is started when first needed."""
        while len(self._queues) <= number:
            tasks: SimpleQueue[Task] = SimpleQueue()
            Thread(target=_work, args=(tasks,), daemon=True).start()
            self._queues.append(tasks)
        return self._queues[number]


@cache
def _pool() -> _Pool:
    return _Pool()


if sys.platform != "win32":  # a fork copies the queues, but not the threads that read them
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _work(tasks: "SimpleQueue[Task]") -> None:
    with np.errstate(all="ignore"):  # non-finite numbers are detected in the results
        while True:
            tasks.get()()


class _Batch:
    """Tasks submitted to the pool together. ended: the numbers of those that have ended."""

    def __init__(self, pool: _Pool, tasks: Sequence[Task]) -> None:
        self.pool, self.tasks = pool, tasks
        self.is_submitted = False
        self.ended: set[int] = set()
        self.failures: list[BaseException] = []
        self._endings: SimpleQueue[None] = SimpleQueue()

    def start(self) -> bool:
        with self.pool.lock:
            if self.pool.active_batch is not None:
                return False
            self.pool.active_batch = self
        self._submit()
        return True

    def _submit(self) -> None:
        for number in range(len(self.tasks)):
            self.pool.queue(number).put(partial(self._do, number))
        self.is_submitted = True

    def _do(self, number: int) -> None:
        """Runs a task unless it has run before, and signals its end."""
        if number in self.ended:
            return
        try:
            self.tasks[number]()
        except BaseException as failure:  # raised again by `run`
            self.failures.append(failure)
        self.ended.add(number)
        self._endings.put(None)

    def end(self) -> None:
        """Waits until all tasks have ended and frees the pool; then raises KeyboardInterrupt, if
        any.
        """
        interrupt: KeyboardInterrupt | None = None
        while self.pool.active_batch is self:
            try:
                if not self.is_submitted:  # or only in part; no task runs twice
                    self._submit()
                while len(self.ended) < len(self.tasks):
                    with suppress(Empty):
                        self._endings.get(timeout=POLLING_SECONDS)
                self.pool.active_batch = None
            except KeyboardInterrupt as raised:
                interrupt = raised
        if interrupt is not None:
            raise interrupt
