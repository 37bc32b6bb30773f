"""A network: a sequence of layers, and the cost of its outputs.

To add a cost, write its value and an entry in `COSTS`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from digitnet.engine.arrays import Array, Cases, Shape
from digitnet.engine.layers import (
    EPSILON,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    Parameter,
    SetDropout,
    Step,
    Weighted,
)
from digitnet.engine.report import Unfit
from digitnet.engine.speed.convolution import Passes, prepare


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost C, averaged over the cases of a batch, for outputs a and targets y (batch, outputs).

    For cross-entropy with its matching activation f, the derivative of f cancels in dC/dz (the
    canonical link, Bishop 2006, "Pattern Recognition and Machine Learning", section 4.3.6).
    """

    value: Callable[[Array, Array], float]  # C(a, y)
    formula: str  # for one case
    derivative: Callable[[Array, Array], Array] = np.subtract  # for each case, dC/da or dC/dz
    derivative_formula: str = "a − y"
    canonical: bool = False  # whether that is dC/dz, where a = f(z)
    outputs: tuple[str, ...] = ()  # the activations that it can be used with; empty for all

    def gradient(self, a: Array, y: Array, cases: int) -> Array:
        """The derivative of the sum of the costs of these cases, divided by `cases`."""
        grad = self.derivative(a, y)
        grad *= 1 / cases
        return grad


def half_squares(a: Array, y: Array) -> float:
    """C = mean over cases of ½ Σᵢ (aᵢ − yᵢ)²."""
    error = np.subtract(a, y).ravel()
    return float(np.dot(error, error)) / (2 * len(a))


def categorical(a: Array, y: Array) -> float:
    """C = mean over cases of −Σᵢ yᵢ ln aᵢ, for outputs that sum to one."""
    return -float(np.vdot(y, _log(a))) / len(a)


def binary(a: Array, y: Array) -> float:
    """C = mean over cases of −Σᵢ [yᵢ ln aᵢ + (1 − yᵢ) ln(1 − aᵢ)], for independent outputs."""
    return -float(np.vdot(y, _log(a)) + np.vdot(1 - y, _log(1 - a))) / len(a)


def _log(p: Array) -> Array:
    """ln max(p, ε), where ε is the machine epsilon, the precision to which 1 − p is known: a
    clamped answer costs −ln ε, about 16 in float32. NaN stays NaN.
    """
    return np.log(np.maximum(p, np.finfo(p.dtype).eps))


def is_clamped(a: Array, y: Array) -> NDArray[np.bool_]:
    """Which cases have an output so wrong that its logarithm is clamped, or nearly so."""
    right: Array = np.minimum(np.where(y > 0, a, 1), np.where(y < 1, 1 - a, 1)).min(axis=1)
    clamped: NDArray[np.bool_] = right < 1000 * np.finfo(a.dtype).eps
    return clamped


_BINARY = "C = −Σ [y ln a + (1 − y) ln(1 − a)]"

_SQUARED = Cost(half_squares, "C = ½ Σ (a − y)²")

COSTS: dict[str, tuple[Cost, ...]] = {  # name → forms, for different output activations
    "squared": (_SQUARED,),
    "cross-entropy": (
        Cost(categorical, "C = −Σ y ln a", canonical=True, outputs=("softmax",)),
        Cost(binary, _BINARY, canonical=True, outputs=("sigmoid",)),
    ),
}


def cost_for(name: str, output: str) -> Cost:
    """The cost called `name` for this output activation. Raises ValueError, with the reason."""
    if name not in COSTS:
        raise ValueError(f"{name!r} is not a cost: choose one of {', '.join(COSTS)}")
    for cost in COSTS[name]:
        if output in cost.outputs or not cost.outputs:
            return cost
    usable = [activation for cost in COSTS[name] for activation in cost.outputs]
    raise ValueError(
        f"{name} takes the logarithm of each output, so outputs must lie between 0 and 1: "
        f"use {' or '.join(usable)} instead of {output}, or the squared cost"
    )


def usual_cost(output: str) -> str:
    is_probability = any(output in cost.outputs for cost in COSTS["cross-entropy"])
    return "cross-entropy" if is_probability else "squared"


CANNOT_TRAIN = "a committee cannot be trained: train its members, then vote again"


