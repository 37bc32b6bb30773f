"""Layers: what each computes forward, and how it carries the error signal back.

To add a layer, write one class: it declares how it is spelled in a shape, its options, formulae,
ONNX operators and lines of numpy, and shapes, saves, export, import and `why` are derived from
these. To add an activation, write its function and an entry in `ACTIVATIONS`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod, sqrt
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.arrays import Array, Shape, assign
from digitnet.engine.speed import threads
from digitnet.engine.speed.threads import Outer

MAX_OUTPUTS = 1 << 18  # maximum number of outputs of a layer for one case: 1 MiB in float32
MAX_WEIGHTS = 1 << 26  # maximum number of weights of a layer: 256 MiB in float32


@dataclass(frozen=True, slots=True)
class Step:
    """A forward pass that a backward pass will follow."""

    seed: int = 0  # of the training: all that is random is a function of this and the number
    number: int = 0  # of the mini-batch
    random: bool = True  # if False, dropout is off, and batch normalization has stored statistics


EXACT = Step(random=False)  # so that a gradient can be compared with differences of the cost


Gradient: TypeAlias = Array | Outer  # its rows may be overwritten


@dataclass(slots=True)
class Parameter:
    """An array that training updates in place."""

    name: str
    value: Array
    decays: bool  # whether penalties apply: to weights, not to biases
    by_unit: bool = False  # whether it is stored unit by unit, so that a column is contiguous
    gradient: Gradient = field(default_factory=lambda: np.empty(0))  # dC/d rows(value)

    def rows(self, array: Array) -> Array:
        """A view of an array like the value, with rows that are contiguous in memory."""
        return array.T if self.by_unit else array

    @property
    def whole_gradient(self) -> Array:
        """dC/dvalue of the last backward pass, an array like the value."""
        return self.rows(self.gradient[:])


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation function a = f(z), on arrays of shape (..., units). f never falls, and f′ is
    computed from a, so that z need not be stored.
    """

    forward: Callable[[Array], None]  # z ← f(z)
    slope: Callable[[Array], Any] | None  # f′ of a; None for 1
    formula: str
    derivative: str = ""  # f′ as text; empty if it is not a number for each unit
    operator: str | None = None  # in ONNX; empty for none, None if ONNX has none
    numpy: tuple[str, ...] | None = None  # its lines in a program, of x
    initializer: str = "glorot"  # which preserves the variance of signals through f
    has_kink: bool = False  # whether f′ jumps where a turns positive
    sums_to_one: bool = False  # whether each output depends on all units: for the last layer

    @property
    def name(self) -> str:
        return self.forward.__name__

    def backward(self, a: Array, grad: Array) -> None:
        """grad ← dC/dz, given grad = dC/da."""
        if self.slope is not None:
            grad *= self.slope(a)

    def __reduce__(self) -> tuple[Any, ...]:  # a function without a name cannot be pickled
        return activation_named, (self.name,)


def linear(z: Array) -> None:
    """f(z) = z."""


def sigmoid(z: Array) -> None:
    """f(z) = 1 / (1 + e⁻ᶻ), computed as ½ + ½ tanh(z/2), which cannot overflow."""
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


def tanh(z: Array) -> None:
    """f(z) = tanh z."""
    np.tanh(z, out=z)


def relu(z: Array) -> None:
    """f(z) = max(0, z) (Nair and Hinton 2010, ICML)."""
    np.maximum(z, 0, out=z)


def softmax(z: Array) -> None:
    """f(z)ᵢ = eᶻⁱ / Σⱼ eᶻʲ along each row, shifted by its maximum so that no eᶻ overflows."""
    z -= z.max(axis=-1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=-1, keepdims=True)


class Softmax(Activation):
    def backward(self, a: Array, grad: Array) -> None:
        """dC/dzᵢ = aᵢ (gᵢ − Σⱼ gⱼ aⱼ), where g = dC/da."""
        grad -= (grad * a).sum(axis=-1, keepdims=True)
        grad *= a


_SIGMOID = (
    "a = 1 / (1 + exp(−z))", "f′ = a (1 − a)", "Sigmoid", ("x = 1 / (1 + np.exp(-x))",),
)  # fmt: skip
_TANH = "a = tanh z", "f′ = 1 − a²", "Tanh", ("x = np.tanh(x)",)
_RELU = "a = max(0, z)", "f′ = 1 where a > 0, else 0", "Relu", ("x = np.maximum(x, 0)",)
_SOFTMAX = (
    "a = exp z / Σ exp z", "", "Softmax",
    ("x = np.exp(x - x.max(axis=1, keepdims=True))", "x = x / x.sum(axis=1, keepdims=True)"),
)  # fmt: skip

ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation(linear, None, "a = z", "f′ = 1", "", ()),
        Activation(sigmoid, lambda a: a * (1 - a), *_SIGMOID),
        Activation(tanh, lambda a: 1 - a * a, *_TANH),
        Activation(relu, lambda a: a > 0, *_RELU, initializer="he", has_kink=True),
        Softmax(softmax, None, *_SOFTMAX, sums_to_one=True),
    )
}


