"""The trail of an output: at each layer down to the inputs, the largest contribution.

A weighted sum z = Σ x w + b consists of terms x w. The largest term shows which input contributed
most. That input is the output of a unit below, whose own largest term leads further down, to the
pixels. The terms of a convolution are those of one patch and kernel; those of a pooled pixel are
its window.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitnet.engine.layers import AveragePool, BatchNorm, Convolution, Dense, Flatten, MaxPool
from digitnet.engine.layers.normalization import EPSILON
from digitnet.engine.types import Array
from digitnet.insight.backprop import Pass
from digitnet.insight.backprop_pictures import kernels_of, largest_at, patch_at, window_at

Place = tuple[int, ...]
"""Where a number is among a layer's outputs: `(unit,)`, or `(row, column, channel)`."""


@dataclass(frozen=True)
class Terms:
    """The terms of one number z of a layer: z = Σ x w + bias.

    x, w: the inputs that contribute and their weights, of the same shape. first: the position of
    the first of them among the layer's inputs.
    """

    x: Array
    w: Array
    bias: float
    first: Place

    @property
    def products(self) -> Array:
        """x w, the contribution of each input."""
        return self.x * self.w

    def place_of(self, number: int) -> Place:
        """The position among the layer's inputs of the input with this index in `x`."""
        within = np.unravel_index(number, self.x.shape)
        return tuple(int(i) + start for i, start in zip(within, self.first, strict=True))

    def largest(self, most: int) -> list[int]:
        """The indices of the largest nonzero contributions, largest first; at most `most`."""
        sizes = np.abs(self.products).ravel()
        order = np.argsort(-sizes, kind="stable")[:most]
        return [int(number) for number in order if sizes[number] > 0]


def trail(passes: list[Pass], output: int) -> list[Place]:
    """For each layer, first layer first, the position on the trail that leads down from an output.

    At each layer it follows the input that contributes most in the direction of the value above:
    up for the output, and below it up or down by the sign of that value.
    """
    places: list[Place] = []
    place: Place = (output,)
    sign = 1.0
    for p in reversed(passes):
        places.append(place)
        terms = terms_of(p, place)
        place = terms.place_of(int(np.argmax(sign * terms.products)))
        sign = -1.0 if p.x[place] < 0 else 1.0
    return places[::-1]


def terms_of(p: Pass, place: Place) -> Terms:
    """The terms of z at a position of a layer."""
    return TERMS[p.layer.kind](p.layer, p.x, place)


def _dense(layer: Dense, x: Array, place: Place) -> Terms:
    """All inputs, with their weights into the unit."""
    (unit,) = place
    bias = 0.0 if layer.biases is None else float(layer.biases[unit])
    return Terms(x, layer.weights[:, unit], bias, (0,))


def _convolution(layer: Convolution, x: Array, place: Place) -> Terms:
    """The patch at the position, with the channel's kernel."""
    i, j, channel = place
    bias = 0.0 if layer.biases is None else float(layer.biases[channel])
    return Terms(patch_at(layer, x, i, j), kernels_of(layer)[..., channel], bias, (i, j, 0))


def _max_pool(layer: MaxPool, x: Array, place: Place) -> Terms:
    """The window's largest pixel, with weight 1."""
    i, j, channel = place
    row, column = largest_at(layer, x, i, j, channel)
    pixel = x[row : row + 1, column : column + 1, channel : channel + 1]
    return Terms(pixel, np.ones((1, 1, 1)), 0.0, (row, column, channel))


def _average_pool(layer: AveragePool, x: Array, place: Place) -> Terms:
    """The window's pixels, with equal weights."""
    i, j, channel = place
    window = window_at(layer, x, i, j)[..., channel : channel + 1]
    first = (i * layer.size, j * layer.size, channel)
    return Terms(window, np.full(window.shape, 1 / layer.size**2), 0.0, first)


def _batch_norm(layer: BatchNorm, x: Array, place: Place) -> Terms:
    """The one input, scaled: z = s x + (β − s μ), where s = γ / √(σ² + ε)."""
    channel = place[-1]
    scale = layer.gamma[channel] / np.sqrt(layer.variance[channel] + EPSILON)
    bias = float(layer.beta[channel] - scale * layer.mean[channel])
    return Terms(_only(x, place), np.full((1,) * len(place), scale), bias, place)


def _flatten(layer: Flatten, x: Array, place: Place) -> Terms:
    """The same number of the picture."""
    where = tuple(int(i) for i in np.unravel_index(place[0], x.shape))
    return Terms(_only(x, where), np.ones((1,) * len(where)), 0.0, where)


def _same(layer: Any, x: Array, place: Place) -> Terms:
    """The same number."""
    return Terms(_only(x, place), np.ones((1,) * len(place)), 0.0, place)


def _only(x: Array, place: Place) -> Array:
    """The number at a position, as an array with the same number of dimensions as x."""
    return x[tuple(slice(i, i + 1) for i in place)]


TERMS: dict[str, Callable[[Any, Array, Place], Terms]] = {
    "dense": _dense,
    "convolution": _convolution,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "batch_norm": _batch_norm,
    "flatten": _flatten,
    "dropout": _same,
}
"""Kind of layer → a function that returns the terms of z at a position, for inputs x."""
