"""Patches of pictures as rows of a matrix (im2col), one tile of pictures at a time.

`Convolution` has the mathematics; this file makes it fast.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike

from digitnet.engine.buffers import Buffer
from digitnet.engine.types import Array, Shape

TILE = 400_000
"""Numbers in the patches and outputs of a tile, few enough to stay in the cache."""
SHORT = 16
"""Rows of a kernel with fewer numbers than this are not copied as one run."""


class Patches:
    """The patches that a kernel covers in pictures (height, width, depth), for one thread."""

    def __init__(self, shape: Shape, kernel: int, channels: int, dtype: DTypeLike) -> None:
        """Allocates nothing; the buffers are allocated when first used."""
        height, width, depth = shape
        self.kernel, self.depth = kernel, depth
        self.rows, self.columns = height - kernel + 1, width - kernel + 1
        self.size = kernel * kernel * depth
        self.pictures = max(1, TILE // (self.rows * self.columns * (self.size + 2 * channels)))
        self._patches = Buffer((self.rows, self.columns, self.size), dtype)
        self._outputs = Buffer((self.rows, self.columns, channels), dtype)
        self._scratch = Buffer((channels,), dtype)
        self._strips = Buffer((height, self.columns, kernel * depth), dtype)
        self._product = Buffer((self.rows, self.columns, kernel * depth), dtype)

    def tiles(self, count: int, start: int = 0) -> Iterator[slice]:
        """Divides `count` pictures, from `start` on, into tiles."""
        for first in range(start, start + count, self.pictures):
            yield slice(first, min(first + self.pictures, start + count))

    def im2col(self, x: Array) -> Array:
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

    def col2im(self, delta: Array, weights: Array, into: Array) -> None:
        """into ← for every pixel, the sum of δ Wᵀ over the patches that contain it.

        One product per kernel row is added to strips as wide as a kernel row; the columns of the
        strips are then added to the pixels: 2 k additions rather than k².
        """
        k, run, count = self.kernel, self.kernel * self.depth, len(into)
        strips, product = self._strips(count), self._product(count)
        flat = product.reshape(-1, run)
        strips[:, self.rows :] = 0
        for row in range(k):
            np.matmul(delta, weights[row * run : (row + 1) * run].T, out=flat)
            if row == 0:
                strips[:, : self.rows] = product
            else:
                strips[:, row : row + self.rows] += product
        into[:, :, self.columns :] = 0
        into[:, :, : self.columns] = strips[..., : self.depth]
        for column in range(1, k):
            part = strips[..., column * self.depth : (column + 1) * self.depth]
            into[:, :, column : column + self.columns] += part

    def outputs(self, count: int) -> Array:
        """A buffer for the outputs of `count` pictures before pooling."""
        result: Array = self._outputs(count)
        return result

    def scratch(self, rows: int) -> Array:
        """A work array, (rows, channels)."""
        result: Array = self._scratch(rows)
        return result
