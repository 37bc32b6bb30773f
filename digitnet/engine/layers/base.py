"""The interface of all layers: a forward pass and a backward pass."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.types import Array, Shape

MAX_OUTPUTS = 1 << 18
"""Maximum number of outputs of a layer for one case: 1 MiB in float32."""
MAX_WEIGHTS = 1 << 26
"""Maximum number of weights of a layer: 256 MiB in float32."""


@dataclass(frozen=True, slots=True)
class Step:
    """A forward pass that a backward pass will follow.

    seed, number: the seed of the training and the number of the mini-batch. Everything random in a
    layer is a function of these two.
    random: True in training. If False, as in a gradient check or with a full-batch minimiser,
    dropout is off and batch normalisation uses its stored statistics.
    """

    seed: int = 0
    number: int = 0
    random: bool = True


EXACT = Step(random=False)
"""Without randomness, so that a gradient can be compared with finite differences of the cost."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An array that training updates in place.

    decays: whether penalties apply (True for weights, False for biases).
    gradient(rows): dC/dvalue for these rows of `value`, after a backward pass. The caller may
    overwrite the array, which is valid until the next backward pass.
    """

    name: str
    value: Array
    decays: bool
    gradient: Callable[[slice], Array]

    def whole_gradient(self) -> Array:
        """dC/dvalue for all rows."""
        return self.gradient(slice(0, len(self.value)))


class Layer(ABC):
    """A layer. The arrays it returns are reused by its next call.

    kind: the layer's name in saves.
    input_shape, shape: the shapes of its input and output for one case.
    parameters: the arrays the optimiser updates.
    statistics: other arrays that its output depends on; they are saved too.
    lowest: True if no layer below has parameters, so that nobody needs the gradient for its input.
    text: the layer's part of a shape, such as `32c5`; empty for layers that a shape leaves out.
    """

    kind: ClassVar[str]
    parameters: Sequence[Parameter] = ()
    statistics: Mapping[str, Array] = {}
    lowest = False
    text = ""

    def __init__(self, input_shape: Shape, shape: Shape, dtype: DTypeLike = np.float32) -> None:
        """Raises ValueError if the output for one case would exceed MAX_OUTPUTS."""
        if prod(shape) > MAX_OUTPUTS:
            raise ValueError(f"a layer makes at most {MAX_OUTPUTS:,} numbers of a case")
        self.input_shape, self.shape = input_shape, shape
        self.dtype: Any = np.dtype(dtype)

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: B027 - most have no weights
        """Draws new initial weights."""

    @abstractmethod
    def forward(self, x: Array, step: Step | None = None) -> Array:
        """Returns the outputs, (batch, *shape), for x, (batch, *input_shape).

        step: given if a backward pass follows. x is not copied and must stay unchanged until then.
        """

    @abstractmethod
    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx for grad = dC/dy, which it may overwrite; None from the lowest layer.

        Afterwards the gradients of the parameters are available.
        """

    def choices(self) -> list["np.ndarray[Any, Any]"]:
        """The discrete decisions of the last forward pass, such as which ReLUs are active. The cost
        has a kink where one of them changes.
        """
        return []

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The arguments with which `LAYERS[kind](input_shape, dtype=dtype, **config)` builds an
        equal layer, but for its weights.
        """

    def described(self) -> dict[str, Any]:
        """The layer's properties as plain values, for display."""
        return self.config()

    def copy(self, dtype: DTypeLike) -> Self:
        """A copy with the given dtype."""
        twin = type(self)(self.input_shape, dtype=dtype, **self.config())
        for mine, other in zip(self.parameters, twin.parameters, strict=True):
            other.value[...] = mine.value
        for name, array in self.statistics.items():
            twin.statistics[name][...] = array
        return twin


def zero_weights(inputs: int, outputs: int, dtype: DTypeLike) -> Array:
    """Zeros, (inputs, outputs). Raises ValueError for more than MAX_WEIGHTS."""
    if inputs * outputs > MAX_WEIGHTS:
        raise ValueError(f"a layer has at most {MAX_WEIGHTS:,} weights")
    return np.zeros((inputs, outputs), dtype)
