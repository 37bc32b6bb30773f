"""A network: layers in a row and the cost at their end."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.costs import cost_for
from digitnet.engine.dropout import Dropout
from digitnet.engine.layers import Dense, Parameter
from digitnet.engine.types import Array

MOST_LAYERS = 20
"""More dense layers than these learn nothing that fewer do not."""


class Network:
    """Layers applied one after the other, x → a⁽¹⁾ → … → a⁽ᴸ⁾, and a cost of the last output."""

    def __init__(self, layers: Sequence[Dense], cost: str) -> None:
        """Raises ValueError where layers do not chain, are too many, or do not fit the cost."""
        if len(layers) > MOST_LAYERS:
            raise ValueError(f"a network has at most {MOST_LAYERS} layers, not {len(layers)}")
        for below, above in pairwise(layers):
            if below.outputs != above.inputs:
                raise ValueError(
                    f"layers do not chain: one gives {below.outputs} outputs, "
                    f"the next takes {above.inputs} inputs"
                )
        for layer in layers[:-1]:
            if layer.activation.name == "softmax":
                raise ValueError("softmax shares one unit of output out: it fits the last layer")
        if layers[-1].activation.name == "softmax" and layers[-1].outputs < 2:
            raise ValueError("softmax of a single output is always 1: use sigmoid")
        self.layers = list(layers)
        self.cost_name = cost
        self.cost = cost_for(cost, layers[-1].activation.name)

    @property
    def shape(self) -> str:
        """Units of each layer, as in `784-1024-10`."""
        return "-".join(str(n) for n in (self.inputs, *(la.outputs for la in self.layers)))

    @property
    def inputs(self) -> int:
        """Numbers a case gives the network."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Numbers the network answers with."""
        return self.layers[-1].outputs

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The precision of all its arrays."""
        return self.layers[0].weights.dtype

    @property
    def parameters(self) -> list[Parameter]:
        """Every array that training changes, first layer first."""
        return [parameter for layer in self.layers for parameter in layer.parameters]

    @property
    def size(self) -> int:
        """How many numbers training changes."""
        return sum(prod(parameter.value.shape) for parameter in self.parameters)

    def copy(self, dtype: DTypeLike) -> "Network":
        """The same network in another precision."""
        return Network([layer.copy(dtype) for layer in self.layers], self.cost_name)

    def initialize(self, seed: int) -> None:
        """Draws fresh weights; the same seed draws the same ones."""
        rng = np.random.default_rng([seed, 0])
        for layer in self.layers:
            layer.initialize(rng)

    def forward(self, x: Array, dropout: Dropout | None = None, *, sparse: bool = False) -> Array:
        """The outputs for x (batch, inputs): (batch, outputs), a view valid until the next call.

        sparse: whether inputs that are zero in the whole batch may be left out.
        """
        for number, layer in enumerate(self.layers):
            x = layer.forward(x, sparse=sparse and number == 0)
            if dropout and layer is not self.layers[-1]:
                x = dropout.forward(number, x)
        return x

    def backward(
        self, a: Array, y: Array, dropout: Dropout | None = None, *, mean_over: int | None = None
    ) -> None:
        """Back-propagation (Rumelhart, Hinton and Williams 1986, Nature 323).

        Computes dC/dz of every layer for the batch just sent forward, whose outputs were `a` and
        whose targets are `y`; the parameters then give their gradients. C is the mean cost of the
        batch, or its part in the mean over so many cases.
        The first layer's gradient with respect to its input is never needed and never computed.
        """
        signal = self.layers[-1].error_signal(len(a))
        np.subtract(a, y, out=signal)
        signal *= 1 / (mean_over or len(a))
        if not self.cost.canonical:
            self.layers[-1].backward()
        for number in range(len(self.layers) - 2, -1, -1):
            below, above = self.layers[number : number + 2]
            signal = below.error_signal(len(a))
            above.send_back(signal, partial(self._through, number, signal, dropout))

    def _through(self, number: int, signal: Array, dropout: Dropout | None, units: slice) -> None:
        """Takes the error signal of some units of a layer back through dropout and activation."""
        if dropout:
            dropout.backward(number, signal, units)
        self.layers[number].backward(units)

    def penalty(self, l2: float, l1: float = 0.0) -> float:
        """The penalty in the cost: λ₂/2 · Σ w² + λ₁ · Σ |w| over all weights (biases are free)."""
        weights = [p.value.reshape(-1) for p in self.parameters if p.decays]
        with np.errstate(all="ignore"):  # of huge weights it is infinite
            squares = l2 / 2 * sum(float(np.dot(w, w)) for w in weights) if l2 else 0.0
            return squares + (l1 * sum(float(np.abs(w).sum()) for w in weights) if l1 else 0.0)

    def is_finite(self) -> bool:
        """Whether every parameter is a number."""
        return all(bool(np.isfinite(p.value).all()) for p in self.parameters)


def dense_network(
    sizes: Sequence[int],
    *,
    hidden: str = "relu",
    output: str = "softmax",
    cost: str = "cross-entropy",
    bias: bool = True,
    fresh: str = "",
    dtype: DTypeLike = np.float32,
) -> Network:
    """A network of dense layers with `sizes` units, from the inputs to the outputs.

    Raises ValueError for fewer than two sizes, sizes below one, and what `Network` refuses.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError("a shape is at least two whole numbers from 1 up, as in 784-100-10")
    activations = [hidden] * (len(sizes) - 2) + [output]
    layers = [
        Dense(inputs, outputs, activation, bias=bias, fresh=fresh, dtype=dtype)
        for (inputs, outputs), activation in zip(pairwise(sizes), activations, strict=True)
    ]
    return Network(layers, cost)
