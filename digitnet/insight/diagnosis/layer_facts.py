"""Facts about the layers: what they do with a batch, and what gradient comes back to them."""

from math import prod, sqrt

import numpy as np

from digitnet.engine.layers import Layer
from digitnet.engine.layers.base import Step
from digitnet.engine.network import Network
from digitnet.engine.types import Array
from digitnet.insight.diagnosis.measurements import LayerFacts

SATURATED = 0.85
"""Mean distance from the middle of a sigmoid, 0 to 1, from which a unit is saturated: ro_max_thresh
in TheDeepChecker's settings, for the measure of Rakitianskaia and Engelbrecht (2015, IEEE SSCI)."""
MIDDLE = {"sigmoid": (0.5, 0.5), "tanh": (0.0, 1.0)}
"""activation → its middle, and how far its ends are from that."""


def layer_facts(network: Network, x: Array, y: Array) -> list[LayerFacts]:
    """Sends a batch forward and back through a network whose arrays may be used up.

    Nothing may be random in it; batch normalisation uses the moments of the batch.
    """
    step = Step()
    outputs: list[Array] = []
    signal = x.reshape(len(x), *network.input_shape)
    with np.errstate(all="ignore"):
        for layer in network.layers:
            signal = layer.forward(signal, step)
            outputs.append(signal.copy() if getattr(layer, "activation", None) else signal)
        signals = _sent_back(network, signal.copy(), y)
        return [
            _facts(number, layer, outputs[number - 1], signals[number - 1])
            for number, layer in enumerate(network.layers, 1)
            if layer.parameters
        ]


def _sent_back(network: Network, a: Array, y: Array) -> list[float]:
    """Back-propagation: the norm of dC/d(its outputs) for each layer; for the last, of dC/dz."""
    grad: Array | None = network.cost.gradient(a, y, len(a))
    norms: list[float] = []
    for layer in reversed(network.layers):
        norms.append(0.0 if grad is None else _norm(grad))
        grad = None if grad is None else layer.backward(grad)
    return norms[::-1]


def _norm(array: Array) -> float:
    """√ Σ x², in float64 so that no square is too large."""
    squares = np.square(array, dtype=np.float64)
    return sqrt(float(squares.sum()))


def _facts(number: int, layer: Layer, a: Array, signal: float) -> LayerFacts:
    """Of one layer, whose outputs these were, with what came back to it."""
    activation = getattr(layer, "activation", None)
    name = activation.name if activation else ""
    flat = a.reshape(-1, a.shape[-1])
    dead = saturated = alike = 0.0
    if name == "relu":
        dead = float((flat.max(axis=0) <= 0).mean())
    if name in MIDDLE:
        middle, reach = MIDDLE[name]
        saturated = float((np.abs(flat - middle).mean(axis=0) / reach >= SATURATED).mean())
    gradient = None
    for p in layer.parameters:
        if p.name == "weights":
            gradient = _norm(p.whole_gradient())
            alike = _alike(p.value)
    return LayerFacts(
        number, layer.text, name, prod(layer.shape[-1:]), dead, saturated, alike, gradient, signal
    )


def _alike(weights: Array) -> float:
    """The share of units whose weights are those of another unit."""
    units = weights.shape[1]
    if units < 2:
        return 0.0
    different = len(np.unique(weights.T, axis=0))
    return float(1 - (different - 1) / (units - 1))
