"""Optimizers, from simple to complex: how the gradient of a mini-batch changes the parameters.

Here w is a parameter, g the gradient of the mean cost with its penalties, and η the rate. To add an
optimizer, write a class: what shows it or offers it finds it in `OPTIMIZERS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import ClassVar

import numpy as np

from digitnet.engine.arrays import Array
from digitnet.engine.layers import Parameter
from digitnet.engine.speed import threads
from digitnet.engine.speed.threads import Adder, add, adder

FLUSH_EVERY = 32  # steps after which state that has died away becomes 0; see `_flush`

BLOCK = 1 << 15  # numbers updated at a time: with gradient and state, they stay in a core's cache
# multiplications up to which OpenBLAS does not copy what it multiplies; rows that pay for it
SMALL_PRODUCT, FEWEST_ROWS = 950_000, 24


def for_blocks(parameters: list[Parameter], cases: int, work: Callable[[int, slice], None]) -> None:
    """Calls work(k, rows) for blocks of rows of every parameter k, divided among the threads.

    In one thread, blocks of few cases are so small that BLAS does not copy them. Others have at
    least twice as many rows as there are cases, as the product of fewer would spend its time on
    reading the other factor. With several threads they are larger: threads wait for the
    interpreter's lock after each operation of numpy, so there should be few. Small parameters,
    which are not divided, come first, while the other threads wake up.
    """
    small_first = sorted(range(len(parameters)), key=lambda k: parameters[k].value.size)
    cost = cases + threads.UPDATE_COST
    number = threads.worthwhile(cost * sum(p.value.size for p in parameters))
    block = BLOCK if number == 1 else 8 * BLOCK

    def walk(thread: int) -> None:
        for k in small_first:
            p = parameters[k]
            count = len(p.rows(p.value))
            width = p.value.size // count
            size = max(1, 2 * cases, block // width)
            parts = threads.parts(count, cost * width) if number > 1 else [slice(0, count)]
            if number == 1 and (small := SMALL_PRODUCT // (cases * width)) >= FEWEST_ROWS:
                size = small
            for part in parts[thread : thread + 1]:
                for start in range(part.start, part.stop, size):
                    work(k, slice(start, min(start + size, part.stop)))

    threads.run([partial(walk, thread) for thread in range(number)])


@dataclass(frozen=True, slots=True)
class Penalties:
    """λ₂/2 · Σ w² + λ₁ · Σ |w| over the weights, not the biases (Goodfellow et al. 2016, 7.1).

    decay: the L2 that an optimizer applies by itself: not in the cost, nor its gradient.
    """

    l2: float = 0.0
    l1: float = 0.0
    decay: float = 0.0

    def value(self, parameters: Iterable[Parameter]) -> float:
        """The penalty, which is added to the cost; infinite if it overflows."""
        weights = [np.ravel(p.value, "K") for p in parameters if p.decays]
        with np.errstate(all="ignore"):
            squares = self.l2 / 2 * sum(float(np.dot(w, w)) for w in weights) if self.l2 else 0.0
            sizes = self.l1 * sum(float(np.abs(w).sum()) for w in weights) if self.l1 else 0.0
            return squares + sizes

    def add_to(self, g: Array, p: Parameter, w: Array | None = None, add: Adder = add) -> Array:
        """Adds their gradient to g, that of the cost for p or, given w, these rows; returns it."""
        w = p.value if w is None else w
        if p.decays and self.l2:
            add(g, self.l2, w)
        if p.decays and self.l1:
            add(g, self.l1, np.sign(w))
        return g


@dataclass(frozen=True, slots=True)
class RunningMean:
    """w̄ ← d w̄ + (1 − d) w, an array for each parameter."""

    arrays: list[Array]
    decay: float

    def update(self, mean: Array, w: Array, add: Adder = add) -> None:
        mean *= self.decay
        add(mean, 1 - self.decay, w)


WARM_UP = 500  # steps over which the rate of schedule-free optimizers rises to its full value
LEAST_BETA = 1e-3  # with a lower β, float32 cannot tell their mean x in y = (1 − β) z + β x

State = dict[str, list[Array]]  # kept between steps: name → one array per parameter
OPTIMIZERS: "dict[str, type[Optimizer]]" = {}  # name → its class; filled as the classes are defined


class Optimizer(ABC):
    """One pass over the weights, block by block: gradient, penalties, `update`, running mean."""

    name: ClassVar[str]
    formulae: ClassVar[tuple[str, ...]]
    usual_rate: ClassVar[float]  # which suits most networks
    rate_margin: ClassVar[float]  # rate of the lowest cost in a range test / rate to suggest
    slots: ClassVar[tuple[str, ...]] = ()  # state arrays kept for each parameter, 0 at first
    starts_at_weights: ClassVar[tuple[str, ...]] = ()  # or equal to the parameter
    decoupled = False  # whether L2 is applied by `update` (weight decay), not in the gradient
    uses_momentum = False
    warms_up = False  # whether its rate rises over the first WARM_UP steps

    def __init_subclass__(cls) -> None:
        OPTIMIZERS[cls.name] = cls

    def __init__(self, parameters: list[Parameter], momentum: float = 0.0) -> None:
        self.parameters = parameters
        self.add: Adder = add
        self.steps, self.momentum = 0, momentum
        zeros = [[np.zeros_like(p.value) for p in parameters] for _ in self.slots]
        self.state: State = dict(zip(self.slots, zeros, strict=True))

    @classmethod
    def penalties(cls, l2: float, l1: float = 0.0) -> Penalties:
        return Penalties(0.0, l1, l2) if cls.decoupled else Penalties(l2, l1)

    def step(
        self,
        rate: float,
        cases: int,
        *,
        penalties: Penalties = Penalties(),
        clip: float = 0.0,
        max_norm: float = 0.0,
        mean: RunningMean | None = None,
    ) -> None:
        """Takes one step, after a backward pass over `cases` cases, and updates the mean.

        clip: the maximum norm of the gradient over all parameters. max_norm: of the weights into a
        unit. 0: no limit.
        """
        if self.steps == 0:
            for name in self.starts_at_weights:
                self.state[name] = [p.value.copy("K") for p in self.parameters]
        self.steps += 1
        self.add = adder(sum(p.value.size for p in self.parameters))
        scale = self._clipping(penalties, clip, cases) if clip else 1.0
        states = [self.state[name] for name in self.slots]

        def update(k: int, rows: slice) -> None:
            p = self.parameters[k]
            g, w = p.gradient[rows], p.rows(p.value)[rows]
            state = [p.rows(arrays[k])[rows] for arrays in states]
            if self.steps % FLUSH_EVERY == 0:
                _flush(state)
            penalties.add_to(g, p, w, self.add)
            if scale != 1:
                g *= scale
            self.update(w, g, rate, penalties.decay if p.decays else 0.0, *state)
            if mean and not max_norm:
                mean.update(p.rows(mean.arrays[k])[rows], w, self.add)

        for_blocks(self.parameters, cases, update)
        if max_norm:
            for k, p in enumerate(self.parameters):
                if p.decays:
                    factor = norm_factor(p.value, max_norm)
                    for array in [p.value, *(self.state[n][k] for n in self.starts_at_weights)]:
                        array *= factor
                if mean:
                    mean.update(mean.arrays[k], p.value)

    def answering(self) -> list[Array] | None:
        """The weights to evaluate with; None if they are those in training."""
        return None

    def change_momentum(self, momentum: float) -> None:
        """Changes the momentum coefficient, without changing the weights to evaluate with."""
        self.momentum = momentum

    @abstractmethod
    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        """Updates w and its state in place, and may g. decay: λ if `decoupled`, 0 for biases."""

    def _clipping(self, penalties: Penalties, max_norm: float, cases: int) -> float:
        """min(1, max_norm / |g|), |g| the norm over all parameters (Pascanu et al. 2013, ICML)."""
        squares: dict[tuple[int, int], float] = {}

        def add(k: int, rows: slice) -> None:
            p = self.parameters[k]
            g = penalties.add_to(p.gradient[rows].copy(), p, p.rows(p.value)[rows])
            squares[k, rows.start] = float(np.square(g, dtype=np.float64).sum())

        for_blocks(self.parameters, cases, add)
        norm = sqrt(sum(squares[key] for key in sorted(squares)))  # always in the same order
        return max_norm / norm if norm > max_norm else 1.0


def _flush(state: list[Array]) -> None:
    """Sets numbers below 10⁸ times the smallest normal one, 1e-30 in float32, to 0: they are far
    too small to change a weight.

    The state of weights that get no gradient, as those of a dark pixel, decays. Below the smallest
    normal number processors are many times slower: Adam trained at a fifth of its speed after a
    thousand mini-batches.
    """
    for s in state:
        s[np.abs(s) < 1e8 * np.finfo(s.dtype).tiny] = 0


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − η g."""

    name, formulae = "sgd", ("w ← w − η g",)
    usual_rate, rate_margin = 0.1, 2.0

    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        self.add(w, -rate, g)


