"""Dropout: in training, each case sees the network with some units left out."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.buffers import Buffer
from digitnet.engine.layers.base import Layer, Step
from digitnet.engine.types import Array, Shape


class Dropout(Layer):
    """Inverted dropout (Srivastava et al. 2014, JMLR 15).

    a ← a · m / (1 − p), with m one for units that stay and zero for the others, each left out with
    probability p; backward, dC/da ← dC/da · m / (1 − p). p is rounded to a 256th, because a random
    byte decides each unit. The masks of a mini-batch are a function of the seed, its number and
    the layer's alone, so there is no state to save.

    from_setting: whether `set dropout` put it there; it is then not a layer of the saved network.
    """

    kind = "dropout"

    def __init__(
        self,
        input_shape: Shape,
        *,
        probability: float,
        number: int = 0,
        from_setting: bool = False,
        dtype: DTypeLike = np.float32,
    ) -> None:
        """`probability` is of being left out, 0 ≤ p < 1; `number` tells layers of a network apart.

        Raises ValueError for another probability.
        """
        super().__init__(input_shape, input_shape, dtype)
        if not 0 <= probability <= 0.99:
            raise ValueError(f"the probability of dropout is from 0 to 0.99, not {probability:g}")
        self.text = "" if from_setting else f"d{probability:g}"
        self.probability, self.number, self.from_setting = probability, number, from_setting
        self._left_out = round(256 * probability)
        self._mask, self._result = Buffer(input_shape, dtype), Buffer(input_shape, dtype)
        self._active = False

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The activations with units left out, in training; x itself otherwise."""
        self._active = step is not None and step.random and self._left_out > 0
        if step is None or not self._active:
            return x
        bits = np.random.Philox(key=step.seed, counter=[0, 0, self.number, step.number])
        random = np.frombuffer(np.random.Generator(bits).bytes(x.size), np.uint8).reshape(x.shape)
        mask = self._mask(len(x))
        np.greater_equal(random, self._left_out, out=mask, casting="unsafe")
        mask *= 256 / (256 - self._left_out)
        result: Array = np.multiply(x, mask, out=self._result(len(x)))
        return result

    def backward(self, grad: Array) -> Array | None:
        """Through the units that were not left out."""
        if self._active:
            grad *= self._mask(len(grad))
        return grad

    def described(self) -> dict[str, Any]:
        """The probability."""
        return {"probability": self.probability}

    def config(self) -> dict[str, Any]:
        """The probability, and what tells it apart."""
        return {
            "probability": self.probability,
            "number": self.number,
            "from_setting": self.from_setting,
        }
