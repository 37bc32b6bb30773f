"""The matrix products and vector sums of the engine, all through one BLAS.

numpy and scipy each carry a BLAS with threads of its own, and the two pools fight for the cores
when both are used. Every large product here goes through scipy's, because it alone can accumulate
into a given array (`beta`), which saves a temporary and a pass over memory for each gradient;
numpy's is kept to one thread.

BLAS thinks in columns. A C-ordered matrix read as columns is its transpose, so C = A B is asked
for as Cᵀ = Bᵀ Aᵀ with transposed *views*: nothing is copied and C is written in place.
"""

from functools import cache
from os import cpu_count
from typing import Any

import numpy as np
from scipy.linalg.blas import daxpy, dgemm, saxpy, sgemm
from threadpoolctl import ThreadpoolController

from digitnet.engine.types import Array

WORTH_SHARING = 40_000_000
"""Multiplications from which on a product is divided among threads. They wait for each other
actively, so with less to do they gain little on an idle machine, and on a busy one, where one of
them does not get its turn, a product can take a hundred times as long."""


class _Threads:
    """How many threads scipy's BLAS may use: now, and at the most."""

    def __init__(self) -> None:
        controller = ThreadpoolController().select(user_api="blas")
        pools: list[Any] = controller.lib_controllers
        for pool in pools:
            if len(pools) > 1 and "numpy" in str(pool.filepath):
                pool.set_num_threads(1)
        self._pools = [p for p in pools if len(pools) == 1 or "numpy" not in str(p.filepath)]
        self.most = max((int(pool.get_num_threads()) for pool in self._pools), default=1)
        self._now = 0

    def use(self, count: int) -> None:
        """Lets the next products use `count` threads."""
        if count != self._now:
            for pool in self._pools:
                pool.set_num_threads(count)
            self._now = count


@cache
def _threads() -> _Threads:
    """The threads of this process, looked up when they are first needed."""
    return _Threads()


def set_threads(count: int) -> None:
    """Lets every product use up to `count` threads from now on.

    Raises ValueError for more than the machine has cores.
    """
    if not 1 <= count <= (cpu_count() or 1):
        raise ValueError(f"this machine has {cpu_count()} cores")
    _threads().most = count


def threads() -> int:
    """How many threads a large product may use."""
    return _threads().most


def product(
    a: Array,
    b: Array,
    into: Array,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    scale: float = 1.0,
    keep: float = 0.0,
) -> None:
    """Into ← scale · op(a) op(b) + keep · into, where op(x) is x or its transpose.

    Shapes: op(a) (m, k), op(b) (k, n), into (m, n); all C-contiguous and of one dtype.
    BLAS level 3, `xGEMM` (Dongarra et al. 1990, ACM TOMS 16(1)).

    Raises ValueError where `into` could not be written in place.
    """
    if not into.flags.c_contiguous:
        raise ValueError("the result of a product must be C-contiguous to be written in place")
    pool = _threads()
    work = into.size * (len(a) if transpose_a else a.shape[1])
    pool.use(pool.most if work >= WORTH_SHARING else 1)
    gemm = sgemm if into.dtype == np.float32 else dgemm
    gemm(
        scale, b.T, a.T, keep, into.T, trans_a=transpose_b, trans_b=transpose_a, overwrite_c=True
    )  # fmt: skip


def add_scaled(scale: float, x: Array, into: Array) -> None:
    """Into ← into + scale · x, both C-contiguous, of one shape and dtype (BLAS level 1, `xAXPY`).

    Raises ValueError where `into` could not be written in place.
    """
    if not (into.flags.c_contiguous and x.flags.c_contiguous):
        raise ValueError("both arrays must be C-contiguous to be added in place")
    axpy = saxpy if into.dtype == np.float32 else daxpy
    axpy(x.reshape(-1), into.reshape(-1), a=scale)
