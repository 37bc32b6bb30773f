"""The sums of a convolution by patches (im2col)."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from digitnet.engine.arrays import Array, Buffer, Shape

TILE = 850_000
"""Numbers in the patches and outputs of a tile: few enough to stay in the cache, and enough that
threads seldom wait for one another's turn to hold the interpreter lock."""

SHORT = 16  # rows of a kernel with fewer numbers than this are not copied as one run


class PatchProduct:
    """The sums of a convolution for tiles of pictures, in one thread.

    pictures: the number of pictures in a tile.
    """

    def __init__(self, input_shape: Shape, kernel: int, weights: Array) -> None:
        """weights: (kernel · kernel · depth, channels). The buffers are allocated when used."""
        height, width, self.depth = input_shape
        self.kernel, self.weights = kernel, weights
        self.rows, self.columns = height - kernel + 1, width - kernel + 1
        (self.size, channels), dtype = weights.shape, weights.dtype
        self.pictures = max(1, TILE // (self.rows * self.columns * (self.size + 2 * channels)))
        self._patches = Buffer((self.rows, self.columns, self.size), dtype)
        self._outputs = Buffer((self.rows, self.columns, channels), dtype)
        self._strips = Buffer((height, self.columns, kernel * self.depth), dtype)
        self._product = Buffer((self.rows, self.columns, kernel * self.depth), dtype)
        self._gradient = np.empty_like(weights)

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """x ∗ W for a tile x, (pictures, rows, columns, channels), in `out` if given."""
        z = self._outputs(len(x)) if out is None else out
        self._last = self._im2col(x)
        np.matmul(self._last, self.weights, out=z.reshape(-1, z.shape[-1]))
        return z

    def delta(self, count: int) -> Array:
        """A buffer for dC/dz of `count` pictures, (pictures, rows, columns, channels)."""
        result: Array = self._outputs(count)
        return result

    def backward(self, x: Array | None, delta: Array, gradient: Array, into: Array | None) -> None:
        """gradient += dC/dW, and into ← dC/dx, for a tile x and delta = dC/dz.

        x: None for the tile of the last call, if that was `forward`.
        """
        flat = delta.reshape(-1, delta.shape[-1])
        patches = self._last if x is None else self._im2col(x)
        np.matmul(patches.T, flat, out=self._gradient)
        gradient += self._gradient
        if into is not None:
            self._col2im(flat, into)

    def _im2col(self, x: Array) -> Array:
        """Returns the patches of a tile x, (pictures · rows · columns, kernel · kernel · depth).

        Copies in long runs: one kernel row of one patch or, if that is short, one number of the
        kernel for all patches of a line.
        """
        k, depth, count = self.kernel, self.depth, len(x)
        image, line, pixel, number = x.strides
        places = (count, self.rows, self.columns)
        buffer = self._patches(count)
        if k * depth >= SHORT:
            windows = as_strided(x, (*places, k, k * depth), (image, line, pixel, line, number))
            np.copyto(buffer.reshape(windows.shape), windows)
            return buffer.reshape(-1, self.size)
        windows = as_strided(x, (k, k, depth, *places), (line, pixel, number, image, line, pixel))
        np.copyto(buffer.reshape(windows.shape), windows)
        return buffer.reshape(self.size, -1).T

    def _col2im(self, delta: Array, into: Array) -> None:
        """into ← for every pixel, the sum of δ Wᵀ over the patches that contain it.

        One product per kernel row is added to strips as wide as a kernel row; the columns of the
        strips are then added to the pixels: 2 k additions rather than k².
        """
        k, run, count = self.kernel, self.kernel * self.depth, len(into)
        strips, product = self._strips(count), self._product(count)
        flat = product.reshape(-1, run)
        strips[:, self.rows :] = 0
        for row in range(k):
            np.matmul(delta, self.weights[row * run : (row + 1) * run].T, out=flat)
            if row == 0:
                strips[:, : self.rows] = product
            else:
                strips[:, row : row + self.rows] += product
        into[:, :, self.columns :] = 0
        into[:, :, : self.columns] = strips[..., : self.depth]
        for column in range(1, k):
            part = strips[..., column * self.depth : (column + 1) * self.depth]
            into[:, :, column : column + self.columns] += part
