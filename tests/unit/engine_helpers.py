"""What tests of the engine share."""

from collections.abc import Callable
from typing import Any

import numpy as np

from digitnet.engine.layers import ACTIVATIONS
from digitnet.engine.network import COSTS, Network
from digitnet.engine.shapes import network_of

HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]
OUTPUTS = [
    (output, cost)
    for cost, forms in COSTS.items()
    for form in forms
    for output in form.outputs or ACTIVATIONS
]
"""The activations and costs of an output layer that go together."""


def made(shape: str, seed: int = 1, **how: Any) -> Network:
    """An untrained network. how: as of `network_of`."""
    network = network_of(shape, **how)
    network.initialize(seed)
    return network


def differences(cost: Callable[[], float], array: np.ndarray) -> np.ndarray:
    """Central differences (C(w + h) − C(w − h)) / 2h of a cost, for each number of an array."""
    gradient, h = np.zeros_like(array), 1e-6
    for index in np.ndindex(array.shape):
        before, costs = array[index], []
        for value in (before + h, before - h):
            array[index] = value
            costs.append(cost())
        array[index] = before
        gradient[index] = (costs[0] - costs[1]) / (2 * h)
    return gradient


def gradients(network: Network, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The gradient of each parameter, by back-propagation of a batch."""
    network.backward(network.forward(x), y)
    return [p.whole_gradient.copy() for p in network.parameters]
