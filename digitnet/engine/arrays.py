"""Arrays and their types, reusable buffers, and cases: inputs with their targets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[np.floating[Any]]  # float32 or float64; cases in rows
Integers: TypeAlias = NDArray[np.integer[Any]]  # whole numbers: answers, indices
Pixels: TypeAlias = NDArray[np.uint8] | Array  # bytes for pictures, real numbers for tables
Shape: TypeAlias = tuple[int, ...]  # of a case: `(units,)`, or `(height, width, channels)`


def assign(arrays: Iterable[Array], values: Iterable[Array]) -> None:
    """Copies values into arrays of the same shapes, in place."""
    for array, value in zip(arrays, values, strict=True):
        array[...] = value


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


@dataclass(frozen=True)
class Cases:
    """A set of cases."""

    inputs: Pixels  # (cases, inputs); the network is given inputs · scale
    targets: Array  # (cases, outputs), the desired outputs
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.inputs)


class Feeder:
    """Makes batches of cases in buffers allocated once: each batch overwrites the one before."""

    def __init__(self, cases: Cases, dtype: DTypeLike) -> None:
        """dtype: of the batches."""
        inputs, self._cases = cases.inputs.shape[1:], cases
        self._raw, self._x = Buffer(inputs, cases.inputs.dtype), Buffer(inputs, dtype)
        self._y = Buffer(cases.targets.shape[1:], dtype)

    def batch(self, rows: Integers) -> tuple[Array, Array]:
        """The scaled inputs and the targets of the cases in `rows`."""
        raw, x, y = (buffer(len(rows)) for buffer in (self._raw, self._x, self._y))
        # with mode="clip" numpy writes directly to `out`; the default, which checks, uses a buffer
        np.take(self._cases.inputs, rows, axis=0, out=raw, mode="clip")
        np.multiply(raw, self._cases.scale, out=x, dtype=x.dtype)
        y[:] = self._cases.targets[rows]
        return x, y


def answers_of(outputs: Array) -> Integers:
    """The answer for each row: the index of the largest output; for one output, 1 if at least ½."""
    if outputs.shape[1] == 1:
        return (outputs[:, 0] >= 0.5).astype(np.intp)
    largest: Integers = outputs.argmax(axis=1)
    return largest


def one_hot(answers: Integers, outputs: int) -> Array:
    """Targets, (cases, outputs), that are 1 at each case's answer and 0 elsewhere."""
    return np.eye(outputs, dtype=np.float32)[answers]
