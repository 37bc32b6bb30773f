"""Max pooling by comparing whole arrays: the rows of all windows, then their columns."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from digitnet.engine.arrays import Array, Buffer
from digitnet.engine.layers import Step
from digitnet.engine.pictures import MaxPool


@dataclass(frozen=True)
class Winners:
    """Which pixel of each window is the largest: its row and its column in the window.

    rows: (pictures, height, input width, channels), the winning row of each input column.
    columns: (pictures, height, width, channels).
    """

    rows: "np.ndarray[Any, Any]"
    columns: "np.ndarray[Any, Any]"

    def __getitem__(self, pictures: slice) -> "Winners":
        return Winners(self.rows[pictures], self.columns[pictures])


class FastPool:
    def __init__(self, layer: MaxPool) -> None:
        self.layer = layer
        height, width, channels = layer.shape
        self._rows = Buffer((height, layer.input_shape[1], channels), np.uint8)
        self._columns = Buffer((height, width, channels), np.uint8)
        self._result, self._into = (
            Buffer(shape, layer.dtype) for shape in (layer.shape, layer.input_shape)
        )

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The pooled pictures, valid until the next call."""
        self.winners = self.winner_buffers(len(x)) if step else None
        result: Array = self._result(len(x))
        self.downsample(x, result, self.winners)
        return result

    def backward(self, grad: Array) -> Array | None:
        assert self.winners is not None
        into: Array = self._into(len(grad))
        self.upsample(grad, self.winners, into)
        return into

    def winner_buffers(self, count: int) -> Winners:
        """Buffers for the winners of `count` pictures, reused by the next call."""
        return Winners(self._rows(count), self._columns(count))

    def downsample(self, x: Array, out: Array, winners: Winners | None) -> None:
        """out ← the maximum of each window; `winners`, if given, ← where it is."""
        k, (height, width, _) = self.layer.size, self.layer.shape
        lines = [x[:, i : height * k : k] for i in range(k)]
        tall = _largest(lines, winners and winners.rows)[:, :, : width * k]
        columns = [tall[:, :, i::k] for i in range(k)]
        _largest(columns, winners and winners.columns, out)

    def upsample(self, grad: Array, winners: Winners, out: Array) -> None:
        """out ← dC/dx: the gradient goes to the winning column, then to the winning row."""
        k, (height, width, _) = self.layer.size, self.layer.shape
        tall = np.empty(winners.rows.shape, grad.dtype)
        tall[:, :, width * k :] = 0
        out[:, height * k :] = 0
        for i in range(k):
            np.multiply(grad, winners.columns == i, out=tall[:, :, i : width * k : k])
        for i in range(k):
            np.multiply(tall, winners.rows == i, out=out[:, i : height * k : k])


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
