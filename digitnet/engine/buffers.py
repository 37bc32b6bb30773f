"""Buffers: arrays that are allocated once, for the largest batch seen, and then lent out."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.types import Shape


class Buffer:
    """Room for a batch of arrays of one shape: `buffer(count)` lends the first `count` of them.

    The content is whatever the last borrower left.
    """

    def __init__(self, shape: Shape, dtype: DTypeLike) -> None:
        """Nothing is allocated yet."""
        self._array: np.ndarray[Any, Any] = np.empty((0, *shape), dtype)

    def __call__(self, count: int) -> "np.ndarray[Any, Any]":
        """An array (count, *shape), valid until the next call."""
        if count > len(self._array):
            self._array = np.empty((count, *self._array.shape[1:]), self._array.dtype)
        return self._array[:count]
