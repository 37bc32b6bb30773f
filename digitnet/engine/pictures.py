"""Layers for pictures: convolution and pooling."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.activations import ACTIVATIONS, INITIALIZERS
from digitnet.engine.arrays import Array, Buffer, Shape
from digitnet.engine.layers import Layer, Parameter, Step, zero_weights
from digitnet.engine.speed import threads
from digitnet.engine.speed.patches import TileProduct, TileProducts, tiles


@dataclass(frozen=True)
class Winners:
    """Which pixel of each window is the largest: its row and its column in the window.

    rows: (pictures, height, input width, channels), the winning row of each input column.
    columns: (pictures, height, width, channels).
    """

    rows: "np.ndarray[Any, Any]"
    columns: "np.ndarray[Any, Any]"

    def __getitem__(self, pictures: slice) -> "Winners":
        """The winners of these pictures."""
        return Winners(self.rows[pictures], self.columns[pictures])


class Pool(Layer):
    """Pooling over adjacent windows of `size` by `size` pixels; incomplete windows are ignored.

    fused: True if the convolution below does the pooling, while its outputs are in the cache.
    """

    letter = ""
    fused = False
    _winners: Winners | None = None

    def __init__(self, input_shape: Shape, *, size: int, dtype: DTypeLike = np.float32) -> None:
        """Raises ValueError if the input is not pictures, or smaller than the window."""
        if len(input_shape) != 3:
            raise ValueError("pooling needs pictures, and these are rows of numbers")
        height, width, channels = input_shape
        if not 1 <= size <= min(height, width):
            raise ValueError(f"windows of {size}x{size} do not fit pictures of {height}x{width}")
        self.size, self.text = size, f"{self.letter}{size}"
        super().__init__(input_shape, (height // size, width // size, channels), dtype)
        self._result, self._grad = Buffer(self.shape, dtype), Buffer(input_shape, dtype)

    @abstractmethod
    def downsample(self, x: Array, out: Array, winners: Winners | None) -> None:
        """out ← pooled x. `winners`, if given, is filled with what `upsample` needs."""

    @abstractmethod
    def upsample(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """out ← dC/dx for grad = dC/dy, with the winners found by `downsample`."""

    def winner_buffers(self, count: int) -> Winners | None:
        """Buffers for the winners of `count` pictures; None if `upsample` needs none."""
        return None

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The pooled pictures; x itself if the layer below has pooled them already."""
        if self.fused:
            return x
        self._winners = self.winner_buffers(len(x)) if step else None
        result: Array = self._result(len(x))
        self.downsample(x, result, self._winners)
        return result

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx; grad itself if pooling is fused."""
        if self.fused:
            return grad
        result: Array = self._grad(len(grad))
        self.upsample(grad, self._winners, result)
        return result

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which pixel of each window is the largest, for max pooling."""
        if self.fused or self._winners is None:
            return []
        return [self._winners.rows, self._winners.columns]

    def config(self) -> dict[str, Any]:
        """The window size."""
        return {"size": self.size}