class Committee(Layer):
    """y = (1/M) Σₘ yₘ, the mean output of M members (Ciresan et al. 2012, arXiv 1202.2745), which
    were trained one by one; each gets the inputs multiplied by its own scale.
    """

    kind = "committee"

    def __init__(self, input_shape: Shape, *, members: "Members", **options: Any) -> None:
        """Raises Unfit."""
        if not members:
            raise Unfit("a committee has at least one member")
        outputs = members[0][0].outputs
        sizes = {(network.inputs, network.outputs) for network, _ in members}
        if sizes != {(input_shape[0], outputs)}:
            raise Unfit("members of a committee need the same numbers of inputs and outputs")
        super().__init__(input_shape, (outputs,), **options)
        self.members = members

    @property
    def text(self) -> str:
        return f"committee of {len(self.members)}"

    def forward(self, x: Array, step: Step | None = None) -> Array:
        total = np.zeros((len(x), *self.shape), self.dtype)
        for network, scale in self.members:
            total += network.forward((x if scale == 1 else x * scale).astype(network.dtype))
        total /= len(self.members)
        return total

    def backward(self, grad: Array) -> Array | None:
        raise ValueError(CANNOT_TRAIN)

    def described(self) -> dict[str, Any]:
        return {"members": [network.shape for network, _ in self.members]}

    def config(self) -> dict[str, Any]:
        return {"members": self.members}


Members = list[tuple["Network", float]]  # each with the scale of its inputs
MAX_LAYERS = 60  # maximum number of layers of a network


