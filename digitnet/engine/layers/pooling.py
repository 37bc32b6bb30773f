"""Pooling: pictures become smaller, each window of pixels one pixel."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.buffers import Buffer
from digitnet.engine.layers.base import Layer, Step
from digitnet.engine.types import Array, Shape


@dataclass(frozen=True)
class Winners:
    """Which pixel of each window is the largest: its row in the window, then its column.

    rows (pictures, height, input width, channels), columns (pictures, height, width, channels).
    """

    rows: "np.ndarray[Any, Any]"
    columns: "np.ndarray[Any, Any]"

    def __getitem__(self, pictures: slice) -> "Winners":
        """Those of some of the pictures."""
        return Winners(self.rows[pictures], self.columns[pictures])


class Pool(Layer):
    """Windows of `size` by `size` pixels, side by side; what is left at the edges is left out.

    fused: whether the layer below does it, while its pictures are still in the cache.
    """

    letter = ""
    fused = False
    _kept: Winners | None = None

    def __init__(self, input_shape: Shape, *, size: int, dtype: DTypeLike = np.float32) -> None:
        """Raises ValueError where there are no pictures, or smaller ones than the window."""
        if len(input_shape) != 3:
            raise ValueError("pooling needs pictures, and these are rows of numbers")
        height, width, channels = input_shape
        if not 1 <= size <= min(height, width):
            raise ValueError(f"windows of {size}x{size} do not fit pictures of {height}x{width}")
        self.size, self.text = size, f"{self.letter}{size}"
        super().__init__(input_shape, (height // size, width // size, channels), dtype)
        self._result, self._grad = Buffer(self.shape, dtype), Buffer(input_shape, dtype)

    @abstractmethod
    def down(self, x: Array, out: Array, winners: Winners | None) -> None:
        """out ← the pooled pictures x; `winners`, where given, learns what `up` needs."""

    @abstractmethod
    def up(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """out ← dC/dx for grad = dC/dy, with the winners of `down`."""

    def winners(self, count: int) -> Winners | None:
        """Room for what `up` needs of so many pictures, if it does."""
        return None

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The pooled pictures, unless the layer below has made them already."""
        if self.fused:
            return x
        self._kept = self.winners(len(x)) if step else None
        result: Array = self._result(len(x))
        self.down(x, result, self._kept)
        return result

    def backward(self, grad: Array) -> Array | None:
        """What each window's pixels had to do with it."""
        if self.fused:
            return grad
        result: Array = self._grad(len(grad))
        self.up(grad, self._kept, result)
        return result

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which pixel of each window is the largest, where that matters."""
        return [] if self.fused or self._kept is None else [self._kept.rows, self._kept.columns]

    def config(self) -> dict[str, Any]:
        """The side of the window."""
        return {"size": self.size}


class MaxPool(Pool):
    """Each window's largest pixel: y = max x; back, the largest has all of the gradient.

    Of equal pixels the first is the largest (Zhou and Chellappa 1988, IEEE ICNN).
    """

    kind, letter = "max_pool", "p"

    def __init__(self, input_shape: Shape, *, size: int, dtype: DTypeLike = np.float32) -> None:
        """Raises ValueError where there are no pictures, or smaller ones than the window."""
        super().__init__(input_shape, size=size, dtype=dtype)
        height, width, channels = self.shape
        self._rows = Buffer((height, input_shape[1], channels), np.uint8)
        self._columns = Buffer((height, width, channels), np.uint8)

    def winners(self, count: int) -> Winners:
        """Room for the winners of so many pictures, until the next call."""
        return Winners(self._rows(count), self._columns(count))

    def down(self, x: Array, out: Array, winners: Winners | None) -> None:
        """First along the columns of each window, then along its rows."""
        k, (height, width, _) = self.size, self.shape
        pixels = x[:, : height * k]
        lines = [pixels[:, i::k] for i in range(k)]
        tall = _largest(lines, None if winners is None else winners.rows)
        tall = tall[:, :, : width * k]
        columns = [tall[:, :, i::k] for i in range(k)]
        _largest(columns, None if winners is None else winners.columns, out)

    def up(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """To the winning column, then to the winning row."""
        assert winners is not None  # `down` was given them
        k, (height, width, _) = self.size, self.shape
        tall = np.empty(winners.rows.shape, grad.dtype)
        tall[:, :, width * k :] = 0
        out[:, height * k :] = 0
        _to_winner(grad, winners.columns, [tall[:, :, i : width * k : k] for i in range(k)])
        _to_winner(tall, winners.rows, [out[:, i : height * k : k] for i in range(k)])


def _largest(candidates: list[Array], winner: Any, out: Array | None = None) -> Array:
    """The largest of the candidates, number by number; `winner` ← which it is, if wanted."""
    largest, *others = candidates
    if winner is not None:
        winner[...] = 0
    for number, candidate in enumerate(others, 1):
        if winner is not None and number == 1:
            np.greater(candidate, largest, out=winner.view(np.bool_))
        elif winner is not None:
            np.copyto(winner, number, where=candidate > largest)
        largest = np.maximum(largest, candidate, out=out)
    if out is not None and not others:
        out[...] = largest
    return largest


def _to_winner(grad: Array, winner: Any, candidates: list[Array]) -> None:
    """Each candidate ← grad where it is the winner, 0 elsewhere."""
    for number, candidate in enumerate(candidates):
        np.multiply(grad, winner == number, out=candidate)


class AveragePool(Pool):
    """Each window's mean: y = Σ x / size²; back, each pixel has its share (LeCun et al. 1998)."""

    kind, letter = "average_pool", "a"

    def down(self, x: Array, out: Array, winners: Winners | None) -> None:
        """Sums over the windows, by their pixels."""
        k, (height, width, _) = self.size, self.shape
        out[...] = 0
        for i in range(k):
            for j in range(k):
                out += x[:, i : height * k : k, j : width * k : k]
        out /= k * k

    def up(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """An equal share to each pixel."""
        k, (height, width, _) = self.size, self.shape
        out[:, height * k :] = 0
        out[:, :, width * k :] = 0
        grad /= k * k
        for i in range(k):
            for j in range(k):
                out[:, i : height * k : k, j : width * k : k] = grad
