"""Layers: what each computes forward, and how it carries the error signal back.

To add a layer, write one class: it declares how it is spelled in a shape, its options, its formulae
and its ONNX operators, and shapes, saves, export and the explanations are derived from these.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.activations import ACTIVATIONS, INITIALIZERS
from digitnet.engine.arrays import Array, Shape

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


class Gradient(Protocol):
    """dC/dvalue of a parameter, by rows: an array, or a product computed where it is used.

    The caller may overwrite what it is given.
    """

    def __getitem__(self, rows: slice, /) -> Array: ...


@dataclass(frozen=True, slots=True)
class Outer:
    """The gradient xᵀ δ of weights (inputs, outputs): x (n, inputs), δ (n, outputs)."""

    x: Array
    delta: Array

    def __getitem__(self, rows: slice) -> Array:
        product: Array = self.x[:, rows].T @ self.delta
        return product


@dataclass(slots=True)
class Parameter:
    """An array that training updates in place.

    decays: whether penalties apply (True for weights, False for biases).
    gradient: dC/dvalue, set by a backward pass and valid until the next one.
    """

    name: str
    value: Array
    decays: bool
    gradient: Gradient = field(default_factory=lambda: np.empty(0))

    def whole_gradient(self) -> Array:
        return self.gradient[:]


class Passes(Protocol):
    """What a network asks of a layer, or of what computes the same in less time."""

    trains_only: bool

    def forward(self, x: Array, step: Step | None = None) -> Array: ...

    def backward(self, grad: Array) -> Array | None: ...


LAYERS: "dict[str, type[Layer]]" = {}
"""kind → its class; filled as the classes are defined."""

Node = Callable[..., None]
"""node(operator, arrays={}, **attributes): appends an ONNX operator to those before."""


class Layer(ABC):
    """A layer.

    kind: its name in saves. spelling: how it is written in a shape, with its options in braces;
    empty for layers that a shape leaves out. example: such a spelling, explained. options: the
    arguments of its constructor that are saved, and their types. formulae, gradients: z, and the
    gradients of the parameters (without any, dC/dx), as text. is_last: whether it can be the last
    layer; is_pool: whether an activation may move above it; normalizes: whether the layer below
    leaves biases and activation to it; trains_only: whether it does nothing in evaluation.

    input_shape, shape: the shapes of its input and output for one case.
    parameters: the arrays the optimiser updates.
    statistics: other arrays that its output depends on; they are saved too.
    """

    kind: ClassVar[str]
    spelling: ClassVar[str] = ""
    example: ClassVar[str] = ""
    options: ClassVar[Mapping[str, type]] = {}
    formulae: ClassVar[tuple[str, ...]] = ()
    gradients: ClassVar[tuple[str, ...]] = ()
    is_last = is_pool = normalizes = trains_only = False
    parameters: Sequence[Parameter] = ()
    statistics: Mapping[str, Array] = {}

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            LAYERS[cls.kind] = cls

    def __init__(self, input_shape: Shape, shape: Shape, dtype: DTypeLike = np.float32) -> None:
        if prod(shape) > MAX_OUTPUTS:
            raise ValueError(f"a layer makes at most {MAX_OUTPUTS:,} numbers of a case")
        self.input_shape, self.shape = input_shape, shape
        self.dtype: Any = np.dtype(dtype)

    @classmethod
    def pattern(cls) -> str:
        """A regular expression for its spelling, with a group for each option."""

        def group(match: re.Match[str]) -> str:
            number = r"0?\.\d{1,6}" if cls.options[match[1]] is float else r"\d{1,7}"
            return f"(?P<{match[1]}>{number})"

        return re.sub(r"{(\w+)[^}]*}", group, cls.spelling)

    @property
    def text(self) -> str:
        """The layer's part of a shape, such as `32c5`; empty for layers that a shape leaves out."""
        return self.spelling.format(**self.config())

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: B027 - most have no weights
        """Draws new initial weights."""

    @abstractmethod
    def forward(self, x: Array, step: Step | None = None) -> Array:
        """Returns the outputs, (batch, *shape), for x, (batch, *input_shape).

        step: given if a backward pass follows. x is not copied and must stay unchanged until then.
        """

    @abstractmethod
    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx for grad = dC/dy, which it may overwrite, and sets the parameters'
        gradients.
        """

    def config(self) -> dict[str, Any]:
        """What `LAYERS[kind](input_shape, dtype=dtype, **config)` builds an equal layer from."""
        values = {name: getattr(self, name) for name in self.options}
        return {name: getattr(value, "name", value) for name, value in values.items()}

    def described(self) -> dict[str, Any]:
        """The layer's properties as plain values, for display."""
        return self.config()

    def copy(self, dtype: DTypeLike) -> Self:
        twin = type(self)(self.input_shape, dtype=dtype, **self.config())
        for mine, other in zip(self.parameters, twin.parameters, strict=True):
            other.value[...] = mine.value
        for name, array in self.statistics.items():
            twin.statistics[name][...] = array
        return twin

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        """Appends its operators, without the activation's. Raises ValueError if it has none."""
        raise ValueError(f"ONNX has no operator for a {cls.kind} layer")


