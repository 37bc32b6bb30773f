"""`why`: the forward and the backward pass of one case, by the engine's own layers in float64."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from digitnet.engine.arrays import Array
from digitnet.engine.layers import ACTIVATIONS, EXACT, BatchNorm, Layer, Weighted
from digitnet.engine.network import Network

Place = tuple[int, ...]  # among a layer's outputs: `(unit,)`, or `(row, column, channel)`


@dataclass
class Pass:
    """The values of one case at a layer, in the forward and the backward pass."""

    layer: Layer
    linear: Layer  # a copy in float64, without its activation
    x: Array  # the inputs
    z: Array  # the weighted sums
    a: Array  # f(z)
    da: Array | None = None  # dC/da; None, as f′ is, if δ is a − y
    slope: Array | None = None  # f′(z), which softmax does not have
    delta: Array = field(default_factory=lambda: np.empty(0))  # δ = dC/dz
    gradients: dict[str, Array] = field(default_factory=dict)  # of the layer's parameters
    dx: Array = field(default_factory=lambda: np.empty(0))  # dC/dx

    @property
    def activation(self) -> str:
        """The name of f; "linear" for layers without one: pooling, flatten and dropout."""
        return str(self.layer.config().get("activation", "linear"))


@dataclass(frozen=True)
class Backpropagation:
    """The values at every layer, first layer first, the target y and the cost of the case.

    answered: the outputs in the network's precision, by which it guesses.
    """

    passes: list[Pass]
    y: Array
    cost: float
    answered: Array

    @property
    def outputs(self) -> Array:
        return self.passes[-1].a


def backpropagate(network: Network, x: Array, y: Array) -> Backpropagation:
    """Computes the forward and the backward pass of one case.

    x: (inputs,). y: the target, (outputs,). Dropout and batch normalization are as when the network
    answers. Raises ValueError for a committee.
    """
    if network.is_committee:
        raise ValueError("a committee has no gradient: its members are trained separately")
    passes: list[Pass] = []
    a: Array = x.astype(np.float64)
    for layer in network.layers:
        passes.append(_forward(layer, a.reshape(layer.input_shape)))
        a = passes[-1].a
    cost = network.cost.value(a[np.newaxis], y[np.newaxis])
    signal = network.cost.gradient(a[np.newaxis], y, 1)[0]
    for p in reversed(passes):
        _backward(p, signal, is_delta=network.cost.canonical and p is passes[-1])
        signal = p.dx
    return Backpropagation(passes, y, cost, network.forward(x[np.newaxis].astype(network.dtype))[0])


def _forward(layer: Layer, x: Array) -> Pass:
    linear = layer.copy(np.float64)
    if isinstance(linear, Weighted | BatchNorm):
        linear.activation = ACTIVATIONS["linear"]
    p = Pass(layer, linear, x, linear.forward(x[np.newaxis], EXACT)[0], np.empty(0))
    row = p.z.reshape(1, -1).copy()
    ACTIVATIONS[p.activation].forward(row)
    p.a = row.reshape(p.z.shape)
    return p


def _backward(p: Pass, signal: Array, *, is_delta: bool) -> None:
    """The backward pass of a layer. signal: dC/da or, if `is_delta`, dC/dz."""
    p.delta = signal.reshape(p.a.shape)
    if not is_delta:
        p.da = p.delta
        p.delta = _derived(p, p.da)
        p.slope = _derived(p, np.ones_like(p.a)) if ACTIVATIONS[p.activation].derivative else None
    p.dx = _to_inputs(p.linear, p.delta)
    p.gradients = {q.name: q.whole_gradient for q in p.linear.parameters}


def _derived(p: Pass, da: Array) -> Array:
    """dC/dz for dC/da."""
    row = da.reshape(1, -1).copy()
    ACTIVATIONS[p.activation].backward(p.a.reshape(1, -1), row)
    return row.reshape(p.a.shape)


def _to_inputs(layer: Layer, delta: Array) -> Array:
    """dC/dx for dC/dz of a layer without activation, after its forward pass."""
    dx: Any = layer.backward(delta[np.newaxis].copy())
    result: Array = dx[0]
    return result


def largest(values: Array, most: int) -> list[int]:
    """The flat indices of the largest nonzero values, largest first; at most `most`."""
    sizes = np.abs(values).ravel()
    order = np.argsort(-sizes, kind="stable")[:most]
    return [int(number) for number in order if sizes[number] > 0]


@dataclass(frozen=True)
class Terms:
    """The terms of one number, z = Σ x w + bias, from a block of inputs that starts at `first`."""

    x: Array
    w: Array
    bias: float
    first: Place

    @property
    def products(self) -> Array:
        return self.x * self.w

    def place_of(self, number: int) -> Place:
        """The position among the layer's inputs of the input with this index in `x`."""
        within = np.unravel_index(number, self.x.shape)
        return tuple(int(i) + start for i, start in zip(within, self.first, strict=True))


def terms_of(p: Pass, place: Place) -> Terms:
    """The terms of z at a position, where w is dz/dx: the block of inputs it depends on."""
    chosen = np.zeros(p.z.shape)
    chosen[place] = 1
    w = connected = _to_inputs(p.linear, chosen)
    if not all(parameter.value.all() for parameter in p.linear.parameters[:1]):
        ones = p.linear.copy(np.float64)  # with weights of zero, w does not tell
        for parameter in ones.parameters:
            parameter.value[...] = 1
        ones.forward(p.x[np.newaxis], EXACT)
        connected = _to_inputs(ones, chosen)
    inputs = np.argwhere(np.abs(connected) > 1e-9 * np.abs(connected).max())
    first = tuple(int(i) for i in inputs.min(axis=0))
    block = tuple(slice(a, int(b) + 1) for a, b in zip(first, inputs.max(axis=0), strict=True))
    biases = [q.value[place[-1]] for q in p.layer.parameters if q.name == "biases"]
    bias = biases[0] if biases else p.z[place] - (p.x[block] * w[block]).sum()
    return Terms(p.x[block], w[block], float(bias), first)


def trail(passes: list[Pass], output: int) -> list[Place]:
    """For each layer, first layer first, the position on the trail that leads down from an output:
    to the input that contributes most in the direction of the sign of the value above.
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


def from_inputs(passes: Sequence[Pass], place: Place) -> Array:
    """x dz/dx for each input x of the network and z at a position of the last of these passes: what
    it adds to z. In the first layer, and through ReLUs, their sum is z but for the biases.
    """
    signal: Array = np.zeros(passes[-1].z.shape)
    signal[place] = 1
    for p in reversed(passes):
        if p is not passes[-1]:
            signal = _derived(p, signal.reshape(p.a.shape))
        signal = _to_inputs(p.linear, signal)
    added: Array = passes[0].x * signal.reshape(passes[0].x.shape)
    return added
