"""Folding: in an answer, batch normalisation is part of the layer below it, and dropout is none."""

import numpy as np

from digitnet.engine.layers import BatchNorm, Convolution, Dense, Dropout, Layer
from digitnet.engine.layers.normalization import EPSILON
from digitnet.engine.network import Network


def folded(network: Network) -> Network:
    """The network as it answers, without dropout; dense layers and convolutions take in the batch
    normalisation above them:

    γ (x W + b − μ) / √(σ² + ε) + β = x (W s) + (b − μ) s + β, where s = γ / √(σ² + ε), channel by
    channel. A network with neither is returned as it is.
    """
    if not any(isinstance(layer, BatchNorm | Dropout) for layer in network.layers):
        return network
    layers: list[Layer] = []
    for layer in network.layers:
        if isinstance(layer, Dropout):
            continue
        below = layers[-1] if layers else None
        if isinstance(layer, BatchNorm) and _takes_in(below):
            layers[-1] = _merged(below, layer)  # type: ignore[arg-type]
        else:
            layers.append(layer.copy(network.dtype))
    return Network(layers, network.cost_name)


def _takes_in(layer: Layer | None) -> bool:
    return isinstance(layer, Dense | Convolution) and layer.activation.name == "linear"


def _merged(layer: Dense | Convolution, norm: BatchNorm) -> Dense | Convolution:
    """A layer that does what both do."""
    config = layer.config() | {"bias": True, "activation": norm.activation.name}
    merged = type(layer)(layer.input_shape, dtype=layer.dtype, **config)
    scale = norm.gamma / np.sqrt(norm.variance + EPSILON)
    before = layer.biases if layer.biases is not None else 0
    merged.weights[:] = layer.weights * scale
    assert merged.biases is not None
    merged.biases[:] = (before - norm.mean) * scale + norm.beta
    return merged
