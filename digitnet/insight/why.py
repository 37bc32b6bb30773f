"""Back-propagation of one case, written as its textbook formulas, in float64."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from digitnet.engine.arrays import Array
from digitnet.engine.layers import EPSILON, BatchNorm, Dense, Flatten, Layer
from digitnet.engine.network import Network
from digitnet.engine.pictures import AveragePool, Convolution, MaxPool


def convolution_sums(layer: Convolution, x: Array) -> Array:
    """z at each position = Σ patch · kernel + b, for every kernel; the sum is over the patch."""
    kernels, z = kernels_of(layer), np.empty(layer.shape)
    for i, j in positions(layer):
        z[i, j] = np.tensordot(patch_at(layer, x, i, j), kernels, axes=3)
    return z if layer.biases is None else z + layer.biases


def convolution_back(layer: Convolution, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dkernel = Σ patch · δ and dC/db = Σ δ, summed over positions; dC/dx at a pixel is the sum
    of kernel · δ over the positions whose patch contains it.
    """
    kernels = kernels_of(layer)
    d_kernels, dx = np.zeros_like(kernels), np.zeros_like(x)
    for i, j in positions(layer):
        d_kernels += patch_at(layer, x, i, j)[..., np.newaxis] * delta[i, j]
        patch_at(layer, dx, i, j)[...] += kernels @ delta[i, j]
    d_biases = delta.sum(axis=(0, 1))
    return {"weights": d_kernels.reshape(layer.weights.shape), "biases": d_biases}, dx


def kernels_of(layer: Convolution) -> Array:
    """The weights, (kernel rows, kernel columns, input channels, output channels)."""
    return layer.weights.reshape(layer.kernel, layer.kernel, layer.input_shape[2], layer.channels)


def positions(layer: Layer) -> "product[tuple[int, ...]]":
    """Every (row, column) of a layer's output."""
    return product(range(layer.shape[0]), range(layer.shape[1]))


def patch_at(layer: Convolution, x: Array, i: int, j: int) -> Array:
    """A view of the patch of x at a position, (kernel rows, kernel columns, input channels)."""
    return x[i : i + layer.kernel, j : j + layer.kernel]


def max_pool_sums(layer: MaxPool, x: Array) -> Array:
    """The largest pixel of each window."""
    z = np.empty(layer.shape)
    for i, j in positions(layer):
        z[i, j] = window_at(layer, x, i, j).max(axis=(0, 1))
    return z


