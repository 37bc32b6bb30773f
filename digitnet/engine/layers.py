"""Layers: what each computes forward, and how it carries the error signal back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.activations import ACTIVATIONS, INITIALIZERS
from digitnet.engine.arrays import Array, Buffer, Shape
from digitnet.engine.speed import threads
from digitnet.engine.speed.product import Product

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


class Dense(Layer):
    """A fully connected layer: a = f(x W + b), or f(x W) without biases.

    x (batch, inputs), W (inputs, units), b (units,), a (batch, units). With δ = dC/dz, where
    z = x W + b: dC/dW = xᵀ δ, dC/db = Σ δ over the cases, dC/dx = δ Wᵀ
    (Rumelhart, Hinton and Williams 1986, Nature 323).
    """

    kind = "dense"

    def __init__(
        self,
        input_shape: Shape,
        *,
        units: int,
        activation: str = "linear",
        bias: bool = True,
        initializer: str = "",
        dtype: DTypeLike = np.float32,
    ) -> None:
        """initializer: a name from `INITIALIZERS`; if empty, the activation's default.

        Raises ValueError if the layer would be too large.
        """
        super().__init__(input_shape, (units,), dtype)
        self.text = str(units)
        (inputs,) = input_shape
        self.activation = ACTIVATIONS[activation]
        self.derivative = self.activation.backward
        self.initializer = initializer or self.activation.initializer
        self.weights = zero_weights(inputs, units, dtype)
        self.biases: Array | None = np.zeros(units, dtype) if bias else None
        self._product = Product(self.weights)
        self._scratch = Buffer((units,), dtype)
        self.parameters = [Parameter("weights", self.weights, True, self._product.weight_gradient)]
        if self.biases is not None:
            self.parameters.append(Parameter("biases", self.biases, False, self._bias_gradient))

    def initialize(self, rng: np.random.Generator) -> None:
        """Draws new weights and sets the biases to zero."""
        inputs, units = self.weights.shape
        self.weights[:] = INITIALIZERS[self.initializer](rng, (inputs, units), inputs, units)
        if self.biases is not None:
            self.biases[:] = 0

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """a = f(x W + b)."""
        self._a = self._product.forward(x, self._finish, skip_zeros=self.lowest)
        return self._a

    def _finish(self, z: Array) -> None:
        """z ← f(z + b), for one thread's cases."""
        if self.biases is not None:
            z += self.biases
        self.activation.forward(z)

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx = δ Wᵀ, where δ = dC/da · f′."""
        self.derivative(self._a, grad, self._scratch(len(grad)))
        self._delta = grad
        return self._product.backward(grad, to_input=not self.lowest)

    def _bias_gradient(self, units: slice) -> Array:
        """dC/db = Σ δ over the cases."""
        gradient: Array = self._delta[:, units].sum(axis=0)
        return gradient

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which units are active, for ReLU."""
        made: list[np.ndarray[Any, Any]] = [*self.activation.choices(self._a)]
        return made

    def config(self) -> dict[str, Any]:
        """Units, activation, and whether there are biases."""
        return {
            "units": self.shape[0],
            "activation": self.activation.name,
            "bias": self.biases is not None,
        }


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


EPSILON = 1e-5
"""Added to the variance, to avoid division by zero."""

TILE = 64_000
"""Numbers processed at a time, few enough to stay in the cache."""

PASSES = 8
"""Cost of one number, in multiplications of a large product."""


