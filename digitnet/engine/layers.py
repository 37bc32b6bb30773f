"""Layers: each maps a batch of cases forward and its error signal backward.

A layer owns the buffers it works in, allocated once for the largest batch seen, and lends views
of them: what `forward` returns is valid until the next `forward`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine import crew
from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.initializers import INITIALIZERS
from digitnet.engine.types import Array
from digitnet.engine.used import UsedInputs


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array that training changes, row by row.

    value: the numbers, changed in place.
    decays: whether L2 regularisation applies (to weights, not to biases).
    gradient(rows): computes dC/dvalue for these rows of `value`, after a backward pass; the array
    is the caller's until the next one.
    """

    name: str
    value: Array
    decays: bool
    gradient: Callable[[slice], Array]

    def whole_gradient(self) -> Array:
        """dC/dvalue for all rows."""
        return self.gradient(slice(0, len(self.value)))


FINISH = 50
"""Multiplications that take as long as making an output of a finished sum."""


class Dense:
    """A fully connected layer: a = f(x W + b), or f(x W) without biases.

    x (batch, inputs), W (inputs, outputs), b (outputs,), a (batch, outputs).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: str,
        *,
        bias: bool = True,
        fresh: str = "",
        dtype: DTypeLike = np.float32,
    ) -> None:
        """`fresh` names an initialiser; the activation's own where it is empty."""
        self.inputs, self.outputs = inputs, outputs
        self.activation = ACTIVATIONS[activation]
        self.fresh = fresh or self.activation.fresh
        self.weights: Array = np.zeros((inputs, outputs), dtype)
        self.biases: Array | None = np.zeros(outputs, dtype) if bias else None
        self.parameters = [Parameter("weights", self.weights, True, self._weight_gradient)]
        if self.biases is not None:
            self.parameters.append(Parameter("biases", self.biases, False, self._bias_gradient))
        self._x: Array = np.empty((0, inputs), dtype)
        self._used: UsedInputs | None = None
        self._rows: Array = np.empty((0, outputs), dtype)
        self._sums: list[Array] = []
        self._reserve(0)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draws fresh weights; biases become zero."""
        self.weights[:] = INITIALIZERS[self.fresh](rng, self.inputs, self.outputs)
        if self.biases is not None:
            self.biases[:] = 0

    def forward(self, x: Array, *, sparse: bool = False) -> Array:
        """A = f(x W + b). `x` is kept (not copied) for the gradient of the weights.

        sparse: inputs that are zero in every case of the batch, such as a picture's dark border,
        are left out where that saves time. They add nothing to x W, and their weights no gradient.
        """
        count = len(x)
        if count > len(self._a):
            self._reserve(count)
        self._x, self._used = x, None
        if sparse and UsedInputs.worth_finding(self.outputs):
            self._reserve_rows()
            self._used = UsedInputs(x)
            self._x = self._used.x
        # each thread sums over inputs of its own; the sums of these sums are then shared by cases
        shares = crew.shares(self.inputs, count * max(self.outputs, crew.SLIM))
        while len(self._sums) < len(shares) - 1:
            self._sums.append(np.empty_like(self._a))
        sums = [z[:count] for z in (self._a, *self._sums[: len(shares) - 1])]
        crew.run([partial(self._sum, rows, z) for rows, z in zip(shares, sums, strict=True)])
        crew.share(count, FINISH * self.outputs, partial(self._finish, sums))
        return sums[0]

    def _finish(self, sums: list[Array], cases: slice) -> None:
        """A = f(Σ sums + b), in the first of the sums, for these cases."""
        a, *others = (z[cases] for z in sums)
        for z in others:
            a += z
        if self.biases is not None:
            a += self.biases
        self.activation.forward(a)

    def _sum(self, rows: slice, z: Array) -> None:
        """Z ← Σ over these inputs of x W."""
        if self._used is None:
            np.matmul(self._x[:, rows], self.weights[rows], out=z)
        else:
            columns = self._used.columns(rows)
            weights = self._rows[columns]
            np.take(self.weights, self._used.numbers[columns], axis=0, out=weights, mode="clip")
            np.matmul(self._x[:, columns], weights, out=z)

    def last_outputs(self, count: int) -> Array:
        """The outputs of the last forward pass, which was over `count` cases."""
        return self._a[:count]

    def copy(self, dtype: DTypeLike) -> "Dense":
        """The same layer in another precision."""
        bias, name = self.biases is not None, self.activation.name
        twin = Dense(self.inputs, self.outputs, name, bias=bias, fresh=self.fresh, dtype=dtype)
        for mine, other in zip(self.parameters, twin.parameters, strict=True):
            other.value[...] = mine.value
        return twin

    def error_signal(self, count: int) -> Array:
        """Where the layer above writes dC/da (batch, outputs) before `backward`."""
        self._reserve_rows()
        return self._delta[:count]

    def backward(self, units: slice = slice(None)) -> None:
        """Turns dC/da, in the error signal, into dC/dz, for these units."""
        count = len(self._x)
        a, delta, scratch = (z[:count, units] for z in (self._a, self._delta, self._scratch))
        self.activation.backward(a, delta, scratch)

    def send_back(self, into: Array, then: Callable[[slice], None]) -> None:
        """Into ← dC/dx = δ Wᵀ, the error signal of the layer below, (batch, inputs).

        Threads share it by inputs, the units of the layer below, and go on with `then` for theirs.
        """
        delta = self._delta[: len(self._x)]

        def work(units: slice) -> None:
            np.matmul(delta, self.weights[units].T, out=into[:, units])
            then(units)

        crew.share(self.inputs, len(delta) * max(self.outputs, crew.SLIM), work)

    def _weight_gradient(self, rows: slice) -> Array:
        """dC/dW = xᵀ δ; zero where inputs are left out."""
        columns = rows if self._used is None else self._used.columns(rows)
        gradient = self._rows[columns]
        np.matmul(self._x[:, columns].T, self._delta[: len(self._x)], out=gradient)
        if self._used is None:
            return gradient
        return np.take(self._rows, self._used.places[rows], axis=0, mode="clip")

    def _bias_gradient(self, rows: slice) -> Array:
        """dC/db = Σ over the cases of δ."""
        gradient: Array = self._delta[: len(self._x), rows].sum(axis=0)
        return gradient

    def _reserve(self, batch: int) -> None:
        """Makes room for batches of up to `batch` cases."""
        shape: Any = (batch, self.outputs)
        self._a, self._delta, self._scratch = (np.empty(shape, self.weights.dtype) for _ in "azs")
        self._sums.clear()

    def _reserve_rows(self) -> None:
        """Makes room for as many rows as there are inputs, and one of zeros."""
        if not len(self._rows):
            self._rows = np.zeros((self.inputs + 1, self.outputs), self.weights.dtype)
