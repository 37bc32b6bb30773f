"""Optimisers, from simple to complex: how the gradient of a mini-batch changes the parameters.

Here w is a parameter, g the gradient of the mean cost with its penalties, and η the rate. To add an
optimiser, write a class with `slots` and `update`, and list it in `OPTIMIZERS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from math import isinf, sqrt
from typing import ClassVar

import numpy as np

from digitnet.engine.arrays import Array
from digitnet.engine.layers import Parameter
from digitnet.engine.speed import threads

WHOLE = slice(None)


@dataclass(frozen=True, slots=True)
class Penalties:
    """λ₂/2 · Σ w² + λ₁ · Σ |w| over the weights, not the biases (Goodfellow et al. 2016, 7.1)."""

    l2: float = 0.0
    l1: float = 0.0

    def value(self, parameters: Iterable[Parameter]) -> float:
        """The penalty, which is added to the cost; infinite if it overflows."""
        weights = [p.value.reshape(-1) for p in parameters if p.decays]
        with np.errstate(all="ignore"):
            squares = self.l2 / 2 * sum(float(np.dot(w, w)) for w in weights) if self.l2 else 0.0
            if not self.l1:
                return squares
            return squares + self.l1 * sum(float(np.abs(w).sum()) for w in weights)

    def add_gradient(self, p: Parameter, g: Array, rows: slice = WHOLE) -> None:
        """g ← g + λ₂ w + λ₁ sign w, for these rows of a parameter."""
        if p.decays and self.l2:
            g += self.l2 * p.value[rows]
        if p.decays and self.l1:
            g += self.l1 * np.sign(p.value[rows])


WARM_UP = 500
"""Steps over which the rate of schedule-free optimisers rises to its full value."""

State = dict[str, list[Array]]
"""The arrays an optimiser keeps between steps: name → one array per parameter."""


class Optimizer(ABC):
    """The steps all optimisers share: gradient, penalties, clipping, then `update`.

    slots: names of the state arrays kept for each parameter. They start at zero or, if listed in
    `starts_at_weights`, at the parameter's values.
    decoupled: whether L2 shrinks the weights directly (weight decay) instead of through the
    gradient.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    starts_at_weights: ClassVar[tuple[str, ...]] = ()
    decoupled: ClassVar[bool] = False

    def __init__(self, parameters: list[Parameter]) -> None:
        """Sets the state to zero."""
        self.parameters = parameters
        self.steps = 0
        self.momentum = 0.0
        self.state: State = {
            name: [np.zeros_like(p.value) for p in parameters] for name in self.slots
        }

    def step(
        self,
        rate: float,
        cases: int,
        *,
        momentum: float = 0.0,
        penalties: Penalties = Penalties(),
        clip: float = 0.0,
    ) -> None:
        """Takes one step, after a backward pass over `cases` cases.

        momentum: the momentum coefficient, for optimisers that have one. clip: the maximum norm of
        the gradient over all parameters; 0 for no limit.
        """
        if self.steps == 0:
            for name in self.starts_at_weights:
                self.state[name] = [p.value.copy() for p in self.parameters]
        self.steps += 1
        self.momentum = momentum
        decay = 1 - rate * penalties.l2 if self.decoupled else 1.0
        if self.decoupled:
            penalties = Penalties(0.0, penalties.l1)
        clipped = self._clipped(penalties, clip) if clip else None
        number = threads.worthwhile(
            sum(p.value.size for p in self.parameters) * (cases + threads.UPDATE_COST)
        )

        def work(part: int) -> None:
            for k, p in enumerate(self.parameters):
                rows = threads.divide(len(p.value), number)[part]
                g = clipped[k][rows] if clipped else _gradient(p, rows, penalties)
                w = p.value[rows]
                if p.decays and decay != 1:
                    w *= decay
                self.update(w, g, rate, *(self.state[name][k][rows] for name in self.slots))

        threads.run([partial(work, part) for part in range(number)])

    def answering(self) -> list[Array] | None:
        """The weights to evaluate with; None if they are those in training."""
        return None

    @abstractmethod
    def update(self, w: Array, g: Array, rate: float, *state: Array) -> None:
        """Updates w and its state arrays in place; g may be overwritten."""

    def _clipped(self, penalties: Penalties, max_norm: float) -> list[Array]:
        """The gradients g · min(1, max_norm / |g|), with the norm |g| over all parameters (Pascanu
        et al. 2013, ICML).
        """
        gradients = [_gradient(p, slice(0, len(p.value)), penalties) for p in self.parameters]
        length = sqrt(sum(float(np.vdot(g, g)) for g in gradients))
        if isinf(length):  # the sum of squares overflows in float32
            length = sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
        if length > max_norm:
            for g in gradients:
                g *= max_norm / length
        return gradients