class Momentum(Optimizer):
    """Momentum μ: v ← μ v + g;  w ← w − η v (Polyak 1964, USSR Comp. Math. 4(5))."""

    name, formulae = "momentum", ("v ← μ v + g", "w ← w − η v")
    usual_rate, rate_margin = 0.05, 2.0
    slots = ("velocity",)
    uses_momentum = True

    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        (v,) = state
        v *= self.momentum
        v += g
        self.add(w, -rate, v)


class Nesterov(Momentum):
    """Nesterov momentum: v ← μ v + g;  w ← w − η (g + μ v) (Sutskever et al. 2013, ICML)."""

    name, formulae = "nesterov", ("v ← μ v + g", "w ← w − η (g + μ v)")

    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        (v,) = state
        v *= self.momentum
        v += g
        self.add(g, self.momentum, v)
        self.add(w, -rate, g)


class RMSProp(Optimizer):
    """RMSprop: s ← 0.9 s + 0.1 g²;  w ← w − η g / (√s + ε) (Tieleman, Hinton 2012, lecture 6.5)."""

    name, formulae = "rmsprop", ("s ← 0.9 s + 0.1 g²", "w ← w − η g / (√s + ε)")
    usual_rate, rate_margin = 0.001, 3.0
    slots = ("squares",)
    decay, epsilon = 0.9, 1e-8

    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        (s,) = state
        s *= self.decay
        s += (1 - self.decay) * g * g
        g /= np.sqrt(s) + self.epsilon
        self.add(w, -rate, g)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), with the paper's constants."""

    name: ClassVar[str] = "adam"
    formulae: ClassVar[tuple[str, ...]] = (
        "m ← 0.9 m + 0.1 g",
        "s ← 0.999 s + 0.001 g²",
        "w ← w − η m / (1 − 0.9ᵗ) / (√(s / (1 − 0.999ᵗ)) + ε)",
    )
    usual_rate, rate_margin = 0.001, 3.0
    slots = ("means", "squares")
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        m, s = state
        m *= self.beta1
        self.add(m, 1 - self.beta1, g)
        g *= g
        g *= 1 - self.beta2
        s *= self.beta2
        s += g
        np.sqrt(s, out=g)
        g /= sqrt(1 - self.beta2**self.steps)
        g += self.epsilon
        np.divide(m, g, out=g)
        self.add(w, -rate / (1 - self.beta1**self.steps), g)


