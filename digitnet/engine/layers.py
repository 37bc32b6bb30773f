"""Layers: each maps a batch of cases forward and its error signal backward.

A layer owns the buffers it works in, allocated once for the largest batch seen, and lends views
of them: what `forward` returns is valid until the next `forward`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.blas import product
from digitnet.engine.initializers import INITIALIZERS
from digitnet.engine.types import Array


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array that training changes.

    value: the numbers, changed in place.
    decays: whether L2 regularisation applies (to weights, not to biases).
    add_gradient(into, scale, keep): into ← keep · into + scale · Σ over the batch of dC/dvalue.
    The optimiser chooses `into`, so that a plain step needs no array for the gradient at all.
    """

    name: str
    value: Array
    decays: bool
    add_gradient: Callable[[Array, float, float], None]


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
        self.parameters = [Parameter("weights", self.weights, True, self._add_weight_gradient)]
        if self.biases is not None:
            self.parameters.append(Parameter("biases", self.biases, False, self._add_bias_gradient))
        self._x: Array = np.empty((0, inputs), dtype)
        self._reserve(0)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draws fresh weights; biases become zero."""
        self.weights[:] = INITIALIZERS[self.fresh](rng, self.inputs, self.outputs)
        if self.biases is not None:
            self.biases[:] = 0

    def forward(self, x: Array) -> Array:
        """A = f(x W + b). `x` is kept (not copied) for the gradient of the weights."""
        count = len(x)
        if count > len(self._a):
            self._reserve(count)
        self._x, a = x, self._a[:count]
        product(x, self.weights, a)
        if self.biases is not None:
            a += self.biases
        self.activation.forward(a)
        return a

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
        if through_activation:
            self.activation.backward(self._a[:count], self._delta[:count], self._scratch[:count])

    def send_back(self, into: Array) -> None:
        """Into ← dC/dx = δ Wᵀ, the error signal of the layer below, (batch, inputs)."""
        product(self._delta[: len(self._x)], self.weights, into, transpose_b=True)

    def _add_weight_gradient(self, into: Array, scale: float, keep: float) -> None:
        """dC/dW = xᵀ δ."""
        product(
            self._x, self._delta[: len(self._x)], into, transpose_a=True, scale=scale, keep=keep
        )

    def _add_bias_gradient(self, into: Array, scale: float, keep: float) -> None:
        """dC/db = Σ over cases of δ."""
        if keep:
            into *= keep
        else:
            into[...] = 0  # what was there may be no number
        into += scale * self._delta[: len(self._x)].sum(axis=0)

    def _reserve(self, batch: int) -> None:
        """Makes room for batches of up to `batch` cases."""
        shape: Any = (batch, self.outputs)
        self._a, self._delta, self._scratch = (np.empty(shape, self.weights.dtype) for _ in "azs")