def _gradient(p: Parameter, rows: slice, penalties: Penalties) -> Array:
    """The gradient of the cost with its penalties, for some rows of a parameter."""
    g = p.gradient(rows)
    penalties.add_gradient(p, g, rows)
    return g


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − η g."""

    def update(self, w: Array, g: Array, rate: float, *state: Array) -> None:
        """See the class."""
        g *= rate
        w -= g


class Momentum(Optimizer):
    """Momentum μ: v ← μ v + g;  w ← w − η v (Polyak 1964, USSR Comp. Math. 4(5))."""

    slots = ("velocity",)

    def update(self, w: Array, g: Array, rate: float, *state: Array) -> None:
        """See the class."""
        (v,) = state
        v *= self.momentum
        v += g
        w -= np.multiply(v, rate, out=g)


class Nesterov(Optimizer):
    """Nesterov momentum: v ← μ v + g;  w ← w − η (g + μ v) (Sutskever et al. 2013, ICML)."""

    slots = ("velocity",)

    def update(self, w: Array, g: Array, rate: float, *state: Array) -> None:
        """See the class."""
        (v,) = state
        v *= self.momentum
        v += g
        g += self.momentum * v
        g *= rate
        w -= g


class RMSProp(Optimizer):
    """s ← 0.9 s + 0.1 g²;  w ← w − η g / (√s + ε) (Tieleman and Hinton 2012, lecture 6.5)."""

    slots = ("squares",)
    decay, epsilon = 0.9, 1e-8

    def update(self, w: Array, g: Array, rate: float, *state: Array) -> None:
        """See the class."""
        (s,) = state
        square = g * g
        square *= 1 - self.decay
        s *= self.decay
        s += square
        np.sqrt(s, out=square)
        square += self.epsilon
        g /= square
        g *= rate
        w -= g


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), with the paper's constants.

    m ← 0.9 m + 0.1 g;  s ← 0.999 s + 0.001 g²;
    w ← w − η m̂ / (√ŝ + ε), where m̂ = m / (1 − 0.9ᵗ) and ŝ = s / (1 − 0.999ᵗ) at step t.
    """

    slots = ("means", "squares")
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def update(self, w: Array, g: Array, rate: float, *state: Array) -> None:
        """See the class."""
        m, s = state
        m *= self.beta1
        m += (1 - self.beta1) * g
        g *= g
        g *= 1 - self.beta2
        s *= self.beta2
        s += g
        np.sqrt(s, out=g)
        g /= sqrt(1 - self.beta2**self.steps)
        g += self.epsilon
        np.divide(m, g, out=g)
        g *= rate / (1 - self.beta1**self.steps)
        w -= g


class AdamW(Adam):
    """Adam with decoupled L2: first w ← (1 − ηλ) w (Loshchilov and Hutter 2019, 1711.05101)."""

    decoupled = True


class ScheduleFree(Optimizer):
    """Schedule-free SGD: y ← (1 − β) z + β x;  z ← z − η g(y);  x ← (1 − c) x + c z.

    The gradient is computed at y, the weights in training. Evaluation uses x, the mean of all z so
    far (c = 1 / t): at any length of training, x is about as good as with a rate that falls to zero
    at that length (Defazio et al. 2024, arXiv 2405.15682). η rises linearly over the first WARM_UP
    steps, and the mean weights each z by η². β is the momentum coefficient.
    """

    slots: ClassVar[tuple[str, ...]] = ("z",)
    starts_at_weights = ("z",)

    def update(self, w: Array, g: Array, rate: float, *state: Array) -> None:
        """See the class. w is y; x is not stored, as it is (y − (1 − β) z) / β."""
        (z,) = state
        rate *= min(1.0, self.steps / WARM_UP)
        c = self._mean_weight()
        w += c * (z - w)
        g *= rate
        z -= g
        g *= 1 - self.momentum * (1 - c)
        w -= g

    def _mean_weight(self) -> float:
        """c, the weight of the latest z in the mean x."""
        t = min(self.steps, WARM_UP)
        total = t * (t + 1) * (2 * t + 1) / (6 * WARM_UP**2) + self.steps - t
        return min(1.0, self.steps / WARM_UP) ** 2 / total

    def answering(self) -> list[Array] | None:
        """x for each parameter; None before the first step."""
        if self.steps == 0:
            return None
        beta = self.momentum or 1.0
        return [
            (p.value - (1 - beta) * z) / beta
            for p, z in zip(self.parameters, self.state["z"], strict=True)
        ]


class ScheduleFreeAdamW(ScheduleFree):
    """Schedule-free AdamW: schedule-free SGD with g / (√ŝ + ε) in place of g, ŝ as in Adam.

    s ← 0.999 s + 0.001 g²; L2 shrinks y directly (Defazio et al. 2024, arXiv 2405.15682).
    """

    slots = ("z", "squares")
    decoupled = True
    beta2, epsilon = 0.999, 1e-8

    def update(self, w: Array, g: Array, rate: float, *state: Array) -> None:
        """See the class."""
        z, s = state
        s *= self.beta2
        s += (1 - self.beta2) * g * g
        scale = np.sqrt(s)
        scale /= sqrt(1 - self.beta2**self.steps)
        scale += self.epsilon
        g /= scale
        super().update(w, g, rate, z)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "schedule-free": ScheduleFree,
    "schedule-free-adamw": ScheduleFreeAdamW,
}


def limit_norms(parameters: list[Parameter], max_norm: float) -> None:
    """Scales the weight vector into each unit to a norm of at most `max_norm` (Srivastava et al.
    2014, JMLR 15).
    """
    for p in parameters:
        if p.decays:
            lengths = np.sqrt(np.einsum("ij,ij->j", p.value, p.value))
            weights = p.value
            weights *= np.minimum(1, max_norm / np.maximum(lengths, max_norm))
