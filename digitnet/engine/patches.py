"""Patches of pictures as rows of a matrix, a few pictures at a time.

This is what makes `Convolution` fast; what it computes stands there.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike

from digitnet.engine.buffers import Buffer
from digitnet.engine.types import Array, Shape

TILE = 400_000
"""Numbers in the patches and outputs of the pictures that are worked on together: these stay in the
cache."""
SHORT = 16
"""Fewer numbers than these in a row of a kernel are not worth copying as one run."""


class Patches:
    """The patches that a kernel covers in pictures (height, width, depth), for one thread."""

    def __init__(self, shape: Shape, kernel: int, channels: int, dtype: DTypeLike) -> None:
        """Nothing is allocated yet."""
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
        """So many pictures, from `start` on, a tile at a time."""
        for first in range(start, start + count, self.pictures):
            yield slice(first, min(first + self.pictures, start + count))

    def of(self, x: Array) -> Array:
        """The patches of a tile x, (pictures · rows · columns, kernel · kernel · depth).

        Copied in runs as long as can be: a kernel's row of one patch, or, where that is short, one
        of its numbers for all patches of a line.
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

    def send_back(self, delta: Array, weights: Array, into: Array) -> None:
        """into ← for every pixel, the sum of δ Wᵀ over the patches it is in: the reverse of `of`.

        Each row of the kernel is a product of its own, added to strips; these then have the
        kernel's columns side by side, which are added up: 2 k additions rather than k².
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
        """Room for what the kernels make of a tile's patches, before pooling."""
        result: Array = self._outputs(count)
        return result

    def scratch(self, rows: int) -> Array:
        """Room for so many rows (rows, channels)."""
        result: Array = self._scratch(rows)
        return result
