"""A network: layers in a row and the cost at their end."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.activations import linear_backward
from digitnet.engine.cases import Cases
from digitnet.engine.costs import cost_for
from digitnet.engine.layers import (
    BatchNorm,
    Committee,
    Convolution,
    Dense,
    Dropout,
    Layer,
    MaxPool,
)
from digitnet.engine.layers.base import Parameter, Step
from digitnet.engine.types import Array, Shape

MOST_LAYERS = 60
"""Layers a network may have."""


class Network:
    """Layers applied one after the other, x → a⁽¹⁾ → … → a⁽ᴸ⁾, and a cost of the last output."""

    def __init__(self, layers: Sequence[Layer], cost: str) -> None:
        """The last layer is dense, or a committee.

        Raises ValueError where layers do not chain, are too many, or do not fit the cost.
        """
        self.layers = list(layers)
        _check(self.layers)
        self.cost_name = cost
        last = self.layers[-1]
        self.is_committee = isinstance(last, Committee)
        if isinstance(last, Dense):
            self.cost = cost_for(cost, last.activation.name)
            if self.cost.canonical:
                last.derivative = linear_backward  # it is in the cost's gradient already
        else:
            self.cost = cost_for(cost, "softmax")
        for below, above in pairwise(self.layers):
            if isinstance(below, Convolution) and isinstance(above, MaxPool):
                below.pool_with(above)
        for layer in self.layers:
            layer.lowest = True
            if layer.parameters:
                break

    @property
    def shape(self) -> str:
        """What each layer makes of a case, as in `784-1024-10` or `28x28-32c5-p2-10`."""
        if self.is_committee:
            return self.layers[-1].text
        first = self.layers[0].input_shape
        size = "x".join(str(n) for n in (first[:-1] if first[2:] == (1,) else first))
        return "-".join([size, *(layer.text for layer in self.layers if layer.text)])

    @property
    def input_shape(self) -> Shape:
        """Of one case, as the first layer takes it."""
        return self.layers[0].input_shape

    @property
    def inputs(self) -> int:
        """Numbers a case gives the network."""
        return prod(self.input_shape)

    @property
    def outputs(self) -> int:
        """Numbers the network answers with."""
        return prod(self.layers[-1].shape)

    def fits(self, cases: Cases) -> bool:
        """Whether cases have as many inputs and targets as the network takes and gives."""
        widths = (cases.inputs.shape[1], cases.targets.shape[1])
        return widths == (self.inputs, self.outputs)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The precision of all its arrays."""
        dtype: np.dtype[np.floating] = self.layers[0].dtype
        return dtype

    @property
    def parameters(self) -> list[Parameter]:
        """Every array that training changes, first layer first."""
        return [parameter for layer in self.layers for parameter in layer.parameters]

    @property
    def size(self) -> int:
        """How many numbers training changes; of a committee, those of its members."""
        if isinstance(self.layers[-1], Committee):
            return sum(network.size for network, _ in self.layers[-1].members)
        return sum(prod(parameter.value.shape) for parameter in self.parameters)

    @property
    def batch_norms(self) -> list[BatchNorm]:
        """The layers whose answers depend on statistics."""
        return [layer for layer in self.layers if isinstance(layer, BatchNorm)]

    def copy(self, dtype: DTypeLike) -> "Network":
        """The same network in another precision."""
        return Network([layer.copy(dtype) for layer in self.layers], self.cost_name)

    def initialize(self, seed: int) -> None:
        """Draws fresh weights; the same seed draws the same ones."""
        rng = np.random.default_rng([seed, 0])
        for layer in self.layers:
            layer.initialize(rng)

    def set_dropout(self, probability: float) -> None:
        """Leaves out units of every hidden dense layer with this probability; none for 0.

        They are left out once they are activated: behind batch normalisation, where there is one.
        """
        layers = [la for la in self.layers if not (isinstance(la, Dropout) and la.from_setting)]
        self.layers = []
        for number, (layer, above) in enumerate(zip(layers, [*layers[1:], None], strict=True)):
            self.layers.append(layer)
            normalized = number > 0 and isinstance(layer, BatchNorm)
            dense = isinstance(layers[number - 1] if normalized else layer, Dense)
            if probability and dense and above and not isinstance(above, BatchNorm):
                dropout = Dropout(
                    layer.shape,
                    probability=probability,
                    number=number,
                    from_setting=True,
                    dtype=self.dtype,
                )
                self.layers.append(dropout)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The outputs for x (batch, inputs): (batch, outputs), a view valid until the next call.

        step: given if `backward` follows.
        """
        x = x.reshape(len(x), *self.input_shape)
        for layer in self.layers:
            x = layer.forward(x, step)
        return x

    def backward(self, a: Array, y: Array, *, mean_over: int | None = None) -> None:
        """Back-propagation (Rumelhart, Hinton and Williams 1986, Nature 323).

        Sends the error signal of the batch just sent forward, whose outputs were `a` and whose
        targets are `y`, back through the layers; the parameters then give their gradients. C is the
        mean cost of the batch, or its part in the mean over so many cases.
        """
        signal: Array | None = self.cost.gradient(a, y, mean_over or len(a))
        for layer in reversed(self.layers):
            if signal is not None:
                signal = layer.backward(signal)

    def measure_statistics(self, batches: Iterable[Array]) -> None:
        """Sets the statistics of batch normalisation to their means over these batches.

        They are of the weights as they are now (Izmailov et al. 2018, arXiv 1803.05407, section 3).
        """
        norms, count = self.batch_norms, 0
        sums = [(np.zeros(len(norm.mean)), np.zeros(len(norm.mean))) for norm in norms]
        for x in batches:
            x = x.reshape(len(x), *self.input_shape)
            for layer in self.layers:  # an answer leaves nothing out
                x = layer.forward(x, None if isinstance(layer, Dropout) else Step())
            count += 1
            for norm, (mean, variance) in zip(norms, sums, strict=True):
                mean += norm.batch_mean
                variance += norm.batch_variance
        for norm, (mean, variance) in zip(norms, sums, strict=True):
            norm.mean[:], norm.variance[:] = mean / count, variance / count

    def is_finite(self) -> bool:
        """Whether every parameter is a number."""
        return all(bool(np.isfinite(p.value).all()) for p in self.parameters)


def _check(layers: list[Layer]) -> None:
    """Raises ValueError, with the reason, for layers that make no network."""
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"a network has at most {MOST_LAYERS} layers, not {len(layers)}")
    for below, above in pairwise(layers):
        if below.shape != above.input_shape:
            raise ValueError(
                f"layers do not chain: one gives {_numbers(below.shape)} outputs, "
                f"the next takes {_numbers(above.input_shape)} inputs"
            )
        activation = getattr(below, "activation", None)
        if activation is not None and activation.name == "softmax":
            raise ValueError("softmax shares one unit of output out: it fits the last layer")
    last = layers[-1]
    if not isinstance(last, Dense | Committee):
        raise ValueError("the last layer is a dense one, with an output for each answer")
    if isinstance(last, Dense) and last.activation.name == "softmax" and last.shape == (1,):
        raise ValueError("softmax of a single output is always 1: use sigmoid")


def _numbers(shape: Shape) -> str:
    return "x".join(str(n) for n in shape)
