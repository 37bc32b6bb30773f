"""Batch normalisation: centres and scales each channel, before the activation."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.layers.base import Layer, Parameter, Step
from digitnet.engine.speed import threads
from digitnet.engine.speed.buffers import Buffer
from digitnet.engine.types import Array, Shape

EPSILON = 1e-5
"""Added to the variance, to avoid division by zero."""
TILE = 64_000
"""Numbers processed at a time, few enough to stay in the cache."""
PASSES = 8
"""Cost of one number, in multiplications of a large product."""


class BatchNorm(Layer):
    """a = f(γ (x − μ) / √(σ² + ε) + β), channel by channel (Ioffe and Szegedy 2015, 1502.03167).

    In training, μ and σ² are the mean and variance of the mini-batch, over its cases and positions.
    In evaluation they are the stored statistics, which `Network.measure_statistics` computes from
    training cases. With x̂ = (x − μ) / √(σ² + ε), δ = dC/da · f′ and n numbers per channel:
    dC/dγ = Σ δ x̂, dC/dβ = Σ δ, and
    dC/dx = γ / √(σ² + ε) · (δ − dC/dβ / n − x̂ · dC/dγ / n).
    """

    kind, text = "batch_norm", "b"

    def __init__(
        self, input_shape: Shape, *, activation: str = "linear", dtype: DTypeLike = np.float32
    ) -> None:
        """Starts with γ = 1 and β = 0."""
        super().__init__(input_shape, input_shape, dtype)
        channels = input_shape[-1]
        self.activation = ACTIVATIONS[activation]
        self.gamma: Array = np.ones(channels, dtype)
        self.beta: Array = np.zeros(channels, dtype)
        self.mean: Array = np.zeros(channels, dtype)
        self.variance: Array = np.ones(channels, dtype)
        self.statistics = {"mean": self.mean, "variance": self.variance}
        self.batch_mean, self.batch_variance = self.mean, self.variance
        self._gradients = np.zeros((2, channels), dtype)
        self._a = Buffer(input_shape, dtype)
        self._frozen = True
        self.parameters = [
            Parameter("gamma", self.gamma, False, lambda rows: self._gradients[0, rows]),
            Parameter("beta", self.beta, False, lambda rows: self._gradients[1, rows]),
        ]

    def initialize(self, rng: np.random.Generator) -> None:
        """Sets γ = 1 and β = 0."""
        self.gamma[:], self.beta[:] = 1, 0

    # forward

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The normalised and activated x."""
        self._x = x
        self._frozen = step is None or not step.random
        if self._frozen:
            self.batch_mean, self.batch_variance = self.mean, self.variance
        else:
            self.batch_mean, self.batch_variance = self._moments(x)
        scale = self.gamma / np.sqrt(self.batch_variance + EPSILON)
        shift = self.beta - self.batch_mean * scale
        a: Array = self._a(len(x))
        threads.for_rows(len(x), self._cost(), partial(self._apply, x, a, scale, shift))
        return a

    def _apply(self, x: Array, a: Array, scale: Array, shift: Array, cases: slice) -> None:
        """a ← f(x · scale + shift), for one thread's cases."""
        for rows, out in self._tiles(x[cases], a[cases]):
            np.multiply(rows, scale, out=out)
            out += shift
            self.activation.forward(out)

    def _moments(self, x: Array) -> tuple[Array, Array]:
        """Mean and variance of each channel, combined from those of tiles (Chan et al. 1983)."""
        found: dict[tuple[int, int], tuple[int, Array, Array]] = {}

        def work(cases: slice) -> None:
            for number, (rows,) in enumerate(self._tiles(x[cases])):
                mean = _column_sums(rows) / len(rows)
                centred = rows - mean
                centred *= centred
                found[cases.start, number] = len(rows), mean, _column_sums(centred)

        threads.for_rows(len(x), self._cost(), work)
        tiles = [found[key] for key in sorted(found)]  # always summed in the same order
        count = sum(n for n, _, _ in tiles)
        mean = np.sum([n * m.astype(np.float64) for n, m, _ in tiles], axis=0) / count
        squares = np.sum([s + n * (m - mean) ** 2 for n, m, s in tiles], axis=0)
        return mean.astype(self.dtype), (squares / count).astype(self.dtype)

    # backward

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx, which overwrites grad."""
        inverse = 1 / np.sqrt(self.batch_variance + EPSILON)
        a: Array = self._a(len(grad))
        found: dict[tuple[int, int], tuple[Array, Array]] = {}

        def sums(cases: slice) -> None:
            tiles = self._tiles(grad[cases], a[cases], self._x[cases])
            for number, (g, out, rows) in enumerate(tiles):
                scratch = np.empty_like(g)
                self.activation.backward(out, g, scratch)
                np.subtract(rows, self.batch_mean, out=scratch)
                scratch *= g
                found[cases.start, number] = _column_sums(scratch), _column_sums(g)

        threads.for_rows(len(grad), self._cost(), sums)
        of_gamma, of_beta = zip(*(found[key] for key in sorted(found)), strict=True)
        self._gradients[0] = np.sum(of_gamma, axis=0) * inverse
        self._gradients[1] = np.sum(of_beta, axis=0)
        if self.lowest:
            return None
        scale = self.gamma * inverse
        threads.for_rows(len(grad), self._cost(), partial(self._send_back, grad, scale, inverse))
        return grad

    def _send_back(self, grad: Array, scale: Array, inverse: Array, cases: slice) -> None:
        """grad ← dC/dx = δ A + x B + D for one thread's cases; grad is δ, A, B, D per channel."""
        n = grad.size // len(self.gamma)
        of_gamma, of_beta = self._gradients / n
        b = -scale * inverse * of_gamma
        d = -scale * of_beta - b * self.batch_mean
        for g, rows in self._tiles(grad[cases], self._x[cases]):
            g *= scale
            if not self._frozen:
                g += rows * b
                g += d

    def _tiles(self, *arrays: Array) -> Any:
        """Yields tiles of the arrays, reshaped to (numbers per channel, channels)."""
        channels = len(self.gamma)
        flat = [array.reshape(-1, channels) for array in arrays]
        size = max(1, TILE // channels)
        for start in range(0, len(flat[0]), size):
            yield tuple(array[start : start + size] for array in flat)

    def _cost(self) -> int:
        """Cost of a case, in multiplications."""
        return int(np.prod(self.shape)) * PASSES

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which units are active, for ReLU."""
        return [*self.activation.choices(self._a(len(self._x)))]

    def config(self) -> dict[str, Any]:
        """The activation."""
        return {"activation": self.activation.name}


def _column_sums(rows: Array) -> Array:
    """Σ over the rows. As a product this is fast, and sums by blocks, which is more accurate."""
    sums: Array = np.ones(len(rows), rows.dtype) @ rows
    return sums
