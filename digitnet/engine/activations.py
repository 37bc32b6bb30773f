"""Activation functions a = f(z) and their derivatives.

Both work in place. The derivative is computed from the *output* a, so z need not be stored. To add
an activation, write the two functions and an entry in `ACTIVATIONS`; the table-driven tests check
its derivative.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.arrays import Array, Shape


@dataclass(frozen=True, slots=True)
class Activation:
    """A function f and its derivative, on arrays of shape (batch, units).

    forward(z): z ← f(z).
    backward(a, grad, scratch): grad ← dC/dz, given a = f(z) and grad = dC/da. `scratch` is a
    work array of the same shape.
    initializer: the default initializer, which preserves the variance of signals through f.
    """

    name: str
    forward: Callable[[Array], None]
    backward: Callable[[Array, Array, Array], None]
    initializer: str = "glorot"

    def choices(self, a: Array) -> "list[NDArray[np.bool_]]":
        """Which units are active, if f has a kink; see `Layer.choices`."""
        return [a > 0] if self.name == "relu" else []


def linear(z: Array) -> None:
    """f(z) = z."""


def linear_backward(a: Array, grad: Array, scratch: Array) -> None:
    """f′ = 1."""


def sigmoid(z: Array) -> None:
    """f(z) = 1 / (1 + e⁻ᶻ), computed as ½ + ½ tanh(z/2), which cannot overflow."""
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


def sigmoid_backward(a: Array, grad: Array, scratch: Array) -> None:
    """f′ = a (1 − a) = a − a²."""
    np.multiply(a, a, out=scratch)
    np.subtract(a, scratch, out=scratch)
    grad *= scratch


def tanh(z: Array) -> None:
    """f(z) = tanh z."""
    np.tanh(z, out=z)


def tanh_backward(a: Array, grad: Array, scratch: Array) -> None:
    """f′ = 1 − a²."""
    np.multiply(a, a, out=scratch)
    np.subtract(1, scratch, out=scratch)
    grad *= scratch


def relu(z: Array) -> None:
    """f(z) = max(0, z) (Nair and Hinton 2010, ICML)."""
    np.maximum(z, 0, out=z)


def relu_backward(a: Array, grad: Array, scratch: Array) -> None:
    """f′ = 1 where a > 0, else 0."""
    positive = scratch.view(np.bool_)[:, : a.shape[1]]  # a quarter of the memory traffic
    np.greater(a, 0, out=positive)
    grad *= positive


def softmax(z: Array) -> None:
    """f(z)ᵢ = eᶻⁱ / Σⱼ eᶻʲ along each row, shifted by its maximum so that no eᶻ overflows."""
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)


def softmax_backward(a: Array, grad: Array, scratch: Array) -> None:
    """dC/dzᵢ = aᵢ (gᵢ − Σⱼ gⱼ aⱼ), where g = dC/da."""
    np.multiply(grad, a, out=scratch)
    grad -= scratch.sum(axis=1, keepdims=True)
    grad *= a


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("linear", linear, linear_backward),
        Activation("sigmoid", sigmoid, sigmoid_backward),
        Activation("tanh", tanh, tanh_backward),
        Activation("relu", relu, relu_backward, initializer="he"),
        Activation("softmax", softmax, softmax_backward),
    )
}

Draw = Callable[[np.random.Generator, Shape, int, int], Array]
"""(generator, shape, inputs, outputs) → weights of that shape, float64.

inputs: the fan-in, the number of terms of each weighted sum. outputs: the fan-out, the number of
sums that each input is part of.
"""


def he(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / inputs, for ReLU (He et al. 2015, arXiv 1502.01852)."""
    return rng.normal(0.0, sqrt(2 / inputs), shape)


def glorot(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / (inputs + outputs) (Glorot and Bengio 2010, AISTATS)."""
    return rng.normal(0.0, sqrt(2 / (inputs + outputs)), shape)


def normal(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Standard normal, common in first attempts; it saturates large layers."""
    return rng.standard_normal(shape)


def uniform(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Uniform between −1 and 1."""
    return rng.uniform(-1.0, 1.0, shape)


INITIALIZERS: dict[str, Draw] = {f.__name__: f for f in (he, glorot, normal, uniform)}
