"""The first layer's weights as pictures, and what each layer makes of a case."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

import numpy as np

from digitnet.engine.arrays import Array, Shape
from digitnet.engine.layers import Dense, Layer
from digitnet.engine.network import Network
from digitnet.engine.pictures import Convolution, Flatten, MaxPool

MIN_SIDE = 4
"""Minimum side of a picture: flat inputs that would make a smaller square are shown as a table."""


@dataclass(frozen=True)
class FirstLayer:
    """The first layer with weights, prepared for display.

    weights: (units, rows, columns), each unit's weights as a picture with the input's channels side
    by side; (units, inputs) if the input is not a picture. index: of the layer in the network.
    picture_shape: of the layer's input before flattening. outgoing: (units, answers), the weights
    from each unit to the output layer; None if that does not follow directly.
    """

    layer: Dense | Convolution
    index: int
    picture_shape: Shape
    weights: Array
    outgoing: Array | None


def first_layer(network: Network) -> FirstLayer:
    """The first layer of a network. Raises ValueError for a committee, which has several."""
    if network.is_committee:
        raise ValueError("a committee has no weights of its own: load one of its members")
    picture_shape: Shape = network.input_shape
    for index, layer in enumerate(network.layers):
        if isinstance(layer, Dense | Convolution):
            outgoing = _outgoing(network.layers[index:])
            return FirstLayer(
                layer, index, picture_shape, _pictures(layer, picture_shape), outgoing
            )
        picture_shape = picture_shape if isinstance(layer, Flatten) else layer.shape
    raise ValueError("the network has no weights")  # every one ends in a dense layer


def _pictures(layer: Dense | Convolution, picture_shape: Shape) -> Array:
    """The weights into each unit, as pictures if the layer's input is one."""
    if isinstance(layer, Convolution):
        picture_shape = (layer.kernel, layer.kernel, picture_shape[-1])
    return _as_pictures(layer.weights.T, picture_shape)


def _as_pictures(rows: Array, shape: Shape) -> Array:
    """Reshapes (count, values) to (count, rows, columns), with the channels side by side; returns
    `rows` unchanged if the shape is not a picture's.
    """
    if len(shape) == 1:
        side = isqrt(shape[0])
        if side < MIN_SIDE or side * side != shape[0]:
            return rows
        shape = (side, side, 1)
    height, width, channels = shape
    by_channel = rows.reshape(-1, height, width, channels).transpose(0, 1, 3, 2)
    return by_channel.reshape(-1, height, channels * width)


def _outgoing(layers: list[Layer]) -> Array | None:
    """The weights of the second layer, if these are two dense layers."""
    if len(layers) == 2 and isinstance(layers[0], Dense) and isinstance(layers[1], Dense):
        return layers[1].weights
    return None


def layer_outputs(network: Network, x: Array) -> Iterator[tuple[str, Array]]:
    """For each layer, its text in the network's shape and a copy of its outputs for one case.

    x: (1, inputs). The outputs have the layer's shape, without a batch axis. Flatten layers, and
    layers that change nothing, are left out; a max pool is part of the convolution below it.
    """
    x = x.reshape(1, *network.input_shape)
    texts = [layer.text for layer in network.layers]
    for index, layer in enumerate(network.layers):
        with np.errstate(all="ignore"):  # huge weights may overflow
            y = layer.forward(x)
        is_pooled = isinstance(layer, Convolution) and _is_max_pool(network, index + 1)
        if y is not x and not isinstance(layer, Flatten) and not is_pooled:
            below = index > 0 and isinstance(network.layers[index - 1], Convolution)
            first = index - (below and _is_max_pool(network, index))
            yield "-".join(texts[first : index + 1]), y[0].copy()
        x = y


def _is_max_pool(network: Network, index: int) -> bool:
    return index < len(network.layers) and isinstance(network.layers[index], MaxPool)


def first_layer_maps(network: Network, x: Array) -> tuple[Array, Array | None]:
    """The first layer's response to one case x (1, inputs): a picture per unit, and their outputs.

    For a convolution: the feature maps (channels, rows, columns), after a max pool if one follows,
    and None. For a dense layer: the products of weights and pixels (units, rows, columns), and
    the outputs f(z) (units,), where z is the sum of the products plus the bias.
    """
    first = first_layer(network)
    below = x.reshape(1, *network.input_shape)
    for layer in network.layers[: first.index]:
        below = layer.forward(below)
    outputs = first.layer.forward(below)[0].copy()
    if isinstance(first.layer, Convolution):
        if _is_max_pool(network, first.index + 1):
            outputs = network.layers[first.index + 1].forward(outputs[np.newaxis])[0]
        return outputs.transpose(2, 0, 1), None
    return first.weights * _as_pictures(below.reshape(1, -1), first.picture_shape), outputs
