"""The three matrix products of a dense layer, divided among threads, and for large batches without
inputs that are 0.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from digitnet.engine.arrays import Array, Buffer, Integers
from digitnet.engine.layers import Dense, Outer, Step
from digitnet.engine.speed import threads

MIN_OUTPUTS, MIN_CASES = 64, 256
"""With fewer outputs or cases, copying the weights of the nonzero inputs takes longer than their
products save.
"""


class FastDense:
    trains_only = False

    def __init__(self, layer: Dense, *, is_lowest: bool) -> None:
        """is_lowest: whether nobody needs the gradient for its input."""
        self.layer, self.is_lowest = layer, is_lowest
        self._sums: list[Buffer] = []  # one for each thread
        self._into = Buffer(layer.input_shape, layer.dtype)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """a = f(x W + b), valid until the next call.

        Each thread sums over its own inputs; the sums are then added, divided by cases.
        """
        count, (inputs, outputs) = len(x), self.layer.weights.shape
        skips = self.is_lowest and count >= MIN_CASES and outputs >= MIN_OUTPUTS
        self._nonzero = NonzeroInputs.of(x) if skips else None
        self._x = x
        parts = threads.parts(inputs, threads.product_cost(count, outputs))
        while len(self._sums) < len(parts):
            self._sums.append(Buffer((outputs,), self.layer.dtype))
        self._a, *others = (self._sums[k](count) for k in range(len(parts)))
        sums = zip(parts, (self._a, *others), strict=True)
        threads.run([partial(self._sum, x, rows, z) for rows, z in sums])

        def finish(cases: slice) -> None:
            for other in others:
                self._a[cases] += other[cases]
            self.layer.activate(self._a[cases])

        threads.for_rows(count, threads.ACTIVATION_COST * outputs, finish)
        return self._a

    def _sum(self, x: Array, rows: slice, z: Array) -> None:
        """z ← x W, summed over these inputs only."""
        weights = self.layer.weights
        if self._nonzero is None:
            np.matmul(x[:, rows], weights[rows], out=z)
        else:
            positions = self._nonzero.positions(rows)
            used = weights[self._nonzero.numbers[positions]]
            np.matmul(self._nonzero.x[:, positions], used, out=z)

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx = δ Wᵀ, where δ = dC/da · f′; None from the lowest layer."""
        layer = self.layer
        layer.to_delta(self._a, grad)
        product = NonzeroOuter(self._nonzero, grad) if self._nonzero else Outer(self._x, grad)
        layer.set_gradients(product, grad.sum(axis=0))
        if self.is_lowest:
            return None
        into: Array = self._into(len(grad))

        def work(inputs: slice) -> None:
            np.matmul(grad, layer.weights[inputs].T, out=into[:, inputs])

        inputs, units = layer.weights.shape
        threads.for_rows(inputs, threads.product_cost(len(grad), units), work)
        return into


@dataclass(frozen=True)
class NonzeroInputs:
    """The inputs that are nonzero in at least one case of a batch x, (batch, inputs).

    numbers: their indices, ascending. x: the batch restricted to them.
    """

    numbers: Integers
    x: Array
    inputs: int

    @classmethod
    def of(cls, x: Array) -> "NonzeroInputs":
        numbers = np.flatnonzero(x.any(axis=0))
        return cls(numbers, x.take(numbers, axis=1), x.shape[1])

    def positions(self, inputs: slice) -> slice:
        """The range of `numbers` that lies within a range of inputs."""
        start, stop, _ = inputs.indices(self.inputs)
        first, end = np.searchsorted(self.numbers, (start, stop))
        return slice(int(first), int(end))


@dataclass(frozen=True)
class NonzeroOuter:
    """xᵀ δ, like `Outer`; its rows are 0 where an input is."""

    nonzero: NonzeroInputs
    delta: Array

    def __getitem__(self, rows: slice) -> Array:
        start, stop, _ = rows.indices(self.nonzero.inputs)
        positions = self.nonzero.positions(rows)
        product = np.zeros((stop - start, self.delta.shape[1]), self.delta.dtype)
        numbers = self.nonzero.numbers[positions] - start
        product[numbers] = self.nonzero.x[:, positions].T @ self.delta
        return product
