"""Puts what is fast in the place of the layers whose passes it computes.

The passes of a convolution: pictures divided among threads, each in tiles that fit its cache. Many
sums are computed with fewer multiplications by way of the frequency domain (`fourier.py`), the rest
by patches (im2col). A max pool that follows is computed in the same loop, before bias and
activation: as activations never fall, the maximum is the same, and fewer numbers remain to be
activated. It compares whole arrays: the rows of all windows, then their columns.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from digitnet.engine.arrays import Array, Buffer, Shape
from digitnet.engine.layers import Layer, Step
from digitnet.engine.pictures import Convolution, MaxPool
from digitnet.engine.speed import fourier, threads
from digitnet.engine.speed.fourier import FourierProduct, Spectrum

# Numbers in the patches and outputs of a tile: few enough to stay in the cache, and enough that
# threads seldom wait for one another's turn to hold the interpreter lock.
TILE = 850_000
SHORT = 16  # rows of a kernel with fewer numbers than this are not copied as one run


class PatchProduct:
    """The sums of a convolution for tiles of `pictures` pictures, by patches, in one thread."""

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
        """gradient += dC/dW, into ← dC/dx, for delta = dC/dz and a tile x, or that of `forward`."""
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


class FastPool:
    def __init__(self, layer: MaxPool) -> None:
        self.layer = layer
        height, width, channels = layer.shape
        self._rows = Buffer((height, layer.input_shape[1], channels), np.uint8)
        self._columns = Buffer((height, width, channels), np.uint8)
        self._result = Buffer(layer.shape, layer.dtype)
        self._into = Buffer(layer.input_shape, layer.dtype)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        self.begin(len(x), step)
        result: Array = self._result(len(x))
        self.downsample(x, result, slice(None))
        return result

    def backward(self, grad: Array) -> Array | None:
        into: Array = self._into(len(grad))
        self.upsample(grad, slice(None), into)
        return into

    def begin(self, count: int, step: Step | None) -> None:
        """Makes room for the winners of so many pictures: which row of the window wins in each
        input column, and then which column.
        """
        self.winners = [self._rows(count), self._columns(count)] if step else []

    def downsample(self, x: Array, out: Array, pictures: slice) -> None:
        """out ← the maximum of each window of these pictures."""
        rows, columns = (each[pictures] for each in self.winners) if self.winners else (None, None)
        k, (height, width, _) = self.layer.size, self.layer.shape
        tall = _largest([x[:, i : height * k : k] for i in range(k)], rows)[:, :, : width * k]
        _largest([tall[:, :, i::k] for i in range(k)], columns, out)

    def upsample(self, grad: Array, pictures: slice, out: Array) -> None:
        """out ← dC/dx: the gradient goes to the winning column, then to the winning row."""
        rows, columns = (each[pictures] for each in self.winners)
        k, (height, width, _) = self.layer.size, self.layer.shape
        tall = np.empty(rows.shape, grad.dtype)
        tall[:, :, width * k :] = 0
        out[:, height * k :] = 0
        for i in range(k):
            np.multiply(grad, columns == i, out=tall[:, :, i : width * k : k])
        for i in range(k):
            np.multiply(tall, rows == i, out=out[:, i : height * k : k])


def _largest(candidates: list[Array], winner: Any, out: Array | None = None) -> Array:
    """The elementwise maximum of the candidates; `winner`, if given, ← its index."""
    largest, *others = candidates
    if winner is not None:
        winner[...] = 0
    for number, candidate in enumerate(others, 1):
        if winner is not None and number == 1:
            np.greater(candidate, largest, out=winner.view(np.bool_))
        elif winner is not None:
            np.copyto(winner, number, where=candidate > largest)
        largest = np.maximum(largest, candidate, out=out)
    if out is not None and not others:
        out[...] = largest
    return largest


TileProduct = PatchProduct | FourierProduct  # the sums for tiles of pictures, in one thread


class FastConvolution:
    """The passes of a convolution, and of the max pool above it, if any."""

    def __init__(self, layer: Convolution, pool: MaxPool | None) -> None:
        self.layer = layer
        self.pool = FastPool(pool) if pool else None
        self._a = Buffer(pool.shape if pool else layer.shape, layer.dtype)
        self._into = Buffer(layer.input_shape, layer.dtype)
        self._spectrum: Spectrum | None = None
        # one of each for each thread
        self._made: tuple[list[TileProduct], list[TileProduct]] = [], []  # by patches, by Fourier
        self._gradients: list[tuple[Array, Array]] = []  # for weights and biases

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """a = f(x ∗ W + b), pooled if there is a pool; valid until the next call."""
        self._x, self._last = x, self._a(len(x))
        if self.pool:
            self.pool.begin(len(x), step)
        height, width, _ = self.layer.input_shape
        cost = height * width * self.layer.weights.size
        self._parts = threads.parts(len(x), cost, minimum=1)
        self._products = self._choose(len(self._parts), len(x) // len(self._parts))
        pairs = zip(self._products, self._parts, strict=True)
        threads.run([partial(self._forward, product, part) for product, part in pairs])
        return self._last

    def _choose(self, count: int, pictures: int) -> list[TileProduct]:
        shape, kernel, weights = self.layer.input_shape, self.layer.kernel, self.layer.weights
        by_patches, by_fourier = self._made
        if not fourier.is_faster(shape, kernel, self.layer.channels, pictures):
            while len(by_patches) < count:
                by_patches.append(PatchProduct(shape, kernel, weights))
            return by_patches[:count]
        self._spectrum = self._spectrum or Spectrum(shape, kernel, weights)
        self._spectrum.update()
        while len(by_fourier) < count:
            by_fourier.append(FourierProduct(self._spectrum))
        return by_fourier[:count]

    def _forward(self, product: TileProduct, part: slice) -> None:
        for tile in tiles(part, product.pictures):
            a = self._last[tile]
            if self.pool is None:
                product.forward(self._x[tile], a)
            else:
                self.pool.downsample(product.forward(self._x[tile]), a, tile)
            self.layer.activate(a.reshape(-1, self.layer.channels))

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx; None from the lowest layer."""
        into: Array | None = None if self.layer.is_lowest else self._into(len(grad))
        while len(self._gradients) < len(self._parts):
            weights = np.empty_like(self.layer.weights)
            self._gradients.append((weights, np.empty_like(weights[0])))
        threads.run([partial(self._backward, n, grad, into) for n in range(len(self._parts))])
        (weights, biases), *others = self._gradients[: len(self._parts)]
        for more_weights, more_biases in others:
            weights += more_weights
            biases += more_biases
        self.layer.set_gradients(weights, biases)
        return into

    def _backward(self, number: int, grad: Array, into: Array | None) -> None:
        """The backward pass of one thread's pictures, into gradients of the thread's own."""
        product, (weights, biases) = self._products[number], self._gradients[number]
        weights[...] = biases[...] = 0
        first, *others = reversed(tiles(self._parts[number], product.pictures))
        for tile in (first, *others):
            delta = grad[tile]
            flat = delta.reshape(-1, self.layer.channels)
            self.layer.to_delta(self._last[tile].reshape(flat.shape), flat)
            biases += flat.sum(axis=0)
            if self.pool:
                delta = product.delta(len(delta))
                self.pool.upsample(grad[tile], tile, delta)
            x = None if tile is first else self._x[tile]  # the forward pass has just ended with it
            product.backward(x, delta, weights, None if into is None else into[tile])


def tiles(part: slice, size: int) -> list[slice]:
    count = part.stop - part.start
    parts = threads.divide(count, -(-count // size))
    return [slice(part.start + tile.start, part.start + tile.stop) for tile in parts]


Passes = Layer | FastConvolution | FastPool


def prepare(layers: Sequence[Layer]) -> list[Passes]:
    """What computes the passes of these layers in less time, with their arrays; others as they are.

    A convolution and the max pool above it become one.
    """
    prepared: list[Passes] = []
    pooled = None
    for layer, above in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, Convolution):
            pooled = above if isinstance(above, MaxPool) else None
            prepared.append(FastConvolution(layer, pooled))
        elif isinstance(layer, MaxPool):
            if layer is not pooled:
                prepared.append(FastPool(layer))
        else:
            prepared.append(layer)
    return prepared
