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
    differentiate(rows): computes dC/dvalue for these rows of `value`, after a backward pass.
    gradient(rows): what that gave for these rows or some of them, to be used up.
    """

    name: str
    value: Array
    decays: bool
    differentiate: Callable[[slice], None]
    gradient: Callable[[slice], Array]

    def whole_gradient(self) -> Array:
        """dC/dvalue for all rows, as an array that is the caller's."""
        rows = slice(0, len(self.value))
        self.differentiate(rows)
        return self.gradient(rows).copy()


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
        self.parameters = [
            Parameter(
                "weights", self.weights, True, self._differentiate_weights, self._weight_gradient
            )
        ]
        if self.biases is not None:
            self.parameters.append(
                Parameter("biases", self.biases, False, lambda rows: None, self._bias_gradient)
            )
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
        # the sum over the inputs is divided among threads
        shares = crew.shares(self.inputs, count * self.outputs)
        while len(self._sums) < len(shares) - 1:
            self._sums.append(np.empty_like(self._a))
        a, *others = sums = [sums[:count] for sums in (self._a, *self._sums[: len(shares) - 1])]
        crew.run([partial(self._sum, rows, z) for rows, z in zip(shares, sums, strict=True)])
        for z in others:
            a += z
        if self.biases is not None:
            a += self.biases
        self.activation.forward(a)
        return a

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
        return self._delta[:count]

    def backward(self, *, through_activation: bool = True) -> None:
        """Turns dC/da, in the error signal, into dC/dz."""
        count = len(self._x)
        self._reserve_rows()
        if through_activation:
            self.activation.backward(self._a[:count], self._delta[:count], self._scratch[:count])

    def send_back(self, into: Array) -> None:
        """Into ← dC/dx = δ Wᵀ, the error signal of the layer below, (batch, inputs)."""
        delta = self._delta[: len(self._x)]

        def part(rows: slice) -> None:
            np.matmul(delta, self.weights[rows].T, out=into[:, rows])

        crew.run(
            [partial(part, rows) for rows in crew.shares(self.inputs, len(delta) * self.outputs)]
        )

    def _differentiate_weights(self, rows: slice) -> None:
        """dC/dW = xᵀ δ, of the inputs that are used."""
        columns = rows if self._used is None else self._used.columns(rows)
        delta = self._delta[: len(self._x)]
        np.matmul(self._x[:, columns].T, delta, out=self._rows[columns])

    def _weight_gradient(self, rows: slice) -> Array:
        """The rows of dC/dW; those of unused inputs are zero."""
        if self._used is None:
            return self._rows[rows]
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
