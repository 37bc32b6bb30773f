"""Optimisers: how the gradient of a mini-batch changes the parameters, from simple to complex.

w a parameter, g the gradient of the mean cost (penalties included), η the rate. To add one, write
a class with the arrays it keeps (`slots`) and its `update`, and put it into `OPTIMIZERS`.
"""

from abc import ABC, abstractmethod
from functools import partial
from math import isinf, sqrt
from typing import ClassVar

import numpy as np

from digitnet.engine import crew
from digitnet.engine.layers import Parameter
from digitnet.engine.settings import Settings
from digitnet.engine.types import Array

UPDATE = 25
"""Multiplications that take as long as updating one number."""

State = dict[str, list[Array]]
"""What an optimiser remembers between steps: name → one array per parameter."""


class Optimizer(ABC):
    """Gradient, penalties, clipping, then `update`; threads share each parameter by rows.

    slots: names of the arrays kept for each parameter. decoupled: whether L2 shrinks the weights by
    itself rather than through the gradient.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    decoupled: ClassVar[bool] = False

    def __init__(self, parameters: list[Parameter]) -> None:
        """Everything that is remembered starts at zero."""
        self.parameters = parameters
        self.steps = 0
        self.state: State = {
            name: [np.zeros_like(p.value) for p in parameters] for name in self.slots
        }

    def step(self, settings: Settings, rate: float, cases: int) -> None:
        """One step down the gradient, after a backward pass over so many cases."""
        self.steps += 1
        clipped = self._clipped(settings) if settings.clip else None
        count = crew.worth(sum(p.value.size for p in self.parameters) * (cases + UPDATE))

        def work(number: int) -> None:
            for k, p in enumerate(self.parameters):
                rows = crew.divide(len(p.value), count)[number]
                self._step(k, rows, settings, rate, clipped[k] if clipped else None)

        crew.run([partial(work, number) for number in range(count)])

    def _step(
        self, k: int, rows: slice, settings: Settings, rate: float, clipped: Array | None
    ) -> None:
        """The step for some rows of a parameter."""
        p = self.parameters[k]
        g = self._gradient(p, rows, settings) if clipped is None else clipped[rows]
        w = p.value[rows]
        if self.decoupled and p.decays and settings.l2:
            w *= 1 - rate * settings.l2
        self.update(w, g, rate, settings, *(self.state[name][k][rows] for name in self.slots))

    @abstractmethod
    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """Changes w and what is kept, in place; g may be used up."""

    def _gradient(self, p: Parameter, rows: slice, settings: Settings) -> Array:
        """Of the cost with its penalties, for some rows of a parameter."""
        g = p.gradient(rows)
        if p.decays and settings.l2 and not self.decoupled:
            g += settings.l2 * p.value[rows]
        if p.decays and settings.l1:
            g += settings.l1 * np.sign(p.value[rows])
        return g

    def _clipped(self, settings: Settings) -> list[Array]:
        """G · min(1, longest / |g|), over all parameters (Pascanu et al. 2013, ICML)."""
        gradients = [self._gradient(p, slice(0, len(p.value)), settings) for p in self.parameters]
        length = sqrt(sum(float(np.vdot(g, g)) for g in gradients))
        if isinf(length):  # its square is, in float32
            length = sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
        if length > settings.clip:
            for g in gradients:
                g *= settings.clip / length
        return gradients


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − η g."""

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        g *= rate
        w -= g


class Momentum(Optimizer):
    """Momentum μ: v ← μ v + g;  w ← w − η v (Polyak 1964, USSR Comp. Math. 4(5))."""

    slots = ("velocity",)

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        (v,) = kept
        v *= settings.momentum
        v += g
        w -= np.multiply(v, rate, out=g)


class Nesterov(Optimizer):
    """Momentum that looks ahead: v ← μ v + g;  w ← w − η (g + μ v) (Sutskever et al. 2013)."""

    slots = ("velocity",)

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        (v,) = kept
        v *= settings.momentum
        v += g
        g += settings.momentum * v
        g *= rate
        w -= g


class RMSProp(Optimizer):
    """s ← 0.9 s + 0.1 g²;  w ← w − η g / (√s + ε) (Tieleman and Hinton 2012, lecture 6.5)."""

    slots = ("squares",)
    share, epsilon = 0.9, 1e-8

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        (s,) = kept
        square = g * g
        square *= 1 - self.share
        s *= self.share
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

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
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


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}


def limit_norms(parameters: list[Parameter], longest: float) -> None:
    """Shortens the weight vector into each unit to at most `longest` (Srivastava et al. 2014)."""
    for p in parameters:
        if p.decays:
            lengths = np.sqrt(np.einsum("ij,ij->j", p.value, p.value))
            weights = p.value
            weights *= np.minimum(1, longest / np.maximum(lengths, longest))