def activation_named(name: str) -> Activation:
    return ACTIVATIONS[name]


def hidden_activations() -> dict[str, Activation]:
    return {name: f for name, f in ACTIVATIONS.items() if not f.sums_to_one}


# (generator, shape, fan-in, fan-out) → weights: terms of each sum, and sums an input is part of
Initializer = Callable[[np.random.Generator, Shape, int, int], Array]


def he(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / inputs, for ReLU (He et al. 2015, arXiv 1502.01852)."""
    return rng.normal(0.0, sqrt(2 / inputs), shape)


def glorot(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / (inputs + outputs) (Glorot and Bengio 2010, AISTATS)."""
    return rng.normal(0.0, sqrt(2 / (inputs + outputs)), shape)


def normal(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Standard normal, common in first attempts; it saturates large layers."""
    return rng.standard_normal(shape)


def uniform(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Uniform between −1 and 1."""
    return rng.uniform(-1.0, 1.0, shape)


INITIALIZERS: dict[str, Initializer] = {f.__name__: f for f in (he, glorot, normal, uniform)}

LAYERS: "dict[str, type[Layer]]" = {}  # kind → its class; filled as the classes are defined

Node = Callable[..., None]  # node(operator, arrays={}, **attributes) appends an ONNX operator
LayerOfOnnx = tuple[dict[str, Any], dict[str, Array]]


@dataclass(frozen=True, slots=True)
class Notation:
    """How a kind of layer is written."""

    spelling: str = ""  # in a shape, with options in braces; empty if a shape leaves it out
    example: str = ""  # such a spelling, explained
    formulae: tuple[str, ...] = ()  # of z
    gradients: tuple[str, ...] = ()  # of the parameters or, without any, dC/dx


class Layer(ABC):
    kind: ClassVar[str]  # its name in saves
    notation: ClassVar = Notation()
    options: ClassVar[Mapping[str, type]] = {}  # arguments of its constructor that are saved
    parameters: Sequence[Parameter] = ()  # what the optimizer updates
    statistics: Mapping[str, Array] = {}  # other arrays that its output depends on; saved too
    operators: ClassVar[tuple[str, ...]] = ()  # in ONNX, those that `of_onnx` reads
    numpy: ClassVar[tuple[str, ...] | None] = None  # lines; in braces its options and arrays

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            LAYERS[cls.kind] = cls

    def __init__(self, input_shape: Shape, shape: Shape, dtype: DTypeLike = np.float32) -> None:
        if prod(shape) > MAX_OUTPUTS:
            raise ValueError(f"a layer has at most {MAX_OUTPUTS:,} outputs per case")
        self.input_shape, self.shape = input_shape, shape  # for one case
        self.dtype: Any = np.dtype(dtype)

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: B027 - most have no weights
        """Draws new initial weights."""

    @abstractmethod
    def forward(self, x: Array, step: Step | None = None) -> Array:
        """Returns the outputs, (batch, *shape), for x, (batch, *input_shape). step: given if a
        backward pass follows. x is not copied and must stay unchanged until then.
        """

    @abstractmethod
    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx for grad = dC/dy, which it may overwrite, and sets all gradients."""

    def config(self) -> dict[str, Any]:
        """What `LAYERS[kind](input_shape, dtype=dtype, **config)` builds an equal layer from."""
        values = ((name, getattr(self, name)) for name in self.options)
        return {name: getattr(value, "name", value) for name, value in values}

    def described(self) -> dict[str, Any]:
        return {name: value for name, value in self.config().items() if name != "number"}

    @property
    def text(self) -> str:
        """The layer's part of a shape, such as `32c5`; empty for layers that a shape leaves out."""
        return self.notation.spelling.format(**self.config())

    def copy(self, dtype: DTypeLike) -> Self:
        twin = type(self)(self.input_shape, dtype=dtype, **self.config())
        assign(twin.values, self.values)
        return twin

    @property
    def values(self) -> list[Array]:
        return [*(p.value for p in self.parameters), *self.statistics.values()]

    @classmethod
    def pattern(cls) -> str:
        """A regular expression for its spelling, with a group for each option."""

        def group(match: re.Match[str]) -> str:
            number = r"0?\.\d{1,6}" if cls.options[match[1]] is float else r"[1-9]\d{0,17}"
            return f"(?P<{match[1]}>{number})"

        return re.sub(r"{(\w+)[^}]*}", group, cls.notation.spelling)

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        """Appends its operators, without the activation's. Raises ValueError if it has none."""
        raise ValueError(f"ONNX has no operator for a {cls.kind} layer")

    @classmethod
    def of_onnx(cls, attributes: dict[str, Any], *arrays: Array) -> LayerOfOnnx:
        """Its options and arrays, given those of an operator. Removes the attributes that it reads.

        Raises ValueError if no layer of this kind computes the same.
        """
        raise ValueError(f"a {cls.kind} layer is not read from ONNX")


class Weighted(Layer):
    """A layer with weights W (fan-in, units), biases b (units,) and an activation f."""

    by_unit = False  # how the weights are stored; see `Parameter`
    is_given_delta = False  # whether `backward` is given dC/dz, not dC/da; see `Cost.canonical`
    is_lowest = False  # whether no layer below has parameters, so that nobody needs dC/dx

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
        """initializer: if empty, the activation's. Raises ValueError for too many weights."""
        super().__init__(input_shape, shape, dtype)
        if fan_in * shape[-1] > MAX_WEIGHTS:
            raise ValueError(f"a layer has at most {MAX_WEIGHTS:,} weights")
        self.activation, self.bias = ACTIVATIONS[activation], bias
        self.initializer, self._fans = initializer or self.activation.initializer, (fan_in, fan_out)
        self.weights: Array = np.zeros((fan_in, shape[-1]), dtype, "F" if self.by_unit else "C")
        self.biases: Array | None = np.zeros(shape[-1], dtype) if bias else None
        self.parameters = [Parameter("weights", self.weights, True, self.by_unit)]
        if self.biases is not None:
            self.parameters.append(Parameter("biases", self.biases, decays=False))

    def copy(self, dtype: DTypeLike) -> Self:
        twin = super().copy(dtype)
        twin.initializer = self.initializer
        return twin

    def initialize(self, rng: np.random.Generator) -> None:
        self.weights[:] = INITIALIZERS[self.initializer](rng, self.weights.shape, *self._fans)
        if self.biases is not None:
            self.biases[:] = 0

    def activate(self, z: Array, units: slice = slice(None)) -> None:
        """z ← f(z + b), for these units."""
        if self.biases is not None:
            z += self.biases[units]
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

    kind = "dense"
    notation = Notation("{units}", "100 is dense", ("z = Σ x w + b",), ("dC/dw = x δ", "dC/db = δ"))
    operators, numpy = ("Gemm", "MatMul"), ("x = x @ {weights}",)
    options: ClassVar = {"units": int, "activation": str, "bias": bool}

    def __init__(self, input_shape: Shape, *, units: int, **options: Any) -> None:
        """options: as `Weighted` has them. Raises ValueError if the layer would be too large."""
        (inputs,) = input_shape
        # outputs that sum to one are activated with all those of their case
        activated_alone = not ACTIVATIONS[options.get("activation", "linear")].sums_to_one
        self.units, self.by_unit = units, activated_alone and units >= threads.MANY_UNITS
        super().__init__(input_shape, (units,), inputs, units, **options)

    def forward(self, x: Array, step: Step | None = None) -> Array:
        multiply = threads.by_unit if step and self.by_unit else threads.by_case
        self._x, self._a = x, multiply(x, self.weights, self.activate)
        return self._a

    def backward(self, grad: Array) -> Array | None:
        """Returns dC/dx = δ Wᵀ, where δ = dC/da · f′."""
        self.to_delta(self._a, grad)
        factors = (grad, self._x) if self.by_unit else (self._x, grad)
        self.set_gradients(Outer(*factors), column_sums(grad))
        return None if self.is_lowest else threads.times_transposed(grad, self.weights)

    @classmethod
    def onnx(cls, node: Node, arrays: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        node("Gemm" if "biases" in arrays else "MatMul", arrays)

    @classmethod
    def of_onnx(cls, attributes: dict[str, Any], *arrays: Array) -> LayerOfOnnx:
        named = dict(zip(("weights", "biases"), arrays, strict=False))
        if attributes.pop("transB", 0):
            named["weights"] = named["weights"].T
        return {"units": named["weights"].shape[1], "bias": "biases" in named}, named


class Dropout(Layer):
    """Inverted dropout: Srivastava et al. 2014, JMLR 15, with the scaling in training.

    a ← a · m / (1 − p), where the mask m is 0 with probability p and 1 otherwise; backward,
    dC/da ← dC/da · m / (1 − p). One random byte decides each unit, so p is rounded to a multiple of
    1/256. A mask depends only on the seed and the numbers of the mini-batch and of the layer.
    """

    kind = "dropout"
    notation = Notation(
        "d{probability:g}",
        "d0.5 is dropout",
        ("z = x: dropout is for training only",),
        ("dC/dx = δ",),
    )
    options: ClassVar = {"probability": float, "number": int}
    numpy = ()

    def __init__(
        self, input_shape: Shape, *, probability: float, number: int = 0, **options: Any
    ) -> None:
        """probability: p, from 0 to 0.99, or ValueError. number: of a network's dropout layers."""
        super().__init__(input_shape, input_shape, **options)
        if not 0 <= probability <= 0.99:
            raise ValueError(f"the probability of dropout is from 0 to 0.99, not {probability:g}")
        self.probability, self.number = probability, number
        self._mask: Array | None = None

    def forward(self, x: Array, step: Step | None = None) -> Array:
        self._mask = None
        left_out = round(256 * self.probability)
        if step is None or not step.random or not left_out:
            return x
        bits = np.random.Philox(key=step.seed, counter=[0, 0, self.number, step.number])
        random = np.frombuffer(np.random.Generator(bits).bytes(x.size), np.uint8).reshape(x.shape)
        scale = self.dtype.type(256 / (256 - left_out))
        self._mask = np.multiply(random >= left_out, scale, out=np.empty_like(x))
        masked: Array = x * self._mask
        return masked

    def backward(self, grad: Array) -> Array | None:
        if self._mask is not None:
            grad *= self._mask
        return grad


class SetDropout(Dropout):
    """Dropout that `set dropout` has put there: no layer of the shape, and not saved as one."""

    notation = replace(Dropout.notation, spelling="")


EPSILON = 1e-5  # added to the variance, to avoid division by zero


class BatchNorm(Layer):
    """a = f(γ x̂ + β), x̂ = (x − μ) / √(σ² + ε), per channel (Ioffe and Szegedy 2015, 1502.03167).

    In training, μ and σ² are the mean and variance of the mini-batch, over its cases and positions.
    In evaluation they are the stored statistics, which `Network.measure_statistics` computes from
    training cases. With δ = dC/da · f′ and n numbers per channel: dC/dγ = Σ δ x̂, dC/dβ = Σ δ, and
    dC/dx = γ / √(σ² + ε) · (δ − dC/dβ / n − x̂ · dC/dγ / n).
    """

    kind = "batch_norm"
    notation = Notation(
        "b",
        "b normalizes",
        ("z = γ (x − μ) / √(σ² + ε) + β",),
        ("dC/dγ = Σ δ (x − μ) / √(σ² + ε)", "dC/dβ = Σ δ"),
    )
    options: ClassVar = {"activation": str}
    operators = ("BatchNormalization",)
    numpy = (f"x = (x - {{mean}}) / np.sqrt({{variance}} + {EPSILON}) * {{gamma}} + {{beta}}",)

    def __init__(self, input_shape: Shape, *, activation: str = "linear", **options: Any) -> None:
        super().__init__(input_shape, input_shape, **options)
        self.activation = ACTIVATIONS[activation]
        self.gamma, self.variance = np.ones((2, input_shape[-1]), self.dtype)
        self.beta, self.mean = np.zeros((2, input_shape[-1]), self.dtype)
        self.statistics = {"mean": self.mean, "variance": self.variance}
        self.batch_mean, self.batch_variance = self.mean, self.variance
        scales = {"gamma": self.gamma, "beta": self.beta}
        self.parameters = [Parameter(name, value, decays=False) for name, value in scales.items()]

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
        self._a: Array = self.gamma * self._normalized
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

    @classmethod
    def of_onnx(cls, attributes: dict[str, Any], *arrays: Array) -> LayerOfOnnx:
        """Another ε than ours becomes part of γ."""
        gamma, beta, mean, variance = arrays
        epsilon = attributes.pop("epsilon", EPSILON)
        if abs(epsilon - EPSILON) > 1e-9:
            with np.errstate(all="ignore"):
                gamma = gamma * np.sqrt((variance + EPSILON) / (variance + epsilon))
        named = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
        return {}, {name: array.astype(mean.dtype) for name, array in named.items()}


def column_sums(rows: Array) -> Array:
    """Σ over the rows. As a product this is fast, and sums by blocks, which is more accurate."""
    sums: Array = np.ones(len(rows), rows.dtype) @ rows
    return sums
