"""Optimisers: how the gradient of a mini-batch changes the parameters, from simple to complex.

w a parameter, g the gradient of the mean cost (penalties included), η the rate. To add one, write
a class with the arrays it keeps (`slots`) and its `update`, and put it into `OPTIMIZERS`.
"""

from abc import ABC, abstractmethod
from functools import partial
from math import isinf, sqrt
from typing import ClassVar

import numpy as np

from digitnet.engine import threads
from digitnet.engine.layers.base import Parameter
from digitnet.engine.penalties import Penalties
from digitnet.engine.types import Array

WARM_UP = 500
"""Steps over which the rate of schedule-free optimisers rises to its full value."""

State = dict[str, list[Array]]
"""What an optimiser remembers between steps: name → one array per parameter."""


class Optimizer(ABC):
    """Gradient, penalties, clipping, then `update`; threads share each parameter by rows.

    slots: names of the arrays kept for each parameter; they start at zero, or, if they are in
    `starts_at_weights`, at the parameter's values. decoupled: whether L2 shrinks the weights by
    itself rather than through the gradient.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    starts_at_weights: ClassVar[tuple[str, ...]] = ()
    decoupled: ClassVar[bool] = False

    def __init__(self, parameters: list[Parameter]) -> None:
        """Everything that is remembered starts at zero."""
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
        penalties: Penalties = Penalties(),  # noqa: B008 - it is frozen
        clip: float = 0.0,
    ) -> None:
        """One step down the gradient, after a backward pass over so many cases.

        momentum: the momentum coefficient, for optimisers that have one. clip: the longest
        gradient, over all parameters; 0 for any.
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
        number = threads.worth(
            sum(p.value.size for p in self.parameters) * (cases + threads.UPDATE)
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
        """The weights that answer, where these are others than those in training."""
        return None

    @abstractmethod
    def update(self, w: Array, g: Array, rate: float, *kept: Array) -> None:
        """Changes w and what is kept, in place; g may be used up."""

    def _clipped(self, penalties: Penalties, longest: float) -> list[Array]:
        """G · min(1, longest / |g|), over all parameters (Pascanu et al. 2013, ICML)."""
        gradients = [_gradient(p, slice(0, len(p.value)), penalties) for p in self.parameters]
        length = sqrt(sum(float(np.vdot(g, g)) for g in gradients))
        if isinf(length):  # its square is, in float32
            length = sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
        if length > longest:
            for g in gradients:
                g *= longest / length
        return gradients


def _gradient(p: Parameter, rows: slice, penalties: Penalties) -> Array:
    """Of the cost with its penalties, for some rows of a parameter."""
    g = p.gradient(rows)
    penalties.add_gradient(p, g, rows)
    return g


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − η g."""

    def update(self, w: Array, g: Array, rate: float, *kept: Array) -> None:
        """See the class."""
        g *= rate
        w -= g


class Momentum(Optimizer):
    """Momentum μ: v ← μ v + g;  w ← w − η v (Polyak 1964, USSR Comp. Math. 4(5))."""

    slots = ("velocity",)

    def update(self, w: Array, g: Array, rate: float, *kept: Array) -> None:
        """See the class."""
        (v,) = kept
        v *= self.momentum
        v += g
        w -= np.multiply(v, rate, out=g)


class Nesterov(Optimizer):
    """Momentum that looks ahead: v ← μ v + g;  w ← w − η (g + μ v) (Sutskever et al. 2013)."""

    slots = ("velocity",)

    def update(self, w: Array, g: Array, rate: float, *kept: Array) -> None:
        """See the class."""
        (v,) = kept
        v *= self.momentum
        v += g
        g += self.momentum * v
        g *= rate
        w -= g


class RMSProp(Optimizer):
    """s ← 0.9 s + 0.1 g²;  w ← w − η g / (√s + ε) (Tieleman and Hinton 2012, lecture 6.5)."""

    slots = ("squares",)
    decay, epsilon = 0.9, 1e-8

    def update(self, w: Array, g: Array, rate: float, *kept: Array) -> None:
        """See the class."""
        (s,) = kept
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
    first, second, epsilon = 0.9, 0.999, 1e-8

    def update(self, w: Array, g: Array, rate: float, *kept: Array) -> None:
        """See the class."""
        m, s = kept
        m *= self.first
        m += (1 - self.first) * g
        g *= g
        g *= 1 - self.second
        s *= self.second
        s += g
        np.sqrt(s, out=g)
        g /= sqrt(1 - self.second**self.steps)
        g += self.epsilon
        np.divide(m, g, out=g)
        g *= rate / (1 - self.first**self.steps)
        w -= g


class AdamW(Adam):
    """Adam with decoupled L2: first w ← (1 − ηλ) w (Loshchilov and Hutter 2019, 1711.05101)."""

    decoupled = True


class ScheduleFree(Optimizer):
    """SGD without a horizon: y ← (1 − β) z + β x;  z ← z − η g(y);  x ← (1 − c) x + c z.

    The gradient is taken at y, which the network has in training; x, the mean of all z so far
    (c = 1 / t), answers. However long training turns out to be, x is about as good as with a rate
    that falls to zero at just that length (Defazio et al. 2024, arXiv 2405.15682). η rises over the
    first WARM_UP steps, and z counts with η²; β is the momentum coefficient.
    """

    slots: ClassVar[tuple[str, ...]] = ("z",)
    starts_at_weights = ("z",)

    def update(self, w: Array, g: Array, rate: float, *kept: Array) -> None:
        """See the class; x does not appear: it is (y − (1 − β) z) / β."""
        (z,) = kept
        rate *= min(1.0, self.steps / WARM_UP)
        c = self._part()
        w += c * (z - w)
        g *= rate
        z -= g
        g *= 1 - self.momentum * (1 - c)
        w -= g

    def _part(self) -> float:
        """c: the weight of the last z among all."""
        t = min(self.steps, WARM_UP)
        total = t * (t + 1) * (2 * t + 1) / (6 * WARM_UP**2) + self.steps - t
        return min(1.0, self.steps / WARM_UP) ** 2 / total

    def answering(self) -> list[Array] | None:
        """x, for each parameter; the parameters themselves before the first step."""
        if self.steps == 0:
            return None
        beta = self.momentum or 1.0
        return [
            (p.value - (1 - beta) * z) / beta
            for p, z in zip(self.parameters, self.state["z"], strict=True)
        ]


class ScheduleFreeAdamW(ScheduleFree):
    """AdamW without a horizon: as schedule-free, with g / (√ŝ + ε), where ŝ is Adam's.

    s ← 0.999 s + 0.001 g²; L2 shrinks y and z by itself (Defazio et al. 2024, arXiv 2405.15682).
    """

    slots = ("z", "squares")
    decoupled = True
    second, epsilon = 0.999, 1e-8

    def update(self, w: Array, g: Array, rate: float, *kept: Array) -> None:
        """See the class."""
        z, s = kept
        s *= self.second
        s += (1 - self.second) * g * g
        scale = np.sqrt(s)
        scale /= sqrt(1 - self.second**self.steps)
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


def limit_norms(parameters: list[Parameter], longest: float) -> None:
    """Shortens the weight vector into each unit to at most `longest` (Srivastava et al. 2014)."""
    for p in parameters:
        if p.decays:
            lengths = np.sqrt(np.einsum("ij,ij->j", p.value, p.value))
            weights = p.value
            weights *= np.minimum(1, longest / np.maximum(lengths, longest))