def max_pool_back(layer: MaxPool, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dx = δ for the largest pixel of each window, 0 for all others."""
    dx = np.zeros_like(x)
    for i, j in positions(layer):
        for channel in range(layer.shape[2]):
            row, column = largest_at(layer, x, i, j, channel)
            dx[row, column, channel] = delta[i, j, channel]
    return {}, dx


def average_pool_sums(layer: AveragePool, x: Array) -> Array:
    """The mean of each window."""
    z = np.empty(layer.shape)
    for i, j in positions(layer):
        z[i, j] = window_at(layer, x, i, j).mean(axis=(0, 1))
    return z


def average_pool_back(layer: AveragePool, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dx = δ / pixels per window; 0 for pixels at the edge that are in no window."""
    dx = np.zeros_like(x)
    for i, j in positions(layer):
        window_at(layer, dx, i, j)[...] = delta[i, j] / layer.size**2
    return {}, dx


def window_at(layer: MaxPool | AveragePool, x: Array, i: int, j: int) -> Array:
    """A view of the window of x that becomes pixel (i, j), (size, size, channels)."""
    k = layer.size
    return x[i * k : (i + 1) * k, j * k : (j + 1) * k]


def largest_at(layer: MaxPool, x: Array, i: int, j: int, channel: int) -> tuple[int, int]:
    """The row and column in x of the largest pixel of a window; of equal ones, the leftmost."""
    column, row = divmod(int(window_at(layer, x, i, j)[..., channel].T.argmax()), layer.size)
    return i * layer.size + row, j * layer.size + column


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


def dense_sums(layer: Dense, x: Array) -> Array:
    """zₖ = Σⱼ xⱼ wⱼₖ + bₖ."""
    z: Array = x @ layer.weights
    return z if layer.biases is None else z + layer.biases


def dense_back(layer: Dense, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dwⱼₖ = xⱼ δₖ;  dC/dbₖ = δₖ;  dC/dxⱼ = Σₖ wⱼₖ δₖ."""
    dx: Array = layer.weights @ delta
    return {"weights": np.outer(x, delta), "biases": delta}, dx


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

Place = tuple[int, ...]
"""Where a number is among a layer's outputs: `(unit,)`, or `(row, column, channel)`."""


@dataclass(frozen=True)
class Terms:
    """The terms of one number z of a layer: z = Σ x w + bias.

    x, w: the inputs that contribute and their weights, of the same shape. first: the position of
    the first of them among the layer's inputs.
    """

    x: Array
    w: Array
    bias: float
    first: Place

    @property
    def products(self) -> Array:
        """x w, the contribution of each input."""
        return self.x * self.w

    def place_of(self, number: int) -> Place:
        """The position among the layer's inputs of the input with this index in `x`."""
        within = np.unravel_index(number, self.x.shape)
        return tuple(int(i) + start for i, start in zip(within, self.first, strict=True))

    def largest(self, most: int) -> list[int]:
        """The indices of the largest nonzero contributions, largest first; at most `most`."""
        sizes = np.abs(self.products).ravel()
        order = np.argsort(-sizes, kind="stable")[:most]
        return [int(number) for number in order if sizes[number] > 0]


def trail(passes: list[Pass], output: int) -> list[Place]:
    """For each layer, first layer first, the position on the trail that leads down from an output.

    At each layer it follows the input that contributes most in the direction of the value above:
    up for the output, and below it up or down by the sign of that value.
    """
    places: list[Place] = []
    place: Place = (output,)
    sign = 1.0
    for p in reversed(passes):
        places.append(place)
        terms = terms_of(p, place)
        place = terms.place_of(int(np.argmax(sign * terms.products)))
        sign = -1.0 if p.x[place] < 0 else 1.0
    return places[::-1]


def terms_of(p: Pass, place: Place) -> Terms:
    """The terms of z at a position of a layer."""
    return TERMS[p.layer.kind](p.layer, p.x, place)


def _dense(layer: Dense, x: Array, place: Place) -> Terms:
    """All inputs, with their weights into the unit."""
    (unit,) = place
    bias = 0.0 if layer.biases is None else float(layer.biases[unit])
    return Terms(x, layer.weights[:, unit], bias, (0,))


def _convolution(layer: Convolution, x: Array, place: Place) -> Terms:
    """The patch at the position, with the channel's kernel."""
    i, j, channel = place
    bias = 0.0 if layer.biases is None else float(layer.biases[channel])
    return Terms(patch_at(layer, x, i, j), kernels_of(layer)[..., channel], bias, (i, j, 0))


def _max_pool(layer: MaxPool, x: Array, place: Place) -> Terms:
    """The window's largest pixel, with weight 1."""
    i, j, channel = place
    row, column = largest_at(layer, x, i, j, channel)
    pixel = x[row : row + 1, column : column + 1, channel : channel + 1]
    return Terms(pixel, np.ones((1, 1, 1)), 0.0, (row, column, channel))


def _average_pool(layer: AveragePool, x: Array, place: Place) -> Terms:
    """The window's pixels, with equal weights."""
    i, j, channel = place
    window = window_at(layer, x, i, j)[..., channel : channel + 1]
    first = (i * layer.size, j * layer.size, channel)
    return Terms(window, np.full(window.shape, 1 / layer.size**2), 0.0, first)


def _batch_norm(layer: BatchNorm, x: Array, place: Place) -> Terms:
    """The one input, scaled: z = s x + (β − s μ), where s = γ / √(σ² + ε)."""
    channel = place[-1]
    scale = layer.gamma[channel] / np.sqrt(layer.variance[channel] + EPSILON)
    bias = float(layer.beta[channel] - scale * layer.mean[channel])
    return Terms(_only(x, place), np.full((1,) * len(place), scale), bias, place)


def _flatten(layer: Flatten, x: Array, place: Place) -> Terms:
    """The same number of the picture."""
    where = tuple(int(i) for i in np.unravel_index(place[0], x.shape))
    return Terms(_only(x, where), np.ones((1,) * len(where)), 0.0, where)


def _same(layer: Any, x: Array, place: Place) -> Terms:
    """The same number."""
    return Terms(_only(x, place), np.ones((1,) * len(place)), 0.0, place)


def _only(x: Array, place: Place) -> Array:
    """The number at a position, as an array with the same number of dimensions as x."""
    return x[tuple(slice(i, i + 1) for i in place)]


TERMS: dict[str, Callable[[Any, Array, Place], Terms]] = {
    "dense": _dense,
    "convolution": _convolution,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "batch_norm": _batch_norm,
    "flatten": _flatten,
    "dropout": _same,
}
"""Kind of layer → a function that returns the terms of z at a position, for inputs x."""