class AdamW(Adam):
    """Adam with decoupled L2: first w ← (1 − ηλ) w (Loshchilov and Hutter 2019, 1711.05101)."""

    name, formulae = "adamw", ("w ← (1 − η λ) w", *Adam.formulae)
    decoupled = True

    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        if decay:
            w *= 1 - rate * decay
        super().update(w, g, rate, decay, *state)


class ScheduleFree(Optimizer):
    """Schedule-free SGD: y ← (1 − β) z + β x;  z ← z − η g(y);  x ← (1 − c) x + c z.

    The gradient is computed at y, the weights in training. Evaluation uses x, the mean of all z so
    far (c = 1 / t): at any length of training, x is about as good as with a rate that falls to zero
    at that length (Defazio et al. 2024, arXiv 2405.15682). While η rises, in the first WARM_UP
    steps, the mean weights each z by η². β is the momentum coefficient μ; below LEAST_BETA, x is z.
    """

    name: ClassVar[str] = "schedule-free"
    formulae: ClassVar[tuple[str, ...]] = (
        f"η ← η min(1, t / {WARM_UP})",
        "z ← z − η g",
        "x ← (1 − c) x + c z",
        "w ← (1 − μ) z + μ x",
    )
    usual_rate: ClassVar[float] = 1.0
    rate_margin = 4.0  # their mean hides how far they overshoot
    slots: ClassVar[tuple[str, ...]] = ("z",)
    starts_at_weights = ("z",)
    uses_momentum = warms_up = True

    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        """See the class. w is y; x is not stored, as it is (y − (1 − β) z) / β."""
        (z,) = state
        rate *= min(1.0, self.steps / WARM_UP)
        t = min(self.steps, WARM_UP)
        total = t * (t + 1) * (2 * t + 1) / (6 * WARM_UP**2) + self.steps - t
        c = min(1.0, self.steps / WARM_UP) ** 2 / total  # the weight of the latest z in the mean
        self.add(w, c, z - w)
        self.add(z, -rate, g)
        self.add(w, rate * (self.momentum * (1 - c) - 1), g)

    def answering(self) -> list[Array] | None:
        """x for each parameter; None before the first step."""
        if self.steps == 0:
            return None
        beta = self.momentum if self.momentum >= LEAST_BETA else 1.0
        pairs = zip(self.parameters, self.state["z"], strict=True)
        return [(p.value - (1 - beta) * z) / beta for p, z in pairs]

    def change_momentum(self, momentum: float) -> None:
        if momentum != self.momentum and (means := self.answering()):
            for p, x, z in zip(self.parameters, means, self.state["z"], strict=True):
                if momentum < LEAST_BETA:  # y is z, in which there is no x
                    z[...] = x
                p.value[...] = (1 - momentum) * z + momentum * x
        self.momentum = momentum


