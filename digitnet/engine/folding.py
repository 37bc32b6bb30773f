"""Folding for inference: batch normalisation is merged into the layer below; dropout is removed."""

import numpy as np

from digitnet.engine.layers import BatchNorm, Convolution, Dense, Dropout, Layer
from digitnet.engine.layers.normalization import EPSILON
from digitnet.engine.network import Network


def folded(network: Network) -> Network:
    """An equivalent network for inference. One without batch normalisation and dropout is returned
    unchanged.

    Batch normalisation is merged into the dense layer or convolution below it:
    γ (x W + b − μ) / √(σ² + ε) + β = x (W s) + (b − μ) s + β, where s = γ / √(σ² + ε) per channel.
    """
    if not any(isinstance(layer, BatchNorm | Dropout) for layer in network.layers):
        return network
    layers: list[Layer] = []
    for layer in network.layers:
        if isinstance(layer, Dropout):
            continue
        below = layers[-1] if layers else None
        if isinstance(layer, BatchNorm) and _absorbs(below):
            layers[-1] = _merged(below, layer)  # type: ignore[arg-type]
        else:
            layers.append(layer.copy(network.dtype))
    return Network(layers, network.cost_name)


def _absorbs(layer: Layer | None) -> bool:
    return isinstance(layer, Dense | Convolution) and layer.activation.name == "linear"


def _merged(layer: Dense | Convolution, norm: BatchNorm) -> Dense | Convolution:
    """One layer that computes what both do."""
    config = layer.config() | {"bias": True, "activation": norm.activation.name}
    merged = type(layer)(layer.input_shape, dtype=layer.dtype, **config)
    scale = norm.gamma / np.sqrt(norm.variance + EPSILON)
    before = layer.biases if layer.biases is not None else 0
    merged.weights[:] = layer.weights * scale
    assert merged.biases is not None
    merged.biases[:] = (before - norm.mean) * scale + norm.beta
    return merged