class MaxPool(Pool):
    """y = max x over each window; backward, the largest pixel gets the whole gradient.

    Among equal pixels the first wins (Zhou and Chellappa 1988, IEEE ICNN).
    """

    kind, letter = "max_pool", "p"

    def __init__(self, input_shape: Shape, *, size: int, dtype: DTypeLike = np.float32) -> None:
        """Raises ValueError if the input is not pictures, or smaller than the window."""
        super().__init__(input_shape, size=size, dtype=dtype)
        height, width, channels = self.shape
        self._rows = Buffer((height, input_shape[1], channels), np.uint8)
        self._columns = Buffer((height, width, channels), np.uint8)

    def winner_buffers(self, count: int) -> Winners:
        """Buffers for the winners of `count` pictures, reused by the next call."""
        return Winners(self._rows(count), self._columns(count))

    def downsample(self, x: Array, out: Array, winners: Winners | None) -> None:
        """Takes the maximum over the rows of each window, then over its columns."""
        k, (height, width, _) = self.size, self.shape
        pixels = x[:, : height * k]
        lines = [pixels[:, i::k] for i in range(k)]
        tall = _largest(lines, None if winners is None else winners.rows)
        tall = tall[:, :, : width * k]
        columns = [tall[:, :, i::k] for i in range(k)]
        _largest(columns, None if winners is None else winners.columns, out)

    def upsample(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """Sends the gradient to the winning column, then to the winning row."""
        assert winners is not None
        k, (height, width, _) = self.size, self.shape
        tall = np.empty(winners.rows.shape, grad.dtype)
        tall[:, :, width * k :] = 0
        out[:, height * k :] = 0
        _to_winner(grad, winners.columns, [tall[:, :, i : width * k : k] for i in range(k)])
        _to_winner(tall, winners.rows, [out[:, i : height * k : k] for i in range(k)])


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


def _to_winner(grad: Array, winner: Any, candidates: list[Array]) -> None:
    """Sets each candidate to grad where it is the winner, and to 0 elsewhere."""
    for number, candidate in enumerate(candidates):
        np.multiply(grad, winner == number, out=candidate)


class AveragePool(Pool):
    """y = Σ x / size²; backward, each pixel gets dC/dy / size² (LeCun et al. 1998)."""

    kind, letter = "average_pool", "a"

    def downsample(self, x: Array, out: Array, winners: Winners | None) -> None:
        """Adds up the windows, one pixel of all windows at a time."""
        k, (height, width, _) = self.size, self.shape
        out[...] = 0
        for i in range(k):
            for j in range(k):
                out += x[:, i : height * k : k, j : width * k : k]
        out /= k * k

    def upsample(self, grad: Array, winners: Winners | None, out: Array) -> None:
        """Divides the gradient equally among the pixels of a window."""
        k, (height, width, _) = self.size, self.shape
        out[:, height * k :] = 0
        out[:, :, width * k :] = 0
        grad /= k * k
        for i in range(k):
            for j in range(k):
                out[:, i : height * k : k, j : width * k : k] = grad


class Convolution(Layer):
    """A valid convolution with square kernels: a = f(x ∗ W + b).

    z[i, j, f] = Σ over r, s, c of x[i + r, j + s, c] · W[r, s, c, f] + b[f], with x (batch, height,
    width, channels) and kernels of `kernel` by `kernel` pixels; z is kernel − 1 pixels smaller than
    x in both directions (LeCun et al. 1998, Proc. IEEE 86(11)). The rows of W are ordered
    (r, s, c), so that z = P W, where the rows of P are the patches of x (im2col): a dense layer
    over patches. With δ = dC/dz: dC/dW = Pᵀ δ, dC/db = Σ δ, dC/dP = δ Wᵀ, and dC/dx adds up the
    rows of dC/dP where patches overlap.

    The pictures are divided among the threads, each of which processes them in tiles; many sums are
    computed with fewer multiplications by way of the frequency domain (`speed/fourier.py`).
    A max pool that follows is fused into this loop, before bias and activation: activations are
    monotonic, so the maximum is the same, and fewer numbers remain to be activated.
    """

    kind = "convolution"

    def __init__(
        self,
        input_shape: Shape,
        *,
        channels: int,
        kernel: int,
        activation: str = "linear",
        bias: bool = True,
        initializer: str = "",
        dtype: DTypeLike = np.float32,
    ) -> None:
        """initializer: a name from `INITIALIZERS`; if empty, the activation's default.

        Raises ValueError if the kernel does not fit the pictures or the layer would be too large.
        """
        if len(input_shape) != 3:
            raise ValueError("a convolution needs pictures, and these are rows of numbers")
        height, width, depth = input_shape
        if not 1 <= kernel <= min(height, width):
            raise ValueError(
                f"a {kernel}x{kernel} kernel does not fit pictures of {height}x{width}"
            )
        if activation == "softmax":
            raise ValueError("softmax is for the last, dense, layer")
        super().__init__(input_shape, (height - kernel + 1, width - kernel + 1, channels), dtype)
        self.channels, self.kernel, self.text = channels, kernel, f"{channels}c{kernel}"
        self.activation = ACTIVATIONS[activation]
        self.initializer = initializer or self.activation.initializer
        self.weights = zero_weights(kernel * kernel * depth, channels, dtype)
        self.biases: Array | None = np.zeros(channels, dtype) if bias else None
        self.pool: MaxPool | None = None
        self._all_products = TileProducts(input_shape, kernel, self.weights)
        self._a = Buffer(self.shape, dtype)
        self._gradients: list[Gradients] = []  # one for each thread
        self._input_gradient = Buffer(input_shape, dtype)
        self.parameters = [Parameter("weights", self.weights, True, self._weight_gradient)]
        if self.biases is not None:
            self.parameters.append(Parameter("biases", self.biases, False, self._bias_gradient))

    def fuse(self, pool: MaxPool) -> None:
        """Takes over the work of the max pool that follows."""
        self.pool, pool.fused = pool, True
        self._a = Buffer(pool.shape, self.dtype)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draws new weights and sets the biases to zero."""
        fan_in, area = len(self.weights), self.kernel * self.kernel
        draw = INITIALIZERS[self.initializer]
        self.weights[:] = draw(rng, self.weights.shape, fan_in, area * self.channels)
        if self.biases is not None:
            self.biases[:] = 0

    # forward

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """a = f(x ∗ W + b), pooled if a max pool is fused."""
        self._x = x
        a = self._last = self._a(len(x))
        winners = self.pool.winner_buffers(len(x)) if self.pool and step else None
        self._winners: Winners | None = winners
        height, width, _ = self.input_shape
        self._parts = threads.parts(len(x), height * width * self.weights.size, minimum=1)
        self._products = self._all_products.choose(len(self._parts), len(x) // len(self._parts))
        threads.run(
            [
                partial(self._forward, product, x[part], a[part], winners and winners[part])
                for product, part in zip(self._products, self._parts, strict=True)
            ]
        )
        return a

    def _forward(self, product: TileProduct, x: Array, a: Array, winners: Winners | None) -> None:
        """The forward pass of one thread's pictures."""
        for tile in tiles(len(x), product.pictures):
            if self.pool is None:
                product.forward(x[tile], a[tile])
            else:
                self.pool.downsample(product.forward(x[tile]), a[tile], winners and winners[tile])
            flat = a[tile].reshape(-1, self.channels)
            if self.biases is not None:
                flat += self.biases
            self.activation.forward(flat)

    # backward

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx and computes the gradients of weights and biases."""
        into: Array | None = None if self.lowest else self._input_gradient(len(grad))
        while len(self._gradients) < len(self._parts):
            self._gradients.append(Gradients(self.weights))
        threads.run(
            [
                partial(self._backward, number, part, grad, into)
                for number, part in enumerate(self._parts)
            ]
        )
        total, *others = self._gradients[: len(self._parts)]
        for other in others:
            total.weights += other.weights
            total.biases += other.biases
        return into

    def _backward(self, number: int, part: slice, grad: Array, into: Array | None) -> None:
        """The backward pass of one thread's pictures, into gradients of the thread's own."""
        product, gradients = self._products[number], self._gradients[number]
        gradients.weights[...] = gradients.biases[...] = 0
        first, *others = reversed(tiles(part.stop - part.start, product.pictures, part.start))
        for tile in (first, *others):
            delta = grad[tile]
            flat = delta.reshape(-1, self.channels)
            a = self._last[tile].reshape(flat.shape)
            self.activation.backward(a, flat, gradients.scratch(len(flat)))
            gradients.biases += flat.sum(axis=0)
            if self.pool and self._winners:
                delta = product.delta(len(delta))
                self.pool.upsample(grad[tile], self._winners[tile], delta)
            x = None if tile is first else self._x[tile]  # the forward pass has just ended with it
            product.backward(x, delta, gradients.weights, None if into is None else into[tile])

    def _weight_gradient(self, rows: slice) -> Array:
        """dC/dW = Pᵀ δ."""
        return self._gradients[0].weights[rows]

    def _bias_gradient(self, rows: slice) -> Array:
        """dC/db = Σ δ over cases and positions."""
        return self._gradients[0].biases[rows]

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which units are active, for ReLU, and which pixels a fused max pool chose."""
        made: list[np.ndarray[Any, Any]] = [*self.activation.choices(self._last)]
        if self._winners:
            made += [self._winners.rows, self._winners.columns]
        return made

    def config(self) -> dict[str, Any]:
        """Channels, kernel size, activation, and whether there are biases."""
        return {
            "channels": self.channels,
            "kernel": self.kernel,
            "activation": self.activation.name,
            "bias": self.biases is not None,
        }


class Gradients:
    """One thread's contribution to the gradients of a convolution, and its work array."""

    def __init__(self, weights: Array) -> None:
        self.weights = np.empty_like(weights)
        self.biases: Array = np.empty(weights.shape[1], weights.dtype)
        self.scratch = Buffer((weights.shape[1],), weights.dtype)
