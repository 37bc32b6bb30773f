"""The three matrix products of a dense layer, divided among threads and without inputs that are 0.

`Dense` has the mathematics; this file makes it fast.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from digitnet.engine.arrays import Array, Buffer, Integers
from digitnet.engine.speed import threads

MIN_OUTPUTS = 64
"""With fewer outputs, finding the nonzero inputs takes longer than it saves."""


class Product:
    """x W, and the two products of its backward pass, for weights W (inputs, outputs)."""

    def __init__(self, weights: Array) -> None:
        """weights: used as they are at each call; not copied."""
        inputs, outputs = weights.shape
        self.weights = weights
        self._sums: list[Buffer] = [Buffer((outputs,), weights.dtype)]
        self._input_gradient = Buffer((inputs,), weights.dtype)
        # forward: the weights of the nonzero inputs. backward: their gradient, and a row of zeros.
        # never needed at the same time, and reused memory is still in the cache
        self._workspace = Buffer((outputs,), weights.dtype)
        self._x: Array = np.empty((0, inputs), weights.dtype)
        self._nonzero: NonzeroInputs | None = None
        self._delta: Array = np.empty((0, outputs), weights.dtype)

    def forward(self, x: Array, finish: Callable[[Array], None], *, skip_zeros: bool) -> Array:
        """Returns x W, (batch, outputs), after `finish` has changed it in place, part by part.

        skip_zeros: leave out inputs that are zero in every case of the batch, such as the border of
        a picture, if that saves time. They add nothing to x W, and their weights have no gradient.
        """
        count, (inputs, outputs) = len(x), self.weights.shape
        self._nonzero = NonzeroInputs(x) if skip_zeros and outputs >= MIN_OUTPUTS else None
        self._x = self._nonzero.x if self._nonzero else x
        # each thread sums over its own inputs; the sums are then added, divided by cases
        parts = threads.parts(inputs, threads.product_cost(count, outputs))
        while len(self._sums) < len(parts):
            self._sums.append(Buffer((outputs,), self.weights.dtype))
        sums = [buffer(count) for buffer in self._sums[: len(parts)]]
        self._workspace(inputs + 1)  # allocate it before the threads use it
        threads.run([partial(self._sum, rows, z) for rows, z in zip(parts, sums, strict=True)])

        def add_up(cases: slice) -> None:
            z, *others = (z[cases] for z in sums)
            for other in others:
                z += other
            finish(z)

        threads.for_rows(count, threads.ACTIVATION_COST * outputs, add_up)
        return sums[0]

    def _sum(self, rows: slice, z: Array) -> None:
        """z ← x W, summed over these inputs only."""
        if self._nonzero is None:
            np.matmul(self._x[:, rows], self.weights[rows], out=z)
        else:
            nonzero = self._nonzero.positions(rows)
            weights = self._workspace(len(self.weights))[nonzero]
            np.take(self.weights, self._nonzero.numbers[nonzero], axis=0, out=weights, mode="clip")
            np.matmul(self._x[:, nonzero], weights, out=z)

    def backward(self, delta: Array, *, to_input: bool) -> Array | None:
        """Returns δ Wᵀ, (batch, inputs), if `to_input`; keeps δ for `weight_gradient`."""
        self._delta = delta
        self._workspace(len(self.weights) + 1)[-1] = 0  # the gradient of every zero input
        if not to_input:
            return None
        result: Array = self._input_gradient(len(delta))

        def work(inputs: slice) -> None:
            np.matmul(delta, self.weights[inputs].T, out=result[:, inputs])

        threads.for_rows(*threads.input_gradient_work(self.weights, len(delta)), work)
        return result

    def weight_gradient(self, rows: slice) -> Array:
        """Returns xᵀ δ for these rows of the weights."""
        gradient = self._workspace(len(self.weights) + 1)
        nonzero = rows if self._nonzero is None else self._nonzero.positions(rows)
        np.matmul(self._x[:, nonzero].T, self._delta, out=gradient[nonzero])
        if self._nonzero is None:
            return gradient[rows]
        spread: Array = np.take(gradient, self._nonzero.position_of[rows], axis=0, mode="clip")
        return spread


class NonzeroInputs:
    """The inputs that are nonzero in at least one case of a batch x, (batch, inputs).

    numbers: their indices, ascending. x: the batch restricted to them. position_of: the position of
    each input in `numbers`; for the others, the number of inputs.
    """

    def __init__(self, x: Array) -> None:
        """Finds the nonzero inputs of x."""
        inputs = x.shape[1]
        self.numbers: Integers = np.flatnonzero(x.any(axis=0))
        self.x: Array = x.take(self.numbers, axis=1)
        self.position_of: Integers = np.full(inputs, inputs)
        self.position_of[self.numbers] = np.arange(len(self.numbers))

    def positions(self, inputs: slice) -> slice:
        """The range of `numbers` that lies within a range of inputs."""
        start, stop = np.searchsorted(self.numbers, (inputs.start, inputs.stop))
        return slice(int(start), int(stop))