class BatchNorm(Layer):
    """a = f(γ (x − μ) / √(σ² + ε) + β), channel by channel (Ioffe and Szegedy 2015, 1502.03167).

    In training, μ and σ² are the mean and variance of the mini-batch, over its cases and positions.
    In evaluation they are the stored statistics, which `Network.measure_statistics` computes from
    training cases. With x̂ = (x − μ) / √(σ² + ε), δ = dC/da · f′ and n numbers per channel:
    dC/dγ = Σ δ x̂, dC/dβ = Σ δ, and
    dC/dx = γ / √(σ² + ε) · (δ − dC/dβ / n − x̂ · dC/dγ / n).
    """

    kind, text = "batch_norm", "b"

    def __init__(
        self, input_shape: Shape, *, activation: str = "linear", dtype: DTypeLike = np.float32
    ) -> None:
        """Starts with γ = 1 and β = 0."""
        super().__init__(input_shape, input_shape, dtype)
        channels = input_shape[-1]
        self.activation = ACTIVATIONS[activation]
        self.gamma: Array = np.ones(channels, dtype)
        self.beta: Array = np.zeros(channels, dtype)
        self.mean: Array = np.zeros(channels, dtype)
        self.variance: Array = np.ones(channels, dtype)
        self.statistics = {"mean": self.mean, "variance": self.variance}
        self.batch_mean, self.batch_variance = self.mean, self.variance
        self._gradients = np.zeros((2, channels), dtype)
        self._a = Buffer(input_shape, dtype)
        self._frozen = True
        self.parameters = [
            Parameter("gamma", self.gamma, False, lambda rows: self._gradients[0, rows]),
            Parameter("beta", self.beta, False, lambda rows: self._gradients[1, rows]),
        ]

    def initialize(self, rng: np.random.Generator) -> None:
        """Sets γ = 1 and β = 0."""
        self.gamma[:], self.beta[:] = 1, 0

    # forward

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The normalised and activated x."""
        self._x = x
        self._frozen = step is None or not step.random
        if self._frozen:
            self.batch_mean, self.batch_variance = self.mean, self.variance
        else:
            self.batch_mean, self.batch_variance = self._moments(x)
        scale = self.gamma / np.sqrt(self.batch_variance + EPSILON)
        shift = self.beta - self.batch_mean * scale
        a: Array = self._a(len(x))
        threads.for_rows(len(x), self._cost(), partial(self._apply, x, a, scale, shift))
        return a

    def _apply(self, x: Array, a: Array, scale: Array, shift: Array, cases: slice) -> None:
        """a ← f(x · scale + shift), for one thread's cases."""
        for rows, out in self._tiles(x[cases], a[cases]):
            np.multiply(rows, scale, out=out)
            out += shift
            self.activation.forward(out)

    def _moments(self, x: Array) -> tuple[Array, Array]:
        """Mean and variance of each channel, combined from those of tiles (Chan et al. 1983)."""
        found: dict[tuple[int, int], tuple[int, Array, Array]] = {}

        def work(cases: slice) -> None:
            for number, (rows,) in enumerate(self._tiles(x[cases])):
                mean = _column_sums(rows) / len(rows)
                centred = rows - mean
                centred *= centred
                found[cases.start, number] = len(rows), mean, _column_sums(centred)

        threads.for_rows(len(x), self._cost(), work)
        tiles = [found[key] for key in sorted(found)]  # always summed in the same order
        count = sum(n for n, _, _ in tiles)
        mean = np.sum([n * m.astype(np.float64) for n, m, _ in tiles], axis=0) / count
        squares = np.sum([s + n * (m - mean) ** 2 for n, m, s in tiles], axis=0)
        return mean.astype(self.dtype), (squares / count).astype(self.dtype)

    # backward

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx, which overwrites grad."""
        inverse = 1 / np.sqrt(self.batch_variance + EPSILON)
        a: Array = self._a(len(grad))
        found: dict[tuple[int, int], tuple[Array, Array]] = {}

        def sums(cases: slice) -> None:
            tiles = self._tiles(grad[cases], a[cases], self._x[cases])
            for number, (g, out, rows) in enumerate(tiles):
                scratch = np.empty_like(g)
                self.activation.backward(out, g, scratch)
                np.subtract(rows, self.batch_mean, out=scratch)
                scratch *= g
                found[cases.start, number] = _column_sums(scratch), _column_sums(g)

        threads.for_rows(len(grad), self._cost(), sums)
        of_gamma, of_beta = zip(*(found[key] for key in sorted(found)), strict=True)
        self._gradients[0] = np.sum(of_gamma, axis=0) * inverse
        self._gradients[1] = np.sum(of_beta, axis=0)
        if self.lowest:
            return None
        scale = self.gamma * inverse
        threads.for_rows(len(grad), self._cost(), partial(self._send_back, grad, scale, inverse))
        return grad

    def _send_back(self, grad: Array, scale: Array, inverse: Array, cases: slice) -> None:
        """grad ← dC/dx = δ A + x B + D for one thread's cases; grad is δ, A, B, D per channel."""
        n = grad.size // len(self.gamma)
        of_gamma, of_beta = self._gradients / n
        b = -scale * inverse * of_gamma
        d = -scale * of_beta - b * self.batch_mean
        for g, rows in self._tiles(grad[cases], self._x[cases]):
            g *= scale
            if not self._frozen:
                g += rows * b
                g += d

    def _tiles(self, *arrays: Array) -> Any:
        """Yields tiles of the arrays, reshaped to (numbers per channel, channels)."""
        channels = len(self.gamma)
        flat = [array.reshape(-1, channels) for array in arrays]
        size = max(1, TILE // channels)
        for start in range(0, len(flat[0]), size):
            yield tuple(array[start : start + size] for array in flat)

    def _cost(self) -> int:
        """Cost of a case, in multiplications."""
        return int(np.prod(self.shape)) * PASSES

    def choices(self) -> "list[np.ndarray[Any, Any]]":
        """Which units are active, for ReLU."""
        return [*self.activation.choices(self._a(len(self._x)))]

    def config(self) -> dict[str, Any]:
        """The activation."""
        return {"activation": self.activation.name}


def _column_sums(rows: Array) -> Array:
    """Σ over the rows. As a product this is fast, and sums by blocks, which is more accurate."""
    sums: Array = np.ones(len(rows), rows.dtype) @ rows
    return sums