class Weighted(Layer):
    """A layer with weights W (fan-in, units), biases b (units,) and an activation f.

    is_given_delta: whether `backward` is given dC/dz instead of dC/da; see `Cost.canonical`.
    """

    is_given_delta = False

    def __init__(
        self,
        input_shape: Shape,
        shape: Shape,
        fan_in: int,
        fan_out: int,
        *,
        activation: str = "linear",
        bias: bool = True,
        initializer: str = "",
        dtype: DTypeLike = np.float32,
    ) -> None:
        """fan_in, fan_out: as `Draw` has them. initializer: if empty, the activation's default.

        Raises ValueError if the layer would be too large.
        """
        super().__init__(input_shape, shape, dtype)
        if fan_in * shape[-1] > MAX_WEIGHTS:
            raise ValueError(f"a layer has at most {MAX_WEIGHTS:,} weights")
        self.activation, self.bias = ACTIVATIONS[activation], bias
        self.initializer, self._fans = initializer or self.activation.initializer, (fan_in, fan_out)
        self.weights: Array = np.zeros((fan_in, shape[-1]), dtype)
        self.biases: Array | None = np.zeros(shape[-1], dtype) if bias else None
        self.parameters = [Parameter("weights", self.weights, decays=True)]
        if self.biases is not None:
            self.parameters.append(Parameter("biases", self.biases, decays=False))

    def initialize(self, rng: np.random.Generator) -> None:
        self.weights[:] = INITIALIZERS[self.initializer](rng, self.weights.shape, *self._fans)
        if self.biases is not None:
            self.biases[:] = 0

    def activate(self, z: Array) -> None:
        """z ← f(z + b)."""
        if self.biases is not None:
            z += self.biases
        self.activation.forward(z)

    def to_delta(self, a: Array, grad: Array) -> None:
        """grad ← δ = dC/dz, for the outputs a and grad = dC/da."""
        if not self.is_given_delta:
            self.activation.backward(a, grad)

    def set_gradients(self, weights: Gradient, biases: Array) -> None:
        for p, gradient in zip(self.parameters, (weights, biases), strict=False):
            p.gradient = gradient


