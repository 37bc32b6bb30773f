"""Buffers: arrays allocated once, for the largest batch so far, and reused."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.types import Shape


class Buffer:
    """A reusable array for batches: `buffer(count)` returns the first `count` rows, uncleared."""

    def __init__(self, shape: Shape, dtype: DTypeLike) -> None:
        """shape: of one row. Allocates nothing yet."""
        self._array: np.ndarray[Any, Any] = np.empty((0, *shape), dtype)

    def __call__(self, count: int) -> "np.ndarray[Any, Any]":
        """An array (count, *shape), which shares memory with that of the last call."""
        if count > len(self._array):
            self._array = np.empty((count, *self._array.shape[1:]), self._array.dtype)
        return self._array[:count]
