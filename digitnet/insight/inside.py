"""The first layer's weights as pictures, and what each layer makes of a case."""

from dataclasses import dataclass
from math import isqrt

import numpy as np

from digitnet.engine.arrays import Array, Shape
from digitnet.engine.layers import Dense
from digitnet.engine.network import Network
from digitnet.engine.pictures import Convolution, Flatten, MaxPool

MIN_SIDE = 4  # of a picture: flat inputs that would make a smaller square are shown as a table


@dataclass(frozen=True)
class FirstLayer:
    """The first layer with weights, prepared for display."""

    layer: Dense | Convolution
    index: int  # of the layer in the network
    picture_shape: Shape  # of the layer's input before flattening
    weights: Array  # (units, rows, columns), channels side by side, or (units, inputs)
    outgoing: Array | None  # (units, answers), the weights to an output layer right above


def first_layer(network: Network) -> FirstLayer:
    """The first layer of a network. Raises ValueError for a committee, which has several."""
    if network.is_committee:
        raise ValueError("a committee has no weights of its own: load one of its members")
    picture_shape: Shape = network.input_shape
    for index, layer in enumerate(network.layers):
        if isinstance(layer, Dense | Convolution):
            kernel = picture_shape
            if isinstance(layer, Convolution):
                kernel = (layer.kernel, layer.kernel, picture_shape[-1])
            both = network.layers[index:]
            is_followed = len(both) == 2 and isinstance(layer, Dense)
            outgoing = both[1].weights if is_followed and isinstance(both[1], Dense) else None
            pictures = _as_pictures(layer.weights.T, kernel)
            return FirstLayer(layer, index, picture_shape, pictures, outgoing)
        picture_shape = picture_shape if isinstance(layer, Flatten) else layer.shape
    raise ValueError("the network has no weights")  # every one ends in a dense layer


def _as_pictures(rows: Array, shape: Shape) -> Array:
    """(count, values) as (count, rows, columns), channels side by side; as they are if flat."""
    if len(shape) == 1:
        side = isqrt(shape[0])
        if side < MIN_SIDE or side * side != shape[0]:
            return rows
        shape = (side, side, 1)
    height, width, channels = shape
    by_channel = rows.reshape(-1, height, width, channels).transpose(0, 1, 3, 2)
    return by_channel.reshape(-1, height, channels * width)


def layer_outputs(network: Network, x: Array) -> list[tuple[str, Array]]:
    """For each layer, its text in the network's shape and a copy of its outputs for one case.

    x: (1, inputs). The outputs have the layer's shape, without a batch axis. Flatten layers, and
    layers that change nothing, are left out; a max pool is part of the convolution below it.
    """
    x = x.reshape(1, *network.input_shape)
    told: list[tuple[str, Array]] = []
    below = None
    for layer in network.layers:
        with np.errstate(all="ignore"):  # huge weights may overflow
            y = layer.forward(x)
        if y is not x and not isinstance(layer, Flatten):
            is_pooled = isinstance(layer, MaxPool) and isinstance(below, Convolution)
            text = f"{told.pop()[0]}-{layer.text}" if is_pooled else layer.text
            told.append((text, y[0].copy()))
        x, below = y, layer
    return told


def first_layer_maps(network: Network, x: Array) -> tuple[Array, Array | None]:
    """The first layer's response to one case x (1, inputs): a picture per unit, and their outputs.

    For a convolution: the feature maps (channels, rows, columns), after a max pool if one follows,
    and None. For a dense layer: the products of weights and pixels (units, rows, columns), which
    with the bias add up to z, and the outputs f(z) (units,).
    """
    first = first_layer(network)
    below = x.reshape(1, *network.input_shape)
    for layer in network.layers[: first.index]:
        below = layer.forward(below)
    outputs = first.layer.forward(below)[0].copy()
    if isinstance(first.layer, Convolution):
        if isinstance(above := network.layers[first.index + 1], MaxPool):
            outputs = above.forward(outputs[np.newaxis])[0]
        return outputs.transpose(2, 0, 1), None
    return first.weights * _as_pictures(below.reshape(1, -1), first.picture_shape), outputs
