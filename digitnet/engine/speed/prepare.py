"""Puts what is fast in the place of the layers whose passes it computes."""

from collections.abc import Sequence

from digitnet.engine.layers import Dense, Layer, Passes
from digitnet.engine.pictures import Convolution, MaxPool
from digitnet.engine.speed.convolution import FastConvolution
from digitnet.engine.speed.dense import FastDense
from digitnet.engine.speed.pool import FastPool


def prepare(layers: Sequence[Layer]) -> list[Passes]:
    """What computes the passes of these layers in less time, with their arrays.

    A convolution and the max pool above it become one, and nothing below the first layer with
    parameters is given a gradient. Other layers are used as they are.
    """
    prepared: list[Passes] = []
    is_lowest, pooled = True, None
    for layer, above in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, Dense):
            prepared.append(FastDense(layer, is_lowest=is_lowest))
        elif isinstance(layer, Convolution):
            is_monotonic = layer.activation.is_monotonic
            pooled = above if isinstance(above, MaxPool) and is_monotonic else None
            prepared.append(FastConvolution(layer, pooled, is_lowest=is_lowest))
        elif isinstance(layer, MaxPool):
            if layer is not pooled:
                prepared.append(FastPool(layer))
        else:
            prepared.append(layer)
        is_lowest = is_lowest and not layer.parameters
    return prepared
