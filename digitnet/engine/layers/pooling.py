"""Pooling: reduces each window of pixels to one pixel."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.layers.base import Layer, Step
from digitnet.engine.speed.buffers import Buffer
from digitnet.engine.types import Array, Shape


@dataclass(frozen=True)
class Winners:
    """Which pixel of each window is the largest: its row and its column in the window.

    rows: (pictures, height, input width, channels), the winning row of each input column.
    columns: (pictures, height, width, channels).
    """

    rows: "np.ndarray[Any, Any]"
    columns: "np.ndarray[Any, Any]"

    def __getitem__(self, pictures: slice) -> "Winners":
        """The winners of these pictures."""
        return Winners(self.rows[pictures], self.columns[pictures])


class Pool(Layer):
    """Pooling over adjacent windows of `size` by `size` pixels; incomplete windows are ignored.

    fused: True if the convolution below does the pooling, while its outputs are in the cache.
    """

    letter = ""
    fused = False
    _winners: Winners | None = None

    def __init__(self, input_shape: Shape, *, size: int, dtype: DTypeLike = np.float32) -> None:
        """Raises ValueError if the input is not pictures, or smaller than the window."""
        if len(input_shape) != 3:
            raise ValueError("pooling needs pictures, and these are rows of numbers")
        height, width, channels = input_shape
        if not 1 <= size <= min(height, width):
            raise ValueError(f"windows of {size}x{size} do not fit pictures of {height}x{width}")
        self.size, self.text = size, f"{self.letter}{size}"
        super().__init__(input_shape, (height // size, width // size, channels), dtype)
        self._result, self._grad = Buffer(self.shape, dtype), Buffer(input_shape, dtype)

    @abstractmethod
    def downsample(self, x: Array, out: Array, winners: Winners | None) -> None:
        """out ← pooled x. `winners`, if given, is filled with what `upsample` needs."""

    @abstractmethod
    def upsample(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """out ← dC/dx for grad = dC/dy, with the winners found by `downsample`."""

    def winner_buffers(self, count: int) -> Winners | None:
        """Buffers for the winners of `count` pictures; None if `upsample` needs none."""
        return None

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The pooled pictures; x itself if the layer below has pooled them already."""
        if self.fused:
            return x
        self._winners = self.winner_buffers(len(x)) if step else None
        result: Array = self._result(len(x))
        self.downsample(x, result, self._winners)
        return result

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx; grad itself if pooling is fused."""
        if self.fused:
            return grad
        result: Array = self._grad(len(grad))
        self.upsample(grad, self._winners, result)
        return result

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which pixel of each window is the largest, for max pooling."""
        if self.fused or self._winners is None:
            return []
        return [self._winners.rows, self._winners.columns]

    def config(self) -> dict[str, Any]:
        """The window size."""
        return {"size": self.size}


class MaxPool(Pool):
    """y = max x over each window; backward, the largest pixel gets the whole gradient.

    Among equal pixels the first wins (Zhou and Chellappa 1988, IEEE ICNN).
    """

    kind, letter = "max_pool", "p"

    def __init__(self, input_shape: Shape, *, size: int, dtype: DTypeLike = np.float32) -> None:
        """Raises ValueError if the input is not pictures, or smaller than the window."""
        super().__init__(input_shape, size=size, dtype=dtype)
        height, width, channels = self.shape
        self._rows = Buffer((height, input_shape[1], channels), np.uint8)
        self._columns = Buffer((height, width, channels), np.uint8)

    def winner_buffers(self, count: int) -> Winners:
        """Buffers for the winners of `count` pictures, reused by the next call."""
        return Winners(self._rows(count), self._columns(count))

    def downsample(self, x: Array, out: Array, winners: Winners | None) -> None:
        """Takes the maximum over the rows of each window, then over its columns."""
        k, (height, width, _) = self.size, self.shape
        pixels = x[:, : height * k]
        lines = [pixels[:, i::k] for i in range(k)]
        tall = _largest(lines, None if winners is None else winners.rows)
        tall = tall[:, :, : width * k]
        columns = [tall[:, :, i::k] for i in range(k)]
        _largest(columns, None if winners is None else winners.columns, out)

    def upsample(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """Sends the gradient to the winning column, then to the winning row."""
        assert winners is not None
        k, (height, width, _) = self.size, self.shape
        tall = np.empty(winners.rows.shape, grad.dtype)
        tall[:, :, width * k :] = 0
        out[:, height * k :] = 0
        _to_winner(grad, winners.columns, [tall[:, :, i : width * k : k] for i in range(k)])
        _to_winner(tall, winners.rows, [out[:, i : height * k : k] for i in range(k)])


def _largest(candidates: list[Array], winner: Any, out: Array | None = None) -> Array:
    """The elementwise maximum of the candidates; `winner`, if given, ← its index."""
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
    """Sets each candidate to grad where it is the winner, and to 0 elsewhere."""
    for number, candidate in enumerate(candidates):
        np.multiply(grad, winner == number, out=candidate)


class AveragePool(Pool):
    """y = Σ x / size²; backward, each pixel gets dC/dy / size² (LeCun et al. 1998)."""

    kind, letter = "average_pool", "a"

    def downsample(self, x: Array, out: Array, winners: Winners | None) -> None:
        """Adds up the windows, one pixel of all windows at a time."""
        k, (height, width, _) = self.size, self.shape
        out[...] = 0
        for i in range(k):
            for j in range(k):
                out += x[:, i : height * k : k, j : width * k : k]
        out /= k * k

    def upsample(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """Divides the gradient equally among the pixels of a window."""
        k, (height, width, _) = self.size, self.shape
        out[:, height * k :] = 0
        out[:, :, width * k :] = 0
        grad /= k * k
        for i in range(k):
            for j in range(k):
                out[:, i : height * k : k, j : width * k : k] = grad