class ScheduleFreeAdamW(ScheduleFree):
    """Schedule-free AdamW: schedule-free SGD with g / (√ŝ + ε) + λ y for g, ŝ as in Adam."""

    name = "schedule-free-adamw"
    formulae = (
        f"η ← η min(1, t / {WARM_UP})",
        "s ← 0.999 s + 0.001 g²",
        "z ← z − η (g / (√(s / (1 − 0.999ᵗ)) + ε) + λ w)",
        *ScheduleFree.formulae[2:],
    )
    usual_rate = 0.005
    slots = ("z", "squares")
    decoupled = True
    beta2, epsilon = 0.999, 1e-8

    def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
        z, s = state
        s *= self.beta2
        s += (1 - self.beta2) * g * g
        scale = np.sqrt(s)
        scale /= sqrt(1 - self.beta2**self.steps)
        scale += self.epsilon
        g /= scale
        if decay:
            self.add(g, decay, w)
        super().update(w, g, rate, decay, z)


def norm_factor(weights: Array, max_norm: float) -> Array:
    """For each unit, min(1, max_norm / the norm of the weights into it): a factor that limits it
    (Srivastava et al. 2014, JMLR 15).
    """
    lengths = np.sqrt(np.einsum("ij,ij->j", weights, weights))
    factors: Array = np.minimum(1, max_norm / np.maximum(lengths, max_norm))
    return factors
