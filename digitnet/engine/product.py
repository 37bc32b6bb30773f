"""The three products of a dense layer: shared among threads, dark inputs left out.

This is what makes `Dense` fast; what it computes stands there.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from digitnet.engine import threads
from digitnet.engine.buffers import Buffer
from digitnet.engine.types import Array, Integers

FEWEST_OUTPUTS = 64
"""With fewer outputs the products take less time than finding out what they can do without."""


class Product:
    """x W and its two products backward, for weights (inputs, outputs)."""

    def __init__(self, weights: Array) -> None:
        """Works on these weights, whatever they are at the time."""
        inputs, outputs = weights.shape
        self.weights = weights
        self._sums: list[Buffer] = [Buffer((outputs,), weights.dtype)]
        self._input_gradient = Buffer((inputs,), weights.dtype)
        # a row for each input: forward the weights of lit inputs, backward their gradient. They are
        # never needed at the same time, and memory that is used again is still in the cache
        self._rows = Buffer((outputs,), weights.dtype)
        self._x: Array = np.empty((0, inputs), weights.dtype)
        self._lit: LitInputs | None = None
        self._delta: Array = np.empty((0, outputs), weights.dtype)

    def forward(self, x: Array, finish: Callable[[Array], None], *, skip_dark: bool) -> Array:
        """X W, (batch, outputs), after `finish` has changed it in place, some cases at a time.

        skip_dark: inputs that are zero in every case of the batch, such as a picture's border, are
        left out where that saves time. They add nothing to x W, and their weights no gradient.
        """
        count, (inputs, outputs) = len(x), self.weights.shape
        self._lit = LitInputs(x) if skip_dark and outputs >= FEWEST_OUTPUTS else None
        self._x = self._lit.x if self._lit else x
        # each thread sums over inputs of its own; these sums are then added up, shared by cases
        parts = threads.parts(inputs, threads.product(count, outputs))
        while len(self._sums) < len(parts):
            self._sums.append(Buffer((outputs,), self.weights.dtype))
        sums = [buffer(count) for buffer in self._sums[: len(parts)]]
        self._rows(inputs + 1)  # allocated here, once, and not by each thread
        threads.run([partial(self._sum, rows, z) for rows, z in zip(parts, sums, strict=True)])

        def add_up(cases: slice) -> None:
            z, *others = (z[cases] for z in sums)
            for other in others:
                z += other
            finish(z)

        threads.over(count, threads.FINISH * outputs, add_up)
        return sums[0]

    def _sum(self, rows: slice, z: Array) -> None:
        """z ← Σ over these inputs of x W."""
        if self._lit is None:
            np.matmul(self._x[:, rows], self.weights[rows], out=z)
        else:
            lit = self._lit.places(rows)
            weights = self._rows(len(self.weights))[lit]
            np.take(self.weights, self._lit.numbers[lit], axis=0, out=weights, mode="clip")
            np.matmul(self._x[:, lit], weights, out=z)

    def backward(self, delta: Array, *, to_input: bool) -> Array | None:
        """δ Wᵀ, (batch, inputs), if it is wanted; δ is kept for the gradient of the weights."""
        self._delta = delta
        self._rows(len(self.weights) + 1)[-1] = 0  # the gradient of every dark input
        if not to_input:
            return None
        result: Array = self._input_gradient(len(delta))

        def work(inputs: slice) -> None:
            np.matmul(delta, self.weights[inputs].T, out=result[:, inputs])

        threads.over(*threads.inputs_of(self.weights, len(delta)), work)
        return result

    def weight_gradient(self, rows: slice) -> Array:
        """xᵀ δ for these rows of the weights; zero where inputs are dark."""
        gradient = self._rows(len(self.weights) + 1)
        lit = rows if self._lit is None else self._lit.places(rows)
        np.matmul(self._x[:, lit].T, self._delta, out=gradient[lit])
        if self._lit is None:
            return gradient[rows]
        spread: Array = np.take(gradient, self._lit.place_of[rows], axis=0, mode="clip")
        return spread


class LitInputs:
    """The inputs that are not zero in every case of a batch x (batch, inputs).

    numbers: which, ascending. x: the batch with these alone. place_of: for each of all inputs,
    where in `numbers` it stands; for dark ones, the number of inputs.
    """

    def __init__(self, x: Array) -> None:
        """Looks through x."""
        inputs = x.shape[1]
        self.numbers: Integers = np.flatnonzero(x.any(axis=0))
        self.x: Array = x.take(self.numbers, axis=1)
        self.place_of: Integers = np.full(inputs, inputs)
        self.place_of[self.numbers] = np.arange(len(self.numbers))

    def places(self, inputs: slice) -> slice:
        """Where in `numbers` those of a range of inputs stand."""
        start, stop = np.searchsorted(self.numbers, (inputs.start, inputs.stop))
        return slice(int(start), int(stop))
