"""Dropout: in training, each case sees the network with some of its hidden units left out."""

import numpy as np

from digitnet.engine.types import Array


class Dropout:
    """Inverted dropout (Srivastava et al. 2014, JMLR 15).

    a ← a · m / (1 − p), with m one for units that stay and zero for the others, each left out with
    probability p; backward, dC/da ← dC/da · m / (1 − p). p is rounded to a 256th, because a random
    byte a unit decides. The masks of mini-batch number k are a function of the seed and k alone, so
    there is no state to save.
    """

    def __init__(self, probability: float, seed: int) -> None:
        """`probability` is of being left out, 0 to 1."""
        self._left_out = round(256 * probability)
        self._factor = 256 / (256 - self._left_out)
        self._seed = seed
        self._masks: dict[int, Array] = {}
        self._buffers: dict[int, Array] = {}

    def begin(self, batch: int) -> None:
        """To be called before mini-batch number `batch` goes forward."""
        bits = np.random.Philox(key=self._seed, counter=[0, 0, 0, batch])
        self._random = np.random.Generator(bits)

    def forward(self, layer: int, a: Array) -> Array:
        """The activations (batch, units) of a layer with units left out, as another array."""
        bytes_ = np.frombuffer(self._random.bytes(a.size), np.uint8).reshape(a.shape)
        mask, buffer = self._space(layer, a)
        np.greater_equal(bytes_, self._left_out, out=mask, casting="unsafe")
        mask *= self._factor
        return np.multiply(a, mask, out=buffer)

    def backward(self, layer: int, grad: Array, units: slice) -> None:
        """Grad ← grad · m / (1 − p) for these units, with the masks of the last forward pass."""
        part = grad[:, units]
        part *= self._masks[layer][: len(grad), units]

    def _space(self, layer: int, a: Array) -> tuple[Array, Array]:
        """Room for the mask and the result, allocated once."""
        if layer not in self._masks or len(self._masks[layer]) < len(a):
            self._masks[layer], self._buffers[layer] = np.empty_like(a), np.empty_like(a)
        return self._masks[layer][: len(a)], self._buffers[layer][: len(a)]
