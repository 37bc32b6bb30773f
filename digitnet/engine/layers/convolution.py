"""The convolutional layer: the same small weights at every place of a picture."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine import threads
from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.buffers import Buffer
from digitnet.engine.initializers import INITIALIZERS
from digitnet.engine.layers.base import Layer, Parameter, Step, room_for_weights
from digitnet.engine.layers.pooling import MaxPool, Winners
from digitnet.engine.patches import Patches
from digitnet.engine.types import Array, Shape


class Convolution(Layer):
    """A valid convolution with square kernels: a = f(x ∗ W + b).

    z[i, j, f] = Σ over r, s, c of x[i + r, j + s, c] · W[r, s, c, f] + b[f], with x (batch, height,
    width, channels), kernels of `kernel` by `kernel` pixels, and z smaller by kernel − 1 both ways
    (LeCun et al. 1998, Proc. IEEE 86(11)). The weights stand in rows (r, s, c), so that with P the
    patches of x as rows, z = P W: a dense layer over patches. With δ = dC/dz: dC/dW = Pᵀ δ,
    dC/db = Σ δ, and dC/dP = δ Wᵀ, each patch's part of which is added where the patch was.

    Threads share the pictures, and each goes through a few at a time, which stay in its cache.
    A max pool above is done there too, before bias and activation: the activations rise, so the
    largest stays the largest, and there is less left to do.
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
        """`initializer` names one; the activation's own where it is empty.

        Raises ValueError where the kernel does not fit, or the layer would be too large.
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
        self.weights = room_for_weights(kernel * kernel * depth, channels, dtype)
        self.biases: Array | None = np.zeros(channels, dtype) if bias else None
        self.pool: MaxPool | None = None
        self._patches: list[Patches] = []  # one for each thread
        self._a = Buffer(self.shape, dtype)
        self._gradients: list[Gradients] = []  # one for each thread
        self._input_gradient = Buffer(input_shape, dtype)
        self.parameters = [Parameter("weights", self.weights, True, self._weight_gradient)]
        if self.biases is not None:
            self.parameters.append(Parameter("biases", self.biases, False, self._bias_gradient))

    def pool_with(self, pool: MaxPool) -> None:
        """Does what the max pool above does."""
        self.pool, pool.fused = pool, True
        self._a = Buffer(pool.shape, self.dtype)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draws fresh weights; biases become zero."""
        fan_in, area = len(self.weights), self.kernel * self.kernel
        draw = INITIALIZERS[self.initializer]
        self.weights[:] = draw(rng, self.weights.shape, fan_in, area * self.channels)
        if self.biases is not None:
            self.biases[:] = 0

    # forward

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """a = f(x ∗ W + b), pooled where a max pool is above."""
        self._x = x
        a = self._last = self._a(len(x))
        winners = self.pool.winners(len(x)) if self.pool and step else None
        self._winners: Winners | None = winners
        parts = self._parts(len(x))
        threads.run(
            [
                partial(self._forward, patches, x[part], a[part], winners and winners[part])
                for patches, part in zip(self._patches, parts, strict=False)
            ]
        )
        return a

    def _forward(self, patches: Patches, x: Array, a: Array, winners: Winners | None) -> None:
        """The same for one thread's pictures."""
        for some in patches.tiles(len(x)):
            rows = patches.of(x[some])
            if self.pool is None:
                np.matmul(rows, self.weights, out=a[some].reshape(-1, self.channels))
            else:
                z = patches.outputs(len(x[some]))
                np.matmul(rows, self.weights, out=z.reshape(-1, self.channels))
                self.pool.down(z, a[some], winners and winners[some])
            flat = a[some].reshape(-1, self.channels)
            if self.biases is not None:
                flat += self.biases
            self.activation.forward(flat)

    def _parts(self, count: int) -> list[slice]:
        """The pictures for each thread, which finds its own patches."""
        height, width, _ = self.input_shape
        parts = threads.parts(count, height * width * self.weights.size, fewest=1)
        while len(self._patches) < len(parts):
            self._patches.append(Patches(self.input_shape, self.kernel, self.channels, self.dtype))
        return parts

    # backward

    def backward(self, grad: Array) -> Array | None:
        """dC/dx, and the gradients of weights and biases."""
        into: Array | None = None if self.lowest else self._input_gradient(len(grad))
        parts = self._parts(len(grad))
        a = self._last
        while len(self._gradients) < len(parts):
            self._gradients.append(Gradients(self.weights))
        threads.run(
            [
                partial(self._backward, number, part, a, grad, into)
                for number, part in enumerate(parts)
            ]
        )
        total, *others = self._gradients[: len(parts)]
        for other in others:
            total.weights += other.weights
            total.biases += other.biases
        return into

    def _backward(
        self, number: int, part: slice, a: Array, grad: Array, into: Array | None
    ) -> None:
        """The same for one thread's pictures; its sums over them stand alone."""
        patches, gradients = self._patches[number], self._gradients[number]
        gradients.weights[...] = gradients.biases[...] = 0
        for some in patches.tiles(part.stop - part.start, part.start):
            delta = grad[some]
            flat = delta.reshape(-1, self.channels)
            scratch = patches.scratch(len(flat))
            self.activation.backward(a[some].reshape(flat.shape), flat, scratch)
            gradients.biases += flat.sum(axis=0)
            if self.pool and self._winners:
                delta = patches.outputs(len(delta))
                self.pool.up(grad[some], self._winners[some], delta)
                flat = delta.reshape(-1, self.channels)
            np.matmul(patches.of(self._x[some]).T, flat, out=gradients.product)
            gradients.weights += gradients.product
            if into is not None:
                patches.send_back(flat, self.weights, into[some])

    def _weight_gradient(self, rows: slice) -> Array:
        """dC/dW = Pᵀ δ."""
        return self._gradients[0].weights[rows]

    def _bias_gradient(self, rows: slice) -> Array:
        """dC/db = Σ over cases and places of δ."""
        return self._gradients[0].biases[rows]

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which units are on, for ReLU, and which pixels are the largest."""
        made: list[np.ndarray[Any, Any]] = [*self.activation.choices(self._last)]
        if self._winners:
            made += [self._winners.rows, self._winners.columns]
        return made

    def config(self) -> dict[str, Any]:
        """How many channels, the side of the kernel, the activation, whether there are biases."""
        return {
            "channels": self.channels,
            "kernel": self.kernel,
            "activation": self.activation.name,
            "bias": self.biases is not None,
        }


class Gradients:
    """What one thread's pictures add to the gradients of a convolution."""

    def __init__(self, weights: Array) -> None:
        self.weights, self.product = np.empty_like(weights), np.empty_like(weights)
        self.biases: Array = np.empty(weights.shape[1], weights.dtype)