class Network:
    """Layers applied one after the other, x → a⁽¹⁾ → … → a⁽ᴸ⁾, and a cost of the last output.
    members: of a committee, its networks and the scales of their inputs; its cost is theirs or, if
    they differ, the squared cost, which takes any output. prepared: what computes the passes in
    less time; see `speed/convolution.py`.
    """

    def __init__(self, layers: Sequence[Layer], cost: str = "") -> None:
        """Raises ValueError, with the reason, for layers that cannot form a network.

        cost: its name; a committee needs none.
        """
        self.layers = list(layers)
        _check(self.layers)
        first, last = self.layers[0], self.layers[-1]
        self.input_shape: Shape = first.input_shape
        self.inputs, self.outputs = prod(first.input_shape), prod(last.shape)
        self.dtype: np.dtype[np.floating] = first.dtype
        self.members = last.members if isinstance(last, Committee) else []
        self.is_committee = bool(self.members)
        if isinstance(last, Dense):
            self.cost_name, self.cost = cost, cost_for(cost, last.activation.name)
            last.is_given_delta = self.cost.canonical
        else:
            costs = {(network.cost_name, network.cost) for network, _ in self.members}
            self.cost_name, self.cost = costs.pop() if len(costs) == 1 else ("squared", _SQUARED)
        self._prepare()

    def _prepare(self) -> None:
        """Nothing below the first layer with parameters is given a gradient."""
        lowest = next((layer for layer in self.layers if layer.parameters), None)
        for layer in self.layers:
            if isinstance(layer, Weighted):
                layer.is_lowest = layer is lowest
        has_pictures = len(self.input_shape) == 3
        self.prepared = prepare(self.layers) if has_pictures else self.layers

    @property
    def shape(self) -> str:
        """As text, such as `784-1024-10` or `28x28-32c5-p2-10`."""
        if self.is_committee:
            return self.layers[-1].text
        first = self.layers[0].input_shape
        size = "x".join(str(n) for n in (first[:-1] if first[2:] == (1,) else first))
        return "-".join([size, *(layer.text for layer in self.layers if layer.text)])

    def fits(self, cases: Cases) -> bool:
        widths = (cases.inputs.shape[1], cases.targets.shape[1])
        return widths == (self.inputs, self.outputs)

    @property
    def parameters(self) -> list[Parameter]:
        return [parameter for layer in self.layers for parameter in layer.parameters]

    @property
    def size(self) -> int:
        """The number of trainable parameters; for a committee, the sum over its members."""
        members = sum(network.size for network, _ in self.members)
        return members + sum(p.value.size for p in self.parameters)

    @property
    def values(self) -> list[Array]:
        """Everything that training changes: the arrays themselves, to be assigned to."""
        return [value for layer in self.layers for value in layer.values]

    @property
    def batch_norms(self) -> list[BatchNorm]:
        return [layer for layer in self.layers if isinstance(layer, BatchNorm)]

    def copy(self, dtype: DTypeLike) -> "Network":
        return Network([layer.copy(dtype) for layer in self.layers], self.cost_name)

    def initialize(self, seed: int) -> None:
        """Draws new initial weights; the same seed gives the same weights."""
        rng = np.random.default_rng([seed, 0])
        for layer in self.layers:
            layer.initialize(rng)

    def set_dropout(self, probability: float) -> None:
        """Puts dropout after every hidden dense layer, or its batch normalization; 0 removes it."""
        layers = [layer for layer in self.layers if not isinstance(layer, SetDropout)]
        made: list[Layer] = []
        dropout = partial(SetDropout, probability=probability, dtype=self.dtype)
        for number, (layer, above) in enumerate(zip(layers, [*layers[1:], None], strict=True)):
            made.append(layer)
            normalized = number > 0 and isinstance(layer, BatchNorm)
            dense = isinstance(layers[number - 1] if normalized else layer, Dense)
            if probability and dense and above and not isinstance(above, BatchNorm):
                made.append(dropout(layer.shape, number=number))
        self.layers = made
        self._prepare()

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The outputs, (batch, outputs), for x, (batch, inputs); valid until the next call."""
        return self.activations(x, step)[-1]

    @np.errstate(all="ignore")  # huge weights overflow
    def activations(
        self, x: Array, step: Step | None = None, layers: Sequence[Passes] | None = None
    ) -> list[Array]:
        """The outputs of each layer, valid until the next call; by default, of `prepared`."""
        outputs, a = [], x.reshape(len(x), *self.input_shape)
        for layer in self.prepared if layers is None else layers:
            a = layer.forward(a, step)
            outputs.append(a)
        return outputs

    def backward(self, a: Array, y: Array, *, mean_over: int | None = None) -> None:
        """Back-propagation (Rumelhart, Hinton and Williams 1986, Nature 323).

        Sets the parameters' gradients for the last batch, with outputs `a` and targets `y`. C is
        the mean cost of the batch or, with `mean_over`, the sum of its costs divided by that.
        """
        self.propagate(self.cost.gradient(a, y, mean_over or len(a)))

    def propagate(self, signal: Array | None) -> Array | None:
        """Sends the error signal of the last batch from the outputs to the inputs, where it is
        dC/dx; None if the first layer does not give it. Sets the parameters' gradients.
        """
        for layer in reversed(self.prepared):
            signal = layer.backward(signal) if signal is not None else None
        return signal

    def measure_statistics(self, batches: Iterable[Array]) -> None:
        """Sets the statistics of batch normalization to their means over these cases, with the
        current weights (Izmailov et al. 2018, arXiv 1803.05407, section 3).
        """
        norms, total, first = self.batch_norms, 0.0, 0
        sums = [np.zeros((2, len(norm.mean))) for norm in norms]
        layers = [layer for layer in self.prepared if not isinstance(layer, Dropout)]
        for x in batches:
            self.activations(x, Step(), layers)
            first = first or len(x)
            weight = len(x) / first  # the last batch may be smaller
            total += weight
            for norm, means in zip(norms, sums, strict=True):
                means += weight * np.stack([norm.batch_mean, norm.batch_variance])
        for norm, means in zip(norms, sums, strict=True):
            norm.mean[:], norm.variance[:] = means / total

    def is_finite(self) -> bool:
        return all(bool(np.isfinite(p.value).all()) for p in self.parameters)


def _check(layers: list[Layer]) -> None:
    count = sum(not isinstance(layer, SetDropout) for layer in layers)
    if count > MAX_LAYERS:
        raise ValueError(f"a network has at most {MAX_LAYERS} layers, not {count}")
    for below, above in pairwise(layers):
        if below.shape != above.input_shape:
            given, taken = ("x".join(map(str, s)) for s in (below.shape, above.input_shape))
            raise ValueError(
                f"layers do not chain: one gives {given} outputs, the next takes {taken} inputs"
            )
        activation = getattr(below, "activation", None)
        if activation is not None and activation.sums_to_one:
            raise ValueError(f"{activation.name} outputs sum to 1: it is for the last layer")
    last = layers[-1]
    if not isinstance(last, Dense | Committee):
        raise ValueError("the last layer is a dense one, with an output for each answer")
    if isinstance(last, Dense) and last.activation.sums_to_one and last.shape == (1,):
        raise ValueError(f"{last.activation.name} of a single output is always 1: use sigmoid")


def folded(network: Network) -> Network:
    """An equivalent network for inference; itself without batch normalization and dropout.

    Batch normalization is merged into the dense layer or convolution below it:
    γ (x W + b − μ) / √(σ² + ε) + β = x (W s) + (b − μ) s + β, where s = γ / √(σ² + ε) per channel.
    """
    if not any(isinstance(layer, BatchNorm | Dropout) for layer in network.layers):
        return network
    layers: list[Layer] = []
    for layer in network.layers:
        below = layers[-1] if layers else None
        if isinstance(layer, Dropout):
            continue
        is_linear = isinstance(below, Weighted) and below.activation.name == "linear"
        if isinstance(layer, BatchNorm) and isinstance(below, Weighted) and is_linear:
            layers[-1] = _merged(below, layer)
        else:
            layers.append(layer.copy(network.dtype))
    return Network(layers, network.cost_name)


def _merged(layer: Weighted, norm: BatchNorm) -> Weighted:
    config = layer.config() | {"bias": True, "activation": norm.activation.name}
    merged = type(layer)(layer.input_shape, dtype=layer.dtype, **config)
    scale = norm.gamma / np.sqrt(norm.variance + EPSILON)
    before = layer.biases if layer.biases is not None else 0
    merged.weights[:] = layer.weights * scale
    assert merged.biases is not None
    merged.biases[:] = (before - norm.mean) * scale + norm.beta
    return merged
