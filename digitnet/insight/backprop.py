"""Back-propagation of one case, written as its textbook formulas, in float64.

The engine's layers compute the same for a whole mini-batch, and fast; this version is for reading.

Forward, each layer computes weighted sums z of its inputs x, and activations a = f(z), which are
the inputs of the next layer. Finally the cost C compares the last activations with the target y.

Backward, each layer receives dC/da: how the cost changes with each of its outputs. From that it
computes, by the chain rule,

    δ     = dC/dz = dC/da · f′(z)    how the cost changes with each weighted sum,
    dC/dw                            how it changes with each weight: the gradient,
    dC/dx                            how it changes with each input: the dC/da of the layer below

(Rumelhart, Hinton and Williams 1986, Nature 323; Nielsen 2015, "Neural Networks and Deep Learning",
chapter 2).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from digitnet.engine.layers import BatchNorm, Dense, Layer
from digitnet.engine.layers.normalization import EPSILON
from digitnet.engine.network import Network
from digitnet.engine.types import Array
from digitnet.insight.backprop_pictures import (
    average_pool_back,
    average_pool_sums,
    convolution_back,
    convolution_sums,
    max_pool_back,
    max_pool_sums,
)


@dataclass
class Pass:
    """The values of one case at a layer, in the forward and the backward pass.

    Forward: the inputs x, the weighted sums z, the activations a = f(z). Backward: da = dC/da,
    slope = f′(z), delta = δ = dC/dz, the gradients of the layer's parameters, dx = dC/dx. For an
    output activation and cost whose δ is a − y, da and slope are None.
    """

    layer: Layer
    x: Array
    z: Array
    a: Array
    da: Array | None = None
    slope: Array | None = None
    delta: Array = field(default_factory=lambda: np.empty(0))
    gradients: dict[str, Array] = field(default_factory=dict)
    dx: Array = field(default_factory=lambda: np.empty(0))

    @property
    def activation(self) -> str:
        """The name of f; "linear" for layers without one: pooling, flatten and dropout."""
        return activation_of(self.layer)


@dataclass(frozen=True)
class Backpropagation:
    """The values at every layer, first layer first, the target y and the cost of the case."""

    passes: list[Pass]
    y: Array
    cost: float

    @property
    def outputs(self) -> Array:
        """The network's outputs, (outputs,)."""
        return self.passes[-1].a


def backpropagate(network: Network, x: Array, y: Array) -> Backpropagation:
    """Computes the forward and the backward pass of one case.

    x: (inputs,). y: the target, (outputs,). Dropout is off, and batch normalisation uses its saved
    statistics, as when the network answers. Raises ValueError for a committee.
    """
    if network.is_committee:
        raise ValueError("a committee has no gradient: its members are trained separately")
    network = network.copy(np.float64)
    passes = []
    for layer in network.layers:
        x = x.reshape(layer.input_shape)
        z = SUMS[layer.kind](layer, x)
        a = FUNCTIONS[activation_of(layer)](z)
        passes.append(Pass(layer, x, z, a))
        x = a

    cost = COSTS[network.cost_name][passes[-1].activation](x, y)

    da: Array = x - y  # dC/da of the squared error
    for p in reversed(passes):
        if network.cost.canonical and p is passes[-1]:
            p.delta = p.a - y
        else:
            p.da = da.reshape(p.a.shape)
            p.slope = SLOPES[p.activation](p.a)
            p.delta = p.slope @ p.da if p.activation == "softmax" else p.da * p.slope
        gradients, p.dx = BACK[p.layer.kind](p.layer, p.x, p.delta)
        p.gradients = {w.name: gradients[w.name] for w in p.layer.parameters}
        da = p.dx
    return Backpropagation(passes, y, cost)


# Costs. Each cross-entropy is paired with one activation: sigmoid for outputs that are independent
# probabilities, softmax for one answer out of several. dC/da · f′ is then a − y for both.


def squared(a: Array, y: Array) -> float:
    """C = ½ Σ (a − y)²."""
    return float(np.sum((a - y) ** 2) / 2)


def cross_entropy(a: Array, y: Array) -> float:
    """C = − Σ y ln a, for outputs that sum to one."""
    return float(-np.sum(y * ln(a)))


def cross_entropy_each(a: Array, y: Array) -> float:
    """C = − Σ [y ln a + (1 − y) ln(1 − a)], for outputs that are independent probabilities."""
    return float(-np.sum(y * ln(a) + (1 - y) * ln(1 - a)))


