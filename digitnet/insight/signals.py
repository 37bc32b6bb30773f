"""The signals and gradients of each layer, for a batch: what the doctor looks at inside."""

from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from digitnet.engine.arrays import Array
from digitnet.engine.layers import Layer, Step
from digitnet.engine.network import Network

MIDDLE = {"sigmoid": (0.5, 0.5), "tanh": (0.0, 1.0)}
"""Activation → the middle of its range, and half its width."""


@dataclass(frozen=True)
class LayerFacts:
    """Facts about a layer with parameters, for a batch.

    number: counted from 1. units: numbers (dense) or channels (convolution). dead, saturated,
    duplicates: the fraction of its units that are never above zero (ReLU), at the ends of a sigmoid
    or tanh, with the same weights as another. gradient: the norm of dC/dW; None without weights.
    signal: the norm of dC/da, where a are the outputs.

    A unit is saturated if its distance from the middle of the activation's range is on average 0.85
    of the largest possible: ro_max_thresh in TheDeepChecker's settings, for the measure of
    Rakitianskaia and Engelbrecht (2015, IEEE SSCI).
    """

    number: int
    text: str
    activation: str
    units: int
    dead: float
    saturated: float
    duplicates: float
    gradient: float | None
    signal: float


def layer_facts(network: Network, x: Array, y: Array) -> list[LayerFacts]:
    """Sends a batch forward and back through a network, and overwrites its arrays.

    x: (batch, inputs), y: (batch, outputs). The network must have no dropout; batch normalisation
    uses the moments of the batch.
    """
    facts = []
    outputs, a = [], x.reshape(len(x), *network.input_shape)
    for layer in network.layers:
        a = layer.forward(a, Step())
        outputs.append(a.copy())
    signal: Array | None = network.cost.gradient(a.copy(), y, len(a))
    for number, layer in reversed(list(enumerate(network.layers, 1))):
        norm = 0.0 if signal is None else _norm(signal)
        signal = None if signal is None else layer.backward(signal)
        if layer.parameters:
            facts.append(_facts(number, layer, outputs[number - 1], norm))
    return facts[::-1]


def _facts(number: int, layer: Layer, a: Array, signal: float) -> LayerFacts:
    """The facts about one layer. a: its outputs. signal: the norm of dC/da."""
    activation: str = layer.config()["activation"]
    flat = a.reshape(-1, a.shape[-1])
    saturated = 0.0
    if activation in MIDDLE:
        middle, reach = MIDDLE[activation]
        saturated = float((np.abs(flat - middle).mean(axis=0) / reach >= 0.85).mean())
    weights = next((p for p in layer.parameters if p.name == "weights"), None)
    return LayerFacts(
        number,
        layer.text,
        activation,
        prod(layer.shape[-1:]),
        dead=float((flat.max(axis=0) <= 0).mean()) if activation == "relu" else 0.0,
        saturated=saturated,
        duplicates=_duplicates(weights.value) if weights else 0.0,
        gradient=_norm(weights.whole_gradient()) if weights else None,
        signal=signal,
    )


def _norm(array: Array) -> float:
    """√ Σ x², in float64 so that the squares do not overflow."""
    return sqrt(float(np.square(array, dtype=np.float64).sum()))


def _duplicates(weights: Array) -> float:
    """The fraction of units that duplicate another unit's weights; 1 if all are the same."""
    units = weights.shape[1]
    different = len(np.unique(weights.T, axis=0))
    return float(1 - (different - 1) / (units - 1)) if units > 1 else 0.0
