"""Dropout: in training, randomly chosen units are set to zero for each case."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.layers.base import Layer, Step
from digitnet.engine.speed.buffers import Buffer
from digitnet.engine.types import Array, Shape


class Dropout(Layer):
    """Inverted dropout (Srivastava et al. 2014, JMLR 15).

    a ← a · m / (1 − p), where the mask m is 0 with probability p and 1 otherwise; backward,
    dC/da ← dC/da · m / (1 − p). One random byte decides each unit, so p is rounded to a multiple
    of 1/256. The masks depend only on the seed, the number of the mini-batch and the number of the
    layer, so there is no state to save.

    from_setting: True if it was added by `set dropout`, and is not saved as a layer.
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
        """probability: p, from 0 to 0.99. number: distinguishes the dropout layers of a network.

        Raises ValueError for a probability out of range.
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
        """The masked activations in training; x itself otherwise."""
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
        """Returns dC/da · m / (1 − p), with the mask of the forward pass."""
        if self._active:
            grad *= self._mask(len(grad))
        return grad

    def described(self) -> dict[str, Any]:
        """The probability."""
        return {"probability": self.probability}

    def config(self) -> dict[str, Any]:
        """The probability, the layer's number, and whether it comes from the setting."""
        return {
            "probability": self.probability,
            "number": self.number,
            "from_setting": self.from_setting,
        }
