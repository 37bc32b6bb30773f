"""Back-propagation of one case through the layers that see pictures: convolution and pooling.

The second page of `backprop`, in the same words. A picture is (row, column, channel).
"""

from itertools import product

import numpy as np

from digitnet.engine.layers import AveragePool, Convolution, Layer, MaxPool
from digitnet.engine.types import Array

# Convolution: the same kernels at every place of the picture, each a dense unit over its patch.


def convolution_sums(layer: Convolution, x: Array) -> Array:
    """z at each place = Σ over the patch there of patch · kernel + b, for every kernel."""
    kernels, z = kernels_of(layer), np.empty(layer.shape)
    for i, j in places(layer):
        z[i, j] = np.tensordot(patch_at(layer, x, i, j), kernels, axes=3)
    return z if layer.biases is None else z + layer.biases


def convolution_back(layer: Convolution, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dkernel = Σ over the places of patch · δ;  dC/db = Σ over the places of δ;  dC/dx is the
    sum of kernel · δ over all places whose patch has that pixel.
    """
    kernels = kernels_of(layer)
    of_kernels, dx = np.zeros_like(kernels), np.zeros_like(x)
    for i, j in places(layer):
        of_kernels += patch_at(layer, x, i, j)[..., np.newaxis] * delta[i, j]
        patch_at(layer, dx, i, j)[...] += kernels @ delta[i, j]
    of_biases = delta.sum(axis=(0, 1))
    return {"weights": of_kernels.reshape(layer.weights.shape), "biases": of_biases}, dx


def kernels_of(layer: Convolution) -> Array:
    """The weights as (row, column, channel below, channel)."""
    return layer.weights.reshape(layer.kernel, layer.kernel, layer.input_shape[2], layer.channels)


def places(layer: Layer) -> "product[tuple[int, ...]]":
    """Every row and column of the picture a layer makes."""
    return product(range(layer.shape[0]), range(layer.shape[1]))


def patch_at(layer: Convolution, x: Array, i: int, j: int) -> Array:
    """What the kernels see of x at a place: (row, column, channel below), a part of x itself."""
    return x[i : i + layer.kernel, j : j + layer.kernel]


# Pooling: windows side by side, each of which becomes one pixel.


def max_pool_sums(layer: MaxPool, x: Array) -> Array:
    """The largest pixel of each window."""
    z = np.empty(layer.shape)
    for i, j in places(layer):
        z[i, j] = window_at(layer, x, i, j).max(axis=(0, 1))
    return z


def max_pool_back(layer: MaxPool, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dx = δ for the largest pixel of each window, 0 for the others, which changed nothing."""
    dx = np.zeros_like(x)
    for i, j in places(layer):
        for channel in range(layer.shape[2]):
            row, column = largest_at(layer, x, i, j, channel)
            dx[row, column, channel] = delta[i, j, channel]
    return {}, dx


def average_pool_sums(layer: AveragePool, x: Array) -> Array:
    """The mean of each window."""
    z = np.empty(layer.shape)
    for i, j in places(layer):
        z[i, j] = window_at(layer, x, i, j).mean(axis=(0, 1))
    return z


def average_pool_back(layer: AveragePool, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dx = δ / pixels in a window, for each of them; 0 for pixels at the edge in no window."""
    dx = np.zeros_like(x)
    for i, j in places(layer):
        window_at(layer, dx, i, j)[...] = delta[i, j] / layer.size**2
    return {}, dx


def window_at(layer: MaxPool | AveragePool, x: Array, i: int, j: int) -> Array:
    """The pixels of x that become pixel (i, j): (row, column, channel), a part of x itself."""
    k = layer.size
    return x[i * k : (i + 1) * k, j * k : (j + 1) * k]


def largest_at(layer: MaxPool, x: Array, i: int, j: int, channel: int) -> tuple[int, int]:
    """Row and column in x of the largest pixel of a window; of equal ones, the leftmost."""
    column, row = divmod(int(window_at(layer, x, i, j)[..., channel].T.argmax()), layer.size)
    return i * layer.size + row, j * layer.size + column
