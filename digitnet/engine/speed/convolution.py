"""Puts what is fast in the place of the layers whose passes it computes.

The passes of a convolution: pictures divided among threads, each in tiles that fit its cache.

Many sums are computed with fewer multiplications by way of the frequency domain (`fourier.py`). A
max pool that follows is computed in the same loop, before bias and activation: as activations never
fall, the maximum is the same, and fewer numbers remain to be activated.
"""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np

from digitnet.engine.arrays import Array, Buffer
from digitnet.engine.layers import Layer, Step, Weighted
from digitnet.engine.pictures import Convolution, MaxPool
from digitnet.engine.speed import fourier, threads
from digitnet.engine.speed.fourier import FourierProduct, Spectrum
from digitnet.engine.speed.patches import PatchProduct
from digitnet.engine.speed.pool import FastPool, Winners

TileProduct = PatchProduct | FourierProduct
"""Computes the sums of a convolution for tiles of pictures, in one thread."""


class FastConvolution:
    """The passes of a convolution, and of the max pool above it, if any."""

    def __init__(self, layer: Convolution, pool: MaxPool | None) -> None:
        self.layer = layer
        self.pool = FastPool(pool) if pool else None
        self._a = Buffer(pool.shape if pool else layer.shape, layer.dtype)
        self._into = Buffer(layer.input_shape, layer.dtype)
        self._spectrum: Spectrum | None = None
        # one of each for each thread
        self._by_patches: list[PatchProduct] = []
        self._by_fourier: list[FourierProduct] = []
        self._gradients: list[tuple[Array, Array]] = []  # for weights and biases

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """a = f(x ∗ W + b), pooled if there is a pool; valid until the next call."""
        self._x, a = x, self._a(len(x))
        self._last: Array = a
        winners = self.pool.winner_buffers(len(x)) if self.pool and step else None
        self.winners: Winners | None = winners
        height, width, _ = self.layer.input_shape
        cost = height * width * self.layer.weights.size
        self._parts = threads.parts(len(x), cost, minimum=1)
        self._products = self._choose(len(self._parts), len(x) // len(self._parts))
        threads.run(
            [
                partial(self._forward, product, x[part], a[part], winners and winners[part])
                for product, part in zip(self._products, self._parts, strict=True)
            ]
        )
        return self._last

    def _choose(self, count: int, pictures: int) -> Sequence[TileProduct]:
        """For each of so many threads, the product that is faster for this number of pictures.

        The transform of the weights is computed here.
        """
        shape, kernel, weights = self.layer.input_shape, self.layer.kernel, self.layer.weights
        if not fourier.is_faster(shape, kernel, self.layer.channels, pictures):
            while len(self._by_patches) < count:
                self._by_patches.append(PatchProduct(shape, kernel, weights))
            return self._by_patches[:count]
        if self._spectrum is None:
            self._spectrum = Spectrum(shape, kernel, weights)
        self._spectrum.update()
        while len(self._by_fourier) < count:
            self._by_fourier.append(FourierProduct(self._spectrum))
        return self._by_fourier[:count]

    def _forward(self, product: TileProduct, x: Array, a: Array, winners: Winners | None) -> None:
        for tile in tiles(len(x), product.pictures):
            if self.pool is None:
                product.forward(x[tile], a[tile])
            else:
                self.pool.downsample(product.forward(x[tile]), a[tile], winners and winners[tile])
            self.layer.activate(a[tile].reshape(-1, self.layer.channels))

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx; None from the lowest layer."""
        into: Array | None = None if self.layer.is_lowest else self._into(len(grad))
        while len(self._gradients) < len(self._parts):
            weights = np.empty_like(self.layer.weights)
            self._gradients.append((weights, np.empty_like(weights[0])))
        threads.run(
            [
                partial(self._backward, number, part, grad, into)
                for number, part in enumerate(self._parts)
            ]
        )
        (weights, biases), *others = self._gradients[: len(self._parts)]
        for more_weights, more_biases in others:
            weights += more_weights
            biases += more_biases
        self.layer.set_gradients(weights, biases)
        return into

    def _backward(self, number: int, part: slice, grad: Array, into: Array | None) -> None:
        """The backward pass of one thread's pictures, into gradients of the thread's own."""
        product, (weights, biases) = self._products[number], self._gradients[number]
        weights[...] = biases[...] = 0
        first, *others = reversed(tiles(part.stop - part.start, product.pictures, part.start))
        for tile in (first, *others):
            delta = grad[tile]
            flat = delta.reshape(-1, self.layer.channels)
            self.layer.to_delta(self._last[tile].reshape(flat.shape), flat)
            biases += flat.sum(axis=0)
            if self.pool and self.winners:
                delta = product.delta(len(delta))
                self.pool.upsample(grad[tile], self.winners[tile], delta)
            x = None if tile is first else self._x[tile]  # the forward pass has just ended with it
            product.backward(x, delta, weights, None if into is None else into[tile])


def tiles(count: int, size: int, start: int = 0) -> list[slice]:
    """Divides `count` pictures, from `start` on, into equal tiles of at most `size`."""
    parts = threads.divide(count, -(-count // size))
    return [slice(start + part.start, start + part.stop) for part in parts]


class Passes(Protocol):
    """What a network asks of a layer, or of what computes the same in less time."""

    def forward(self, x: Array, step: Step | None = None) -> Array: ...

    def backward(self, grad: Array) -> Array | None: ...


def prepare(layers: Sequence[Layer]) -> list[Passes]:
    """What computes the passes of these layers in less time, with their arrays.

    A convolution and the max pool above it become one, and nothing below the first layer with
    parameters is given a gradient. Other layers are used as they are.
    """
    prepared: list[Passes] = []
    is_lowest, pooled = True, None
    for layer, above in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, Weighted):
            layer.is_lowest = is_lowest
        if isinstance(layer, Convolution):
            pooled = above if isinstance(above, MaxPool) else None
            prepared.append(FastConvolution(layer, pooled))
        elif isinstance(layer, MaxPool):
            if layer is not pooled:
                prepared.append(FastPool(layer))
        else:
            prepared.append(layer)
        is_lowest = is_lowest and not layer.parameters
    return prepared
