"""Puts what is fast in the place of the layers whose passes it computes."""

from collections.abc import Sequence
from typing import Protocol

from digitnet.engine.arrays import Array
from digitnet.engine.layers import Layer, Step, Weighted
from digitnet.engine.pictures import Convolution, MaxPool
from digitnet.engine.speed.convolution import FastConvolution
from digitnet.engine.speed.pool import FastPool


class Passes(Protocol):
    """What a network asks of a layer, or of what computes the same in less time."""

    def forward(self, x: Array, step: Step | None = None) -> Array: ...

    def backward(self, grad: Array) -> Array | None: ...


def prepare(layers: Sequence[Layer]) -> list[Passes]:
    """What computes the passes of these layers in less time, with their arrays.

    A convolution and the max pool above it become one, and nothing below the first layer with
    parameters is given a gradient. Other layers are used as they are.
    """
    prepared: list[Passes] = []
    is_lowest, pooled = True, None
    for layer, above in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, Weighted):
            layer.is_lowest = is_lowest
        if isinstance(layer, Convolution):
            is_monotonic = layer.activation.is_monotonic
            pooled = above if isinstance(above, MaxPool) and is_monotonic else None
            prepared.append(FastConvolution(layer, pooled))
        elif isinstance(layer, MaxPool):
            if layer is not pooled:
                prepared.append(FastPool(layer))
        else:
            prepared.append(layer)
        is_lowest = is_lowest and not layer.parameters
    return prepared
