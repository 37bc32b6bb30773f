"""The dense layer: every output is a weighted sum of all inputs."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.initializers import INITIALIZERS
from digitnet.engine.layers.base import Layer, Parameter, Step, zero_weights
from digitnet.engine.speed.buffers import Buffer
from digitnet.engine.speed.product import Product
from digitnet.engine.types import Array, Shape


class Dense(Layer):
    """A fully connected layer: a = f(x W + b), or f(x W) without biases.

    x (batch, inputs), W (inputs, units), b (units,), a (batch, units). With δ = dC/dz, where
    z = x W + b: dC/dW = xᵀ δ, dC/db = Σ δ over the cases, dC/dx = δ Wᵀ
    (Rumelhart, Hinton and Williams 1986, Nature 323).
    """

    kind = "dense"

    def __init__(
        self,
        input_shape: Shape,
        *,
        units: int,
        activation: str = "linear",
        bias: bool = True,
        initializer: str = "",
        dtype: DTypeLike = np.float32,
    ) -> None:
        """initializer: a name from `INITIALIZERS`; if empty, the activation's default.

        Raises ValueError if the layer would be too large.
        """
        super().__init__(input_shape, (units,), dtype)
        self.text = str(units)
        (inputs,) = input_shape
        self.activation = ACTIVATIONS[activation]
        self.derivative = self.activation.backward
        self.initializer = initializer or self.activation.initializer
        self.weights = zero_weights(inputs, units, dtype)
        self.biases: Array | None = np.zeros(units, dtype) if bias else None
        self._product = Product(self.weights)
        self._scratch = Buffer((units,), dtype)
        self.parameters = [Parameter("weights", self.weights, True, self._product.weight_gradient)]
        if self.biases is not None:
            self.parameters.append(Parameter("biases", self.biases, False, self._bias_gradient))

    def initialize(self, rng: np.random.Generator) -> None:
        """Draws new weights and sets the biases to zero."""
        inputs, units = self.weights.shape
        self.weights[:] = INITIALIZERS[self.initializer](rng, (inputs, units), inputs, units)
        if self.biases is not None:
            self.biases[:] = 0

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """a = f(x W + b)."""
        self._a = self._product.forward(x, self._finish, skip_zeros=self.lowest)
        return self._a

    def _finish(self, z: Array) -> None:
        """z ← f(z + b), for one thread's cases."""
        if self.biases is not None:
            z += self.biases
        self.activation.forward(z)

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx = δ Wᵀ, where δ = dC/da · f′."""
        self.derivative(self._a, grad, self._scratch(len(grad)))
        self._delta = grad
        return self._product.backward(grad, to_input=not self.lowest)

    def _bias_gradient(self, units: slice) -> Array:
        """dC/db = Σ δ over the cases."""
        gradient: Array = self._delta[:, units].sum(axis=0)
        return gradient

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which units are active, for ReLU."""
        made: list[np.ndarray[Any, Any]] = [*self.activation.choices(self._a)]
        return made

    def config(self) -> dict[str, Any]:
        """Units, activation, and whether there are biases."""
        return {
            "units": self.shape[0],
            "activation": self.activation.name,
            "bias": self.biases is not None,
        }
