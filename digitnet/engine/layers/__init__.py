"""The kinds of layer, by name. To add one, write its class and list it in `LAYERS`."""

from digitnet.engine.layers.base import Layer
from digitnet.engine.layers.committee import Committee
from digitnet.engine.layers.convolution import Convolution
from digitnet.engine.layers.dense import Dense
from digitnet.engine.layers.dropout import Dropout
from digitnet.engine.layers.flatten import Flatten
from digitnet.engine.layers.normalization import BatchNorm
from digitnet.engine.layers.pooling import AveragePool, MaxPool

__all__ = [
    "LAYERS",
    "AveragePool",
    "BatchNorm",
    "Committee",
    "Convolution",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "MaxPool",
]

LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer
    for layer in (
        Dense,
        Convolution,
        MaxPool,
        AveragePool,
        BatchNorm,
        Dropout,
        Flatten,
        Committee,
    )
}
"""kind → its class."""
