"""The matrix products and vector sums of the engine, all through one BLAS.

numpy and scipy each carry a BLAS with threads of its own, and the two pools fight for the cores
when both are used. Every product here goes through scipy's, because it alone can accumulate into
a given array (`beta`), which saves a temporary and a pass over memory for each gradient.

BLAS thinks in columns. A C-ordered matrix read as columns is its transpose, so C = A B is asked
for as Cᵀ = Bᵀ Aᵀ with transposed *views*: nothing is copied and C is written in place.
"""

import numpy as np
from scipy.linalg.blas import daxpy, dgemm, saxpy, sgemm
from threadpoolctl import ThreadpoolController

from digitnet.engine.types import Array


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


def set_threads(count: int) -> None:
    """Lets every BLAS of the process use `count` threads from now on."""
    ThreadpoolController().limit(limits=count, user_api="blas")


def threads() -> int:
    """How many threads a product may use now."""
    pools = ThreadpoolController().select(user_api="blas").info()
    return max((int(pool["num_threads"]) for pool in pools), default=1)
