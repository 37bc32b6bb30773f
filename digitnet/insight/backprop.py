"""Back-propagation of one case, as it is defined: one formula at a time, in float64.

The layers of the engine compute the same for many cases at once, and fast; this is to be read.

Forwards, each layer makes weighted sums z of its inputs x, and activations a = f(z) of those, which
are the inputs of the next layer. At the end the cost C compares the last activations with the
target y.

Backwards, each layer is given dC/da: how the cost changes with each of its outputs. From that it
finds, by the chain rule,

    δ     = dC/dz = dC/da · f′(z)    how the cost changes with each weighted sum,
    dC/dw                            how it changes with each weight: the gradient,
    dC/dx                            how it changes with each input: dC/da for the layer below

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
    """One case on its way up through a layer, and back down.

    Upwards: the inputs x, the weighted sums z, the activations a = f(z). Downwards: da = dC/da,
    slope = f′(z), delta = δ = dC/dz, the gradients of the layer's parameters, dx = dC/dx. Where the
    cost and the last activation belong together, δ = a − y, and neither da nor slope is needed.
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
        """The name of f; pooling, flatten and dropout have none, which is linear."""
        return activation_of(self.layer)


@dataclass(frozen=True)
class Backpropagation:
    """All of it: the passes, first layer first, the target and the cost of this case."""

    passes: list[Pass]
    y: Array
    cost: float

    @property
    def outputs(self) -> Array:
        """What the network answers."""
        return self.passes[-1].a


def backpropagate(network: Network, x: Array, y: Array) -> Backpropagation:
    """Sends one case with inputs x and target y forwards through the network, and back.

    Nothing is random: dropout leaves nothing out, and batch normalisation uses its statistics.
    Raises ValueError for a committee, which has no gradient.
    """
    if network.is_committee:
        raise ValueError("a committee has no gradient: its members learn, each by itself")
    network = network.copy(np.float64)
    passes = []
    for layer in network.layers:
        x = x.reshape(layer.input_shape)
        z = SUMS[layer.kind](layer, x)
        a = FUNCTIONS[activation_of(layer)](z)
        passes.append(Pass(layer, x, z, a))
        x = a

    cost = COSTS[network.cost_name][passes[-1].activation](x, y)

    da: Array = x - y  # of the squared error: dC/da = a − y
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


# Costs. Cross-entropy comes with the activation that it belongs to: sigmoid for outputs that are
# each a yes or no, softmax for one answer out of several. dC/da · f′ is then a − y for both.


def squared(a: Array, y: Array) -> float:
    """C = ½ Σ (a − y)²."""
    return float(np.sum((a - y) ** 2) / 2)


def cross_entropy(a: Array, y: Array) -> float:
    """C = − Σ y ln a, for outputs that sum to one."""
    return float(-np.sum(y * ln(a)))


def cross_entropy_each(a: Array, y: Array) -> float:
    """C = − Σ [y ln a + (1 − y) ln(1 − a)], for outputs that are each a yes or no."""
    return float(-np.sum(y * ln(a) + (1 - y) * ln(1 - a)))


def ln(p: Array) -> Array:
    """ln p; a probability below the precision of float64 counts as that precision."""
    logarithm: Array = np.log(np.maximum(p, np.finfo(np.float64).eps))
    return logarithm


# Activations: f(z), and its slope f′, which is simplest written with a = f(z).


def activation_of(layer: Layer) -> str:
    """The name of a layer's activation; linear where it has none."""
    activation = getattr(layer, "activation", None)
    return activation.name if activation else "linear"


def sigmoid(z: Array) -> Array:
    """f(z) = 1 / (1 + e⁻ᶻ)."""
    with np.errstate(over="ignore"):  # 1 / (1 + ∞) is 0, as it should be
        a: Array = 1 / (1 + np.exp(-z))
    return a


def softmax(z: Array) -> Array:
    """f(z)ₖ = exp zₖ / Σⱼ exp zⱼ. Taking as much from every z changes nothing, and none is huge."""
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
    # every output depends on every z: daⱼ/dzₖ = aⱼ (1 − aₖ) for j = k, else − aⱼ aₖ; a matrix
    "softmax": lambda a: np.diag(a) - np.outer(a, a),
}


COSTS = {
    "squared": dict.fromkeys(FUNCTIONS, squared),
    "cross-entropy": {"softmax": cross_entropy, "sigmoid": cross_entropy_each},
}
"""Name of a cost → activation of the outputs → the cost as a function of a and y."""


# Dense: every unit adds up all inputs, each times a weight of its own.


def dense_sums(layer: Dense, x: Array) -> Array:
    """zₖ = Σⱼ xⱼ wⱼₖ + bₖ."""
    z: Array = x @ layer.weights
    return z if layer.biases is None else z + layer.biases


def dense_back(layer: Dense, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dwⱼₖ = xⱼ δₖ;  dC/dbₖ = δₖ;  dC/dxⱼ = Σₖ wⱼₖ δₖ."""
    dx: Array = layer.weights @ delta
    return {"weights": np.outer(x, delta), "biases": delta}, dx


# Batch normalisation, as it answers: μ and σ² are its statistics, the same for every case.


def normalized(layer: BatchNorm, x: Array) -> Array:
    """x̂ = (x − μ) / √(σ² + ε), channel by channel."""
    scaled: Array = (x - layer.mean) / np.sqrt(layer.variance + EPSILON)
    return scaled


def batch_norm_sums(layer: BatchNorm, x: Array) -> Array:
    """z = γ x̂ + β, channel by channel."""
    return layer.gamma * normalized(layer, x) + layer.beta


def batch_norm_back(layer: BatchNorm, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dγ = Σ δ x̂ and dC/dβ = Σ δ, over the channel's places;  dC/dx = δ γ / √(σ² + ε)."""
    over = tuple(range(delta.ndim - 1))
    gradients = {
        "gamma": np.sum(delta * normalized(layer, x), axis=over),
        "beta": np.sum(delta, axis=over),
    }
    return gradients, delta * layer.gamma / np.sqrt(layer.variance + EPSILON)


# Flatten writes a picture as a row of numbers; dropout leaves nothing out of an answer.


def same_numbers(layer: Layer, x: Array) -> Array:
    """z = x."""
    return x.reshape(layer.shape)


def same_numbers_back(layer: Layer, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dx = δ."""
    return {}, delta.reshape(x.shape)


SUMS: dict[str, Callable[[Any, Array], Array]] = {
    "dense": dense_sums,
    "convolution": convolution_sums,
    "max_pool": max_pool_sums,
    "average_pool": average_pool_sums,
    "batch_norm": batch_norm_sums,
    "flatten": same_numbers,
    "dropout": same_numbers,
}
"""Kind of layer → z for its inputs x."""

BACK: dict[str, Callable[[Any, Array, Array], tuple[dict[str, Array], Array]]] = {
    "dense": dense_back,
    "convolution": convolution_back,
    "max_pool": max_pool_back,
    "average_pool": average_pool_back,
    "batch_norm": batch_norm_back,
    "flatten": same_numbers_back,
    "dropout": same_numbers_back,
}
"""Kind of layer → the gradients of its parameters, and dC/dx, for its inputs x and δ."""
