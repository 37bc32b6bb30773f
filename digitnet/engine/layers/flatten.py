"""Flatten: reshapes pictures into rows of numbers, the input of a dense layer."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.layers.base import Layer, Step
from digitnet.engine.types import Array, Shape


class Flatten(Layer):
    """(batch, height, width, channels) → (batch, height · width · channels), without a copy."""

    kind = "flatten"

    def __init__(self, input_shape: Shape, *, dtype: DTypeLike = np.float32) -> None:
        """input_shape: (height, width, channels)."""
        super().__init__(input_shape, (prod(input_shape),), dtype)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The same numbers, reshaped."""
        return x.reshape(len(x), *self.shape)

    def backward(self, grad: Array) -> Array | None:
        """The same numbers, in the shape of the input."""
        return grad.reshape(len(grad), *self.input_shape)

    def config(self) -> dict[str, Any]:
        """No options."""
        return {}