class Dense(Weighted):
    """A fully connected layer: a = f(x W + b), or f(x W) without biases.

    x (batch, inputs), W (inputs, units), b (units,), a (batch, units). With δ = dC/dz, where
    z = x W + b: dC/dW = xᵀ δ, dC/db = Σ δ over the cases, dC/dx = δ Wᵀ
    (Rumelhart, Hinton and Williams 1986, Nature 323).
    """

    kind, spelling, example = "dense", "{units}", "100 is dense"
    options: ClassVar = {"units": int, "activation": str, "bias": bool}
    formulae, gradients = ("z = Σ x w + b",), ("dC/dw = x δ", "dC/db = δ")
    is_last = True

    def __init__(self, input_shape: Shape, *, units: int, **options: Any) -> None:
        """options: as `Weighted` has them. Raises ValueError if the layer would be too large."""
        (inputs,) = input_shape
        self.units = units
        super().__init__(input_shape, (units,), inputs, units, **options)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        self._x, self._a = x, x @ self.weights
        self.activate(self._a)
        return self._a

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx = δ Wᵀ, where δ = dC/da · f′."""
        self.to_delta(self._a, grad)
        self.set_gradients(Outer(self._x, grad), grad.sum(axis=0))
        return grad @ self.weights.T

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        node("Gemm" if "biases" in arrays else "MatMul", arrays)


class Dropout(Layer):
    """Inverted dropout: Srivastava et al. 2014, JMLR 15, with the scaling in training.

    a ← a · m / (1 − p), where the mask m is 0 with probability p and 1 otherwise; backward,
    dC/da ← dC/da · m / (1 − p). (The paper multiplies the weights by 1 − p in evaluation instead;
    scaling in training is equivalent, and is what its section 10 suggests.) One random byte decides
    each unit, so p is rounded to a multiple of 1/256. The masks depend only on the seed, the number
    of the mini-batch and the number of the layer, so there is no state to save.

    from_setting: True if it was added by `set dropout`, and is not saved as a layer.
    """

    kind, spelling, example = "dropout", "d{probability:g}", "d0.5 is dropout"
    options: ClassVar = {"probability": float, "number": int}
    formulae, gradients = ("z = x: dropout is for training only",), ("dC/dx = δ",)
    trains_only = True

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
        self.probability, self.number, self.from_setting = probability, number, from_setting
        self._mask: Array | None = None

    @property
    def text(self) -> str:
        return "" if self.from_setting else super().text

    def forward(self, x: Array, step: Step | None = None) -> Array:
        self._mask = None
        left_out = round(256 * self.probability)
        if step is None or not step.random or not left_out:
            return x
        bits = np.random.Philox(key=step.seed, counter=[0, 0, self.number, step.number])
        random = np.frombuffer(np.random.Generator(bits).bytes(x.size), np.uint8).reshape(x.shape)
        self._mask = (random >= left_out) * self.dtype.type(256 / (256 - left_out))
        masked: Array = x * self._mask
        return masked

    def backward(self, grad: Array) -> Array | None:
        if self._mask is not None:
            grad *= self._mask
        return grad

    def described(self) -> dict[str, Any]:
        return {"probability": self.probability}

    def copy(self, dtype: DTypeLike) -> Self:
        twin = super().copy(dtype)
        twin.from_setting = self.from_setting
        return twin


class Flatten(Layer):
    """(batch, height, width, channels) → (batch, height · width · channels), without a copy."""

    kind = "flatten"
    formulae, gradients = ("z = x, in a row",), ("dC/dx = δ, as a picture",)

    def __init__(self, input_shape: Shape, *, dtype: DTypeLike = np.float32) -> None:
        super().__init__(input_shape, (prod(input_shape),), dtype)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        return x.reshape(len(x), *self.shape)

    def backward(self, grad: Array) -> Array | None:
        return grad.reshape(len(grad), *self.input_shape)

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        """Back to channels-last, then in a row."""
        node("Transpose", perm=[0, 2, 3, 1])
        node("Flatten", axis=1)


EPSILON = 1e-5
"""Added to the variance, to avoid division by zero."""


class BatchNorm(Layer):
    """a = f(γ x̂ + β), x̂ = (x − μ) / √(σ² + ε), per channel (Ioffe and Szegedy 2015, 1502.03167).

    In training, μ and σ² are the mean and variance of the mini-batch, over its cases and positions.
    In evaluation they are the stored statistics, which `Network.measure_statistics` computes from
    training cases. With δ = dC/da · f′ and n numbers per channel: dC/dγ = Σ δ x̂, dC/dβ = Σ δ, and
    dC/dx = γ / √(σ² + ε) · (δ − dC/dβ / n − x̂ · dC/dγ / n).
    """

    kind, spelling, example = "batch_norm", "b", "b normalises"
    options: ClassVar = {"activation": str}
    formulae = ("z = γ (x − μ) / √(σ² + ε) + β",)
    gradients = ("dC/dγ = Σ δ (x − μ) / √(σ² + ε)", "dC/dβ = Σ δ")
    normalizes = True

    def __init__(
        self, input_shape: Shape, *, activation: str = "linear", dtype: DTypeLike = np.float32
    ) -> None:
        super().__init__(input_shape, input_shape, dtype)
        channels = input_shape[-1]
        self.activation = ACTIVATIONS[activation]
        self.gamma: Array = np.ones(channels, dtype)
        self.beta: Array = np.zeros(channels, dtype)
        self.mean: Array = np.zeros(channels, dtype)
        self.variance: Array = np.ones(channels, dtype)
        self.statistics = {"mean": self.mean, "variance": self.variance}
        self.batch_mean, self.batch_variance = self.mean, self.variance
        self.parameters = [
            Parameter("gamma", self.gamma, decays=False),
            Parameter("beta", self.beta, decays=False),
        ]

    def initialize(self, rng: np.random.Generator) -> None:
        self.gamma[:], self.beta[:] = 1, 0

    def forward(self, x: Array, step: Step | None = None) -> Array:
        rows = x.reshape(-1, len(self.gamma))
        self._is_frozen = step is None or not step.random
        self.batch_mean, self.batch_variance = self.mean, self.variance
        if not self._is_frozen:
            self.batch_mean = column_sums(rows) / len(rows)
            self.batch_variance = column_sums((rows - self.batch_mean) ** 2) / len(rows)
        self._normalized = (rows - self.batch_mean) / np.sqrt(self.batch_variance + EPSILON)
        self._a = self.gamma * self._normalized
        self._a += self.beta
        self.activation.forward(self._a)
        return self._a.reshape(x.shape)

    def backward(self, grad: Array) -> Array | None:
        delta, n = grad.reshape(self._a.shape), len(self._a)
        self.activation.backward(self._a, delta)
        d_gamma, d_beta = column_sums(delta * self._normalized), column_sums(delta)
        self.parameters[0].gradient, self.parameters[1].gradient = d_gamma, d_beta
        if not self._is_frozen:
            delta -= d_beta / n
            delta -= self._normalized * (d_gamma / n)
        delta *= self.gamma / np.sqrt(self.batch_variance + EPSILON)
        return delta.reshape(grad.shape)

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        node("BatchNormalization", arrays, epsilon=EPSILON)


def column_sums(rows: Array) -> Array:
    """Σ over the rows. As a product this is fast, and sums by blocks, which is more accurate."""
    sums: Array = np.ones(len(rows), rows.dtype) @ rows
    return sums
