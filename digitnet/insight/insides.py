"""Inside a network: the first layer's weights as pictures, and the outputs of every layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

import numpy as np

from digitnet.engine.layers import Convolution, Dense, Flatten, Layer
from digitnet.engine.network import Network
from digitnet.engine.types import Array, Shape

SMALLEST = 4
"""Rows of a table are no pictures, even where they would make a square of a smaller side."""


@dataclass(frozen=True)
class FirstLayer:
    """The first layer with weights, prepared for display.

    weights: (units, rows, columns), the weights of each unit as a picture, with the channels of the
    input side by side; (units, inputs) if the input is not a picture. place: its index among the
    layers. seen: the shape of its input before flattening. outgoing: (units, answers), the weights
    from each unit to the answers; None if the output layer does not follow directly.
    """

    layer: Dense | Convolution
    place: int
    seen: Shape
    weights: Array
    outgoing: Array | None


def first_layer(network: Network) -> FirstLayer:
    """The first layer of a network. Raises ValueError for a committee, which has several."""
    if network.is_committee:
        raise ValueError("a committee has no weights of its own: load one of its members")
    seen: Shape = network.input_shape
    for place, layer in enumerate(network.layers):
        if isinstance(layer, Dense | Convolution):
            outgoing = _outgoing(network.layers[place:])
            return FirstLayer(layer, place, seen, _pictures(layer, seen), outgoing)
        seen = seen if isinstance(layer, Flatten) else layer.shape
    raise ValueError("the network has no weights")  # every one ends in a dense layer


def _pictures(layer: Dense | Convolution, seen: Shape) -> Array:
    """The weights into each unit. seen: the shape of the layer's input before flattening."""
    if isinstance(layer, Convolution):
        seen = (layer.kernel, layer.kernel, seen[-1])
    return _as_pictures(layer.weights.T, seen)


def _as_pictures(rows: Array, shape: Shape) -> Array:
    """Rows of numbers as pictures (count, rows, columns) with the channels side by side; as they
    are where the shape is that of no picture.
    """
    if len(shape) == 1:
        side = isqrt(shape[0])
        if side < SMALLEST or side * side != shape[0]:
            return rows
        shape = (side, side, 1)
    height, width, channels = shape
    by_channel = rows.reshape(-1, height, width, channels).transpose(0, 1, 3, 2)
    return by_channel.reshape(-1, height, channels * width)


def _outgoing(layers: list[Layer]) -> Array | None:
    """The weights from the first of these layers to the answers, if these are the next layer's."""
    if len(layers) == 2 and isinstance(layers[0], Dense) and isinstance(layers[1], Dense):
        return layers[1].weights
    return None


def layer_outputs(network: Network, x: Array) -> Iterator[tuple[str, Array]]:
    """What each layer makes of one case x (1, inputs): its part of a shape, and its outputs without
    the batch's axis, as an array of their own.

    Layers that change nothing but the shape are left out. A max pool is one with the convolution
    below it.
    """
    x = x.reshape(1, *network.input_shape)
    texts = [layer.text for layer in network.layers]
    for place, layer in enumerate(network.layers):
        with np.errstate(all="ignore"):  # of huge weights they are not finite
            y = layer.forward(x)
        if y is not x and not isinstance(layer, Flatten):
            pooled = isinstance(layer, Convolution) and layer.pool is not None
            yield "-".join(texts[place : place + 1 + pooled]), y[0].copy()
        x = y


def maps_of(network: Network, x: Array) -> tuple[Array, Array | None]:
    """What the first layer makes of one case x (1, inputs): a picture for each unit, and the units'
    outputs.

    Of a convolution the feature maps (channels, rows, columns), pooled where a max pool follows,
    and None. Of a dense layer the weights times the pixels, (units, rows, columns), and f(z), where
    z is their sum with the bias.
    """
    first = first_layer(network)
    below = x.reshape(1, *network.input_shape)
    for layer in network.layers[: first.place]:
        below = layer.forward(below)
    outputs = first.layer.forward(below)[0].copy()
    if isinstance(first.layer, Convolution):
        return outputs.transpose(2, 0, 1), None
    return first.weights * _as_pictures(below.reshape(1, -1), first.seen), outputs