def ln(p: Array) -> Array:
    """ln p, with p at least the precision of float64, so that the result is finite."""
    logarithm: Array = np.log(np.maximum(p, np.finfo(np.float64).eps))
    return logarithm


# Activations: f(z), and the slope f′ as a function of a = f(z).


def activation_of(layer: Layer) -> str:
    """The name of a layer's activation; "linear" if it has none."""
    activation = getattr(layer, "activation", None)
    return activation.name if activation else "linear"


def sigmoid(z: Array) -> Array:
    """f(z) = 1 / (1 + e⁻ᶻ)."""
    with np.errstate(over="ignore"):  # 1 / (1 + ∞) = 0
        a: Array = 1 / (1 + np.exp(-z))
    return a


def softmax(z: Array) -> Array:
    """f(z)ₖ = exp zₖ / Σⱼ exp zⱼ. Subtracting max z from every z avoids overflow."""
    powers = np.exp(z - z.max())
    a: Array = powers / powers.sum()
    return a


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": softmax,
}

SLOPES: dict[str, Callable[[Array], Array]] = {
    "linear": np.ones_like,
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: np.where(a > 0, 1.0, 0.0),
    # the Jacobian, as every output depends on every z: daⱼ/dzₖ = aⱼ (1 − aₖ) if j = k, else − aⱼ aₖ
    "softmax": lambda a: np.diag(a) - np.outer(a, a),
}


COSTS = {
    "squared": dict.fromkeys(FUNCTIONS, squared),
    "cross-entropy": {"softmax": cross_entropy, "sigmoid": cross_entropy_each},
}
"""Cost name → output activation → the cost as a function of a and y."""


# Dense: each unit computes a weighted sum of all inputs.


def dense_sums(layer: Dense, x: Array) -> Array:
    """zₖ = Σⱼ xⱼ wⱼₖ + bₖ."""
    z: Array = x @ layer.weights
    return z if layer.biases is None else z + layer.biases


def dense_back(layer: Dense, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dwⱼₖ = xⱼ δₖ;  dC/dbₖ = δₖ;  dC/dxⱼ = Σₖ wⱼₖ δₖ."""
    dx: Array = layer.weights @ delta
    return {"weights": np.outer(x, delta), "biases": delta}, dx


# Batch normalisation in inference: μ and σ² are the saved statistics, the same for every case.


def normalized(layer: BatchNorm, x: Array) -> Array:
    """x̂ = (x − μ) / √(σ² + ε), for each channel."""
    scaled: Array = (x - layer.mean) / np.sqrt(layer.variance + EPSILON)
    return scaled


def batch_norm_sums(layer: BatchNorm, x: Array) -> Array:
    """z = γ x̂ + β, for each channel."""
    return layer.gamma * normalized(layer, x) + layer.beta


def batch_norm_back(layer: BatchNorm, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dγ = Σ δ x̂ and dC/dβ = Σ δ, over all positions of a channel;  dC/dx = δ γ / √(σ² + ε)."""
    positions = tuple(range(delta.ndim - 1))
    gradients = {
        "gamma": np.sum(delta * normalized(layer, x), axis=positions),
        "beta": np.sum(delta, axis=positions),
    }
    return gradients, delta * layer.gamma / np.sqrt(layer.variance + EPSILON)


# Flatten only changes the shape; in inference, dropout changes nothing.


def identity(layer: Layer, x: Array) -> Array:
    """z = x."""
    return x.reshape(layer.shape)


def identity_back(layer: Layer, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dx = δ."""
    return {}, delta.reshape(x.shape)


SUMS: dict[str, Callable[[Any, Array], Array]] = {
    "dense": dense_sums,
    "convolution": convolution_sums,
    "max_pool": max_pool_sums,
    "average_pool": average_pool_sums,
    "batch_norm": batch_norm_sums,
    "flatten": identity,
    "dropout": identity,
}
"""Layer kind → function of its inputs x that returns z."""

BACK: dict[str, Callable[[Any, Array, Array], tuple[dict[str, Array], Array]]] = {
    "dense": dense_back,
    "convolution": convolution_back,
    "max_pool": max_pool_back,
    "average_pool": average_pool_back,
    "batch_norm": batch_norm_back,
    "flatten": identity_back,
    "dropout": identity_back,
}
"""Layer kind → function of its inputs x and δ that returns its parameters' gradients and dC/dx."""
