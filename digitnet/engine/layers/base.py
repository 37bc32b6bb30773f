"""What every layer is: a map of a batch forward, and of its error signal backward."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.types import Array, Shape

MOST_OUTPUTS = 1 << 18
"""Numbers that a layer may make of one case: 1 MiB in float32."""
MOST_WEIGHTS = 1 << 26
"""Numbers that a layer may have: 256 MiB in float32."""


@dataclass(frozen=True, slots=True)
class Step:
    """A forward pass whose gradient is wanted.

    seed, number: of the mini-batch; all that is random in a layer is a function of these two.
    random: whether this is training proper. Without it, as for a gradient check or a full-batch
    minimiser, nothing is left out and batch normalisation uses its statistics.
    """

    seed: int = 0
    number: int = 0
    random: bool = True


EXACT = Step(random=False)
"""Nothing is random, so that a gradient can be compared with differences of the cost."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array that training changes, row by row.

    value: the numbers, changed in place.
    decays: whether penalties apply (to weights, not to biases).
    gradient(rows): computes dC/dvalue for these rows of `value`, after a backward pass; the array
    is the caller's until the next one.
    """

    name: str
    value: Array
    decays: bool
    gradient: Callable[[slice], Array]

    def whole_gradient(self) -> Array:
        """dC/dvalue for all rows."""
        return self.gradient(slice(0, len(self.value)))


class Layer(ABC):
    """Maps a batch forward and its error signal backward; arrays are lent until the next call.

    kind: its name in saves. input_shape, shape: of one case, coming in and going out.
    parameters: what the optimiser changes. statistics: what else the answers depend on; saved too.
    lowest: whether no layer below has parameters. Then its input are the cases, whose gradient
    nobody needs. text: its part of a shape, such as `32c5`; empty for what is understood.
    """

    kind: ClassVar[str]
    parameters: Sequence[Parameter] = ()
    statistics: Mapping[str, Array] = {}
    lowest = False
    text = ""

    def __init__(self, input_shape: Shape, shape: Shape, dtype: DTypeLike = np.float32) -> None:
        """Raises ValueError where a case would be too large."""
        if prod(shape) > MOST_OUTPUTS:
            raise ValueError(f"a layer makes at most {MOST_OUTPUTS:,} numbers of a case")
        self.input_shape, self.shape = input_shape, shape
        self.dtype: Any = np.dtype(dtype)

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: B027 - most have no weights
        """Draws fresh weights."""

    @abstractmethod
    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The outputs (batch, *shape) for x (batch, *input_shape).

        step: given if a backward pass follows; x is then kept, not copied, until it is over.
        """

    @abstractmethod
    def backward(self, grad: Array) -> Array | None:
        """dC/dx for grad = dC/dy, which is used up; None from the lowest layer.

        The parameters then give their gradients.
        """

    def choices(self) -> list["np.ndarray[Any, Any]"]:
        """What the last forward pass decided, such as which ReLUs are on: the cost has a kink where
        that changes.
        """
        return []

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """How it was made: `LAYERS[kind](input_shape, dtype=dtype, **config)` makes its like."""

    def described(self) -> dict[str, Any]:
        """What a person is told of it: plain values."""
        return self.config()

    def copy(self, dtype: DTypeLike) -> Self:
        """The same layer in another precision."""
        twin = type(self)(self.input_shape, dtype=dtype, **self.config())
        for mine, other in zip(self.parameters, twin.parameters, strict=True):
            other.value[...] = mine.value
        for name, array in self.statistics.items():
            twin.statistics[name][...] = array
        return twin


def room_for_weights(inputs: int, outputs: int, dtype: DTypeLike) -> Array:
    """Zeros (inputs, outputs). Raises ValueError where they would be too many."""
    if inputs * outputs > MOST_WEIGHTS:
        raise ValueError(f"a layer has at most {MOST_WEIGHTS:,} weights")
    return np.zeros((inputs, outputs), dtype)
