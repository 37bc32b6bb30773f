"""Flatten: pictures become rows of numbers, so that a dense layer can take them."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.layers.base import Layer, Step
from digitnet.engine.types import Array, Shape


class Flatten(Layer):
    """(batch, height, width, channels) as (batch, height · width · channels); nothing is copied."""

    kind = "flatten"

    def __init__(self, input_shape: Shape, *, dtype: DTypeLike = np.float32) -> None:
        """For pictures of `input_shape`."""
        super().__init__(input_shape, (prod(input_shape),), dtype)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The same numbers in rows."""
        return x.reshape(len(x), *self.shape)

    def backward(self, grad: Array) -> Array | None:
        """The same numbers as pictures."""
        return grad.reshape(len(grad), *self.input_shape)

    def config(self) -> dict[str, Any]:
        """Nothing to tell."""
        return {}
