"""Layers for pictures: convolution, pooling, and what lays a picture out in a row."""

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike

from digitnet.engine.arrays import Array, Integers, Shape
from digitnet.engine.layers import Layer, LayerOfOnnx, Node, Notation, Step, Weighted

WINDOWS = (
    "x = x[:, : x.shape[1] // {size} * {size}, : x.shape[2] // {size} * {size}]",
    "x = x.reshape(len(x), x.shape[1] // {size}, {size}, x.shape[2] // {size}, {size}, -1)",
)


class Pool(Layer):
    """Pooling over adjacent windows of `size` by `size` pixels; incomplete windows are ignored."""

    options: ClassVar = {"size": int}

    def __init__(self, input_shape: Shape, *, size: int, dtype: DTypeLike = np.float32) -> None:
        if len(input_shape) != 3:
            raise ValueError("pooling needs pictures, and these are rows of numbers")
        height, width, channels = input_shape
        if not 1 <= size <= min(height, width, 256):  # winners are told in bytes
            fit = f"do not fit pictures of {height}x{width}" if size <= 256 else "are too large"
            raise ValueError(f"windows of {size}x{size} {fit}")
        self.size = size
        super().__init__(input_shape, (height // size, width // size, channels), dtype)

    def windows(self, x: Array) -> Array:
        """The pixels of each window, (batch, height, width, channels, size · size), by columns."""
        k, (height, width, channels) = self.size, self.shape
        tiles = x[:, : height * k, : width * k].reshape(-1, height, k, width, k, channels)
        return tiles.transpose(0, 1, 3, 5, 4, 2).reshape(-1, *self.shape, k * k)

    def pixels(self, windows: Array) -> Array:
        """The pictures of which these are the windows, 0 where there is none."""
        k, (height, width, channels) = self.size, self.shape
        x = np.zeros((len(windows), *self.input_shape), windows.dtype)
        tiles = windows.reshape(-1, height, width, channels, k, k).transpose(0, 1, 5, 2, 4, 3)
        x[:, : height * k, : width * k] = tiles.reshape(-1, height * k, width * k, channels)
        return x

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        window = [config["size"]] * 2
        node(*cls.operators, kernel_shape=window, strides=window)

    @classmethod
    def of_onnx(cls, attributes: dict[str, Any], *arrays: Array) -> LayerOfOnnx:
        size, *_ = window = attributes.pop("kernel_shape")
        if window != [size, size] or attributes.pop("strides", [1, 1]) != window:
            raise ValueError("its windows are not squares side by side")
        return {"size": size}, {}


class MaxPool(Pool):
    """y = max x over each window; backward, the largest pixel gets the whole gradient: the first of
    equal ones, column by column (Zhou and Chellappa 1988, IEEE ICNN).
    """

    kind, operators = "max_pool", ("MaxPool",)
    numpy = (*WINDOWS, "x = x.max(axis=(2, 4))")
    notation = Notation(
        "p{size}",
        "p2 takes the maximum of windows",
        ("z = the largest pixel of the window",),
        ("dC/dx = δ for the first of the largest pixels of a window, else 0",),
    )

    def forward(self, x: Array, step: Step | None = None) -> Array:
        windows = self.windows(x)
        self._winners: Integers = windows.argmax(axis=-1)
        largest: Array = windows.max(axis=-1)
        return largest

    def backward(self, grad: Array) -> Array | None:
        windows = np.zeros((*grad.shape, self.size**2), grad.dtype)
        np.put_along_axis(windows, self._winners[..., None], grad[..., None], axis=-1)
        return self.pixels(windows)


class AveragePool(Pool):
    """y = Σ x / size²; backward, each pixel gets dC/dy / size² (LeCun et al. 1998)."""

    kind, operators = "average_pool", ("AveragePool",)
    numpy = (*WINDOWS, "x = x.mean(axis=(2, 4))")
    notation = Notation(
        "a{size}",
        "a2 their mean",
        ("z = the mean of the window",),
        ("dC/dx = δ / pixels of the window",),
    )

    def forward(self, x: Array, step: Step | None = None) -> Array:
        mean: Array = self.windows(x).mean(axis=-1)
        return mean

    def backward(self, grad: Array) -> Array | None:
        pixels = self.size**2
        return self.pixels(np.repeat(grad[..., None] / pixels, pixels, axis=-1))


class Convolution(Weighted):
    """A valid convolution with square kernels: a = f(x ∗ W + b) (LeCun et al. 1998, Proc. IEEE 86).

    z[i, j, f] = Σ over r, s, c of x[i + r, j + s, c] · W[r, s, c, f] + b[f], with x (batch, height,
    width, channels); z is kernel − 1 pixels smaller in both directions. The rows of W are ordered
    (r, s, c), so that z = P W, where the rows of P are the patches of x (im2col): a dense layer
    over patches. With δ = dC/dz: dC/dW = Pᵀ δ, dC/db = Σ δ, dC/dP = δ Wᵀ, and dC/dx adds up the
    rows of dC/dP where patches overlap.
    """

    kind = "convolution"
    notation = Notation(
        "{channels}c{kernel}",
        "32c5 a convolution",
        ("z = Σ patch · kernel + b",),
        ("dC/dkernel = Σ patch · δ over all places", "dC/db = Σ δ"),
    )
    options: ClassVar = {"channels": int, "kernel": int, "activation": str, "bias": bool}
    operators = ("Conv",)
    numpy = (
        "x = np.lib.stride_tricks.sliding_window_view(x, ({kernel}, {kernel}), (1, 2))",
        "x = x.transpose(0, 1, 2, 4, 5, 3).reshape(*x.shape[:3], -1) @ {weights}",
    )

    def __init__(self, input_shape: Shape, *, channels: int, kernel: int, **options: Any) -> None:
        """options: of `Weighted`. Raises ValueError if it does not fit, or would be too large."""
        if len(input_shape) != 3:
            raise ValueError("a convolution needs pictures, and these are rows of numbers")
        (height, width, depth), k = input_shape, kernel
        if not 1 <= k <= min(height, width):
            raise ValueError(f"a {k}x{k} kernel does not fit pictures of {height}x{width}")
        self.channels, self.kernel = channels, kernel
        shape, pixels = (height - k + 1, width - k + 1, channels), k * k
        super().__init__(input_shape, shape, pixels * depth, pixels * channels, **options)
        if self.activation.sums_to_one:
            raise ValueError(f"{self.activation.name} is for the last, dense, layer")

    def forward(self, x: Array, step: Step | None = None) -> Array:
        patches = sliding_window_view(x, (self.kernel, self.kernel), axis=(1, 2))
        self._patches = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, len(self.weights))
        self._a = self._patches @ self.weights
        self.activate(self._a)
        return self._a.reshape(len(x), *self.shape)

    def backward(self, grad: Array) -> Array | None:
        delta, k, (rows, columns, _) = grad.reshape(self._a.shape), self.kernel, self.shape
        self.to_delta(self._a, delta)
        self.set_gradients(self._patches.T @ delta, delta.sum(axis=0))
        patches = (delta @ self.weights.T).reshape(len(grad), rows, columns, k, k, -1)
        into = np.zeros((len(grad), *self.input_shape), grad.dtype)
        for i, j in product(range(k), range(k)):
            into[:, i : i + rows, j : j + columns] += patches[..., i, j, :]
        return into

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        """x ∗ W + b, with W (channels, depth, rows, columns), as in ONNX."""
        k = config["kernel"]
        kernels = arrays["weights"].reshape(k, k, -1, config["channels"]).transpose(3, 2, 0, 1)
        node("Conv", dict(arrays) | {"weights": kernels}, kernel_shape=[k, k])

    @classmethod
    def of_onnx(cls, attributes: dict[str, Any], *arrays: Array) -> LayerOfOnnx:
        named = dict(zip(("weights", "biases"), arrays, strict=False))
        channels, _, k, columns = named["weights"].shape
        if attributes.pop("kernel_shape", [k, k]) != [k, columns] or k != columns:
            raise ValueError("its kernels are not squares")
        named["weights"] = named["weights"].transpose(2, 3, 1, 0).reshape(-1, channels)
        return {"channels": channels, "kernel": k, "bias": "biases" in named}, named


class Flatten(Layer):
    """(batch, height, width, channels) → (batch, height · width · channels)."""

    kind, numpy = "flatten", ("x = x.reshape(len(x), -1)",)
    notation = Notation(formulae=("z = x, in a row",), gradients=("dC/dx = δ, as a picture",))

    def __init__(self, input_shape: Shape, *, dtype: DTypeLike = np.float32) -> None:
        if len(input_shape) != 3:
            raise ValueError("only pictures are flattened, and these are rows of numbers")
        super().__init__(input_shape, (prod(input_shape),), dtype)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        return x.reshape(len(x), *self.shape)

    def backward(self, grad: Array) -> Array | None:
        return np.ascontiguousarray(grad).reshape(len(grad), *self.input_shape)

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        """Back to channels-last, then in a row."""
        node("Transpose", perm=[0, 2, 3, 1])
        node("Flatten", axis=1)
