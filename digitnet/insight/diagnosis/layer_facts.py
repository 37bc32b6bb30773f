"""Facts about the layers: their outputs for a batch, and their gradients."""

from math import prod, sqrt

import numpy as np

from digitnet.engine.layers import Layer
from digitnet.engine.layers.base import Step
from digitnet.engine.network import Network
from digitnet.engine.types import Array
from digitnet.insight.diagnosis.measurements import LayerFacts

SATURATED = 0.85
"""Minimum mean distance from the middle of the activation's range, as a fraction of the largest
possible distance, for a unit to count as saturated: ro_max_thresh in TheDeepChecker's settings, for
the measure of Rakitianskaia and Engelbrecht (2015, IEEE SSCI)."""
MIDDLE = {"sigmoid": (0.5, 0.5), "tanh": (0.0, 1.0)}
"""Activation → the middle of its range, and half its width."""


def layer_facts(network: Network, x: Array, y: Array) -> list[LayerFacts]:
    """Sends a batch forward and back through a network, and overwrites its arrays.

    x: (batch, inputs), y: (batch, outputs). The network must have no dropout; batch normalisation
    uses the moments of the batch.
    """
    step = Step()
    outputs: list[Array] = []
    signal = x.reshape(len(x), *network.input_shape)
    with np.errstate(all="ignore"):
        for layer in network.layers:
            signal = layer.forward(signal, step)
            outputs.append(signal.copy() if getattr(layer, "activation", None) else signal)
        signals = _signal_norms(network, signal.copy(), y)
        return [
            _facts(number, layer, outputs[number - 1], signals[number - 1])
            for number, layer in enumerate(network.layers, 1)
            if layer.parameters
        ]


def _signal_norms(network: Network, a: Array, y: Array) -> list[float]:
    """Back-propagates; returns the norm of dC/da for each layer, and of dC/dz for the last."""
    grad: Array | None = network.cost.gradient(a, y, len(a))
    norms: list[float] = []
    for layer in reversed(network.layers):
        norms.append(0.0 if grad is None else _norm(grad))
        grad = None if grad is None else layer.backward(grad)
    return norms[::-1]


def _norm(array: Array) -> float:
    """√ Σ x², in float64 so that the squares do not overflow."""
    squares = np.square(array, dtype=np.float64)
    return sqrt(float(squares.sum()))


def _facts(number: int, layer: Layer, a: Array, signal: float) -> LayerFacts:
    """The facts about one layer. a: its outputs. signal: the norm of dC/da."""
    activation = getattr(layer, "activation", None)
    name = activation.name if activation else ""
    flat = a.reshape(-1, a.shape[-1])
    dead = saturated = duplicates = 0.0
    if name == "relu":
        dead = float((flat.max(axis=0) <= 0).mean())
    if name in MIDDLE:
        middle, reach = MIDDLE[name]
        saturated = float((np.abs(flat - middle).mean(axis=0) / reach >= SATURATED).mean())
    gradient = None
    for p in layer.parameters:
        if p.name == "weights":
            gradient = _norm(p.whole_gradient())
            duplicates = _duplicates(p.value)
    return LayerFacts(
        number,
        layer.text,
        name,
        prod(layer.shape[-1:]),
        dead,
        saturated,
        duplicates,
        gradient,
        signal,
    )


def _duplicates(weights: Array) -> float:
    """The fraction of units that duplicate another unit's weights; 1 if all are the same."""
    units = weights.shape[1]
    if units < 2:
        return 0.0
    different = len(np.unique(weights.T, axis=0))
    return float(1 - (different - 1) / (units - 1))
