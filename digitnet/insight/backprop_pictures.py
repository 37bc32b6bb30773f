"""Back-propagation of one case through convolution and pooling; continues `backprop`.

Pictures have shape (rows, columns, channels).
"""

from itertools import product

import numpy as np

from digitnet.engine.layers import AveragePool, Convolution, Layer, MaxPool
from digitnet.engine.types import Array

# Convolution: at every position, each kernel is a dense unit whose inputs are the patch there.


def convolution_sums(layer: Convolution, x: Array) -> Array:
    """z at each position = Σ patch · kernel + b, for every kernel; the sum is over the patch."""
    kernels, z = kernels_of(layer), np.empty(layer.shape)
    for i, j in positions(layer):
        z[i, j] = np.tensordot(patch_at(layer, x, i, j), kernels, axes=3)
    return z if layer.biases is None else z + layer.biases


def convolution_back(layer: Convolution, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dkernel = Σ patch · δ and dC/db = Σ δ, summed over positions; dC/dx at a pixel is the sum
    of kernel · δ over the positions whose patch contains it.
    """
    kernels = kernels_of(layer)
    d_kernels, dx = np.zeros_like(kernels), np.zeros_like(x)
    for i, j in positions(layer):
        d_kernels += patch_at(layer, x, i, j)[..., np.newaxis] * delta[i, j]
        patch_at(layer, dx, i, j)[...] += kernels @ delta[i, j]
    d_biases = delta.sum(axis=(0, 1))
    return {"weights": d_kernels.reshape(layer.weights.shape), "biases": d_biases}, dx


def kernels_of(layer: Convolution) -> Array:
    """The weights, (kernel rows, kernel columns, input channels, output channels)."""
    return layer.weights.reshape(layer.kernel, layer.kernel, layer.input_shape[2], layer.channels)


def positions(layer: Layer) -> "product[tuple[int, ...]]":
    """Every (row, column) of a layer's output."""
    return product(range(layer.shape[0]), range(layer.shape[1]))


def patch_at(layer: Convolution, x: Array, i: int, j: int) -> Array:
    """A view of the patch of x at a position, (kernel rows, kernel columns, input channels)."""
    return x[i : i + layer.kernel, j : j + layer.kernel]


# Pooling: each of the non-overlapping windows becomes one pixel.


def max_pool_sums(layer: MaxPool, x: Array) -> Array:
    """The largest pixel of each window."""
    z = np.empty(layer.shape)
    for i, j in positions(layer):
        z[i, j] = window_at(layer, x, i, j).max(axis=(0, 1))
    return z


def max_pool_back(layer: MaxPool, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dx = δ for the largest pixel of each window, 0 for all others."""
    dx = np.zeros_like(x)
    for i, j in positions(layer):
        for channel in range(layer.shape[2]):
            row, column = largest_at(layer, x, i, j, channel)
            dx[row, column, channel] = delta[i, j, channel]
    return {}, dx


def average_pool_sums(layer: AveragePool, x: Array) -> Array:
    """The mean of each window."""
    z = np.empty(layer.shape)
    for i, j in positions(layer):
        z[i, j] = window_at(layer, x, i, j).mean(axis=(0, 1))
    return z


def average_pool_back(layer: AveragePool, x: Array, delta: Array) -> tuple[dict[str, Array], Array]:
    """dC/dx = δ / pixels per window; 0 for pixels at the edge that are in no window."""
    dx = np.zeros_like(x)
    for i, j in positions(layer):
        window_at(layer, dx, i, j)[...] = delta[i, j] / layer.size**2
    return {}, dx


def window_at(layer: MaxPool | AveragePool, x: Array, i: int, j: int) -> Array:
    """A view of the window of x that becomes pixel (i, j), (size, size, channels)."""
    k = layer.size
    return x[i * k : (i + 1) * k, j * k : (j + 1) * k]


def largest_at(layer: MaxPool, x: Array, i: int, j: int, channel: int) -> tuple[int, int]:
    """The row and column in x of the largest pixel of a window; of equal ones, the leftmost."""
    column, row = divmod(int(window_at(layer, x, i, j)[..., channel].T.argmax()), layer.size)
    return i * layer.size + row, j * layer.size + column
