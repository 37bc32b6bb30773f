"""Activation functions a = f(z) and their derivatives.

Both work in place. The derivative is computed from the *output* a, so z need not be stored. To add
an activation, write the two functions and an entry in `ACTIVATIONS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from digitnet.engine.arrays import Array, Shape


@dataclass(frozen=True, slots=True)
class Activation:
    """A function f and its derivative, on arrays of shape (..., units).

    forward(z): z ← f(z).
    backward(a, grad): grad ← dC/dz, given a = f(z) and grad = dC/da.
    formula, derivative: both as text. derivative: empty if f′ is not a number for each unit.
    initializer: the default initializer, which preserves the variance of signals through f.
    has_kink: whether f′ jumps where a turns positive. is_monotonic: whether it never falls, so that
    max f(z) = f(max z). sums_to_one: whether each output depends on all units, as probabilities do,
    so that it is for the last layer.
    operator: the name in ONNX; empty for none, None if ONNX has none.
    """

    forward: Callable[[Array], None]
    backward: Callable[[Array, Array], None]
    formula: str
    derivative: str = ""
    initializer: str = "glorot"
    has_kink: bool = False
    is_monotonic: bool = False
    sums_to_one: bool = False
    operator: str | None = None

    @property
    def name(self) -> str:
        return self.forward.__name__

    @property
    def summary(self) -> str:
        return (self.forward.__doc__ or "").partition("\n")[0]


def linear(z: Array) -> None:
    """f(z) = z."""


def linear_backward(a: Array, grad: Array) -> None:
    """f′ = 1."""


def sigmoid(z: Array) -> None:
    """f(z) = 1 / (1 + e⁻ᶻ), computed as ½ + ½ tanh(z/2), which cannot overflow."""
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


def sigmoid_backward(a: Array, grad: Array) -> None:
    """f′ = a (1 − a)."""
    grad *= a * (1 - a)


def tanh(z: Array) -> None:
    """f(z) = tanh z."""
    np.tanh(z, out=z)


def tanh_backward(a: Array, grad: Array) -> None:
    """f′ = 1 − a²."""
    grad *= 1 - a * a


def relu(z: Array) -> None:
    """f(z) = max(0, z) (Nair and Hinton 2010, ICML)."""
    np.maximum(z, 0, out=z)


def relu_backward(a: Array, grad: Array) -> None:
    """f′ = 1 where a > 0, else 0."""
    grad *= a > 0


def softmax(z: Array) -> None:
    """f(z)ᵢ = eᶻⁱ / Σⱼ eᶻʲ along each row, shifted by its maximum so that no eᶻ overflows."""
    z -= z.max(axis=-1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=-1, keepdims=True)


def softmax_backward(a: Array, grad: Array) -> None:
    """dC/dzᵢ = aᵢ (gᵢ − Σⱼ gⱼ aⱼ), where g = dC/da."""
    grad -= (grad * a).sum(axis=-1, keepdims=True)
    grad *= a


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation(linear, linear_backward, "a = z", "f′ = 1", is_monotonic=True, operator=""),
        Activation(
            sigmoid,
            sigmoid_backward,
            "a = 1 / (1 + exp(−z))",
            "f′ = a (1 − a)",
            is_monotonic=True,
            operator="Sigmoid",
        ),
        Activation(
            tanh, tanh_backward, "a = tanh z", "f′ = 1 − a²", is_monotonic=True, operator="Tanh"
        ),
        Activation(
            relu,
            relu_backward,
            "a = max(0, z)",
            "f′ = 1 where a > 0, else 0",
            initializer="he",
            has_kink=True,
            is_monotonic=True,
            operator="Relu",
        ),
        Activation(
            softmax, softmax_backward, "a = exp z / Σ exp z", sums_to_one=True, operator="Softmax"
        ),
    )
}

Draw = Callable[[np.random.Generator, Shape, int, int], Array]
"""(generator, shape, inputs, outputs) → weights of that shape, float64.

inputs: the fan-in, the terms of each sum. outputs: the fan-out, the sums an input is part of.
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
